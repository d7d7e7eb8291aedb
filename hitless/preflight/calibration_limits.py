"""Do rate and resolution of this tester suffice for the limits of a run? If not, which number has to change? Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hitless.applicability import Support, statement
from hitless.catalogue import PROFILES, Catalogue
from hitless.history import TrafficGroup
from hitless.limits import AppliedLimit, applied_limits
from hitless.preflight import calibration_rules, calibration_samples
from hitless.preflight.calibration_base import Held, Instrument
from hitless.preflight.findings import Finding, Level, failed, ok, warning
from hitless.preflight.resolution import Resolution
from hitless.sut import SystemUnderTest

RULES = {**calibration_rules.RULES, **calibration_samples.RULES}
"""How a limit is held against the tester, by its name."""

COUNTED = frozenset(
    {
        "active_sessions_count",
        "affinity_violations_count",
        "back_switches_count",
        "duplicates_count",
        "early_packets_count",
        "leakage_count",
        "lost_packets_count",
        "misses_count",
        "mixed_users_count",
        "old_sessions_lost_packets_count",
        "source_packets_count",
    }
)
"""Limits on packets, sessions and users that are counted one by one: without own loss that is exact at any rate."""

NOT_BY_TRAFFIC = frozenset(
    {
        "disturbances_count",
        "field_mismatches_count",
        "first_new_capacity_ratio",
        "illegal_transitions_count",
        "in_service_capacity_ratio",
        "left_over_units_count",
        "leftover_units_count",
        "new_side_utilisation_ratio",
        "old_in_service_ratio",
        "rule_changes_count",
        "stale_reads_count",
        "traces_count",
        "unpaired_notifications_count",
        "view_differences_count",
        "wrong_answers_count",
        "wrong_links_count",
        "wrong_results_count",
    }
)
"""Limits on what MANO says and does, which no generator resolves better or worse."""


def judge_limits(
    sut: SystemUnderTest,
    catalogue: Catalogue,
    profile_name: str,
    groups: Sequence[TrafficGroup],
    resolution: Resolution,
    *,
    carried: bool,
) -> Iterator[Finding]:
    """Hold the limits of all requirements that apply against the tester.

    Args:
        sut: the declaration; its limits stand in place of the catalogue's.
        catalogue: the requirements.
        profile_name: whose limits and durations a run would have.
        groups: what is sent together from the beginning of a run.
        resolution: as measured.
        carried: the tester carries the rated load without own loss.

    Yields:
        Each limit for which the tester does not suffice, or only under a condition; then how many there were.

    Raises:
        CatalogueError: there is no such profile, or a limit that ``sut.yaml`` replaces is wrong.
    """
    tester = Instrument(sut, catalogue.profile(profile_name), tuple(groups), resolution)
    count = insufficient = counted = 0
    for requirement, limit in _limits(sut, catalogue, profile_name):
        counted += limit.name in COUNTED
        if limit.name not in RULES:
            continue
        held = RULES[limit.name](limit, tester)
        count += 1
        insufficient += held.level is Level.FAILED
        if held.told:
            yield _finding(
                requirement, limit, held, _other_profiles(catalogue, requirement, limit, tester, profile_name)
            )
    decided = f"{count - insufficient} of {count} that need rate, resolution or samples can be decided"
    yield _summary(f"{decided} in profile {profile_name}", counted, carried=carried)


def _limits(sut: SystemUnderTest, catalogue: Catalogue, profile_name: str) -> Iterator[tuple[str, AppliedLimit]]:
    told = statement(sut, catalogue, profile_name)
    overrides = sut.model_dump(mode="json")["limits"]
    for row in catalogue.requirements:
        if told.support(row.id) is Support.APPLICABLE:
            for limit in applied_limits(catalogue, row.id, profile_name, overrides).limits:
                yield row.id, limit


def _other_profiles(
    catalogue: Catalogue, requirement: str, limit: AppliedLimit, tester: Instrument, profile_name: str
) -> tuple[str, ...]:
    """Return the profiles with which the limit could be decided, the strictest one first."""
    overrides = tester.sut.model_dump(mode="json")["limits"]
    found = []
    for name in reversed(PROFILES):
        if name == profile_name:
            continue
        limits = applied_limits(catalogue, requirement, name, overrides).limits
        other = next(one for one in limits if one.name == limit.name)
        held = RULES[limit.name](other, replace(tester, profile=catalogue.profile(name)))
        found += [name] if held.level is Level.OK else []
    return tuple(found)


def _summary(told: str, counted: int, *, carried: bool) -> Finding:
    exact = f"{counted} count packets, sessions or users one by one, which needs a tester without own loss"
    if carried:
        return ok("limits", f"{told}; {exact}, as it is")
    return warning("limits", f"{told}, at a rate that the tester carries; {exact}", "see the tester's rate above")


def _finding(requirement: str, limit: AppliedLimit, held: Held, profiles: Sequence[str]) -> Finding:
    name = f"{requirement} {limit.name} {limit.comparison} {limit.value:g}"
    if held.level is Level.OK:
        return ok(name, held.told)
    options = [option.replace("{requirement}", requirement) for option in held.options]
    options += [f"use --profile {profiles[0]}"] if profiles else []
    remedy = f"change one of: {'; '.join(options)}" if len(options) > 1 else f"change {options[0]}" if options else ""
    if held.level is Level.WARNING:
        return warning(name, held.told, remedy)
    return failed(name, f"the tester cannot show that ({limit.origin}) - {held.told}", remedy)
