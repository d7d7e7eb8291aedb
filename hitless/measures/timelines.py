"""Probe streams with all their packets, those that came back and those that did not, in the order of sending."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import UNMARKED, History, Int16Array, Int64Array, TrafficGroup
from hitless.measures.spans import Span
from hitless.sessions import Layout, of_group

PIECE = 1 << 16
"""So many packets are looked at together: what is computed of them fits into a core's cache."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """All packets of one probe stream; row ``n`` is packet number ``n``.

    Attributes:
        group, layout: the stream and how its packet numbers give sessions.
        sent_ns: when it was sent; for a packet that was lost, interpolated from its neighbours.
        received: whether it came back.
        version, instance: who served it; UNMARKED when it was lost. Of duplicates the first copy counts.
        duplicate_count: copies beyond the first.
        reordered_count: packets whose first copy arrived after one with a larger number (RFC 4737, section 3). A copy
            that comes late is a duplicate.
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

    def by_session(self) -> Iterator[Int64Array]:
        """All packet numbers, by session and within each in order, in pieces of whole sessions."""
        return numbers_by_session(self.layout, len(self.sent_ns))

    @property
    def in_order_of_time(self) -> bool:
        """Whether no packet was sent before one with a smaller number, as far as clocks tell."""
        return bool((self.sent_ns[1:] >= self.sent_ns[:-1]).all())

    def sessions_of(self, numbers: Int64Array) -> Int64Array:
        """Session of some packets, unique over all groups."""
        return of_group(self.group.pg_id, self.layout.session(numbers))

    def users_of(self, numbers: Int64Array) -> Int64Array:
        """User of some packets, unique over all groups."""
        return of_group(self.group.pg_id, self.layout.user(numbers))

    def session_count(self, numbers: Int64Array) -> int:
        """How many different sessions some packets belong to."""
        seen = np.zeros(len(self), np.bool_)  # there are no more sessions than packets
        for start in range(0, len(numbers), PIECE):
            seen[self.layout.session(numbers[start : start + PIECE])] = True
        return int(np.count_nonzero(seen))

    def rows_in(self, span: Span) -> NDArray[np.bool_]:
        """Tell which packets were sent in the span."""
        return (self.sent_ns >= span.start_ns) & (self.sent_ns < span.end_ns)


def numbers_by_session(layout: Layout, count: int, piece: int = PIECE) -> Iterator[Int64Array]:
    """Return the numbers of the first packets of a stream by session and within each in order, piece by piece.

    Sessions follow from numbers, so nothing has to be sorted: as many sessions as there are slots run side by side, and
    when they end (short sessions) as many others follow.

    Args:
        layout: of the stream.
        count: how many packets.
        piece: about so many numbers are returned at a time, but never a part of a session.
    """
    turns = layout.packets_per_session or max(1, -(-count // layout.session_step))
    together = turns * layout.session_step
    whole = 0 if together > piece else count - count % together
    step = piece // together * together
    for first in range(0, whole, max(step, 1)):
        block = np.arange(first, min(first + step, whole), dtype=np.int64).reshape(-1, turns, layout.session_step)
        yield block.swapaxes(1, 2).reshape(-1)
    for first in range(whole, count, together):
        yield from _by_slot(first, min(first + together, count), layout.session_step, piece)


def _by_slot(first: int, stop: int, slots: int, piece: int) -> Iterator[Int64Array]:
    """Return numbers that fill slots in turn, by slot; the last turn may be cut short."""
    turns = np.arange(first, stop, slots, dtype=np.int64)
    width = max(1, piece // len(turns))
    for low in range(0, min(slots, stop - first), width):
        numbers = (np.arange(low, min(low + width, slots))[:, None] + turns).reshape(-1)
        yield numbers[numbers < stop] if (stop - first) % slots else numbers


def timelines(history: History) -> tuple[Timeline, ...]:
    """Build the timeline of each probe stream of which a packet was sent."""
    built = (_timeline(history, group) for group in history.groups if group.kind == "probe")
    return tuple(timeline for timeline in built if len(timeline))


def _timeline(history: History, group: TrafficGroup) -> Timeline:
    probes = history.probes
    mine = np.flatnonzero(probes.pg_id == group.pg_id)
    arrival = probes.number[mine]
    # The counter knows of packets that were lost at the end, which no later packet could show.
    sent_count = max(_sent_by_counter(history, group.pg_id), int(arrival.max()) + 1 if len(arrival) else 0)
    numbers, rows, reordered = _first_copies(arrival, mine, sent_count)
    received = np.zeros(sent_count, np.bool_)
    received[numbers] = True
    version = np.full(sent_count, UNMARKED, np.int16)
    version[numbers] = probes.version[rows]
    instance = np.full(sent_count, UNMARKED, np.int16)
    instance[numbers] = probes.instance[rows]
    return Timeline(
        group=group,
        layout=Layout.from_data(group.layout),
        sent_ns=_sent_times(history, group, numbers, probes.sent_ns[rows], received),
        received=received,
        version=version,
        instance=instance,
        duplicate_count=len(mine) - len(numbers),
        reordered_count=reordered,
    )


def _first_copies(arrival: Int64Array, mine: Int64Array, sent_count: int) -> tuple[Int64Array, Int64Array, int]:
    """Return the numbers that came back, in order, the row of the first copy of each, and how many came late."""
    highest = np.maximum.accumulate(arrival)
    # What is higher than everything before it has not been seen before. Only the others have to be sorted.
    fresh = np.ones(len(arrival), np.bool_)
    fresh[1:] = arrival[1:] > highest[:-1]
    if bool(fresh.all()):
        return arrival, mine, 0
    row = np.full(sent_count, -1, np.int64)
    row[arrival[fresh]] = mine[fresh]
    late = np.flatnonzero(~fresh)
    different, first = np.unique(arrival[late], return_index=True)
    unseen = row[different] < 0
    row[different[unseen]] = mine[late[first[unseen]]]
    numbers = np.flatnonzero(row >= 0)
    return numbers, row[numbers], int(np.count_nonzero(unseen))


def _sent_by_counter(history: History, pg_id: int) -> int:
    counters = history.counters
    column = np.flatnonzero(counters.pg_ids == pg_id)
    return int(counters.tx[-1, column[0]]) if len(column) and len(counters.tx) else 0


def _sent_times(
    history: History, group: TrafficGroup, numbers: Int64Array, sent_ns: Int64Array, received: NDArray[np.bool_]
) -> Int64Array:
    """Return a send time for every packet: as recorded, else on a line between neighbours or at the planned rate."""
    period_ns = 1e9 / group.rate_pps
    if len(numbers) == 0:
        wanted = np.arange(len(received), dtype=np.int64)
        if len(wanted) == 0:
            return wanted
        unseen: Int64Array = _first_sent_ns(history, group.pg_id) + np.rint(wanted * period_ns).astype(np.int64)
        return unseen
    times = np.empty(len(received), np.int64)
    times[numbers] = sent_ns
    lost = np.flatnonzero(~received)
    if len(lost) == 0:
        return times
    # Between two packets only these two matter: not all of them have to become floating-point numbers.
    after = np.searchsorted(numbers, lost)
    near = np.unique(np.clip(np.concatenate((after - 1, after)), 0, len(numbers) - 1))
    origin = int(sent_ns[0])
    inner = np.interp(lost, numbers[near], (sent_ns[near] - origin).astype(np.float64))
    before = np.minimum(lost - int(numbers[0]), 0) * period_ns
    behind = np.maximum(lost - int(numbers[-1]), 0) * period_ns
    times[lost] = origin + np.rint(inner + before + behind).astype(np.int64)
    return times


def _first_sent_ns(history: History, pg_id: int) -> int:
    """Return when the first packet was counted as sent; only needed for a stream of which nothing came back."""
    counters = history.counters
    column = int(np.flatnonzero(counters.pg_ids == pg_id)[0])
    row = int(np.argmax(counters.tx[:, column] > 0))
    return int(counters.asked_ns[max(0, row - 1)])
