"""RQ-UPG-03: the new version's share rises step by step, never falls, and its capacity is there before the share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from hitless.history import History
from hitless.judges import wording
from hitless.judges.common import never_requested, no_counters, overlap_check, upgrade_check, window_of
from hitless.judges.evidence import capacities_check, no_units, outcome_of, probes_check, version_marks_check
from hitless.judges.ramp import (
    Ramp,
    arrivals_check,
    measure_ramp,
    no_plateau,
    ramp_figures,
    seconds_after,
    told,
)
from hitless.judges.unit_tables import plateau_table, unit_table
from hitless.measures.shares import Plateau, offered_pps
from hitless.measures.units import UnitTimeline, capacity_pps, unit_timeline
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-UPG-03"
_NOTHING_PPS = 1e-9


@dataclass(frozen=True, slots=True)
class _Step:
    """Load and capacity of the new side in one plateau.

    Attributes:
        offered_pps: what users offer, all together.
        sure_pps, possible_pps: capacity of new units that were in service all the time, and of those that can have
            been when the plateau began.
    """

    plateau: Plateau
    offered_pps: float
    sure_pps: float
    possible_pps: float

    @property
    def least(self) -> float:
        """Least utilisation that the users and the instants allow."""
        return self.plateau.bounds[0] * self.offered_pps / max(self.possible_pps, _NOTHING_PPS)

    @property
    def measured(self) -> float:
        """Utilisation by the measured share and the capacity that was there in any case."""
        return self.plateau.share * self.offered_pps / max(self.sure_pps, _NOTHING_PPS)

    @property
    def measured_at_best(self) -> float:
        """Utilisation by the measured share and all capacity that can have been there."""
        return self.plateau.share * self.offered_pps / max(self.possible_pps, _NOTHING_PPS)


def judge_upg_03(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge how the share of the new version grew.

    The load of the new side is taken as its share of all that is offered: what it comes to as soon as the sessions
    from before have ended.

    Expected results:
        * PASS: no plateau of the share was lower than the one before, and at the beginning of each the new units in
          service could take what it brings.
        * FAIL: a plateau was lower, or brought more than new units could take, by more than the users' number and the
          instants leave open.
        * INCONC: what remains, or documents, marks or capacities are missing.

    Args:
        history: an upgrade under load.
        limits: ``new_side_utilisation_ratio``, and the durations for the overlap.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    ramp, timeline = measure_ramp(history, window), unit_timeline(history, window.request_ns)
    steps = () if timeline is None else tuple(_step(ramp, timeline, one) for one in ramp.plateaus)
    checks = [_falls_check(ramp) if ramp.plateaus else no_plateau(history)]
    if timeline is None:
        checks.append(no_units())
    else:
        capacities = capacities_check(timeline)
        checks.append(capacities)
        if ramp.plateaus and capacities.outcome is Outcome.PASS:
            checks.insert(1, _utilisation_check(ramp, steps, limits["new_side_utilisation_ratio"]))
    checks += [arrivals_check(ramp), version_marks_check(history), probes_check(history)]
    checks.append(overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters())
    checks.append(upgrade_check(history, window))
    evidence = {
        "plateaus": _table(ramp, steps, window.request_ns),
        "units": [] if timeline is None else unit_table(timeline),
    }
    return Verdict(REQUIREMENT, tuple(checks), _figures(ramp, steps), dict(limits), evidence)


def _step(ramp: Ramp, timeline: UnitTimeline, plateau: Plateau) -> _Step:
    start, error_ns = plateau.start, ramp.history.probes.clock_error_ns
    first_ns, last_ns = start.earliest_ns - error_ns, start.latest_ns + error_ns
    surely = [one for one in timeline.new if one.surely_in_service(first_ns, plateau.end.latest_ns)]
    maybe = [one for one in timeline.new if one.maybe_in_service(first_ns, last_ns)]
    planned = sum(group.rate_pps for group in ramp.history.groups if group.name != "filler-up")
    offered = offered_pps(ramp.history.counters, plateau)
    return _Step(plateau, planned if offered is None else offered, capacity_pps(surely), capacity_pps(maybe))


def _falls_check(ramp: Ramp) -> Check:
    name = "share never falls"
    for place, after in enumerate(ramp.plateaus[1:], start=1):
        before = max(ramp.plateaus[:place], key=lambda one: one.bounds[0])
        if after.bounds[1] < before.bounds[0]:
            message = (
                f"Share - fell {seconds_after(after.start, ramp.window.request_ns)} without a rollback - "
                f"Expected: >= {told(before)}, Actual: {told(after)}"
            )
            return Check(name, Outcome.FAIL, message)
    rising = ", ".join(wording.percent(one.share) for one in ramp.plateaus)
    return Check(name, Outcome.PASS, f"share rose in {len(ramp.plateaus)} steps: {rising}")


def _utilisation_check(ramp: Ramp, steps: tuple[_Step, ...], limit: float) -> Check:
    name = "capacity before share"
    worst_fail = max(steps, key=lambda one: one.least)
    worst = max(steps, key=lambda one: one.measured)
    outcome = outcome_of(surely=worst_fail.least > limit, maybe=worst.measured > limit)
    if outcome is Outcome.PASS:
        return Check(name, outcome, f"new units in service loaded with at most {wording.percent(worst.measured)}")
    step = worst_fail if outcome is Outcome.FAIL else worst
    load = step.plateau.share * step.offered_pps
    message = (
        f"Capacity - not there {seconds_after(step.plateau.start, ramp.window.request_ns)}, when the share became "
        f"{told(step.plateau)} - Expected: <= {wording.percent(limit)} of the new units in service, "
        f"Actual: {load:.0f} pps for {step.sure_pps:.0f} pps"
    )
    if outcome is Outcome.FAIL:
        return Check(name, outcome, message)
    # Either the users are too few to tell the share from the limit, or the instants are not known well enough.
    reason = "I6" if step.measured_at_best > limit else "I4"
    return Check(name, outcome, f"{message}, perhaps for up to {step.possible_pps:.0f} pps", (reason,))


def _table(ramp: Ramp, steps: tuple[_Step, ...], request_ns: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [dict(row) for row in plateau_table(ramp.plateaus, request_ns)]
    for row, step in zip(rows, steps, strict=False):
        row |= {
            "offered_to_new_pps": round(step.plateau.share * step.offered_pps, 1),
            "new_in_service_pps": round(step.sure_pps, 1),
            "new_possibly_in_service_pps": round(step.possible_pps, 1),
        }
    return rows


def _figures(ramp: Ramp, steps: tuple[_Step, ...]) -> dict[str, float | int | str | None]:
    worst = max((one.measured for one in steps if one.sure_pps), default=None)
    shares = [one.share for one in ramp.plateaus]
    return {
        **ramp_figures(ramp),
        "new_side_utilisation_ratio": worst,
        "largest_fall_ratio": max((before - after for before, after in pairwise(shares)), default=0.0),
    }
