"""RQ-UPG-04: old capacity is withdrawn only after it is idle: no unit with active sessions is removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hitless.history import History, Int64Array
from hitless.judges import wording
from hitless.judges.allowances import STALL_MARGIN_NS, baseline_share
from hitless.judges.common import Window, never_requested, no_counters, overlap_check, upgrade_check, window_of
from hitless.judges.evidence import (
    SOURCE,
    followed_check,
    instance_marks_check,
    no_units,
    probes_check,
    resolution_check,
    unseen_probes,
    version_marks_check,
    violated_since,
)
from hitless.judges.unit_tables import unit_table
from hitless.measures import confidence, counting
from hitless.measures.counting import LossCount
from hitless.measures.gaps import probe_loss
from hitless.measures.spans import Span, overlap_ns
from hitless.measures.stalls import sending_stalls, stall_spans
from hitless.measures.timelines import Timeline, timelines
from hitless.measures.units import UnitTimeline, unit_timeline
from hitless.measures.withdrawals import Withdrawal, withdrawals
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-UPG-04"
_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class _Removals:
    """Instances of the source version that stopped for good, and what was active on them.

    Attributes:
        streams: the probe streams.
        stopped: those that stopped no later than MANO showed the last removal.
        stalled: active sessions whose next packet was lost around a stall of the tester.
        unseen: active sessions whose next packet may have been lost by the tester's interfaces or its capture.
        expected: how many next packets are lost by chance, as in the baseline.
    """

    history: History
    window: Window
    timeline: UnitTimeline
    streams: tuple[Timeline, ...]
    stopped: tuple[Withdrawal, ...]
    stalled: int
    unseen: int
    expected: int

    @property
    def excused(self) -> int:
        """Active sessions that need not be the doing of the system under test."""
        return min(self.active, self.stalled + self.unseen + self.expected)

    @property
    def marks(self) -> int:
        """Instances of the source version that were told apart."""
        return len({int(one) for stream in self.streams for one in _instances(stream)})

    @property
    def removed_count(self) -> int:
        """Old units that MANO showed to be removed."""
        return sum(1 for unit in self.timeline.old if unit.gone is not None)

    @property
    def active(self) -> int:
        """Sessions that were active on an instance when it stopped."""
        return sum(len(one.sessions) for one in self.stopped)

    @property
    def observed(self) -> int:
        """Sessions that these instances have served since the request."""
        return sum(one.session_count for one in self.stopped)


def judge_upg_04(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether old units were idle when they were removed.

    Which unit a packet was served by shows the instance mark; when an instance of the source version served its last
    packet, the sessions that it had served last and that went on shortly after were active on it.

    Expected results:
        * PASS: enough sessions were seen on the removed units, and none was active on a unit when it stopped.
        * FAIL: sessions were, more than the tester's stalls and the baseline's loss explain.
        * INCONC: no removal was seen, instances cannot be told apart, too few sessions, or packets of a session too far
          apart to tell whether it is active.

    Args:
        history: an upgrade under load.
        limits: ``active_sessions_count``, ``observed_sessions_count``, and the durations for the overlap.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    checks = [version_marks_check(history), instance_marks_check(history), probes_check(history)]
    checks.append(overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters())
    checks += [followed_check(history, window), upgrade_check(history, window)]
    timeline = unit_timeline(history, window.request_ns)
    if timeline is None:
        return Verdict(REQUIREMENT, (no_units(), *checks), limits=dict(limits))
    removals = _removals(history, window, timeline)
    evidence = {"units": unit_table(timeline), "stopped_instances": _table(removals)}
    checks.insert(0, _active_check(removals, limits))
    checks += [_told_apart_check(removals), resolution_check(history, removals.streams)]
    verdict = Verdict(REQUIREMENT, tuple(checks), _figures(removals), dict(limits), evidence)
    active = removals.stopped if removals.active > removals.excused else ()
    return violated_since(verdict, (int(one.next_ns.min()) for one in active if len(one.next_ns)))


def _removals(history: History, window: Window, timeline: UnitTimeline) -> _Removals:
    streams = timelines(history)
    found = withdrawals(streams, history.session_timeout_s, version=SOURCE, since_ns=window.request_ns)
    last_gone_ns = max((unit.gone.latest_ns for unit in timeline.old if unit.gone is not None), default=0)
    stopped = tuple(one for one in found if one.last_served_ns <= last_gone_ns + history.probes.clock_error_ns)
    lost = [one.next_ns[~one.elsewhere] for one in stopped]
    lost_ns = np.concatenate(lost) if lost else np.zeros(0, np.int64)
    stalled = _in_stalls(lost_ns, stall_spans((*history.stalls, *sending_stalls(streams))))
    return _Removals(
        history=history,
        window=window,
        timeline=timeline,
        streams=streams,
        stopped=stopped,
        stalled=stalled,
        unseen=min(len(lost_ns) - stalled, _unseen(history, window)),
        expected=baseline_share(_baseline_loss(streams, window), len(lost_ns)),
    )


def _unseen(history: History, window: Window) -> int:
    """Return how many probes after the request may have come back although the tester does not know of it."""
    counters = history.counters
    if not len(counters.asked_ns):
        return unseen_probes(history)
    first, last = counting.row_before(counters, window.request_ns), len(counters.asked_ns) - 1
    return unseen_probes(history) + counting.tester_lost(counters, first, last)


def _instances(stream: Timeline) -> Int64Array:
    marks: Int64Array = np.unique(stream.instance[(stream.version == SOURCE) & (stream.instance >= 0)])
    return marks


def _in_stalls(sent_ns: Int64Array, stalls: tuple[Span, ...]) -> int:
    instants = (Span(at - STALL_MARGIN_NS, at + STALL_MARGIN_NS) for at in sent_ns.tolist())
    return sum(1 for near in instants if overlap_ns(stalls, near))


def _baseline_loss(streams: tuple[Timeline, ...], window: Window) -> LossCount:
    loss = probe_loss(streams, window.baseline)
    return LossCount(loss.sent, loss.lost, loss.lost)


def _active_check(removals: _Removals, limits: Mapping[str, float]) -> Check:
    name, limit = "active sessions on removed units", round(limits["active_sessions_count"])
    if removals.active - removals.excused > limit:
        return Check(name, Outcome.FAIL, _told(removals, limit))
    if removals.active > limit:
        causes = [(removals.stalled, "I14"), (removals.unseen, "I3"), (removals.expected, "I1")]
        excuse = (
            f"{removals.stalled} around stalls of the tester, {removals.unseen} perhaps not seen by it, "
            f"{removals.expected} as in the baseline"
        )
        reasons = tuple(code for count, code in causes if count)
        return Check(name, Outcome.INCONC, f"{_told(removals, limit)}; not attributable: {excuse}", reasons)
    if not removals.removed_count or not removals.stopped:
        message = (
            f"Removal - not seen, so nothing can be said about it - Expected: >= 1 old unit that disappears and stops "
            f"serving, Actual: {removals.removed_count} disappeared, {len(removals.stopped)} stopped serving"
        )
        return Check(name, Outcome.INCONC, message, ("I8",))
    needed = round(limits["observed_sessions_count"])
    if removals.observed < needed:
        message = (
            f"Removal - too few sessions seen on removed units - Expected: >= {wording.count(needed)}, "
            f"Actual: {wording.count(removals.observed)}"
        )
        return Check(name, Outcome.INCONC, message, ("I5",))
    bound = wording.bound(confidence.upper_bound(removals.active, max(removals.active, removals.observed)))
    return Check(
        name,
        Outcome.PASS,
        f"{removals.active} of {wording.count(removals.observed)} sessions active on one of {len(removals.stopped)} "
        f"removed units (<= {bound} at 95 %)",
    )


def _told_apart_check(removals: _Removals) -> Check:
    """Hold the instance marks against the removed units: fewer marks than units hide one unit behind another."""
    name = "marks of removed units"
    serving = sum(1 for unit in removals.timeline.old if unit.gone is not None and unit.capacity_pps > 0)
    if removals.marks >= serving:
        return Check(name, Outcome.PASS, f"{removals.marks} instances of the old version told apart")
    return Check(
        name,
        Outcome.INCONC,
        f"Instance marks - fewer than removed units, so that these cannot be told apart - Expected: >= {serving}, "
        f"Actual: {removals.marks} on packets of the old version - see vnf.marks.instance in sut.yaml",
        ("I9",),
    )


def _told(removals: _Removals, limit: int) -> str:
    worst = max(removals.stopped, key=lambda one: len(one.sessions))
    moved = sum(int(np.count_nonzero(one.elsewhere)) for one in removals.stopped)
    at = wording.seconds(worst.last_served_ns - removals.window.request_ns)
    return (
        f"Removal - units with active sessions stopped serving, {_name(removals, worst)} {at} after the request with "
        f"{wording.count(len(worst.sessions))} - Expected: <= {limit} active sessions, "
        f"Actual: {wording.count(removals.active)} ({wording.count(removals.active - moved)} lost, "
        f"{wording.count(moved)} sent elsewhere)"
    )


def _name(removals: _Removals, one: Withdrawal) -> str:
    names = removals.history.instances
    return names[one.instance] if one.instance < len(names) else str(one.instance)


def _table(removals: _Removals) -> list[dict[str, Any]]:
    request_ns = removals.window.request_ns
    return [
        {
            "instance": _name(removals, one),
            "last_served_after_request_s": round((one.last_served_ns - request_ns) / 1e9, 3),
            "sessions_served_count": one.session_count,
            "active_sessions_count": len(one.sessions),
            "sent_elsewhere_count": int(np.count_nonzero(one.elsewhere)),
            "examples": one.sessions[:_EXAMPLES].tolist(),
        }
        for one in removals.stopped
    ]


def _figures(removals: _Removals) -> dict[str, float | int | str | None]:
    return {
        "active_sessions_count": removals.active,
        "observed_sessions_count": removals.observed,
        "active_sessions_upper_bound_ratio": confidence.upper_bound(
            removals.active, max(removals.active, removals.observed)
        )
        if removals.observed
        else None,
        "units_removed_count": removals.removed_count,
        "instances_stopped_count": len(removals.stopped),
        "not_attributable_sessions_count": removals.excused,
    }
