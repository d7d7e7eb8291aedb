"""Loss of probes by who serves their session, and how much of it need not be the system's doing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitless.history import History
from hitless.judges import wording
from hitless.judges.allowances import STALL_MARGIN_NS, Allowance, baseline_share, overload
from hitless.judges.common import Window
from hitless.judges.evidence import SOURCE
from hitless.measures import confidence, counting
from hitless.measures.counting import LossCount
from hitless.measures.gaps import probe_loss
from hitless.measures.hitless_flows import ServedLoss, loss_of_version
from hitless.measures.next_hop import unfollowed
from hitless.measures.spans import Span
from hitless.measures.stalls import sending_stalls, stall_spans
from hitless.measures.timelines import Timeline
from hitless.verdict import Check, Outcome


@dataclass(frozen=True, slots=True)
class Trouble:
    """What of the tester, and what before any upgrade, may explain loss.

    Attributes:
        stalls: when the tester stalled.
        near_stalls: the same with a margin, within which loss may be its own.
        baseline: loss of probes before anything was requested.
    """

    history: History
    stalls: tuple[Span, ...]
    near_stalls: tuple[Span, ...]
    baseline: LossCount


def trouble_of(history: History, streams: Sequence[Timeline], window: Window) -> Trouble:
    """Collect what may explain loss in a recording."""
    stalls = stall_spans((*history.stalls, *sending_stalls(streams)))
    before = probe_loss(streams, window.baseline)
    near = tuple(stall.widened(STALL_MARGIN_NS) for stall in stalls)
    return Trouble(history, stalls, near, LossCount(before.sent, before.lost, before.lost))


def probe_allowance(trouble: Trouble, loss: ServedLoss, spans: Sequence[Span]) -> Allowance:
    """Return how many of the lost probes of some sessions may have other causes than the system under test."""
    history = trouble.history
    # Of probes that came back and that no capture holds nobody knows whose they were: they look like lost ones.
    tester, excess = min(loss.lost, counting.uncaptured_probes(history)), 0
    tester += _on_the_way_at_the_end(history, loss)
    for span in spans:
        rows = _rows(history, span)
        if rows is not None:
            tester += counting.tester_lost(history.counters, *rows)
            excess += _overload(history, rows)
    near = np.zeros(loss.lost, np.bool_)
    for stall in trouble.near_stalls:
        near |= (loss.lost_ns >= stall.start_ns) & (loss.lost_ns < stall.end_ns)
    stalled, before = int(np.count_nonzero(near)), baseline_share(trouble.baseline, loss.sent)
    return Allowance(tester, stalled, excess, before, _astray(history, loss))


def old_served_check(
    history: History, streams: Sequence[Timeline], spans: Sequence[Span], trouble: Trouble, limit: float
) -> tuple[Check, ServedLoss, Allowance]:
    """Hold the sessions that the source version serves against: no packet lost in the given spans."""
    loss = loss_of_version(streams, spans, SOURCE)
    allowance = probe_allowance(trouble, loss, spans)
    name, version = "sessions of the old version", history.versions[SOURCE] if history.versions else "the source"
    told = (
        f"Old version - {wording.count(loss.lost)} packets of {wording.count(loss.sessions_with_loss)} sessions that "
        f"{version} serves lost - Expected: <= {limit:g} packets, Actual: {wording.count(loss.lost)} of "
        f"{wording.count(loss.sent)}; not attributable to the system under test: {allowance.words}"
    )
    if loss.lost - allowance.total > limit:
        return Check(name, Outcome.FAIL, told), loss, allowance
    if loss.lost > limit:
        return Check(name, Outcome.INCONC, told, allowance.reasons), loss, allowance
    if loss.sent == 0:
        text = f"Old version - no session of {version} was seen - Expected: >= 1 session, Actual: 0 sessions"
        return Check(name, Outcome.INCONC, text, ("I5",)), loss, allowance
    bound = wording.bound(confidence.upper_bound(loss.lost, loss.sent))
    text = (
        f"{wording.count(loss.lost)} of {wording.count(loss.sent)} packets of {wording.count(loss.sessions)} sessions "
        f"of the old version lost (<= {bound} at 95 %)"
    )
    return Check(name, Outcome.PASS, text), loss, allowance


def planned_pps(history: History) -> float:
    """Return the load that was to be offered: rated capacity, or the part of it that the recording names."""
    percent = history.parameters.get("load_percent", 100.0)
    return history.rated_capacity_pps * (float(percent) / 100.0 if isinstance(percent, int | float) else 1.0)


def _rows(history: History, span: Span) -> tuple[int, int] | None:
    if len(history.counters.asked_ns) < 2:
        return None
    first = counting.row_before(history.counters, span.start_ns)
    return first, max(first, counting.row_after(history.counters, span.end_ns))


def _on_the_way_at_the_end(history: History, loss: ServedLoss) -> int:
    """Return how many packets may just not have come back yet when a recording ended while traffic ran."""
    if len(history.counters.asked_ns) == 0:
        return 0
    known = counting.last_settled_row(history.counters)
    at_ns = counting.instants_ns(history.counters)
    return int(np.count_nonzero(loss.lost_ns >= at_ns[known])) if known < len(at_ns) - 1 else 0


def _astray(history: History, loss: ServedLoss) -> int:
    """Return how many of the lost probes, all of which go up, were sent to a next hop that had changed its address."""
    ups = {group.pg_id for group in history.groups if group.kind == "probe" and group.direction == "up"}
    since_ns = min((one.since_ns for one in unfollowed(history) if ups.intersection(one.pg_ids)), default=None)
    return 0 if since_ns is None else int(np.count_nonzero(loss.lost_ns >= since_ns))


def _overload(history: History, rows: tuple[int, int]) -> int:
    counters, at_ns = history.counters, counting.instants_ns(history.counters)
    sent = int((counters.tx[rows[1]] - counters.tx[rows[0]]).sum())
    return overload(sent, int(at_ns[rows[1]] - at_ns[rows[0]]), history.rated_capacity_pps)
