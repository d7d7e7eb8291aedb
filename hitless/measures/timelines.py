"""Probe streams with all their packets, those that came back and those that did not, in the order of sending."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import UNMARKED, History, Int16Array, Int64Array, TrafficGroup
from hitless.measures.spans import Span
from hitless.sessions import Layout, of_group


@dataclass(frozen=True, slots=True)
class Timeline:
    """All packets of one probe stream; row ``n`` is packet number ``n``.

    Attributes:
        group, layout: the stream and how its packet numbers give sessions.
        sent_ns: when it was sent; for a packet that was lost, interpolated from its neighbours.
        received: whether it came back.
        version, instance: who served it; UNMARKED when it was lost. Of duplicates the first copy counts.
        duplicate_count: copies beyond the first.
        reordered_count: packets that arrived after one with a larger number.
    """

    group: TrafficGroup
    layout: Layout
    sent_ns: Int64Array
    received: NDArray[np.bool_]
    version: Int16Array
    instance: Int16Array
    duplicate_count: int
    reordered_count: int

    def __len__(self) -> int:
        return len(self.sent_ns)

    @property
    def numbers(self) -> Int64Array:
        """All packet numbers."""
        return np.arange(len(self.sent_ns), dtype=np.int64)

    @property
    def sessions(self) -> Int64Array:
        """Session of each packet, unique over all groups."""
        return of_group(self.group.pg_id, self.layout.session(self.numbers))

    @property
    def users(self) -> Int64Array:
        """User of each packet, unique over all groups."""
        return of_group(self.group.pg_id, self.layout.user(self.numbers))

    def rows_in(self, span: Span) -> NDArray[np.bool_]:
        """Tell which packets were sent in the span."""
        return (self.sent_ns >= span.start_ns) & (self.sent_ns < span.end_ns)


def timelines(history: History) -> tuple[Timeline, ...]:
    """Build the timeline of each probe stream of which a packet was sent."""
    built = (_timeline(history, group) for group in history.groups if group.kind == "probe")
    return tuple(timeline for timeline in built if len(timeline))


def _timeline(history: History, group: TrafficGroup) -> Timeline:
    probes = history.probes
    mine = np.flatnonzero(probes.pg_id == group.pg_id)
    arrival = probes.number[mine]
    reordered = int(np.count_nonzero(arrival < np.maximum.accumulate(arrival))) if len(arrival) else 0
    numbers, first_copy = np.unique(arrival, return_index=True)
    rows = mine[first_copy]
    # The counter knows of packets that were lost at the end, which no later packet could show.
    sent_count = max(_sent_by_counter(history, group.pg_id), int(numbers[-1]) + 1 if len(numbers) else 0)
    received = np.zeros(sent_count, np.bool_)
    received[numbers] = True
    version = np.full(sent_count, UNMARKED, np.int16)
    version[numbers] = probes.version[rows]
    instance = np.full(sent_count, UNMARKED, np.int16)
    instance[numbers] = probes.instance[rows]
    return Timeline(
        group=group,
        layout=Layout.from_data(group.layout),
        sent_ns=_sent_times(history, group, numbers, probes.sent_ns[rows], sent_count),
        received=received,
        version=version,
        instance=instance,
        duplicate_count=len(mine) - len(numbers),
        reordered_count=reordered,
    )


def _sent_by_counter(history: History, pg_id: int) -> int:
    counters = history.counters
    column = np.flatnonzero(counters.pg_ids == pg_id)
    return int(counters.tx[-1, column[0]]) if len(column) and len(counters.tx) else 0


def _sent_times(
    history: History, group: TrafficGroup, numbers: Int64Array, sent_ns: Int64Array, sent_count: int
) -> Int64Array:
    """Return a send time for every packet: as recorded, else on a line between neighbours or at the planned rate."""
    period_ns = 1e9 / group.rate_pps
    wanted = np.arange(sent_count, dtype=np.int64)
    if sent_count == 0:
        return wanted
    if len(numbers) == 0:
        unseen: Int64Array = _first_sent_ns(history, group.pg_id) + np.rint(wanted * period_ns).astype(np.int64)
        return unseen
    origin = int(sent_ns[0])
    inner = np.interp(wanted, numbers, (sent_ns - origin).astype(np.float64))
    before = np.minimum(wanted - int(numbers[0]), 0) * period_ns
    after = np.maximum(wanted - int(numbers[-1]), 0) * period_ns
    times: Int64Array = origin + np.rint(inner + before + after).astype(np.int64)
    times[numbers] = sent_ns
    return times


def _first_sent_ns(history: History, pg_id: int) -> int:
    """Return when the first packet was counted as sent; only needed for a stream of which nothing came back."""
    counters = history.counters
    column = int(np.flatnonzero(counters.pg_ids == pg_id)[0])
    row = int(np.argmax(counters.tx[:, column] > 0))
    return int(counters.asked_ns[max(0, row - 1)])
