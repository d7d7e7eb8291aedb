"""Streams that start each other: when their packets are due.

The streams of a profile that come in several bursts, follow one another or send nothing make a chain. It is planned
window by window, like the lanes of `schedule`; between two changes from stream to stream the times are arithmetic.

TRex's rules: the next stream begins its gap after the *last packet* of the one before, and a burst likewise. It is
not started if it runs already. Packet numbers, and with them the field engine, go on from loop to loop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lab.generator.courses import Course

Times = npt.NDArray[np.int64]

# Of a stream in one window, whatever rate it asks for, and changes of streams: the rest comes late.
MOST_PACKETS = 100_000
_MOST_TURNS = 5_000
# Keeps the first packet of a stream behind the last one of the stream before.
_LEAST_GAP_NS = 1.0


def _no_times() -> Times:
    return np.empty(0, dtype=np.int64)


@dataclass
class Runner:
    """One stream of a chain; to a timeline it is a lane.

    Attributes:
        course: What it does.
        interval_ns: Distance of packets in a burst.
        gap_ns: Wait before its first packet whenever it begins.
        chain: The chain it belongs to.
        planned: The next packet that is in no window yet.
    """

    course: Course
    interval_ns: float
    gap_ns: float
    chain: Chain = field(repr=False)
    planned: int = 0
    # Where the present run began, None while it does not run, and how many of its packets have been made.
    _begun_ns: float | None = None
    _made: int = 0
    _ends: int = 0
    _waiting: Times = field(default_factory=_no_times)

    @property
    def active(self) -> bool:
        """Whether it runs."""
        return self._begun_ns is not None

    @property
    def finished(self) -> bool:
        """Whether the whole chain is over and this stream's packets are all in windows."""
        return self.chain.over and not len(self._waiting)

    def begin(self, at_ns: float) -> None:
        """Starts it, or starts it again."""
        self._begun_ns, self._made = at_ns + self.gap_ns, 0

    def end(self) -> None:
        """It does not run any more."""
        self._begun_ns = None

    @property
    def complete(self) -> bool:
        """Whether all packets of the present run have been worked out."""
        return self.course.silent or self._made == self.course.total

    def may_hand_over(self) -> bool:
        """Counts an end; False for the last one of its loops."""
        self._ends += 1
        return self.course.loops == 0 or self._ends < self.course.loops

    def _offset_ns(self, number: float) -> float:
        """From the beginning of a run to one of its packets."""
        if self.course.burst_packets is None:
            return number * self.interval_ns
        burst, place = divmod(number, self.course.burst_packets)
        return burst * self._cycle_ns + place * self.interval_ns

    @property
    def _cycle_ns(self) -> float:
        return ((self.course.burst_packets or 1) - 1) * self.interval_ns + self.course.burst_gap_ns

    def last_ns(self) -> float:
        """When the last packet of this run is due; infinite if it never ends."""
        if self._begun_ns is None or self.course.total is None:
            return math.inf
        return self._begun_ns + self._offset_ns(self.course.total - 1)

    def next_ns(self) -> float:
        """When its next packet is due; infinite while it does not run, or for ever if it sends none."""
        if len(self._waiting):
            return float(self._waiting[0])
        return (
            math.inf if self._begun_ns is None or self.course.silent else self._begun_ns + self._offset_ns(self._made)
        )

    def make(self, until_ns: float) -> None:
        """Works out the times of this run up to an instant."""
        if self._begun_ns is None or self.course.silent:
            return
        numbers = np.arange(self._made, self._made + self._room(until_ns), dtype=np.int64)
        if self.course.burst_packets is None:
            offsets = numbers * self.interval_ns
        else:
            bursts, places = np.divmod(numbers, self.course.burst_packets)
            offsets = bursts * self._cycle_ns + places * self.interval_ns
        times = offsets + self._begun_ns
        times = times[: int(np.searchsorted(times, until_ns))].astype(np.int64)
        self._made += len(times)
        self._waiting = np.concatenate([self._waiting, times])

    def _room(self, until_ns: float) -> int:
        """At least as many packets as are due before an instant, and no more than one window may hold."""
        elapsed, packets = until_ns - (self._begun_ns or 0.0), self.course.burst_packets
        if elapsed <= 0:
            return 0
        due = elapsed / self.interval_ns + 1
        if packets is not None:
            whole = math.inf if self._cycle_ns <= 0 else elapsed // self._cycle_ns + 1
            due = min(whole * packets, MOST_PACKETS + self._made)
        if self.course.total is not None:
            due = min(due, self.course.total)
        return max(0, min(math.ceil(due) - self._made, MOST_PACKETS))

    def take(self, until_ns: int) -> Times:
        """Times of the next packets before `until_ns`; they count as planned from now on."""
        self.chain.advance(until_ns)
        count = int(np.searchsorted(self._waiting, until_ns))
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        self.planned += count
        return taken

    def give_back(self, times: Times) -> None:
        """Takes back packets that were planned and not sent."""
        self.planned -= len(times)
        self._waiting = np.concatenate([times, self._waiting])

    def shift(self, delay_ns: float) -> None:
        """Moves what is not sent yet to later; the first stream takes the chain's own instants along."""
        if self is self.chain.runners[0]:
            self.chain.shift(delay_ns)
        self._waiting = self._waiting + round(delay_ns)
        if self._begun_ns is not None:
            self._begun_ns += delay_ns

    def change_rate(self, interval_ns: float, now_ns: int) -> None:
        """Goes on with another distance; the packets that are worked out already keep their times."""
        del now_ns
        before = self._offset_ns(self._made)
        self.interval_ns = interval_ns
        if self._begun_ns is not None:
            self._begun_ns += before - self._offset_ns(self._made)


class Chain:
    """The streams of a profile that belong together.

    Attributes:
        runners: One per stream.
        ended_ns: When the stream that ended last did so.
    """

    def __init__(self, courses: list[tuple[Course, float, float]], start_ns: float, duration_ns: float | None) -> None:
        """Makes a chain; those streams that start by themselves begin at `start_ns`.

        Args:
            courses: Per stream: its course, the distance of its packets and its gap, in nanoseconds.
            start_ns: When traffic starts.
            duration_ns: How long it may last.
        """
        self.runners = [Runner(course, interval_ns, gap_ns, self) for course, interval_ns, gap_ns in courses]
        self._by_id = {runner.course.stream_id: runner for runner in self.runners}
        self._end_ns = math.inf if duration_ns is None else start_ns + duration_ns
        self._reached_ns = self.ended_ns = -math.inf
        for runner in self.runners:
            if runner.course.starts:
                runner.begin(start_ns)

    @property
    def over(self) -> bool:
        """Whether nothing will be planned any more."""
        return not any(runner.active for runner in self.runners)

    def over_by(self, now_ns: float) -> bool:
        """Whether it is over, and its last stream has had its time."""
        return self.over and now_ns >= self.ended_ns

    def advance(self, until_ns: float) -> None:
        """Works out everything up to an instant."""
        if until_ns <= self._reached_ns:
            return
        self._reached_ns = until_ns
        until_ns = min(until_ns, self._end_ns)
        active = [runner for runner in self.runners if runner.active]
        for _ in range(_MOST_TURNS):
            runner = min(active, key=Runner.last_ns, default=None)
            if runner is None or runner.last_ns() >= until_ns:
                break
            last_ns = runner.last_ns()
            runner.make(math.nextafter(last_ns, math.inf))
            if not runner.complete:
                break
            active.remove(runner)
            active += self._hand_over(runner, last_ns)
        for runner in active:
            runner.make(until_ns)
        if self._reached_ns >= self._end_ns and not self.over:
            self.ended_ns = self._end_ns
            for runner in self.runners:
                runner.end()

    def _hand_over(self, runner: Runner, at_ns: float) -> list[Runner]:
        """Ends a stream; returns the one that it starts, if any."""
        runner.end()
        self.ended_ns = at_ns
        following = self._by_id.get(runner.course.next_id)
        if following is None or following.active or not runner.may_hand_over():
            return []
        following.begin(at_ns + max(0.0, _LEAST_GAP_NS - following.gap_ns))
        return [following]

    def shift(self, delay_ns: float) -> None:
        """Moves the instants that belong to the chain to later; its streams move by themselves."""
        self._end_ns += delay_ns
        self._reached_ns += delay_ns
        self.ended_ns += delay_ns
