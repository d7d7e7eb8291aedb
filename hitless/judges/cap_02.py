"""RQ-CAP-02: capacity in service never falls below what there was before: first add, then remove."""

from __future__ import annotations

from collections.abc import Mapping

from hitless.history import History
from hitless.judges import wording
from hitless.judges.common import Window, never_requested, upgrade_check, window_of
from hitless.judges.evidence import capacities_check, followed_check, no_units, outcome_of, violated_since
from hitless.judges.unit_tables import unit_table
from hitless.measures.in_service import Stretch, lowest_possible, lowest_sure, stretches
from hitless.measures.units import UnitTimeline, unit_timeline
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-CAP-02"
_ROUNDING = 1e-9


def judge_cap_02(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether enough units were in service at every instant of an upgrade.

    Expected results:
        * PASS: from the request to the end of the tail, ready new units and remaining old ones together had at least
          the capacity of before, wherever the instants lie in their intervals.
        * FAIL: less, whatever their order within what was seen.
        * INCONC: removal and addition cannot be told apart in time, or documents are missing.

    Args:
        history: an upgrade under load.
        limits: ``in_service_capacity_ratio``.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    timeline, upgrade = unit_timeline(history, window.request_ns), upgrade_check(history, window)
    if timeline is None:
        return Verdict(REQUIREMENT, (no_units(), upgrade), limits=dict(limits))
    evidence = {"units": unit_table(timeline)}
    found, capacities = stretches(timeline), capacities_check(timeline)
    if capacities.outcome is not Outcome.PASS:
        return Verdict(REQUIREMENT, (capacities, upgrade), limits=dict(limits), evidence=evidence)
    checks = (
        _capacity_check(timeline, found, limits["in_service_capacity_ratio"]),
        capacities,
        followed_check(history, window),
        upgrade,
    )
    evidence["capacity"] = [
        {
            "start_after_request_s": round((one.start_ns - timeline.request_ns) / 1e9, 3),
            "sure_pps": round(one.sure_pps, 1),
            "possible_pps": round(one.possible_pps, 1),
        }
        for one in found
    ]
    verdict = Verdict(REQUIREMENT, checks, _figures(timeline, found, window), dict(limits), evidence)
    needed = limits["in_service_capacity_ratio"] * timeline.before_pps - _ROUNDING
    return violated_since(verdict, (one.start_ns for one in found if one.possible_pps < needed))


def _capacity_check(timeline: UnitTimeline, found: tuple[Stretch, ...], limit: float) -> Check:
    name, before = "capacity in service", timeline.before_pps
    needed = limit * before - _ROUNDING
    sure, possible = lowest_sure(found), lowest_possible(found)
    if sure is None or possible is None:
        message = "Capacity in service - nothing was seen after the request - Expected: documents, Actual: none"
        return Check(name, Outcome.INCONC, message, ("I12",))
    outcome = outcome_of(surely=possible.possible_pps < needed, maybe=sure.sure_pps < needed)
    if outcome is Outcome.PASS:
        text = f"never below {wording.percent(sure.sure_pps / before)} of {before:.0f} pps; events known within"
        return Check(name, outcome, f"{text} {wording.below(coarsest_ns(timeline))}")
    worst, pps = (possible, possible.possible_pps) if outcome is Outcome.FAIL else (sure, sure.sure_pps)
    message = (
        f"Capacity in service - fell {wording.seconds(worst.start_ns - timeline.request_ns)} after the request - "
        f"Expected: >= {wording.percent(limit)} of {before:.0f} pps, Actual: {pps:.0f} pps"
    )
    if outcome is Outcome.FAIL:
        return Check(name, outcome, message)
    return Check(name, outcome, f"{message} at least, up to {worst.possible_pps:.0f}, as events overlap", ("I4",))


def coarsest_ns(timeline: UnitTimeline) -> int:
    """Return the widest interval in which an instant of a unit is known to lie."""
    instants = [one for unit in timeline.units for one in (unit.ready, unit.gone) if one is not None]
    return max((one.latest_ns - one.earliest_ns for one in instants), default=0)


def _figures(timeline: UnitTimeline, found: tuple[Stretch, ...], window: Window) -> dict[str, float | int | str | None]:
    before, sure, possible = timeline.before_pps, lowest_sure(found), lowest_possible(found)
    return {
        "capacity_before_pps": before,
        "in_service_capacity_ratio": None if sure is None else sure.sure_pps / before,
        "highest_possible_minimum_ratio": None if possible is None else possible.possible_pps / before,
        "units_before_count": len(timeline.before),
        "units_added_count": len(timeline.new),
        "units_removed_count": sum(1 for unit in timeline.units if unit.gone is not None),
        "coarsest_event_ms": coarsest_ns(timeline) / 1e6,
        "observed_s": (timeline.seen_until_ns - window.request_ns) / 1e9,
    }
