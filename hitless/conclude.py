"""The one place where a verdict becomes the result of a scenario.

Only :func:`conclude` may say that a requirement failed. Any other exception in a step, ``AssertionError`` included, is
a defect of the tester and ends as ERROR: a wrong suite must not look like a wrong system under test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from hitless.history import History
from hitless.verdict import Outcome, Verdict


class NotPassed(Exception):  # noqa: N818 - the base of three outcomes, of which only one is an error
    """A verdict other than PASS, on its way to the report.

    Attributes:
        verdict: what was concluded.
    """

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.requirement} {verdict.outcome.name}: {verdict.message}")
        self.verdict = verdict


class RequirementFailed(NotPassed, AssertionError):  # noqa: N818 - the failure is the system under test's, no error here
    """The system under test violates the requirement; reports show an ``AssertionError`` as failed."""


class Inconclusive(NotPassed):
    """Nothing can be said for sure: samples, resolution or overlap did not suffice."""


class JudgementError(NotPassed):
    """The judge itself could not do its work."""


class VerdictSink(Protocol):
    """Whoever keeps the verdicts of a scenario."""

    def publish(self, verdict: Verdict, *, history: History | None, recording: Path | None) -> None:
        """Take a verdict, the history it was read from and the folder of the recording."""


_EXCEPTIONS: dict[Outcome, type[NotPassed]] = {
    Outcome.NONE: JudgementError,
    Outcome.INCONC: Inconclusive,
    Outcome.FAIL: RequirementFailed,
    Outcome.ERROR: JudgementError,
}


def conclude(
    verdict: Verdict, sink: VerdictSink, *, history: History | None = None, recording: Path | None = None
) -> None:
    """Publish a verdict and end the step accordingly.

    Args:
        verdict: what a judge said.
        sink: takes the verdict; in scenarios the ``conclude`` fixture of ``hitless.plugin`` binds it.
        history: what the judge read, for the chart and the tables of the report.
        recording: folder that the history came from, for ``hitless judge``.

    Raises:
        RequirementFailed: on FAIL.
        Inconclusive: on INCONC.
        JudgementError: on ERROR, and on NONE: a judge that checked nothing has not judged.
    """
    sink.publish(verdict, history=history, recording=recording)
    if verdict.outcome is not Outcome.PASS:
        raise _EXCEPTIONS[verdict.outcome](verdict)
