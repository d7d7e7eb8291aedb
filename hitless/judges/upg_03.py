"""RQ-UPG-03: the new version's share rises step by step, never falls, and its capacity is there before the share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from hitless.history import History
from hitless.judges import wording
from hitless.judges.common import never_requested, no_counters, overlap_check, upgrade_check, window_of
from hitless.judges.evidence import (
    capacities_check,
    no_units,
    outcome_of,
    probes_check,
    unless_blind,
    version_marks_check,
    violated_since,
)
from hitless.judges.ramp import (
    Ramp,
    arrivals_check,
    measure_ramp,
    no_plateau,
    ramp_figures,
    seconds_after,
    told,
)
from hitless.judges.unanswered import doubted, readings, settled
from hitless.judges.unit_tables import plateau_table, unit_table
from hitless.measures.shares import Plateau, offered_pps, smallest_step
from hitless.measures.side_load import Piece, pieces
from hitless.measures.units import UnitTimeline, unit_timeline
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-UPG-03"
_NOTHING_PPS = 1e-9
_SHORT_FALL_S = 2.0


@dataclass(frozen=True, slots=True)
class _Load:
    """What a piece of a plateau brings to the new side.

    Attributes:
        offered_pps: what users offer to both sides together.
    """

    piece: Piece
    offered_pps: float

    @property
    def measured(self) -> float:
        """Utilisation of the new side by the measured share."""
        return self.piece.share * self.offered_pps / max(self.piece.capacity_pps, _NOTHING_PPS)

    @property
    def least(self) -> float:
        """Least utilisation that the number of users allows."""
        return self.piece.least_share * self.offered_pps / max(self.piece.capacity_pps, _NOTHING_PPS)


@dataclass(frozen=True, slots=True)
class _Loads:
    """Loads with the capacity that the new side had in any case, and with all that it can have had."""

    surely: tuple[_Load, ...]
    maybe: tuple[_Load, ...]

    @property
    def worst(self) -> _Load | None:
        """The load with the highest measured utilisation of what was there in any case."""
        return max(self.surely, key=lambda one: one.measured, default=None)

    @property
    def worst_surely(self) -> _Load | None:
        """The load with the highest utilisation that is certain."""
        return max(self.maybe, key=lambda one: one.least, default=None)


def judge_upg_03(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge how the share of the new version grew.

    The load of the new side is taken as its share of all that is offered: what it comes to as soon as the sessions
    from before have ended.

    Expected results:
        * PASS: no plateau of the share was lower than the one before, and at the beginning of each the new units in
          service could take what it brings.
        * FAIL: a plateau was lower, or brought more than new units could take, by more than the users' number and the
          instants leave open, wherever users went whom nobody answered.
        * INCONC: what remains, or documents, marks or capacities are missing.

    Args:
        history: an upgrade under load.
        limits: ``new_side_utilisation_ratio``, and the durations for the overlap.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    ramp, timeline = measure_ramp(history, window), unit_timeline(history, window.request_ns)
    loads = _loads(ramp, timeline)
    others = [one for read in readings(ramp) for one in _share_checks(read, timeline, limits)]
    checks = [settled(one, others, ramp) for one in _share_checks(ramp, timeline, limits)]
    checks.append(no_units() if timeline is None else capacities_check(timeline))
    checks = [unless_blind(one, history) for one in checks]
    checks += [arrivals_check(ramp), version_marks_check(history), probes_check(history)]
    checks.append(overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters())
    checks.append(upgrade_check(history, window))
    evidence = {
        "plateaus": _table(ramp, loads, window.request_ns),
        "units": [] if timeline is None else unit_table(timeline),
    }
    verdict = Verdict(REQUIREMENT, tuple(checks), _figures(ramp, loads), dict(limits), evidence)
    overloaded = (one.piece.start_ns for one in loads.maybe if one.least > limits["new_side_utilisation_ratio"])
    fallen = (after.start.latest_ns for _, after in _falls(ramp))
    return violated_since(verdict, (*overloaded, *fallen))


def _share_checks(ramp: Ramp, timeline: UnitTimeline | None, limits: Mapping[str, float]) -> list[Check]:
    if not ramp.plateaus:
        return [no_plateau(ramp.history)]
    checks = [_falls_check(ramp)]
    if timeline is not None and capacities_check(timeline).outcome is Outcome.PASS:
        checks.append(_utilisation_check(ramp, _loads(ramp, timeline), limits["new_side_utilisation_ratio"]))
    return checks


def _loads(ramp: Ramp, timeline: UnitTimeline | None) -> _Loads:
    if timeline is None:
        return _Loads((), ())
    counters, groups = ramp.history.counters, ramp.history.groups
    planned = sum(group.rate_pps for group in groups if group.name != "filler-up")

    offered = {one: offered_pps(counters, one) for one in ramp.plateaus}

    def loads(*, surely: bool) -> tuple[_Load, ...]:
        came = ramp.arrivals
        found = pieces(came.opened, ramp.plateaus, timeline.new, surely=surely, unanswered_ns=came.unanswered_ns)
        return tuple(_Load(one, offered[one.plateau] or planned) for one in found)

    return _Loads(loads(surely=True), loads(surely=False))


def _falls(ramp: Ramp) -> Iterator[tuple[Plateau, Plateau]]:
    """Yield the plateaus that are surely lower than one before them, each after the highest of these."""
    for place, after in enumerate(ramp.plateaus[1:], start=1):
        before = max(ramp.plateaus[:place], key=lambda one: one.bounds[0])
        if after.bounds[1] < before.bounds[0]:
            yield before, after


def _possible_falls(ramp: Ramp) -> Iterator[tuple[Plateau, Plateau]]:
    """Yield the plateaus that were lower if users whom nobody answered went to the new version before and not then."""
    for place, after in enumerate(ramp.plateaus[1:], start=1):
        before = max(ramp.plateaus[:place], key=lambda one: one.if_all_went.bounds[0])
        if after.if_none_went.bounds[1] < before.if_all_went.bounds[0]:
            yield before, after


def _falls_check(ramp: Ramp) -> Check:
    name = "share never falls"
    for before, after in _falls(ramp):
        message = (
            f"Share - fell {seconds_after(after.start, ramp.window.request_ns)} without a rollback - "
            f"Expected: >= {told(before)}, Actual: {told(after)}"
        )
        return Check(name, Outcome.FAIL, message)
    for before, after in _possible_falls(ramp):
        kept = Check(name, Outcome.PASS, f"share rose to {told(before)} and stayed above it")
        return doubted(kept, ramp, f"fell to {told(after)} {seconds_after(after.start, ramp.window.request_ns)}")
    rising = ", ".join(wording.percent(one.share) for one in ramp.plateaus)
    told_apart = wording.percent(smallest_step(ramp.arrivals.opened, _SHORT_FALL_S))
    return Check(
        name,
        Outcome.PASS,
        f"share rose in {len(ramp.plateaus)} steps: {rising}; a fall for {_SHORT_FALL_S:g} s would show from about "
        f"{told_apart} on",
    )


def _utilisation_check(ramp: Ramp, loads: _Loads, limit: float) -> Check:
    name, worst, certain = "capacity before share", loads.worst, loads.worst_surely
    if worst is None or certain is None:
        message = "Capacity - no plateau of the share lasted - Expected: >= 1, Actual: 0"
        return Check(name, Outcome.INCONC, message, ("I4",))
    outcome = outcome_of(surely=certain.least > limit, maybe=worst.measured > limit)
    if outcome is Outcome.PASS:
        return Check(name, outcome, f"new units in service loaded with at most {wording.percent(worst.measured)}")
    load = certain if outcome is Outcome.FAIL else worst
    piece = load.piece
    message = (
        f"Capacity - not there {wording.seconds(piece.start_ns - ramp.window.request_ns)} after the request, with "
        f"{wording.percent(piece.share)} of the users on the new version - Expected: <= {wording.percent(limit)} of "
        f"the new units in service, Actual: {piece.share * load.offered_pps:.0f} pps for {piece.capacity_pps:.0f} pps"
    )
    if outcome is Outcome.FAIL:
        return Check(name, outcome, message)
    # Either too few users came to tell the share from the limit, or it is not known what was there when they came.
    few = any(one.measured > limit for one in loads.maybe)
    return Check(name, outcome, f"{message}, perhaps", ("I6" if few else "I4",))


def _table(ramp: Ramp, loads: _Loads, request_ns: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [dict(row) for row in plateau_table(ramp.plateaus, request_ns)]
    for row, plateau in zip(rows, ramp.plateaus, strict=True):
        mine = [one for one in loads.surely if one.piece.plateau is plateau]
        row["new_in_service_pps"] = [round(one.piece.capacity_pps, 1) for one in mine]
        row["utilisation_ratio"] = [round(one.measured, 4) if one.piece.capacity_pps else None for one in mine]
    return rows


def _figures(ramp: Ramp, loads: _Loads) -> dict[str, float | int | str | None]:
    shares = [one.share for one in ramp.plateaus]
    return {
        **ramp_figures(ramp),
        "new_side_utilisation_ratio": max(
            (one.measured for one in loads.surely if one.piece.capacity_pps), default=None
        ),
        "least_certain_utilisation_ratio": max(
            (one.least for one in loads.maybe if one.piece.capacity_pps), default=None
        ),
        "largest_fall_ratio": max((before - after for before, after in pairwise(shares)), default=0.0),
    }
