"""Options of this plugin and the complete argument list for pytest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest


def add_options(parser: pytest.Parser) -> None:
    """Register what a run can be told."""
    group = parser.getgroup("hitless", "conformance suite for software upgrade in ETSI NFV")
    group.addoption("--hitless-sut", default="", metavar="FILE", help="declaration of the system under test")
    group.addoption("--hitless-profile", default="quick", metavar="NAME", help="durations and sample sizes")
    group.addoption("--hitless-reports", default="reports", metavar="DIR", help="where the results are written")
    group.addoption(
        "--hitless-only",
        action="append",
        default=[],
        metavar="ID",
        help="judge only this requirement or test purpose; may be repeated",
    )
    group.addoption("--hitless-no-html", action="store_true", help="do not generate report.html")
    group.addoption("--hitless-no-repeat", action="store_true", help="record nothing a second time after INCONC")


def arguments(
    features: Path,
    *,
    sut: Path,
    profile: str,
    reports: Path,
    only: Iterable[str] = (),
    html: bool = True,
    repeat: bool = True,
) -> list[str]:
    """Return the arguments with which pytest runs the features as a conformance run.

    Args:
        features: folder of the feature files and the module that binds them.
        sut: declaration of the system under test.
        profile: name of the profile.
        reports: folder that takes all results.
        only: requirement ids; everything when empty.
        html: whether report.html is generated.
        repeat: whether a procedure whose verdict is inconclusive is recorded once more.

    Returns:
        Arguments for ``pytest.main``, which then returns one of ``hitless.results.ExitCode``.
    """
    # The table at the end replaces pytest's own summary; a recording may take longer than any time limit for tests.
    quiet = ["-qq", "-rN", "--tb=short", "-p", "no:cacheprovider", "--timeout=0"]
    warnings = ["-W", "default", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
    chosen = [f"--hitless-sut={sut}", f"--hitless-profile={profile}", f"--hitless-reports={reports}"]
    selection = [f"--hitless-only={requirement}" for requirement in only]
    page = [] if html else ["--hitless-no-html"]
    once = [] if repeat else ["--hitless-no-repeat"]
    return [str(features), "-p", "hitless.plugin", *quiet, *warnings, *chosen, *selection, *page, *once]
