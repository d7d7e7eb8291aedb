"""The course of a conformance run: selection, phases, and what is written and printed at its end."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TextIO

import pytest

from hitless.applicability import Statement
from hitless.history import History
from hitless.plugin.collector import RunCollector
from hitless.plugin.narrator import Narrator
from hitless.plugin.scenarios import requirement_of, requirements_of
from hitless.report import allure_files, html, terminal
from hitless.report.junit import write_junit
from hitless.report.verdict_file import write_verdict
from hitless.results import Conclusion, RunResult

VERDICT_PROPERTY = "hitless_verdict"
"""Name of the report property that tells a phase that ended with a verdict from one that went wrong."""


class ConformanceRun:
    """Hooks around the scenarios."""

    def __init__(
        self, config: pytest.Config, collector: RunCollector, narrator: Narrator, stream: TextIO, reports: Path
    ) -> None:
        self._config = config
        self._collector = collector
        self._narrator = narrator
        self._stream = stream
        self._reports = reports
        self._result: RunResult | None = None
        self._html = html.Outcome(None, "not asked for")

    def pytest_sessionstart(self) -> None:
        """Learn which requirements exist.

        Raises:
            pytest.UsageError: if the user asked for one that does not.
        """
        self._collector.catalogue = self._config.hook.pytest_hitless_catalogue(config=self._config) or {}
        asked = {requirement_of(one) for one in self._config.getoption("hitless_only")}
        unknown = sorted(asked - set(self._collector.catalogue)) if self._collector.catalogue else []
        if unknown:
            known = ", ".join(sorted(self._collector.catalogue))
            raise pytest.UsageError(f"requirement {', '.join(unknown)} - not in the catalogue - known: {known}")
        self._collector.statement = self._config.hook.pytest_hitless_statement(config=self._config) or Statement()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the scenarios of the requirements that were asked for."""
        left_out = [item for item in items if not self._collector.wants(item)]
        if left_out:
            items[:] = [item for item in items if self._collector.wants(item)]
            config.hook.pytest_deselected(items=left_out)

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Note what will not be run."""
        for item in items:
            self._collector.deselect(item)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Expect every scenario that is going to be run."""
        for item in session.items:
            hook = item.ihook.pytest_hitless_not_applicable
            self._collector.add(item, hook(item=item, requirements=requirements_of(item)) or "")

    def pytest_hitless_verdict(self, conclusion: Conclusion, history: History | None) -> None:
        """Note how long traffic ran for it."""
        self._collector.recording_seen(conclusion.recording, history)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note files that could not be read: their scenarios would be missing silently."""
        if report.failed:
            self._collector.error(
                f"{report.nodeid or 'collection'} - could not be collected - {_essence(report.longreprtext)}"
            )
        elif report.skipped:
            self._collector.error(f"{report.nodeid} - skipped as a whole - only the selector may skip scenarios")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that the run did not come to its end."""
        self._collector.error(f"run - interrupted before its end - {excinfo.exconly()}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """Note a defect of the machinery."""
        self._collector.error(f"run - internal error - {excrepr}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Leave out what does not apply to the declared system under test."""
        reason = self._collector.record(item.nodeid).not_applicable
        if reason:
            pytest.skip(reason)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note the end of a phase; a verdict needs no traceback."""
        report = yield
        self._collector.phase_ended(item, call, report)
        self._narrator.phase_ended(item)
        if call.excinfo is not None and not self._collector.record(item.nodeid).phases[-1].error and report.failed:
            report.user_properties.append((VERDICT_PROPERTY, report.when))
            report.longrepr = str(call.excinfo.value)
        return report

    def pytest_report_teststatus(self, report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, str] | None:
        """Keep pytest's letters out of the progress lines, and verdicts out of its list of failures."""
        if isinstance(report, pytest.CollectReport):
            return None
        if (VERDICT_PROPERTY, report.when) in report.user_properties:
            return "verdicts", "", ""
        if report.failed:
            return ("failed" if report.when == "call" else "error"), "", ""
        return ("skipped" if report.skipped else "passed" if report.when == "call" else ""), "", ""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write all results and set the exit code."""
        if session.config.option.collectonly:
            return
        usage_error = exitstatus == pytest.ExitCode.USAGE_ERROR
        if usage_error:
            self._collector.error("run - was started in a wrong way - see the message of pytest")
        self._result = self._collector.run_result()
        self._reports.mkdir(parents=True, exist_ok=True)
        write_verdict(self._result, self._reports)
        write_junit(self._result, self._reports)
        allure_files.complete(self._result, self._reports / "allure-results")
        if not session.config.getoption("hitless_no_html"):
            self._html = html.generate(self._reports)
        if not usage_error:
            session.exitstatus = int(self._result.exit_code)

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        terminalreporter.flush()
        if self._result is not None:
            terminal.print_result(self._result, self._reports, self._stream, html=self._html)


def _essence(traceback: str) -> str:
    """Return the lines of a traceback that tell the error; pytest prints the whole on the terminal."""
    told = [line.removeprefix("E").strip() for line in traceback.splitlines() if line.startswith("E ")]
    return "; ".join(told) or traceback.strip()
