"""``hitless report``: the page again."""

from __future__ import annotations

import argparse
import sys

from hitless.report import html
from hitless.results import ExitCode


def report(options: argparse.Namespace) -> int:
    """Generate report.html from the Allure results of the last run."""
    outcome = html.generate(options.reports)
    if outcome.path is None:
        print(f"hitless: {outcome.problem}", file=sys.stderr)
        return int(ExitCode.ERROR)
    print(outcome.path)
    return int(ExitCode.PASS)
