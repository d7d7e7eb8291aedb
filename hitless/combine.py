"""Combines scenarios into one result per requirement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from hitless.applicability import Answer
from hitless.results import Conclusion, RequirementResult, ScenarioResult
from hitless.verdict import Outcome


def requirement_results(
    scenarios: Iterable[ScenarioResult],
    *,
    catalogue: Iterable[str],
    selected: Iterable[str],
    ics: Mapping[str, Answer] = MappingProxyType({}),
) -> dict[str, RequirementResult]:
    """Combine scenarios into one result per requirement.

    Args:
        scenarios: all scenarios of the run.
        catalogue: every requirement that exists; those not selected are listed with NONE.
        selected: requirements that the run was asked for; one without a verdict is ERROR.
        ics: what the declared system under test says about each.

    Returns:
        The results by full id, sorted.
    """
    of_requirement: dict[str, list[ScenarioResult]] = {}
    for scenario in scenarios:
        for name in scenario.requirements:
            of_requirement.setdefault(name, []).append(scenario)
    wanted = set(selected)
    names = sorted({*catalogue, *wanted, *of_requirement})
    return {
        name: _combine(name, tuple(of_requirement.get(name, ())), ics.get(name), selected=name in wanted)
        for name in names
    }


def _combine(
    requirement: str, scenarios: tuple[ScenarioResult, ...], ics: Answer | None, *, selected: bool
) -> RequirementResult:
    deciding = _deciding(requirement, scenarios)
    outcome = Outcome.worst(scenario.outcome_for(requirement) for scenario in scenarios)
    if not scenarios:
        outcome = Outcome.ERROR if selected else Outcome.NONE
    message = _message(requirement, scenarios, outcome, deciding, selected=selected)
    return RequirementResult(requirement, outcome, message, selected, deciding, scenarios, ics)


def _deciding(requirement: str, scenarios: tuple[ScenarioResult, ...]) -> Conclusion | None:
    """Return the first of the worst verdicts on the requirement."""
    own = [each for scenario in scenarios for each in scenario.conclusions if each.verdict.requirement == requirement]
    worst = max(own, key=lambda conclusion: conclusion.verdict.outcome, default=None)
    return None if worst is None or worst.verdict.outcome is Outcome.NONE else worst


def _message(
    requirement: str,
    scenarios: tuple[ScenarioResult, ...],
    outcome: Outcome,
    deciding: Conclusion | None,
    *,
    selected: bool,
) -> str:
    if not scenarios:
        return (
            f"{requirement} - no scenario was run for it - selected, so one is needed" if selected else "not selected"
        )
    if outcome is Outcome.ERROR and (deciding is None or deciding.verdict.outcome is not Outcome.ERROR):
        problems = [text for each in scenarios for text in _problems_for(requirement, each)]
        return "; ".join(dict.fromkeys(problems))
    if deciding is None:
        return "; ".join(dict.fromkeys(scenario.message for scenario in scenarios))
    return deciding.verdict.message


def _problems_for(requirement: str, scenario: ScenarioResult) -> list[str]:
    """Return the scenario's errors without those that concern only other requirements."""
    if scenario.outcome_for(requirement) is not Outcome.ERROR:
        return []
    others = [name for name in scenario.requirements if name != requirement]
    return [text for text in scenario.errors if not any(text.startswith(f"{name} - ") for name in others)]
