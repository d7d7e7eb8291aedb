"""Whether the generator sent what was planned, and whether what came in was of this run at all.

A generator that cannot keep up says nothing: TRex lets a plan take longer. So the rate is what was sent over the time
that passed on the tester's clock.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hitless.history import COHORT_STOPPED, CounterSeries, History, TrafficGroup
from hitless.measures import counting
from hitless.measures.spans import Span, merged
from hitless.sessions import Layout

_SHORTEST_NS = 1_000_000_000
"""In less time the instants of two samples are not known well enough for a rate."""


def sending_span(counters: CounterSeries) -> Span | None:
    """Return from when to when packets were sent, as far as samples show; None if none was."""
    grew = _growth(counters)
    if len(grew) == 0:
        return None
    return Span(int(counters.asked_ns[grew[0]]), int(counters.answered_ns[grew[-1] + 1]))


def longest_silence_ns(counters: CounterSeries, span: Span) -> int:
    """Return the longest time within a span in which surely no packet was sent."""
    grew = _growth(counters)
    # A packet that was sent between two samples may have been so right after the first, or right before the second.
    pairs = zip(counters.asked_ns[grew].tolist(), counters.answered_ns[grew + 1].tolist(), strict=True)
    longest, quiet_since_ns = 0, span.start_ns
    for busy in merged(Span(first_ns, last_ns).common(span) for first_ns, last_ns in pairs):
        longest, quiet_since_ns = max(longest, busy.start_ns - quiet_since_ns), busy.end_ns
    return max(longest, span.end_ns - quiet_since_ns)


def probe_rates(history: History, span: Span) -> dict[str, float]:
    """Return which part of the planned rate each stream of probes was sent at, at most, by name of the group.

    A sample was taken at some instant between its question and its answer, so the time between the first and the last
    one may have been shorter by half of both round trips: whoever answers slowly has not sent slowly. Long-lived
    sessions are held against the time until they were ended. Streams that were to be sent for less than a second of the
    span, or that were sampled for less, are left out.
    """
    rates = {}
    for group in history.groups:
        if group.kind != "probe" or group.rate_pps <= 0:
            continue
        rate_pps = _rate_pps(history.counters, group, span.common(_planned(history, group)))
        if rate_pps is not None:
            rates[group.name] = rate_pps / group.rate_pps
    return rates


def received_ahead(counters: CounterSeries) -> dict[int, int]:
    """Return by group id how many more packets had come back than were sent even by the next sample, where there were.

    A receiver may count a packet before the sender does, but not for as long as from one sample to the next.
    """
    if len(counters.tx) < 2:
        return {}
    ahead = np.max(counters.rx[:-1] - counters.tx[1:], axis=0)
    return {int(pg_id): int(count) for pg_id, count in zip(counters.pg_ids, ahead, strict=True) if count > 0}


def earlier_probes(history: History) -> int:
    """Return how many probes came back that were sent before the traffic of this recording began."""
    started_ns, probes = history.when("traffic-started"), history.probes
    if started_ns is None:
        return probes.earlier_count
    return probes.earlier_count + int(np.count_nonzero(probes.sent_ns + probes.clock_error_ns < started_ns))


def _growth(counters: CounterSeries) -> NDArray[np.intp]:
    """Return the samples after which more had been sent by the next one."""
    return np.flatnonzero(np.diff(counters.tx.sum(axis=1)) > 0)


def _planned(history: History, group: TrafficGroup) -> Span:
    started, stopped = history.when("traffic-started"), history.when("traffic-stopped")
    ended = history.when(COHORT_STOPPED)
    if ended is not None and group.layout and not Layout.from_data(group.layout).short_sessions:
        stopped = ended
    first = int(history.counters.asked_ns[0]) if len(history.counters.asked_ns) else 0
    last = int(history.counters.answered_ns[-1]) if len(history.counters.asked_ns) else 0
    return Span(first if started is None else started, last if stopped is None else stopped)


def _rate_pps(counters: CounterSeries, group: TrafficGroup, span: Span) -> float | None:
    columns: Sequence[int] = np.flatnonzero(counters.pg_ids == group.pg_id).tolist()
    at_ns = counting.instants_ns(counters)
    inside = np.flatnonzero((at_ns >= span.start_ns) & (at_ns <= span.end_ns))
    if not columns or len(inside) < 2:
        return None
    first, last = int(inside[0]), int(inside[-1])
    length_ns = int(counters.asked_ns[last] - counters.answered_ns[first])
    if length_ns < _SHORTEST_NS:
        return None
    return int(counters.tx[last, columns[0]] - counters.tx[first, columns[0]]) / (length_ns / 1e9)
