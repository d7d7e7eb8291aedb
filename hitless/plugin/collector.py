"""Collects what becomes of every scenario, so that the result of a run never depends on what pytest thinks of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from hitless.applicability import Statement, Support
from hitless.combine import requirement_results
from hitless.conclude import NotPassed
from hitless.history import History
from hitless.plugin.scenarios import requirement_of, requirements_of, steps_of, tags_of, title_of
from hitless.report.statistics import traffic_s
from hitless.results import Conclusion, Phase, RunInfo, RunResult, ScenarioResult
from hitless.verdict import Outcome, Verdict

_PHASES = {"setup": "setup", "call": "steps", "teardown": "teardown"}


@dataclass
class ScenarioRecord:
    """What is known so far about one scenario."""

    item: pytest.Item
    name: str
    feature: str
    requirements: tuple[str, ...]
    not_applicable: str = ""
    left_out_as: Support = Support.NOT_APPLICABLE
    conclusions: list[Conclusion] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    first_attempts: list[Conclusion] = field(default_factory=list)

    def set_aside(self, verdict: Verdict, *, recording: Path) -> None:
        """Keep an inconclusive verdict that a repeat takes the place of, and tell everybody who listens."""
        conclusion = Conclusion(verdict, str(recording))
        self.first_attempts.append(conclusion)
        self.item.ihook.pytest_hitless_set_aside(item=self.item, conclusion=conclusion)

    def publish(self, verdict: Verdict, *, history: History | None, recording: Path | None) -> None:
        """Keep a verdict of this scenario and tell everybody who listens.

        Raises:
            ValueError: if the scenario does not carry the requirement as a tag.
        """
        if verdict.requirement not in self.requirements:
            tags = ", ".join(self.requirements) or "none"
            message = f"scenario '{self.name}' - judged a requirement it is not for - expected one of its tags: {tags}"
            raise ValueError(f"{message}, actual: {verdict.requirement} - see the tags in the feature file")
        conclusion = Conclusion(verdict, None if recording is None else str(recording))
        self.conclusions.append(conclusion)
        self.item.ihook.pytest_hitless_verdict(item=self.item, conclusion=conclusion, history=history)

    def has_concluded(self, exception: BaseException) -> bool:
        """Say whether an exception is a verdict of this scenario on its way; anything else is an error."""
        return isinstance(exception, NotPassed) and any(
            conclusion.verdict is exception.verdict and conclusion.verdict.outcome is not Outcome.NONE
            for conclusion in self.conclusions
        )

    def result(self) -> ScenarioResult:
        """Return what the scenario has come to."""
        return ScenarioResult(
            node_id=self.item.nodeid,
            name=self.name,
            feature=self.feature,
            requirements=self.requirements,
            conclusions=tuple(self.conclusions),
            phases=tuple(self.phases),
            not_applicable=self.not_applicable,
            left_out_as=self.left_out_as,
            first_attempts=tuple(self.first_attempts),
        )


class RunCollector:
    """Everything that happens in a run of pytest, until it is a :class:`RunResult`."""

    def __init__(self, info: RunInfo, only: Iterable[str], clock: Callable[[], float]) -> None:
        self.catalogue: Mapping[str, str] = {}
        self.statement = Statement()
        self._info = info
        self._environment: dict[str, str] = dict(info.environment)
        self._sut: dict[str, Any] = dict(info.sut)
        self._only = frozenset(only)
        self._deselected: set[str] = set()
        self._records: dict[str, ScenarioRecord] = {}
        self._errors: list[str] = []
        self._traffic_s: dict[str, float] = {}
        self._clock = clock
        self._start_s = clock()

    def describe_environment(self, **facts: str) -> None:
        """Add facts about the run that the report shows (versions, addresses without secrets)."""
        self._environment |= {name.replace("_", " "): value for name, value in facts.items()}

    def describe_sut(self, **facts: Any) -> None:
        """Add what ``verdict.json`` says about the system under test (name, file)."""
        self._sut |= facts

    def wants(self, item: pytest.Item) -> bool:
        """Say whether the selection by requirement or test purpose keeps an item."""
        return not self._only or bool(self._only.intersection((*requirements_of(item), *tags_of(item))))

    def add(self, item: pytest.Item, not_applicable: str) -> None:
        """Expect an item to be run, unless the statement or a reason given takes it away.

        If it never is run, its requirements end as ERROR.
        """
        title = title_of(item)
        record = ScenarioRecord(item, title.scenario, title.feature, requirements_of(item), not_applicable)
        if not not_applicable:
            record.not_applicable, record.left_out_as = self._declared_away(record.requirements, steps_of(item))
        self._records[item.nodeid] = record

    def _declared_away(self, requirements: Iterable[str], steps: Iterable[str]) -> tuple[str, Support]:
        """Return why none of the requirements can be judged, and what that makes of them; no reason if one can.

        A scenario whose procedure cannot be done is left out as well; its requirements may be judged by others.
        """
        answers = [self.statement.answers.get(name) for name in requirements]
        known = [answer for answer in answers if answer is not None and answer.support is not Support.APPLICABLE]
        if not known or len(known) < len(answers):
            impossible = [self.statement.impossible[step] for step in steps if step in self.statement.impossible]
            return "; ".join(impossible), Support.NOT_APPLICABLE
        mandatory = any(answer.support is Support.NOT_DEMONSTRATED for answer in known)
        reasons = dict.fromkeys(sentence for answer in known for sentence in answer.lacking)
        return "; ".join(reasons), Support.NOT_DEMONSTRATED if mandatory else Support.NOT_APPLICABLE

    def recording_seen(self, recording: str | None, history: History | None) -> None:
        """Note how long traffic ran in a recording; the same one may be judged many times."""
        if recording is not None and history is not None:
            self._traffic_s[recording] = traffic_s(history)

    def deselect(self, item: pytest.Item) -> None:
        """Note that the user left an item out; requirements without another scenario are then not selected."""
        self._deselected.update(requirements_of(item))

    def error(self, message: str) -> None:
        """Note something that went wrong outside any scenario."""
        self._errors.append(message)

    def record(self, node_id: str) -> ScenarioRecord:
        """Return the record of an item by pytest's id."""
        return self._records[node_id]

    def results(self) -> tuple[ScenarioResult, ...]:
        """Return all scenarios as they stand."""
        return tuple(record.result() for record in self._records.values())

    def phase_ended(self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
        """Take the end of set-up, steps or teardown."""
        record = self._records[item.nodeid]
        record.phases.append(Phase(_PHASES[report.when], report.duration, error_of(record, call, report)))

    def run_result(self) -> RunResult:
        """Return the result of the run as it stands."""
        scenarios = self.results()
        carried = {name for scenario in scenarios for name in scenario.requirements}
        left_out = self._deselected | {
            name
            for scenario in scenarios
            if scenario.not_applicable
            for name in scenario.requirements
            if self.statement.support(name) is Support.APPLICABLE
        }
        everything = (set(self.catalogue) | carried) - (left_out - self._really_run(scenarios))
        return RunResult(
            info=replace(self._info, sut=dict(self._sut), environment=dict(self._environment)),
            requirements=requirement_results(
                scenarios,
                catalogue=self.catalogue,
                selected={requirement_of(one) for one in self._only} or everything,
                ics=self.statement.answers,
            ),
            scenarios=scenarios,
            errors=tuple(self._errors),
            duration_s=self._clock() - self._start_s,
            statement=self.statement,
            traffic_s=sum(self._traffic_s.values()),
        )

    @staticmethod
    def _really_run(scenarios: Iterable[ScenarioResult]) -> set[str]:
        return {name for each in scenarios if not each.not_applicable for name in each.requirements}


def error_of(record: ScenarioRecord, call: pytest.CallInfo[None], report: pytest.TestReport) -> str:
    """Return what went wrong on the tester's side in one phase, empty if nothing did.

    A verdict that was published is no error. Everything else that stops a phase is one: failed assertions outside
    ``conclude`` and skips that the selector did not order. A mark for an expected failure changes nothing.
    """
    if call.excinfo is None:
        return ""
    if record.has_concluded(call.excinfo.value):
        return ""
    if report.skipped:
        ordered = record.not_applicable and report.when == "setup"
        return "" if ordered else f"skipped, but only the selector may skip: {call.excinfo.exconly()}"
    return f"{call.excinfo.exconly()}{_place(call.excinfo)}"


def _place(excinfo: pytest.ExceptionInfo[BaseException]) -> str:
    """Return the innermost line outside installed packages, in brackets; empty if there is none."""
    own = [entry for entry in excinfo.traceback if "site-packages" not in Path(entry.path).parts]
    return f" ({Path(own[-1].path).name}:{own[-1].lineno + 1})" if own else ""
