"""RQ-UPG-05: completion is declared when almost nothing is left on the old version, and afterwards nothing remains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hitless.history import History, Interval
from hitless.judges import wording
from hitless.judges.common import Window, never_requested, no_counters, overlap_check, upgrade_check, window_of
from hitless.judges.evidence import (
    SOURCE,
    capacities_check,
    completed_at,
    no_units,
    outcome_of,
    probes_check,
    version_marks_check,
    violated_since,
)
from hitless.judges.unit_tables import since_request, unit_table
from hitless.measures import confidence
from hitless.measures.residue import Census, last_served_ns, packets_after, session_census
from hitless.measures.sightings import section
from hitless.measures.timelines import Timeline, timelines
from hitless.measures.units import Unit, UnitTimeline, capacity_pps, unit_timeline
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-UPG-05"
SETTLING_NS = 1_000_000_000
"""So long after completion the source version may serve its last packets."""
HEARD_NS = 2_000_000_000
"""For so long sessions are counted after completion, as few are open at one instant."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class _Residue:
    """What the source version still did when the upgrade was declared complete, and after it.

    Attributes:
        completed: when it was declared complete.
        earliest, latest: sessions then and shortly after it, if that was as early or as late as possible.
        packets: marked packets of the rest of the tail.
        surely, maybe: how many of them the source version served, counted from the latest and the earliest instant.
        last_ns: when the last packet that it served was sent.
    """

    completed: Interval
    earliest: Census
    latest: Census
    packets: int
    surely: int
    maybe: int
    last_ns: int | None


def judge_upg_05(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge the end of the upgrade.

    Expected results:
        * PASS: at completion (almost) no session was served by the source version, a second later nothing was, and at
          the end of the tail all units are of the target package, with at least the capacity of before.
        * FAIL: sessions, packets or units of the source version remained, or temporary ones.
        * INCONC: completion, sessions or the last document are missing, or too few sessions were open.

    Args:
        history: an upgrade under load.
        limits: ``source_sessions_ratio``, ``source_packets_count``, ``leftover_units_count``,
            ``heard_sessions_count``, and the durations for the overlap.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    timeline, completed = unit_timeline(history, window.request_ns), completed_at(history, window)
    residue = None if completed is None else _residue(history, window, completed)
    checks = [_not_completed()] if residue is None else _traffic_checks(residue, limits)
    checks += _unit_checks(history, timeline, round(limits["leftover_units_count"]))
    checks += [version_marks_check(history), probes_check(history)]
    checks.append(overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters())
    checks.append(upgrade_check(history, window))
    evidence = {
        "completed_after_request_s": since_request(completed, window.request_ns),
        "units": [] if timeline is None else unit_table(timeline),
    }
    verdict = Verdict(REQUIREMENT, tuple(checks), _figures(history, residue, timeline), dict(limits), evidence)
    failed = {one.name for one in checks if one.outcome is Outcome.FAIL}
    late = {"source version at completion": 0, "source version after completion": SETTLING_NS}
    known_ns = 0 if completed is None else completed.latest_ns
    return violated_since(verdict, (known_ns + delay_ns for name, delay_ns in late.items() if name in failed))


def _residue(history: History, window: Window, completed: Interval) -> _Residue:
    streams, end_ns, error_ns = timelines(history), window.observed.end_ns, history.probes.clock_error_ns

    def census(at_ns: int) -> Census:
        return session_census(
            streams,
            at_ns,
            heard_ns=HEARD_NS,
            session_timeout_s=history.session_timeout_s,
            version=SOURCE,
        )

    packets, surely = _after(streams, completed.latest_ns + SETTLING_NS + error_ns, end_ns)
    return _Residue(
        completed=completed,
        earliest=census(completed.earliest_ns - error_ns),
        latest=census(completed.latest_ns + error_ns),
        packets=packets,
        surely=surely,
        maybe=_after(streams, completed.earliest_ns + SETTLING_NS - error_ns, end_ns)[1],
        last_ns=last_served_ns(streams, version=SOURCE),
    )


def _after(streams: Sequence[Timeline], start_ns: int, end_ns: int) -> tuple[int, int]:
    return packets_after(streams, start_ns, end_ns, version=SOURCE)


def _not_completed() -> Check:
    message = "Completion - not seen - Expected: COMPLETED, polled or notified, Actual: neither - see operations.jsonl"
    return Check("source version at completion", Outcome.INCONC, message, ("I12",))


def _traffic_checks(residue: _Residue, limits: Mapping[str, float]) -> list[Check]:
    return [
        _sessions_check(residue, limits["source_sessions_ratio"], round(limits["heard_sessions_count"])),
        _packets_check(residue, round(limits["source_packets_count"])),
    ]


def _sessions_check(residue: _Residue, limit: float, needed: int) -> Check:
    name, late, early = "source version at completion", residue.latest, residue.earliest
    told = f"Expected: <= {wording.percent(limit)}, Actual: {_census_words(late)}"
    if max(_lower(late.open_served, late.open), _lower(late.heard_served, late.heard)) > limit:
        return Check(name, Outcome.FAIL, f"Completion - declared while the source version serves sessions - {told}")
    if early.ratio > limit:
        reason = "I6" if late.ratio > limit else "I4"
        message = f"Completion - perhaps declared while the source version serves sessions - {told}"
        return Check(
            name, Outcome.INCONC, f"{message}; if as early as it can have been: {_census_words(early)}", (reason,)
        )
    if late.heard < needed:
        message = f"Completion - too few sessions heard of in the 2 s after it - Expected: >= {wording.count(needed)}"
        return Check(name, Outcome.INCONC, f"{message}, Actual: {wording.count(late.heard)}", ("I5",))
    bound = wording.bound(confidence.upper_bound(late.heard_served, late.heard))
    within = wording.below(residue.completed.latest_ns - residue.completed.earliest_ns)
    return Check(
        name, Outcome.PASS, f"at completion {_census_words(late)} (<= {bound} at 95 %), instant known within {within}"
    )


def _lower(events: int, trials: int) -> float:
    return confidence.interval(events, trials)[0] if trials else 0.0


def _census_words(census: Census) -> str:
    return (
        f"{wording.count(census.open_served)} of {wording.count(census.open)} open sessions on the source version, "
        f"{wording.count(census.heard_served)} of {wording.count(census.heard)} in the 2 s after"
    )


def _packets_check(residue: _Residue, limit: int) -> Check:
    name = "source version after completion"
    outcome = outcome_of(surely=residue.surely > limit, maybe=residue.maybe > limit)
    if outcome is Outcome.PASS and residue.packets == 0:
        message = "Tail - no packet was seen in it - Expected: > 0 packets later than 1.0 s after completion, Actual: 0"
        return Check(name, Outcome.INCONC, message, ("I7",))
    if outcome is Outcome.PASS:
        bound = wording.bound(confidence.upper_bound(min(residue.surely, residue.packets), residue.packets))
        return Check(
            name, outcome, f"{residue.surely} of {wording.count(residue.packets)} packets after it (<= {bound})"
        )
    actual = residue.surely if outcome is Outcome.FAIL else residue.maybe
    message = (
        f"Tail - packets served by the source version later than 1.0 s after completion - Expected: <= {limit}, "
        f"Actual: {wording.count(actual)} of {wording.count(residue.packets)}"
    )
    return Check(name, outcome, message, ("I4",) if outcome is Outcome.INCONC else ())


def _unit_checks(history: History, timeline: UnitTimeline | None, limit: int) -> list[Check]:
    if timeline is None:
        return [no_units()]
    if not any(one.kind == "vnf_instance" and one.label == "end" for one in history.snapshots):
        message = "Units - not looked at when the tail ended - Expected: VnfInstance labelled end, Actual: none"
        return [Check("units at the end", Outcome.INCONC, f"{message} - see snapshots.jsonl", ("I12",))]
    capacities = capacities_check(timeline)
    final = [_final_capacity_check(timeline)] if capacities.outcome is Outcome.PASS else [capacities]
    left = _leftover_check(timeline, _leftovers(history, timeline), limit)
    return [left, _operation_read_check(history), *final]


def _operation_read_check(history: History) -> Check:
    """Which units are temporary, only the operation says."""
    name = "temporary units"
    if any(one.kind == "operation" and "operationState" in one.document for one in history.snapshots):
        return Check(name, Outcome.PASS, "temporary units known from the operation")
    message = "Temporary units - not known - Expected: the operation occurrence, Actual: never read"
    return Check(name, Outcome.INCONC, f"{message} - see snapshots.jsonl", ("I12",))


def _leftovers(history: History, timeline: UnitTimeline) -> tuple[Unit, ...]:
    """Return the units that are there at the end and should not be: old, temporary, or of another package."""
    target = str(section(section(history.sut, "vnf"), "target").get("vnfd_id", ""))
    return tuple(
        unit
        for unit in timeline.units
        if unit.gone is None and (not unit.new or unit.temporary or (target and unit.last_vnfd_id != target))
    )


def _leftover_check(timeline: UnitTimeline, left: Sequence[Unit], limit: int) -> Check:
    name, there = "units at the end", sum(1 for unit in timeline.units if unit.gone is None)
    if len(left) <= limit:
        return Check(name, Outcome.PASS, f"{there - len(left)} of {there} units of the target package, none temporary")
    named = ", ".join(f"{unit.id} ({'temporary' if unit.temporary else unit.vnfd_id})" for unit in left)
    message = f"Units - not of the target package or temporary, at the end of the tail - Expected: <= {limit}"
    return Check(name, Outcome.FAIL, f"{message}, Actual: {len(left)} of {there}: {named}")


def _final_capacity_check(timeline: UnitTimeline) -> Check:
    name, before = "capacity at the end", timeline.before_pps
    final = capacity_pps(unit for unit in timeline.new if unit.gone is None)
    if final >= before - _ROUNDING:
        return Check(name, Outcome.PASS, f"{final:.0f} pps of new units at the end, {before:.0f} pps before")
    message = f"Units - fewer than before at the end of the tail - Expected: >= {before:.0f} pps of new units"
    return Check(name, Outcome.FAIL, f"{message}, Actual: {final:.0f} pps")


def _figures(
    history: History, residue: _Residue | None, timeline: UnitTimeline | None
) -> dict[str, float | int | str | None]:
    figures: dict[str, float | int | str | None] = {}
    if residue is not None:
        late, last_ns, done_ns = residue.latest, residue.last_ns, residue.completed.latest_ns
        figures = {
            "source_sessions_ratio": late.ratio if late.heard else None,
            "open_sessions_count": late.open,
            "heard_sessions_count": late.heard,
            "source_packets_count": residue.surely,
            "possible_source_packets_count": residue.maybe,
            "tail_packets_count": residue.packets,
            "last_source_packet_after_completion_s": None if last_ns is None else (last_ns - done_ns) / 1e9,
        }
    if timeline is None:
        return figures
    return figures | {
        "units_before_count": len(timeline.before),
        "units_at_the_end_count": sum(1 for unit in timeline.units if unit.gone is None),
        "leftover_units_count": len(_leftovers(history, timeline)),
    }
