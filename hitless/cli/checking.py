"""``hitless check``: what can be seen of the system under test before a run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hitless.preflight import Finding, Level, is_ready, run_preflight
from hitless.results import ExitCode


def check(options: argparse.Namespace) -> int:
    """Print one line per finding; return 0 if a run can be made."""
    if options.up_to is not None and not (options.traffic or options.loopback):
        print("hitless: --up-to - nothing is sent - Expected: --traffic or --loopback Actual: neither", file=sys.stderr)
        return int(ExitCode.USAGE)
    sheet: list[str] = []
    draw = sheet.append if options.worksheet else None
    findings = run_preflight(
        options.sut,
        traffic=options.traffic,
        loopback=options.loopback,
        up_to_percent=options.up_to,
        profile=options.profile,
        say=print_finding,
        show=print_line,
        draw=draw,
    )
    if sheet:
        print("\n" + "\n".join(sheet) + "\n")
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    if not is_ready(findings):
        print("not ready: see the lines that begin with 'failed'")
        return int(ExitCode.USAGE if is_about(options.sut, findings) else ExitCode.ERROR)
    print(f"ready{f', with {warnings} warning(s)' if warnings else ''}")
    return int(ExitCode.PASS)


def print_finding(finding: Finding) -> None:
    """Print a finding at once."""
    print(finding, flush=True)


def print_line(line: str) -> None:
    """Print a line of a table at once."""
    print(line, flush=True)


def is_about(declaration: Path, findings: Sequence[Finding]) -> bool:
    """Tell whether it is the declaration that is wrong: such findings are named by file and line."""
    return any(finding.level is Level.FAILED and finding.name.startswith(str(declaration)) for finding in findings)
