"""Writes the Gherkin steps of a scenario and the evidence of its verdicts into its Allure result."""

from __future__ import annotations

import csv
import io
import sys
import traceback
import uuid
from typing import Any

import pytest
from allure_commons.model2 import Status, StatusDetails, TestStepResult
from allure_commons.types import AttachmentType
from allure_commons.utils import now

from hitless.conclude import RequirementFailed
from hitless.history import History
from hitless.plugin.collector import RunCollector
from hitless.progress import Progress
from hitless.report.attachments import Attachment, attachments_of, pictures_of
from hitless.results import Conclusion

_TYPES = {
    "txt": AttachmentType.TEXT,
    "html": AttachmentType.HTML,
    "json": AttachmentType.JSON,
    "svg": AttachmentType.SVG,
    "csv": AttachmentType.CSV,
    "pcap": AttachmentType.PCAP,
}

_LONG = 8_000
"""From how many characters on an attachment is not repeated on the page."""


class AllureSteps:
    """One Allure step per Gherkin step.

    It is passed, failed (a requirement is violated), broken (anything else) or skipped (not reached).
    """

    def __init__(self, collector: RunCollector, progress: Progress) -> None:
        self._collector = collector
        self._progress = progress
        self._reporter: Any = None
        """allure_commons' AllureReporter, which has no types."""
        self._open: str | None = None
        self._begun = 0
        self._pictures: dict[str, tuple[Attachment, ...]] = {}
        """Charts by recording: they are the same for every verdict on it."""
        self._attached: dict[str, str] = {}
        """Long attachments by digest, and the requirement that they were attached for."""

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Find allure-pytest's writer; without one there is nothing to do."""
        listener = session.config.pluginmanager.getplugin("allure_listener")
        self._reporter = None if listener is None else listener.allure_logger

    def pytest_bdd_before_scenario(self) -> None:
        """Begin to count steps."""
        self._open = None
        self._begun = 0

    def pytest_bdd_before_step(self, step: Any) -> None:
        """Open a step before its fixtures are set up, so that their time and their errors are shown in it."""
        self._start(step)

    def pytest_bdd_after_step(self) -> None:
        """Close a step that passed."""
        self._stop(None)

    def pytest_bdd_step_error(self, request: pytest.FixtureRequest, exception: BaseException) -> None:
        """Close a step that did not."""
        if self._collector.record(request.node.nodeid).has_concluded(exception):
            # The sentence stands above the steps already.
            self._finish(Status.FAILED if isinstance(exception, RequirementFailed) else Status.BROKEN, None)
        else:
            self._stop(exception)

    def pytest_bdd_step_func_lookup_error(self, step: Any, exception: BaseException) -> None:
        """Show a step that nobody has defined."""
        self._start(step)
        self._stop(exception)

    def pytest_bdd_after_scenario(self, scenario: Any) -> None:
        """Close what an interruption or a skip left open, and show the steps that were not reached."""
        if self._open is not None:
            # pytest-bdd reports only ordinary exceptions of a step; pytest.skip and Ctrl-C are none.
            self._stop(sys.exception())
        for step in scenario.steps[self._begun :]:
            self._start(step)
            self._finish(Status.SKIPPED, None)

    def pytest_hitless_verdict(self, conclusion: Conclusion, history: History | None) -> None:
        """Attach sentence, tables and chart to the step that reached the verdict."""
        if self._reporter is None:
            return
        try:
            found = attachments_of(conclusion, history, self._pictures_of(conclusion.recording, history))
        except Exception:  # noqa: BLE001 - a chart that cannot be drawn must not change a verdict, but must be seen
            found = [Attachment("Evidence could not be prepared", "txt", traceback.format_exc())]
            self._progress.event("  report: the evidence of this verdict could not be prepared, see the report")
        for attachment in found:
            self._attach(self._once(attachment, conclusion.verdict.requirement))

    def pytest_hitless_set_aside(self, conclusion: Conclusion) -> None:
        """Attach what was said before the repeat."""
        verdict = conclusion.verdict
        text = f"INCONC ({', '.join(verdict.reasons)}): {verdict.message}\n\nrecording: {conclusion.recording}\n"
        self._attach(Attachment("First attempt, repeated once", "txt", text))

    def _pictures_of(self, recording: str | None, history: History | None) -> tuple[Attachment, ...] | None:
        if recording is None or history is None:
            return None
        if recording not in self._pictures:
            self._pictures[recording] = pictures_of(history)
        return self._pictures[recording]

    def _once(self, attachment: Attachment, requirement: str) -> Attachment:
        """Return the attachment, or where it is if it is long and the page holds the same already.

        The page cannot show one file in two places. Pictures are shown wherever they belong all the same.
        """
        if attachment.kind == "svg" or len(attachment.content) < _LONG:
            return attachment
        first = self._attached.setdefault(attachment.digest, requirement)
        if first == requirement:
            return attachment
        return Attachment(attachment.name, "txt", f"The same as in the result of {first}: see there.\n")

    def _attach(self, attachment: Attachment) -> None:
        if self._reporter is not None:
            self._reporter.attach_data(
                str(uuid.uuid4()), attachment.content, name=attachment.name, attachment_type=_TYPES[attachment.kind]
            )

    def _start(self, step: Any) -> None:
        self._begun += 1
        if self._reporter is None:
            return
        self._open = str(uuid.uuid4())
        self._reporter.start_step(None, self._open, TestStepResult(name=f"{step.keyword} {step.name}", start=_now_ms()))
        if step.docstring:
            self._attach(Attachment("Text", "txt", step.docstring))
        if step.datatable:
            self._attach(Attachment("Table", "csv", _csv(step.datatable.raw())))

    def _stop(self, exception: BaseException | None) -> None:
        if exception is None:
            self._finish(Status.PASSED, None)
            return
        message = "".join(traceback.format_exception_only(exception)).strip()
        self._finish(Status.BROKEN, StatusDetails(message=message))

    def _finish(self, status: str, details: StatusDetails | None) -> None:
        if self._reporter is not None and self._open is not None:
            self._reporter.stop_step(self._open, stop=_now_ms(), status=status, statusDetails=details)
        self._open = None


def _now_ms() -> int:
    """Return the wall clock by Allure's own function: another rounding could let a step begin before its scenario."""
    return int(now())  # type: ignore[no-untyped-call]


def _csv(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
