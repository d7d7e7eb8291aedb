"""What RQ-TRF-06 looks at: traffic that no rule concerns, and what became of it while rules were changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hitless.history import CounterSeries, History, TrafficGroup
from hitless.judges.allowances import Allowance, baseline_share, window_allowance
from hitless.measures import counting
from hitless.measures.counting import LossCount
from hitless.measures.gaps import LongestGaps, longest_gaps, probe_loss
from hitless.measures.hitless_flows import duplicates_in
from hitless.measures.next_hop import unfollowed
from hitless.measures.selection import Rule, RuleSet
from hitless.measures.spans import Span
from hitless.measures.stalls import sending_stalls, stall_spans
from hitless.measures.timelines import timelines
from hitless.sessions import Layout

_SETTLING_NS = 500_000_000
"""What was lost so long before the first change was not on its way when the first change came."""


@dataclass(frozen=True, slots=True)
class Churn:
    """Everything that the checks look at, measured once.

    Attributes:
        span: from before the first change to after the last one.
        groups: traffic that none of the rules can concern.
        loss: in the span; ``lost_at_most`` includes what was lost just before it.
        duplicates, baseline_duplicates: copies beyond the first, in the span and in the baseline.
        duplicates_anyway: how many of the span's the baseline explains.
    """

    history: History
    changes: tuple[RuleSet, ...]
    span: Span
    groups: tuple[TrafficGroup, ...]
    loss: LossCount
    allowance: Allowance
    duplicates: int
    baseline_duplicates: int
    duplicates_anyway: int
    gaps: LongestGaps


def first_lost_ns(measured: Churn) -> list[int]:
    """Return when the first packet was lost; empty without any."""
    counters = _only(measured.history.counters, measured.groups)
    return counting.first_missing_ns(counters, *_rows(counters, measured.span))


def first_doubled_ns(measured: Churn) -> list[int]:
    """Return when the packets were sent that came twice."""
    probes, span = measured.history.probes, measured.span
    inside = (probes.sent_ns >= span.start_ns) & (probes.sent_ns < span.end_ns)
    mine = np.flatnonzero(inside & np.isin(probes.pg_id, [group.pg_id for group in measured.groups]))
    names = np.stack((probes.pg_id[mine].astype(np.int64), probes.number[mine]))
    _, first, count = np.unique(names, axis=1, return_index=True, return_counts=True)
    found: list[int] = probes.sent_ns[mine[first[count > 1]]].tolist()
    return found


def measure_churn(history: History, changes: tuple[RuleSet, ...]) -> Churn:
    """Measure what became of the traffic that no rule of the changes concerns."""
    span = Span(changes[0].asked_ns, changes[-1].until_ns)
    rules = [rule for change in changes for rule in change.rules]
    groups = tuple(group for group in history.groups if not _concerned(group, rules))
    counters = _only(history.counters, groups)
    rows = _rows(counters, span)
    streams = tuple(stream for stream in timelines(history) if stream.group in groups)
    stalls = stall_spans((*history.stalls, *sending_stalls(streams)))
    baseline = _baseline(history)
    doubled = _duplicates(history, groups, baseline)
    before, inside = probe_loss(streams, baseline).sent, probe_loss(streams, span).sent
    return Churn(
        history=history,
        changes=changes,
        span=span,
        groups=groups,
        loss=_loss(counters, rows, span),
        allowance=window_allowance(
            counters,
            rows,
            stalls=stalls,
            rated_pps=history.rated_capacity_pps,
            baseline=counting.loss_between(counters, *_rows(counters, baseline)),
            astray=unfollowed(history),
        ),
        duplicates=_duplicates(history, groups, span),
        baseline_duplicates=doubled,
        duplicates_anyway=baseline_share(LossCount(before, doubled, doubled), inside) if before else doubled,
        gaps=longest_gaps(streams, span),
    )


def _concerned(group: TrafficGroup, rules: Sequence[Rule]) -> bool:
    if not group.layout:
        return True  # nobody knows whose packets these are
    layout = Layout.from_data(group.layout)
    return any(rule.may_concern(layout) for rule in rules)


def _only(counters: CounterSeries, groups: Sequence[TrafficGroup]) -> CounterSeries:
    kept = np.isin(counters.pg_ids, [group.pg_id for group in groups])
    return replace(counters, pg_ids=counters.pg_ids[kept], tx=counters.tx[:, kept], rx=counters.rx[:, kept])


def _rows(counters: CounterSeries, span: Span) -> tuple[int, int]:
    first = counting.row_before(counters, span.start_ns)
    return first, max(first, counting.row_after(counters, span.end_ns))


def _loss(counters: CounterSeries, rows: tuple[int, int], span: Span) -> LossCount:
    inside = counting.loss_between(counters, *rows)
    at_most = counting.missing_between(counters, counting.row_before(counters, span.start_ns - _SETTLING_NS), rows[1])
    return LossCount(inside.sent, inside.lost, max(inside.lost, at_most))


def _baseline(history: History) -> Span:
    begun = history.when("baseline")
    ended = history.when("lead-in")
    request_ns = history.when("request") or 0
    start = begun if begun is not None else history.when("traffic-started")
    return Span(request_ns if start is None else start, request_ns if ended is None else ended)


def _duplicates(history: History, groups: Sequence[TrafficGroup], span: Span) -> int:
    probes, mine = history.probes, [group.pg_id for group in groups if group.kind == "probe"]
    kept = np.isin(probes.pg_id, mine)
    return duplicates_in(probes.number[kept], probes.sent_ns[kept], probes.pg_id[kept], span)


def surplus_count(measured: Churn) -> int:
    """Return how many more packets of a load group came back than were sent: copies of packets without a number."""
    surplus = counting.surplus_groups(_only(measured.history.counters, measured.groups))
    load = {group.pg_id for group in measured.groups if group.kind == "load"}
    return sum(count for pg_id, count in surplus.items() if pg_id in load)
