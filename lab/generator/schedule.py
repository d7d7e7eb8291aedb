"""When which packet is due: pure arithmetic on nanoseconds of CLOCK_MONOTONIC, without a clock of its own.

A lane is one running stream. A timeline merges the lanes of one port, in order of time, so that streams interleave
instead of forming bursts. It plans a short window ahead; whoever sends takes from the window what is due.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lab.generator.chains import MOST_PACKETS, Runner

HORIZON_NS = 50_000_000
# What has been missed by a stall up to this long is made up for; beyond it the schedule slips.
CATCH_UP_NS = 250_000_000
# So much of the schedule goes out at once at least; after a stall, an eighth of what was missed. All of it at once
# would overrun the kernel's queue between two interfaces (netdev_max_backlog, 1000 packets).
BURST_NS = 4_000_000
BURST_PART = 8

Times = npt.NDArray[np.int64]


def burst_end_ns(now_ns: int, late_ns: int) -> int:
    """Up to which instant of the schedule packets go out now, if the oldest has been due for `late_ns`."""
    return min(now_ns, now_ns - late_ns + max(BURST_NS, late_ns // BURST_PART))


@dataclass
class Lane:
    """The times of one stream's packets: packet n is due at origin + (n - first) x interval.

    Attributes:
        interval_ns: Distance of packets.
        origin_ns: When packet `first` is due.
        first: The packet that `origin_ns` belongs to.
        planned: The next packet that is in no window yet.
        end: Number of packets altogether, or None for no end.
    """

    interval_ns: float
    origin_ns: float
    first: int = 0
    planned: int = 0
    end: int | None = None

    @property
    def finished(self) -> bool:
        """Whether all packets are in a window or sent."""
        return self.end is not None and self.planned >= self.end

    def due_ns(self, number: int) -> float:
        """When a packet is due."""
        return self.origin_ns + (number - self.first) * self.interval_ns

    def take(self, until_ns: int) -> Times:
        """Times of the next packets before `until_ns`; they count as planned from now on."""
        # What is too much for a window comes late.
        ahead = min((until_ns - self.origin_ns) / self.interval_ns, self.planned - self.first + MOST_PACKETS)
        count = math.ceil(ahead) + self.first - self.planned
        if self.end is not None:
            count = min(count, self.end - self.planned)
        if count <= 0:
            return np.empty(0, dtype=np.int64)
        numbers = np.arange(self.planned - self.first, self.planned - self.first + count)
        self.planned += count
        return (self.origin_ns + numbers * self.interval_ns).astype(np.int64)

    def next_ns(self) -> float:
        """When its next packet is due; infinite if there is none."""
        return math.inf if self.finished else self.due_ns(self.planned)

    def give_back(self, times: Times) -> None:
        """Takes back packets that were planned and not sent."""
        self.planned -= len(times)

    def shift(self, delay_ns: float) -> None:
        """Moves what is not sent yet to later."""
        self.origin_ns += delay_ns

    def stop_after(self, duration_ns: float, start_ns: float) -> None:
        """Ends the lane with the packets due before start + duration; TRex sends rate x duration packets."""
        last = self.first + int(np.ceil((start_ns + duration_ns - self.origin_ns) / self.interval_ns - 1e-6))
        self.end = max(last, 0) if self.end is None else min(self.end, max(last, 0))

    def change_rate(self, interval_ns: float, now_ns: int) -> None:
        """Goes on with another distance; the next packet keeps its place in the old gap, in proportion."""
        waited = max(0.0, self.due_ns(self.planned) - now_ns) / self.interval_ns
        self.origin_ns = now_ns + min(waited, 1.0) * interval_ns
        self.first = self.planned
        self.interval_ns = interval_ns


@dataclass(frozen=True)
class Window:
    """The packets of a stretch of time in the order they are due.

    Attributes:
        times_ns: When each is due.
        lanes: Which lane each belongs to, as an index into `Timeline.lanes` at the time of planning.
        firsts: Per lane, the number of its first packet in this window.
        counts: Per lane, how many of its packets are in this window.
    """

    times_ns: Times
    lanes: npt.NDArray[np.intp]
    firsts: tuple[int, ...]
    counts: tuple[int, ...]


def empty_window() -> Window:
    """A window without packets."""
    return Window(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.intp), (), ())


@dataclass
class Timeline:
    """Everything one port has to send."""

    lanes: Sequence[Lane | Runner] = ()
    window: Window = field(default_factory=empty_window)
    position: int = 0
    _until_ns: int = 0

    def rewind(self) -> None:
        """Takes back what is planned but not sent; needed before lanes change."""
        owners, times = self.window.lanes[self.position :], self.window.times_ns[self.position :]
        for owner in np.unique(owners):
            self.lanes[owner].give_back(times[owners == owner])
        self.window, self.position, self._until_ns = empty_window(), 0, 0

    def plan(self, now_ns: int) -> bool:
        """Makes the next window once the present one is used up; True if there is a new one."""
        if self.position < len(self.window.times_ns) or not self.lanes or now_ns < self._until_ns - HORIZON_NS // 10:
            return False
        self._until_ns = max(self._until_ns, now_ns) + HORIZON_NS
        firsts = tuple(lane.planned for lane in self.lanes)
        times = [lane.take(self._until_ns) for lane in self.lanes]
        self.position = 0
        if len(times) == 1:
            self.window = Window(times[0], np.zeros(len(times[0]), dtype=np.intp), firsts, (len(times[0]),))
            return True
        merged = np.concatenate(times)
        owners = np.repeat(np.arange(len(times)), [len(each) for each in times])
        order = np.argsort(merged, kind="stable")
        self.window = Window(merged[order], owners[order], firsts, tuple(len(each) for each in times))
        return True

    def due(self, now_ns: int) -> int:
        """How many packets of the window, from `position` on, are due."""
        return int(np.searchsorted(self.window.times_ns[self.position :], now_ns, side="right"))

    def next_due_ns(self) -> int | None:
        """When to look again: the next packet, or the end of an empty window; None if nothing ever comes."""
        if self.position < len(self.window.times_ns):
            return int(self.window.times_ns[self.position])
        if all(lane.finished for lane in self.lanes):
            return None
        return self._until_ns - HORIZON_NS // 10

    def late_ns(self, now_ns: int) -> int:
        """How long the oldest packet has been due."""
        if self.position >= len(self.window.times_ns):
            soonest = min((lane.next_ns() for lane in self.lanes), default=math.inf)
            return 0 if math.isinf(soonest) else max(0, now_ns - int(soonest))
        return max(0, now_ns - int(self.window.times_ns[self.position]))

    def slip(self, delay_ns: int) -> None:
        """Moves everything that is not sent yet to later."""
        for lane in self.lanes:
            lane.shift(delay_ns)
        times = self.window.times_ns.copy()
        times[self.position :] += delay_ns
        self.window = Window(times, self.window.lanes, self.window.firsts, self.window.counts)
        self._until_ns += delay_ns
