"""What a run of the suite amounts to: scenarios, requirements, the overall verdict and the exit code. Pure data.

Everything that is printed, written or returned to the shell is derived from here, and everything here is derived from
``Verdict`` objects and from the tester's own errors. Where something is missing, the result is ERROR, never a pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from hitless.applicability import Answer, Statement, Support
from hitless.verdict import Check, Outcome, Verdict


class ExitCode(IntEnum):
    """Exit codes of ``hitless run``."""

    PASS = 0
    FAIL = 1
    INCONC = 2
    ERROR = 3
    USAGE = 4
    NOTHING_JUDGED = 5


EXIT_CODES: Mapping[Outcome, ExitCode] = {
    Outcome.NONE: ExitCode.NOTHING_JUDGED,
    Outcome.PASS: ExitCode.PASS,
    Outcome.INCONC: ExitCode.INCONC,
    Outcome.FAIL: ExitCode.FAIL,
    Outcome.ERROR: ExitCode.ERROR,
}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A verdict together with the folder of the recording that it was read from."""

    verdict: Verdict
    recording: str | None = None


@dataclass(frozen=True, slots=True)
class Phase:
    """One part of a scenario's run: ``setup``, ``steps`` or ``teardown``.

    Attributes:
        name: which part.
        duration_s: how long it took.
        error: what went wrong on the tester's side, empty if nothing; a verdict is no error.
    """

    name: str
    duration_s: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What one scenario came to.

    Attributes:
        node_id: pytest's id, unique in the run.
        name, feature: titles from the feature file.
        requirements: ids that the scenario carries as tags.
        conclusions: verdicts in the order in which they were reached.
        phases: parts that ran.
        not_applicable: why the selector left the scenario out, empty if it ran.
        left_out_as: what that means for its requirements: not applicable, or not demonstrated.
        first_attempts: inconclusive verdicts that a repeat has taken the place of; they decide nothing.
    """

    node_id: str
    name: str
    feature: str
    requirements: tuple[str, ...]
    conclusions: tuple[Conclusion, ...] = ()
    phases: tuple[Phase, ...] = ()
    not_applicable: str = ""
    left_out_as: Support = Support.NOT_APPLICABLE
    first_attempts: tuple[Conclusion, ...] = ()

    @property
    def errors(self) -> tuple[str, ...]:
        """What went wrong on the tester's side: in which phase, or else which requirement got no verdict."""
        problems = [f"{phase.name}: {phase.error}" for phase in self.phases if phase.error]
        if problems or self.not_applicable:
            return tuple(problems)
        judged = {each.verdict.requirement for each in self.conclusions if each.verdict.outcome is not Outcome.NONE}
        missing = [name for name in self.requirements if name not in judged]
        return tuple(f"{name} - no verdict was reached - expected one per requirement tag" for name in missing)

    @property
    def outcome(self) -> Outcome:
        """Worst of the verdicts; ERROR if anything went wrong on the tester's side; NONE if it was left out."""
        verdicts = Outcome.worst(conclusion.verdict.outcome for conclusion in self.conclusions)
        return Outcome.ERROR if self.errors else verdicts

    @property
    def message(self) -> str:
        """The sentences that decide."""
        if self.errors:
            return "; ".join(self.errors)
        if self.not_applicable:
            return f"{self.left_out_as.value}: {self.not_applicable}"
        worst = self.outcome
        return "; ".join(each.verdict.message for each in self.conclusions if each.verdict.outcome is worst)

    @property
    def duration_s(self) -> float:
        """Time of all phases together."""
        return sum(phase.duration_s for phase in self.phases)

    def outcome_for(self, requirement: str) -> Outcome:
        """Return what this scenario says about one of its requirements.

        An error of set-up, steps or teardown touches all of them, a verdict only its own.
        """
        own = Outcome.worst(
            each.verdict.outcome for each in self.conclusions if each.verdict.requirement == requirement
        )
        unjudged = own is Outcome.NONE and not self.not_applicable
        return Outcome.ERROR if unjudged or any(phase.error for phase in self.phases) else own


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """What all scenarios together say about one requirement: the worst of them.

    Attributes:
        requirement: full id.
        outcome: worst outcome; NONE if the requirement was not selected or does not apply.
        message: the deciding sentences.
        selected: whether this run was asked to judge it.
        deciding: the verdict with the worst outcome, None if no verdict was reached.
        scenarios: every scenario that carries the requirement.
        ics: what the declared system under test says about it, None if nobody knows.
    """

    requirement: str
    outcome: Outcome
    message: str
    selected: bool
    deciding: Conclusion | None = None
    scenarios: tuple[ScenarioResult, ...] = ()
    ics: Answer | None = None

    @property
    def left_out_as(self) -> Support | None:
        """How the requirement was left out, as the declaration says; None if it was judged or not asked for."""
        if self.ics is None or not self.selected or self.deciding is not None:
            return None
        return None if self.ics.support is Support.APPLICABLE else self.ics.support

    @property
    def label(self) -> str:
        """What tables show as its verdict."""
        left_out = self.left_out_as if self.outcome is Outcome.NONE else None
        return self.outcome.name if left_out is None else left_out.value.upper()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of the reasons for an INCONC."""
        return self.deciding.verdict.reasons if self.deciding else ()

    @property
    def figures(self) -> Mapping[str, float | int | str | None]:
        """Numbers behind the deciding verdict."""
        return self.deciding.verdict.figures if self.deciding else {}

    @property
    def limits(self) -> Mapping[str, float | int]:
        """Limits that the deciding verdict applied."""
        return self.deciding.verdict.limits if self.deciding else {}

    @property
    def checks(self) -> tuple[Check, ...]:
        """Checks of the deciding verdict."""
        return self.deciding.verdict.checks if self.deciding else ()

    @property
    def recording(self) -> str | None:
        """Folder that the deciding verdict was read from."""
        return self.deciding.recording if self.deciding else None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """Circumstances of a run, for people and for merging reports.

    Attributes:
        started_utc: ISO 8601, wall clock.
        profile: name of the profile (``quick`` is never for sign-off).
        sut: name and file of the declaration.
        tester_version: version of this suite.
        environment: further facts by name (versions, addresses), as shown in the report.
    """

    started_utc: str
    profile: str = ""
    sut: Mapping[str, Any] = field(default_factory=dict)
    tester_version: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a whole run.

    Attributes:
        info: circumstances.
        requirements: by full id, sorted; those of the catalogue that were not selected are there with NONE.
        scenarios: in the order of the run.
        errors: what went wrong outside any scenario (collection, interruption).
        duration_s: from the start of the session to its end.
        statement: what the declaration says about each requirement, and which limits it replaces.
        traffic_s: time with traffic, over all recordings that were judged: what the procedures prescribe.
    """

    info: RunInfo
    requirements: Mapping[str, RequirementResult]
    scenarios: tuple[ScenarioResult, ...]
    errors: tuple[str, ...] = ()
    duration_s: float = 0.0
    statement: Statement = field(default_factory=Statement)
    traffic_s: float = 0.0

    @property
    def outcome(self) -> Outcome:
        """Worst of requirements, scenarios and errors of the run itself.

        INCONC at best while a mandatory requirement that was asked for is not demonstrated.
        """
        if self.errors:
            return Outcome.ERROR
        of_scenarios = Outcome.worst(scenario.outcome for scenario in self.scenarios)
        undemonstrated = Outcome.INCONC if self.not_demonstrated else Outcome.NONE
        return Outcome.worst([of_scenarios, undemonstrated, *(row.outcome for row in self.requirements.values())])

    @property
    def not_demonstrated(self) -> tuple[str, ...]:
        """Mandatory requirements that were asked for and that the declaration takes away."""
        rows = self.requirements.values()
        return tuple(row.requirement for row in rows if row.left_out_as is Support.NOT_DEMONSTRATED)

    @property
    def complete(self) -> bool:
        """Whether every requirement that is known and not declared inapplicable has a verdict."""
        rows = self.requirements.values()
        judged = [row.deciding is not None or row.left_out_as is Support.NOT_APPLICABLE for row in rows]
        return bool(judged) and all(judged)

    @property
    def figures(self) -> Mapping[str, float | None]:
        """How long the run took, how much of it was traffic, and what came on top in relation to that."""
        beside_s = self.duration_s - self.traffic_s
        return {
            "traffic_time_s": round(self.traffic_s, 3),
            "beside_traffic_s": round(beside_s, 3),
            "overhead_ratio": round(beside_s / self.traffic_s, 4) if self.traffic_s > 0 else None,
        }

    @property
    def exit_code(self) -> ExitCode:
        """PASS only if something was judged and nothing failed, was inconclusive or went wrong."""
        return EXIT_CODES[self.outcome]
