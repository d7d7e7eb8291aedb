"""What a run would judge and how long it would take, from declaration and catalogue alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from hitless.applicability import Statement, Support, statement
from hitless.catalogue import Catalogue, Profile
from hitless.preflight.findings import Finding, ok, warning
from hitless.procedures.rig import WARM_UP_S
from hitless.procedures.rollback_steps import MODES, PAUSE_S
from hitless.procedures.selection_rules import CLEAR_S, GROUP_HOLD_S, SERVICE_HOLD_S
from hitless.sut import SystemUnderTest

_OPERATIONS: Mapping[str, int] = MappingProxyType(
    {
        "upgrade-under-load": 1,
        "failing-upgrade": 2,
        "rollback-at-every-step": 2 * len(MODES) + 2,
        "selection-rules": 2,
        "requests-and-tasks": 6,
    }
)
"""How often each procedure waits for an operation, or its rollback, to come to an end."""

_REMEDY = "declare it if there is a way"


def prospects(sut: SystemUnderTest, catalogue: Catalogue, profile_name: str) -> Iterator[Finding]:
    """Say which requirements would be judged and how long that would take.

    Raises:
        CatalogueError: there is no such profile, or a limit that ``sut.yaml`` replaces is wrong.
    """
    told = statement(sut, catalogue, profile_name)
    for answer in told.answers.values():
        if answer.support is not Support.APPLICABLE:
            yield warning(
                answer.requirement, f"{answer.support.value}: {answer.reason}", "declare it if there is a way"
            )
    count = sum(answer.support is Support.APPLICABLE for answer in told.answers.values())
    yield ok("requirements", f"{count} of {len(told.answers)} can be judged")
    yield _duration(sut, catalogue, profile_name, told)


def prescribed_s(procedure: str, profile: Profile) -> float:
    """Return the traffic time that a procedure prescribes, without the time that MANO's operations take."""
    around_s = WARM_UP_S + profile.baseline_s + profile.lead_in_s + profile.tail_s
    within_s = {
        "rollback-at-every-step": len(MODES) * PAUSE_S,
        "selection-rules": GROUP_HOLD_S + SERVICE_HOLD_S + 4 * CLEAR_S + profile.churn_s,
    }
    return around_s + within_s.get(procedure, 0.0)


def _duration(sut: SystemUnderTest, catalogue: Catalogue, profile_name: str, told: Statement) -> Finding:
    applicable = [row for row in catalogue.requirements if told.support(row.id) is Support.APPLICABLE]
    procedures = dict.fromkeys(name for row in applicable for name in row.procedures)
    profile = catalogue.profile(profile_name)
    seconds = sum(prescribed_s(name, profile) for name in procedures)
    operations = sum(_OPERATIONS.get(name, 1) for name in procedures)
    return ok(
        "time",
        f"profile {profile_name} - {_minutes(seconds)} of prescribed traffic, number of procedures: {len(procedures)}; "
        f"and the time of upgrades and rollbacks, number: {operations}, at most {sut.upgrade.deadline_s:g} s each",
    )


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
