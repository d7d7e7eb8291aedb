"""Whether what a judge looks at is there at all: marks on packets, probes, documents of MANO, declared capacities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from hitless.history import AMBIGUOUS, History, Interval
from hitless.judges import wording
from hitless.judges.common import MOST_UNCAPTURED_RATIO, UPGRADE_OPERATION, Window, capture_problem
from hitless.measures import counting
from hitless.measures.sightings import same_event
from hitless.measures.timelines import Timeline
from hitless.measures.units import UnitTimeline
from hitless.verdict import Check, Outcome, Verdict

MOST_UNMARKED_RATIO = 0.001
"""Packets without exactly one mark; above it the marks cannot be relied on (I9)."""
SOURCE, TARGET = 0, 1
"""Places of the two versions in ``History.versions``."""


def outcome_of(*, surely: bool, maybe: bool) -> Outcome:
    """Return what a violation means that is certain, or possible, within what is known of the instants."""
    if surely:
        return Outcome.FAIL
    return Outcome.INCONC if maybe else Outcome.PASS


def violated_since(verdict: Verdict, instants_ns: Iterable[int]) -> Verdict:
    """Have a verdict that fails tell when the first of some violations began, if any instant is known."""
    first_ns = min(instants_ns, default=None)
    if verdict.outcome is not Outcome.FAIL or first_ns is None:
        return verdict
    return replace(verdict, evidence={**verdict.evidence, "first_violation_ns": int(first_ns)})


def version_marks_check(history: History) -> Check:
    """Hold the version marks against: exactly one of the declared ones on nearly every probe."""
    name, version, declared = "version marks", history.probes.version, history.versions
    unmarked, total = int(np.count_nonzero(version < 0)), len(version)
    if len(declared) >= 2 and total and unmarked / total <= MOST_UNMARKED_RATIO:
        return Check(name, Outcome.PASS, f"{wording.count(total - unmarked)} probes marked")
    ambiguous = int(np.count_nonzero(version == AMBIGUOUS))
    return Check(
        name,
        Outcome.INCONC,
        f"Version marks - missing or ambiguous - Expected: exactly one of {len(declared)} versions on "
        f">= {wording.percent(1 - MOST_UNMARKED_RATIO)} of the probes, "
        f"Actual: {wording.count(unmarked - ambiguous)} without and {wording.count(ambiguous)} with several "
        f"of {wording.count(total)} - see the marks in manifest.json",
        ("I9",),
    )


def instance_marks_check(history: History) -> Check:
    """Hold the instance marks against: on nearly every probe, as units cannot be told apart without them."""
    name, instance = "instance marks", history.probes.instance
    unmarked, total = int(np.count_nonzero(instance < 0)), len(instance)
    if total and unmarked / total <= MOST_UNMARKED_RATIO:
        return Check(name, Outcome.PASS, f"{len(history.instances)} instances told apart")
    return Check(
        name,
        Outcome.INCONC,
        f"Instance marks - missing, so that units cannot be told apart - Expected: on "
        f">= {wording.percent(1 - MOST_UNMARKED_RATIO)} of the probes, Actual: {wording.count(unmarked)} of "
        f"{wording.count(total)} without - see vnf.marks.instance in sut.yaml",
        ("I9",),
    )


def probes_check(history: History) -> Check:
    """Hold the capture against: every probe that came back was seen and identified, and none came twice."""
    name, probes, problems = "receiver", history.probes, []
    if probes.unidentified_count:
        problems.append(f"{wording.count(probes.unidentified_count)} probes could not be identified")
    if probes.capture_lost_count:
        problems.append(f"{wording.count(probes.capture_lost_count)} captured probes were lost by the tester")
    unseen = capture_problem(history)
    problems += [unseen] if unseen else []
    probing = {group.pg_id: group.name for group in history.groups if group.kind == "probe"}
    if len(probes.number) and not probing:
        problems.append("no stream of probes is known that they could be of")
    surplus = counting.surplus_groups(history.counters)
    problems += [f"{count} more received than sent of {probing[pg]}" for pg, count in surplus.items() if pg in probing]
    if not problems:
        return Check(name, Outcome.PASS, "every probe that came back was identified")
    return Check(
        name,
        Outcome.INCONC,
        f"Receiver - not every probe can be relied on - Expected: 0, Actual: {', '.join(problems)} - see probes.json",
        ("I3",),
    )


def unseen_probes(history: History) -> int:
    """Return how many probes came back that nobody can look at."""
    probes = history.probes
    return counting.uncaptured_probes(history) + probes.unidentified_count + probes.capture_lost_count


def capture_is_blind(history: History) -> bool:
    """Tell whether more probes came back unseen than a rounding, so that what was not seen says nothing."""
    unseen = unseen_probes(history)
    return unseen > MOST_UNCAPTURED_RATIO * (unseen + len(history.probes.number))


def unless_blind(check: Check, history: History) -> Check:
    """Return a check that fails as inconclusive where the capture was blind, as what it lacks may tell otherwise."""
    if check.outcome is not Outcome.FAIL or not capture_is_blind(history):
        return check
    message = f"{check.message}; {wording.count(unseen_probes(history))} probes that came back were not seen"
    return replace(check, outcome=Outcome.INCONC, message=message, reasons=("I3",))


def resolution_check(history: History, streams: Sequence[Timeline]) -> Check:
    """Hold long-lived sessions against: each is heard of often enough to count as active."""
    name, timeout_s = "resolution", history.session_timeout_s
    periods = [
        (stream.layout.session_step / stream.group.rate_pps, stream.group.name)
        for stream in streams
        if not stream.layout.short_sessions
    ]
    if not periods:
        message = "Long-lived sessions - no such stream was sent - Expected: >= 1 stream, Actual: 0"
        return Check(name, Outcome.INCONC, message, ("I5",))
    slowest_s, slowest = max(periods)
    if slowest_s <= timeout_s / 2:
        return Check(name, Outcome.PASS, f"a packet of each long-lived session every {slowest_s:.2f} s")
    return Check(
        name,
        Outcome.INCONC,
        f"Resolution - packets of a session in {slowest} are too far apart - "
        f"Expected: <= {timeout_s / 2:g} s (half the session timeout), Actual: {slowest_s:.2f} s",
        ("I4",),
    )


def no_units() -> Check:
    """Return the check for a recording whose documents do not show the units."""
    return Check(
        "units",
        Outcome.INCONC,
        "Units - not known - Expected: a VnfInstance with vnfcResourceInfo read before the request and again after it, "
        "Actual: none - see snapshots.jsonl",
        ("I12",),
    )


def capacities_check(timeline: UnitTimeline) -> Check:
    """Hold declared unit capacities against the VDUs that were seen."""
    name = "unit capacity"
    if timeline.undeclared_vdus:
        return Check(
            name,
            Outcome.INCONC,
            f"Unit capacity - not declared for every VDU of the new units - Expected: vnf.unit_capacity_pps for "
            f"{', '.join(timeline.undeclared_vdus)}, Actual: missing - see sut.yaml",
            ("I5",),
        )
    if timeline.before_pps <= 0:
        return Check(
            name,
            Outcome.INCONC,
            "Unit capacity - units in service before the request have none - Expected: > 0 pps, Actual: 0 pps - "
            "see vnf.unit_capacity_pps in sut.yaml",
            ("I5",),
        )
    return Check(name, Outcome.PASS, f"{len(timeline.before)} units with {timeline.before_pps:.0f} pps before")


def followed_check(history: History, window: Window) -> Check:
    """Hold the reading of documents against the operation: to the end of the tail."""
    name = "documents"
    reads = [one for one in history.snapshots if one.kind == "vnf_instance"]
    last = max((one.until_ns for one in reads), default=0)
    wanted = window.request_ns if window.ended_ns is None else window.ended_ns
    if any(one.label == "end" for one in reads) and last >= wanted:
        return Check(name, Outcome.PASS, "VnfInstance read from before the request to the end of the tail")
    after = "never" if not reads else f"{wording.seconds(last - window.request_ns)} after the request"
    return Check(
        name,
        Outcome.INCONC,
        f"Documents - VnfInstance not read at the end of the tail - Expected: a document labelled end, "
        f"Actual: last read {after} - see snapshots.jsonl",
        ("I12",),
    )


def first_of_version(history: History, version: int) -> Interval | None:
    """Return when the first packet that a version served was with it; None if it served none.

    It is served between its sending and its return; both are known up to the error of the clocks.
    """
    probes = history.probes
    mine = np.flatnonzero(probes.version == version)
    if not len(mine):
        return None
    earliest_ns = int(np.min(probes.sent_ns[mine])) - probes.clock_error_ns
    return Interval(earliest_ns, int(np.min(probes.received_ns[mine])) + probes.clock_error_ns)


def completed_at(history: History, window: Window) -> Interval | None:
    """Return when the upgrade was declared complete, polled and notified taken together; None if it was not."""
    told = [
        state.entered
        for state in history.operations
        if state.operation == UPGRADE_OPERATION
        and state.state == "COMPLETED"
        and state.entered.latest_ns >= window.request_ns
    ]
    if told:
        instant = told[0]
        for other in told[1:]:
            instant = same_event(instant, other)
        return instant
    by_others = history.parameters.get("trigger", "sol003") not in {"sol003", "sol005"}
    return Interval(window.ended_ns, window.ended_ns) if by_others and window.ended_ns is not None else None
