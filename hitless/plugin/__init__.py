"""pytest plugin of a conformance run: ``pytest -p hitless.plugin``.

It collects verdicts, tells the progress, writes ``verdict.json``, ``junit.xml`` and the Allure results, generates
``report.html``, prints the final table and sets the exit code. For steps and fixtures it offers the fixtures
``conclude``, ``hitless_progress`` and ``hitless_run``; the hooks to implement are in :mod:`hitless.plugin.hookspecs`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import pytest

from hitless.conclude import conclude as conclude_verdict
from hitless.history import History
from hitless.plugin import hookspecs
from hitless.plugin.allure_results import AllureResults
from hitless.plugin.allure_steps import AllureSteps
from hitless.plugin.collector import RunCollector
from hitless.plugin.narrator import Narrator
from hitless.plugin.options import add_options, arguments
from hitless.plugin.run import ConformanceRun
from hitless.plugin.scenarios import MARKERS, apply_tag
from hitless.progress import Progress, beside_capture
from hitless.results import RunInfo
from hitless.verdict import Verdict

__all__ = ["Conclude", "RunFacts", "SetAside", "arguments"]

_COLLECTOR = pytest.StashKey[RunCollector]()
_PROGRESS = pytest.StashKey[Progress]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the options."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Register the hooks that the suite may implement."""
    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Put the parts of the plugin together, before allure-pytest reads where its results go."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    reports = Path(config.getoption("hitless_reports"))
    if not config.option.collectonly:
        config.option.allure_report_dir = str(reports / "allure-results")
        config.option.clean_alluredir = True
    sut_file = str(config.getoption("hitless_sut"))
    info = RunInfo(
        started_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        profile=str(config.getoption("hitless_profile")),
        sut={"file": sut_file} if sut_file else {},
        tester_version=version("hitless"),
    )
    collector = RunCollector(info, config.getoption("hitless_only"), time.monotonic)
    terminal = beside_capture(sys.stdout)
    progress = Progress(terminal)
    if terminal is not sys.stdout:
        config.add_cleanup(terminal.close)
    config.stash[_COLLECTOR] = collector
    config.stash[_PROGRESS] = progress
    narrator = Narrator(progress, collector)
    run = ConformanceRun(config, collector, narrator, terminal, reports)
    for plugin in (narrator, run, AllureSteps(collector, progress), AllureResults(collector)):
        config.pluginmanager.register(plugin)


@pytest.hookimpl(tryfirst=True)
def pytest_bdd_apply_tag(tag: str, function: Callable[..., object]) -> bool | None:
    """Turn ``@RQ-...``, ``@TP-...`` and ``@P1`` into marks."""
    return apply_tag(tag, function)


class Conclude(Protocol):
    """Type of the ``conclude`` fixture."""

    def __call__(self, verdict: Verdict, *, history: History | None = None, recording: Path | None = None) -> None:
        """Publish the verdict of this scenario; raises unless it is PASS (see ``hitless.conclude.conclude``)."""


class SetAside(Protocol):
    """Type of the ``set_aside`` fixture."""

    def __call__(self, verdict: Verdict, *, recording: Path) -> None:
        """Keep an inconclusive verdict beside the one that a repeat is going to reach."""


class RunFacts(Protocol):
    """Type of the ``hitless_run`` fixture: takes facts that the report shows."""

    def describe_sut(self, **facts: Any) -> None:
        """Add what ``verdict.json`` says about the system under test (name, versions), without secrets."""

    def describe_environment(self, **facts: str) -> None:
        """Add what the first page of the report shows (versions, addresses), without secrets."""


@pytest.fixture
def conclude(request: pytest.FixtureRequest) -> Conclude:
    """Ends a Then step with a verdict of this scenario."""
    record = request.config.stash[_COLLECTOR].record(request.node.nodeid)

    def bound(verdict: Verdict, *, history: History | None = None, recording: Path | None = None) -> None:
        conclude_verdict(verdict, record, history=history, recording=recording)

    return bound


@pytest.fixture
def set_aside(request: pytest.FixtureRequest) -> SetAside:
    """Keeps the verdict of a first attempt."""
    record: SetAside = request.config.stash[_COLLECTOR].record(request.node.nodeid).set_aside
    return record


@pytest.fixture(scope="session")
def hitless_progress(request: pytest.FixtureRequest) -> Progress:
    """Prints events while they happen: ``hitless_progress.event("traffic started")``."""
    return request.config.stash[_PROGRESS]


@pytest.fixture(scope="session")
def hitless_run(request: pytest.FixtureRequest) -> RunFacts:
    """Takes facts about the run: ``hitless_run.describe_sut(name=...)``, ``describe_environment(VNFM="1.2")``."""
    return request.config.stash[_COLLECTOR]
