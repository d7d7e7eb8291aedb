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

    @property
    def by_session(self) -> Int64Array:
        """All packet numbers, by session and within each in order."""
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
        if len(numbers) == 0:
            return 0
        names = self.layout.session(numbers)
        seen = np.zeros(int(names.max()) + 1, np.bool_)
        seen[names] = True
        return int(np.count_nonzero(seen))

    def rows_in(self, span: Span) -> NDArray[np.bool_]:
        """Tell which packets were sent in the span."""
        return (self.sent_ns >= span.start_ns) & (self.sent_ns < span.end_ns)


def numbers_by_session(layout: Layout, count: int) -> Int64Array:
    """Return the numbers of the first packets of a stream by session and within each in order.

    Sessions follow from numbers, so nothing has to be sorted: as many sessions as there are slots run side by side, and
    when they end (short sessions) as many others follow.
    """
    slots, numbers = layout.session_step, np.arange(count, dtype=np.int64)
    if layout.packets_per_session is None:
        return _by_slot(numbers, slots)
    together = slots * layout.packets_per_session
    whole = count - count % together
    done = numbers[:whole].reshape(-1, layout.packets_per_session, slots).swapaxes(1, 2).reshape(-1)
    return np.concatenate((done, _by_slot(numbers[whole:], slots)))


def _by_slot(numbers: Int64Array, slots: int) -> Int64Array:
    """Return numbers that fill slots in turn, by slot; the last turn may be cut short."""
    turns, left = divmod(len(numbers), slots)
    if turns == 0:
        return numbers
    square, last = numbers[: turns * slots].reshape(turns, slots), numbers[turns * slots :]
    longer = np.vstack((square[:, :left], last)).T.reshape(-1)
    return np.concatenate((longer, square[:, left:].T.reshape(-1)))


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
    return numbers, row[numbers], int(np.count_nonzero(arrival < highest))


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
