"""RQ-UPG-01: limited new capacity comes up beside the complete old one; no traffic reaches it before it is ready."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from hitless.history import History, Interval
from hitless.judges import wording
from hitless.judges.common import Window, never_requested, no_counters, overlap_check, upgrade_check, window_of
from hitless.judges.evidence import (
    TARGET,
    capacities_check,
    capture_is_blind,
    first_of_version,
    no_units,
    outcome_of,
    probes_check,
    version_marks_check,
    violated_since,
)
from hitless.judges.unit_tables import since_request, unit_table
from hitless.measures.units import Unit, UnitTimeline, capacity_pps, unit_timeline
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-UPG-01"
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class _Start:
    """The upgrade up to the first packet of the target version.

    Attributes:
        first: when the first packet that came back from the target version was with it.
        ready_surely, ready_maybe: new units in service by then, in any case and possibly.
        early_surely, early_maybe: packets that the target version served before any of its units was ready.
    """

    history: History
    timeline: UnitTimeline
    first: Interval
    ready_surely: tuple[Unit, ...]
    ready_maybe: tuple[Unit, ...]
    early_surely: int
    early_maybe: int

    @property
    def limited_pps(self) -> float:
        """Smallest capacity that can be brought up on the new side; units that serve no traffic do not count."""
        return min((unit.capacity_pps for unit in self.timeline.new if unit.capacity_pps > 0), default=0.0)


def judge_upg_01(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge how the new version was brought up.

    Expected results:
        * PASS: until the first packet of the target version every old unit was in service, limited new capacity was
          ready by then, and nothing reached it before.
        * FAIL: one of these was violated wherever the instants lie in their intervals.
        * INCONC: the documents or marks do not show it, or not finely enough.

    Args:
        history: an upgrade under load.
        limits: ``old_in_service_ratio``, ``first_new_capacity_ratio``, ``early_packets_count``, and the durations for
            the overlap.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    timeline = unit_timeline(history, window.request_ns)
    counted = overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters()
    meter = (version_marks_check(history), probes_check(history), counted, upgrade_check(history, window))
    if timeline is None:
        return Verdict(REQUIREMENT, (no_units(), *meter), limits=dict(limits))
    evidence = {"units": unit_table(timeline)}
    first = first_of_version(history, TARGET)
    if first is None or first.earliest_ns < window.request_ns:
        blind = (_no_start(history, window, first), *meter)
        return Verdict(REQUIREMENT, blind, limits=dict(limits), evidence=evidence)
    if capture_is_blind(history):  # others may have come before it
        first = Interval(window.request_ns, first.latest_ns)
    start = _start_of(history, timeline, first)
    checks = (
        _old_side_check(start, limits["old_in_service_ratio"]),
        _new_side_check(start, limits["first_new_capacity_ratio"]),
        _early_check(start, round(limits["early_packets_count"])),
        capacities_check(timeline),
        *meter,
    )
    verdict = Verdict(REQUIREMENT, checks, _figures(start), dict(limits), evidence)
    return violated_since(verdict, _violations_ns(start, checks))


def _violations_ns(start: _Start, checks: tuple[Check, ...]) -> Iterator[int]:
    """Yield when old units went too early, or when the new version served with what it should not have."""
    failed = {one.name for one in checks if one.outcome is Outcome.FAIL}
    if "old units" in failed:
        gone = (unit.gone for unit in start.timeline.before if unit.gone is not None)
        yield from (one.latest_ns for one in gone if one.latest_ns < start.first.earliest_ns)
    if failed & {"new units", "packets before readiness"}:
        yield start.first.latest_ns


def _start_of(history: History, timeline: UnitTimeline, first: Interval) -> _Start:
    ready = [unit.ready for unit in timeline.new if unit.ready is not None]
    probes, error_ns = history.probes, history.probes.clock_error_ns
    mine = probes.version == TARGET
    # The earliest unit to become ready takes them; of which of its instants, nobody knows.
    sure_ns = min((one.earliest_ns for one in ready), default=np.iinfo(np.int64).max)
    maybe_ns = min((one.latest_ns for one in ready), default=np.iinfo(np.int64).max)
    return _Start(
        history=history,
        timeline=timeline,
        first=first,
        ready_surely=tuple(unit for unit in timeline.new if unit.surely_in_service(first.earliest_ns, first.latest_ns)),
        ready_maybe=tuple(unit for unit in timeline.new if unit.maybe_in_service(first.earliest_ns, first.latest_ns)),
        early_surely=int(np.count_nonzero(mine & (probes.received_ns + error_ns < sure_ns))),
        early_maybe=int(np.count_nonzero(mine & (probes.sent_ns - error_ns < maybe_ns))),
    )


def _no_start(history: History, window: Window, first: Interval | None) -> Check:
    expected = f"Expected: packets of {history.versions[-1] if history.versions else 'the target'} after the request"
    actual = "none" if first is None else f"the first {wording.seconds(window.request_ns - first.earliest_ns)} before"
    message = f"Target version - its first packet does not tell when it began - {expected}, Actual: {actual}"
    return Check("first share", Outcome.INCONC, f"{message} - do the marks fit?", ("I9",))


def _old_side_check(start: _Start, limit: float) -> Check:
    name, before = "old units", start.timeline.before
    request_ns, first = start.timeline.request_ns, start.first
    surely = [unit for unit in before if unit.surely_in_service(request_ns, first.latest_ns)]
    maybe = [unit for unit in before if unit.maybe_in_service(first.earliest_ns, first.latest_ns)]
    least, most = len(surely) / len(before), len(maybe) / len(before)
    outcome = outcome_of(surely=most < limit - _ROUNDING, maybe=least < limit - _ROUNDING)
    at = wording.seconds(first.earliest_ns - request_ns)
    if outcome is Outcome.PASS:
        return Check(name, outcome, f"all {len(before)} old units in service when the new version began, {at} after it")
    actual = len(maybe) if outcome is Outcome.FAIL else len(surely)
    message = (
        f"Old units - removed before the new version served anybody, {at} after the request - "
        f"Expected: >= {math.ceil(limit * len(before) - _ROUNDING)} of {len(before)} in service, Actual: {actual}"
    )
    if outcome is Outcome.INCONC:
        return Check(name, outcome, f"{message} to {len(maybe)}, as documents were not read often enough", ("I4",))
    return Check(name, outcome, message)


def _new_side_check(start: _Start, limit: float) -> Check:
    name, serving = "new units", [unit for unit in start.timeline.before if unit.capacity_pps > 0]
    part_pps = start.timeline.before_pps / max(1, len(serving))
    allowed_pps = max(math.ceil(limit * len(serving) - _ROUNDING) * part_pps, start.limited_pps)
    least, most = capacity_pps(start.ready_surely), capacity_pps(start.ready_maybe)
    expected = f"Expected: 1 unit, or up to {allowed_pps:.0f} pps ({wording.percent(limit)} of the old, in whole units)"
    if not start.ready_maybe:
        message = "New units - none was ready when the new version began to serve"
        return Check(name, Outcome.FAIL, f"{message} - {expected}, Actual: 0 units")
    outcome = outcome_of(
        surely=least > allowed_pps + _ROUNDING, maybe=most > allowed_pps + _ROUNDING or not start.ready_surely
    )
    told = _how_many(len(start.ready_surely), len(start.ready_maybe))
    if outcome is Outcome.PASS:
        return Check(name, outcome, f"{told} with {least:.0f} of {start.timeline.before_pps:.0f} pps before its share")
    message = (
        f"New units - more than limited capacity, or none for sure, when the new version began to serve - {expected}, "
        f"Actual: {told} with {least:.0f} to {most:.0f} pps"
    )
    return Check(name, outcome, message, ("I4",) if outcome is Outcome.INCONC else ())


def _how_many(least: int, most: int) -> str:
    counted = str(least) if least == most else f"{least} to {most}"
    return f"{counted} new unit{'' if most == 1 else 's'} ready"


def _early_check(start: _Start, limit: int) -> Check:
    name = "packets before readiness"
    outcome = outcome_of(surely=start.early_surely > limit, maybe=start.early_maybe > limit)
    if outcome is Outcome.PASS:
        known = min((unit.ready for unit in start.timeline.new if unit.ready), key=lambda one: one.latest_ns)
        within = wording.below(known.latest_ns - known.earliest_ns)
        return Check(name, outcome, f"no packet before a new unit was ready (known within {within})")
    actual = start.early_surely if outcome is Outcome.FAIL else start.early_maybe
    message = (
        f"New version - served packets before one of its units was ready (listed as ADDED) - Expected: <= {limit}, "
        f"Actual: {'' if outcome is Outcome.FAIL else 'up to '}{wording.count(actual)}"
    )
    return Check(name, outcome, message, ("I4",) if outcome is Outcome.INCONC else ())


def _figures(start: _Start) -> dict[str, float | int | str | None]:
    timeline, first = start.timeline, start.first
    request_ns = timeline.request_ns
    in_service = [unit for unit in timeline.before if unit.surely_in_service(request_ns, first.latest_ns)]
    began = since_request(first, request_ns)
    return {
        "units_before_count": len(timeline.before),
        "old_in_service_ratio": len(in_service) / len(timeline.before),
        "new_units_ready_count": len(start.ready_maybe),
        "first_new_capacity_ratio": capacity_pps(start.ready_maybe) / timeline.before_pps
        if timeline.before_pps
        else None,
        "early_packets_count": start.early_surely,
        "possibly_early_packets_count": start.early_maybe,
        "first_target_packet_s": began[0] if began else None,
    }
