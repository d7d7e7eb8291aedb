"""``hitless run``: preflight, then the scenarios by pytest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pytest

from hitless import logs
from hitless.catalogue import load_catalogue
from hitless.cli.checking import is_about, print_finding
from hitless.plugin import arguments
from hitless.preflight import is_ready, run_preflight
from hitless.results import ExitCode

FEATURES = Path(__file__).resolve().parents[2] / "features"


def run(options: argparse.Namespace) -> int:
    """Check the system under test, run the scenarios, write the report; return the exit code."""
    logs.ensure_run_id()
    findings = run_preflight(options.sut, say=print_finding)
    if not is_ready(findings):
        print("hitless: not started, as a check failed; nothing was touched", file=sys.stderr)
        return int(ExitCode.USAGE if is_about(options.sut, findings) else ExitCode.ERROR)
    if not load_catalogue().profile(options.profile).sign_off:
        print(f"profile {options.profile}: for pipelines, not for sign-off")
    log_folder = options.reports / "logs"
    log_folder.mkdir(parents=True, exist_ok=True)
    logs.configure("hitless", log_folder / "hitless.log")
    chosen = arguments(
        FEATURES,
        sut=options.sut.resolve(),
        profile=options.profile,
        reports=options.reports.resolve(),
        only=options.only,
        html=not options.no_html,
        repeat=not options.no_repeat,
    )
    return int(pytest.main([*chosen, f"--rootdir={FEATURES.parent}", f"-c{FEATURES.parent / 'pyproject.toml'}"]))
