"""RQ-UPG-02: at first only a part of the new requests goes to the new version; the old one accepts the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hitless.history import History
from hitless.judges import wording
from hitless.judges.common import never_requested, no_counters, overlap_check, upgrade_check, window_of
from hitless.judges.evidence import (
    no_units,
    outcome_of,
    probes_check,
    unless_blind,
    version_marks_check,
    violated_since,
)
from hitless.judges.ramp import (
    MOST_PARTIAL_SHARE,
    Ramp,
    arrivals_check,
    declared_first_share,
    measure_ramp,
    no_plateau,
    ramp_figures,
    seconds_after,
    told,
)
from hitless.judges.unanswered import came_before, doubted, readings, settled
from hitless.judges.unit_tables import plateau_table, unit_table
from hitless.measures.changes import SHORTEST_SEGMENT
from hitless.measures.shares import Plateau
from hitless.measures.units import Unit, UnitTimeline, unit_timeline
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-UPG-02"


def judge_upg_02(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge the first share of the new version.

    Expected results:
        * PASS: for a while a part of the users who came anew went to the new version, the declared part if there is
          one; enough users came to tell; no unit was removed meanwhile.
        * FAIL: all of them at once, another part than the declared one, or a unit was removed in that step, wherever
          users went whom nobody answered.
        * INCONC: too few users, or the part cannot be told from the limit.

    Args:
        history: an upgrade under load.
        limits: ``users_count``, ``share_error_ratio``, and the durations for the overlap.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    ramp, timeline = measure_ramp(history, window), unit_timeline(history, window.request_ns)
    others = [one for read in readings(ramp) for one in _first_share(read, timeline, limits)]
    settling = (settled(one, others, ramp) for one in _first_share(ramp, timeline, limits))
    checks = [unless_blind(_unless_hidden(one, ramp), history) for one in settling]
    checks += [arrivals_check(ramp), version_marks_check(history), probes_check(history)]
    checks.append(overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters())
    checks.append(upgrade_check(history, window))
    evidence = {
        "plateaus": plateau_table(ramp.plateaus, window.request_ns),
        "units": [] if timeline is None else unit_table(timeline),
    }
    figures = {**ramp_figures(ramp), "declared_first_share_ratio": declared_first_share(history)}
    verdict = Verdict(REQUIREMENT, tuple(checks), figures, dict(limits), evidence)
    return violated_since(verdict, _violations_ns(ramp, timeline, checks))


def _violations_ns(ramp: Ramp, timeline: UnitTimeline | None, checks: Sequence[Check]) -> Iterator[int]:
    """Yield when the first share began that is not what it should be, or when a unit went while it lasted."""
    failed = {one.name for one in checks if one.outcome is Outcome.FAIL}
    if "first share" in failed:
        yield ramp.plateaus[0].start.latest_ns
    if "units in the first share" in failed and timeline is not None and ramp.first_partial is not None:
        start_ns = ramp.first_partial.start.latest_ns
        gone = (unit.gone for unit in timeline.old if unit.gone is not None)
        yield from (one.latest_ns for one in gone if one.earliest_ns > start_ns)


def _first_share(ramp: Ramp, timeline: UnitTimeline | None, limits: Mapping[str, float]) -> list[Check]:
    return [*_share_checks(ramp, limits), _units_check(ramp, timeline)]


def _unless_hidden(check: Check, ramp: Ramp) -> Check:
    """Return a check that fails as inconclusive where what was seen first may not have been the first share."""
    if check.outcome is not Outcome.FAIL or not ramp.plateaus:
        return check
    hidden = came_before(ramp, ramp.plateaus[0].start.latest_ns)
    if hidden < SHORTEST_SEGMENT:
        return check
    return doubted(check, ramp, f"{wording.count(hidden)} of them came before, and may have met another share")


def _share_checks(ramp: Ramp, limits: Mapping[str, float]) -> list[Check]:
    if not ramp.plateaus:
        return [no_plateau(ramp.history)]
    first, declared = ramp.plateaus[0], declared_first_share(ramp.history)
    if first.share > MOST_PARTIAL_SHARE or not first.users:
        return [_all_at_once(ramp, first)]
    checks = [_sample_check(first, round(limits["users_count"]))]
    if declared is not None:
        checks.insert(0, _declared_check(first, declared, limits["share_error_ratio"]))
    elif first.on_new:
        checks.insert(0, Check("first share", Outcome.PASS, f"first share {told(first)}, none is declared"))
    else:
        checks.insert(0, _single_user(first))
    return checks


def _single_user(first: Plateau) -> Check:
    message = f"First share - not to be told from a single user - Expected: a part of the users, Actual: {told(first)}"
    return Check("first share", Outcome.INCONC, message, ("I6",))


def _all_at_once(ramp: Ramp, first: Plateau) -> Check:
    message = (
        f"First share - new requests {seconds_after(first.start, ramp.window.request_ns)} - Expected: a part of the "
        f"users to the new version, the rest to the old one, Actual: {told(first)}"
    )
    if first.users == 0:
        return Check("first share", Outcome.INCONC, f"{message}, as nobody came afterwards", ("I5",))
    if first.bounds[0] <= MOST_PARTIAL_SHARE and first.unanswered:
        return doubted(Check("first share", Outcome.FAIL, message), ramp, "a part of the users")
    if first.bounds[0] <= MOST_PARTIAL_SHARE:
        return Check("first share", Outcome.INCONC, f"{message}, of too few users", ("I5",))
    return Check("first share", Outcome.FAIL, message)


def _declared_check(first: Plateau, declared: float, error: float) -> Check:
    low, high = first.bounds
    name = "first share"
    excluded = low > declared + error or high < declared - error
    fits = low <= declared <= high and abs(first.share - declared) <= error
    if fits:
        return Check(name, Outcome.PASS, f"first share {told(first)}, declared {wording.percent(declared)}")
    message = (
        f"First share - not the declared one - Expected: {wording.percent(declared)} +- {wording.percent(error)}, "
        f"Actual: {told(first)}"
    )
    return Check(name, Outcome.FAIL, message) if excluded else Check(name, Outcome.INCONC, message, ("I6",))


def _sample_check(first: Plateau, needed: int) -> Check:
    name = "users in the first share"
    if first.users >= needed:
        return Check(name, Outcome.PASS, f"{wording.count(first.users)} users came anew while it lasted")
    lasted = wording.seconds(first.end.earliest_ns - first.start.latest_ns)
    return Check(
        name,
        Outcome.INCONC,
        f"First share - too few users came anew in the {lasted} that it lasted - Expected: >= {wording.count(needed)}, "
        f"Actual: {wording.count(first.users)} - hold the first share longer (upgrade.additional_params)",
        ("I5",),
    )


def _units_check(ramp: Ramp, timeline: UnitTimeline | None) -> Check:
    """No unit may go while only the first share is served by the new version."""
    if timeline is None:
        return no_units()
    name, first = "units in the first share", ramp.first_partial
    if first is None:
        return Check(name, Outcome.PASS, "no first share in which units could have been removed")
    surely = [
        unit for unit in timeline.old if _gone_in(unit, first.start.latest_ns, first.end.earliest_ns, surely=True)
    ]
    maybe = [
        unit for unit in timeline.old if _gone_in(unit, first.start.earliest_ns, first.end.latest_ns, surely=False)
    ]
    outcome = outcome_of(surely=bool(surely), maybe=bool(maybe))
    if outcome is Outcome.PASS:
        return Check(name, outcome, "no unit removed while it lasted")
    named = surely if outcome is Outcome.FAIL else maybe
    message = (
        f"Units - removed while only the first share was served by the new version - Expected: 0, "
        f"Actual: {len(named)} ({', '.join(unit.id for unit in named)})"
    )
    if outcome is Outcome.FAIL:
        return Check(name, outcome, message)
    return Check(name, outcome, f"{message}, perhaps before or after it", ("I4",))


def _gone_in(unit: Unit, start_ns: int, end_ns: int, *, surely: bool) -> bool:
    if unit.gone is None:
        return False
    if surely:
        return start_ns < unit.gone.earliest_ns and unit.gone.latest_ns < end_ns
    return unit.gone.latest_ns > start_ns and unit.gone.earliest_ns < end_ns
