"""The traffic while requests were made that must change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hitless.history import Attempt, History
from hitless.judges import wording
from hitless.judges.allowances import Allowance, window_allowance
from hitless.judges.common import no_counters
from hitless.judges.doubles import doubles_check
from hitless.measures import confidence, counting
from hitless.measures.copies import counted_once
from hitless.measures.counting import LossCount
from hitless.measures.next_hop import unfollowed
from hitless.measures.spans import Span
from hitless.measures.stalls import sending_stalls, stall_spans
from hitless.measures.timelines import timelines
from hitless.verdict import Check, Outcome

_NAME = "traffic meanwhile"
_AFTER_NS = 500_000_000
"""What a request disturbs shows this soon after its answer; the next stimulus comes later."""
_FILLING_NS = 500_000_000
"""In its first moments traffic fills the path, which counters cannot tell from loss."""


@dataclass(frozen=True, slots=True)
class _Measured:
    span: Span
    loss: LossCount
    allowance: Allowance


def traffic_check(history: History, attempts: Sequence[Attempt]) -> Check:
    """Hold the traffic from the first to the last of some requests against: nothing is lost."""
    if not attempts:
        message = "Traffic - no request was made during which it could be looked at - Expected: >= 1, Actual: 0"
        return Check(_NAME, Outcome.INCONC, f"{message} - see attempts.jsonl", ("I12",))
    if len(history.counters.asked_ns) < 2:
        return no_counters()
    measured = _measure(history, attempts)
    loss, allowance = measured.loss, measured.allowance
    told = (
        f"Traffic - {wording.count(loss.lost)} of {wording.count(loss.sent)} packets lost during refused requests - "
        f"Expected: 0, Actual: {loss.lost}; not attributable to the system under test: {allowance.words}"
    )
    if loss.lost > allowance.total:
        return Check(_NAME, Outcome.FAIL, told)
    if loss.lost_at_most:
        return Check(_NAME, Outcome.INCONC, told, allowance.reasons)
    return _nothing_lost(history, measured)


def _nothing_lost(history: History, measured: _Measured) -> Check:
    """Tell how much the absence of loss says."""
    counters, span, sent = history.counters, measured.span, measured.loss.sent
    if int(counters.asked_ns[0]) > span.start_ns or int(counters.answered_ns[-1]) < span.end_ns:
        message = "Traffic - was not counted during all requests - Expected: from the first to the last"
        return Check(_NAME, Outcome.INCONC, f"{message}, Actual: part of the time - see counters.npz", ("I7",))
    if sent == 0:
        message = "Traffic - nothing was sent during the requests - Expected: > 0, Actual: 0"
        return Check(_NAME, Outcome.INCONC, message, ("I2",))
    doubles = doubles_check(history, _NAME)
    if doubles.outcome is not Outcome.PASS:
        return doubles
    bound = wording.bound(confidence.upper_bound(0, sent))
    return Check(_NAME, Outcome.PASS, f"0 of {wording.count(sent)} packets lost meanwhile (<= {bound} at 95 %)")


def traffic_figures(history: History, attempts: Sequence[Attempt]) -> dict[str, float | int | str | None]:
    """Return the numbers behind it."""
    if not attempts or len(history.counters.asked_ns) < 2:
        return {"sent_packets_count": 0, "lost_packets_count": None}
    measured = _measure(history, attempts)
    return {
        "sent_packets_count": measured.loss.sent,
        "lost_packets_count": measured.loss.lost,
        "not_attributable_packets_count": measured.allowance.total,
        "requests_duration_s": measured.span.length_ns / 1e9,
    }


def _measure(history: History, attempts: Sequence[Attempt]) -> _Measured:
    counters = counted_once(history)
    first_ns = min(one.asked_ns for one in attempts)
    span = Span(first_ns, max(one.answered_ns for one in attempts) + _AFTER_NS)
    rows = (counting.row_before(counters, span.start_ns), counting.row_after(counters, span.end_ns))
    started_ns = history.when("traffic-started")
    steady_ns = int(counters.asked_ns[0]) if started_ns is None else started_ns + _FILLING_NS
    quiet = (min(rows[0], counting.row_after(counters, steady_ns)), rows[0])
    allowance = window_allowance(
        counters,
        rows,
        stalls=stall_spans((*history.stalls, *sending_stalls(timelines(history)))),
        rated_pps=history.rated_capacity_pps,
        baseline=counting.loss_between(counters, *quiet),
        astray=unfollowed(history),
    )
    return _Measured(span, counting.loss_between(counters, *rows), allowance)
