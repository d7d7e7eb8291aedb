"""The sending process: takes orders from the server and sends, for both ports, what is due.

It sleeps between ticks of about a millisecond instead of spinning: the cores are shared with the system under test.
Every tick sends what has become due; the send time in latency packets is the instant just before the kernel is asked.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import math
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np

from lab.generator.batches import NO_STAMP, Batch, render
from lab.generator.chains import Chain, Runner
from lab.generator.counters import BYTES, ERRORS, PACKETS, Counters
from lab.generator.lanes import lanes_of
from lab.generator.messages import (
    Done,
    Pause,
    ProfileEnded,
    ProfileKey,
    Resume,
    Scale,
    SenderOrder,
    Start,
    Stop,
    StreamPlan,
    Tap,
)
from lab.generator.schedule import CATCH_UP_NS, Lane, Timeline, burst_end_ns
from lab.generator.sealing import seal
from lab.generator.tx_ring import TxRing

TICK_NS = 1_000_000
_IDLE_NS = 100_000_000
# Of glibc's mallopt.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 1 << 25  # the most that it takes
_NO_ROWS = np.empty(0, dtype=np.intp)


@dataclass
class _Running:
    """A started profile: its lanes, each with its stream."""

    key: ProfileKey
    run: int
    lanes: list[tuple[Lane | Runner, StreamPlan]]
    chain: Chain | None = None
    paused_at_ns: int | None = None

    @property
    def finished(self) -> bool:
        """Whether all its packets are in windows or sent."""
        return all(lane.finished for lane, _ in self.lanes)

    @property
    def over_ns(self) -> float:
        """When it is over, once it is finished: a stream that sends nothing takes its time, too."""
        return -math.inf if self.chain is None else self.chain.ended_ns


@dataclass
class _Port:
    """One port: its ring, what it has to send and the window that is rendered."""

    ring: TxRing
    timeline: Timeline = field(default_factory=Timeline)
    plans: list[StreamPlan] = field(default_factory=list)
    rendered: Batch | None = None

    def replan(self, profiles: list[_Running]) -> None:
        """Takes the lanes of the profiles that run now."""
        self.timeline.rewind()
        lanes = [pair for profile in profiles if profile.paused_at_ns is None for pair in profile.lanes]
        self.timeline.lanes = [lane for lane, _ in lanes]
        self.plans = [plan for _, plan in lanes]
        self.rendered = None


class Sender:
    """Profiles, their timelines and the rings."""

    def __init__(self, rings: list[TxRing], counters: Counters, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._ports = [_Port(ring) for ring in rings]
        self._counters = counters
        self._now_ns = now_ns
        self._profiles: dict[ProfileKey, _Running] = {}

    def obey(self, order: SenderOrder) -> None:
        """Carries out one order."""
        if isinstance(order, Tap):
            self._ports[order.port].ring.tap(visible=order.visible)
            return
        port = order.key[0]
        # Lanes count what is planned ahead as taken: take it back before touching them.
        self._ports[port].timeline.rewind()
        if isinstance(order, Start):
            self._profiles[order.key] = _Running(order.key, order.run, *lanes_of(order))
        elif order.key in self._profiles:
            self._change(order, self._profiles[order.key])
        self._ports[port].replan(self._on_port(port))

    def _change(self, order: Stop | Pause | Resume | Scale, profile: _Running) -> None:
        now = self._now_ns()
        if isinstance(order, Stop):
            del self._profiles[order.key]
        elif isinstance(order, Pause):
            profile.paused_at_ns = now
        elif isinstance(order, Resume) and profile.paused_at_ns is not None:
            for lane, _ in profile.lanes:
                lane.shift(now - profile.paused_at_ns)
            profile.paused_at_ns = None
        elif isinstance(order, Scale):
            for lane, plan in profile.lanes:
                if plan.scaled:
                    lane.change_rate(lane.interval_ns / order.factor, now)

    def _on_port(self, port: int) -> list[_Running]:
        return [profile for key, profile in self._profiles.items() if key[0] == port]

    def tick(self) -> list[ProfileEnded]:
        """Sends what is due on both ports; returns the profiles that have ended."""
        now = self._now_ns()
        late = max(port.timeline.late_ns(now) for port in self._ports)
        if late > TICK_NS:
            self._counters.raise_health("longest_stall_ns", late)
        if late > CATCH_UP_NS:
            for port in self._ports:
                port.timeline.slip(late - CATCH_UP_NS)
            self._counters.add_health("slipped_ns", late - CATCH_UP_NS)
        for index, port in enumerate(self._ports):
            self._send_due(index, port, now)
        return self._ended()

    def _send_due(self, index: int, port: _Port, now: int) -> None:
        timeline = port.timeline
        until = burst_end_ns(now, timeline.late_ns(now))
        while True:
            if timeline.plan(now):
                port.rendered = render(timeline.window, port.plans)
            due = timeline.due(until)
            room = port.ring.room()
            if due == 0 or room == 0:
                break
            self._send(index, port, min(due, room))
            timeline.position += min(due, room)
        if port.ring.waiting:
            self._count_errors(index, port.ring.kick(0))

    def _send(self, index: int, port: _Port, count: int) -> None:
        rendered, first = port.rendered, port.timeline.position
        if rendered is None:  # a window is always rendered when it is planned
            raise AssertionError("window without frames")
        part = slice(first, first + count)
        start = port.ring.fill(rendered.frames[part], rendered.lengths[part])
        offsets = rendered.stamps[part]
        rows = np.flatnonzero(offsets != NO_STAMP) if rendered.stamped else _NO_ROWS
        before = self._now_ns()
        if len(rows):
            port.ring.stamp(start + rows * port.ring.stride + offsets[rows], before)
        if rendered.sealed:
            seal(port.ring, rendered, part, start, before)
        refused = port.ring.kick(count)
        self._counters.raise_health("longest_kick_ns", self._now_ns() - before)
        self._counters.add_health("kicks", 1)
        self._count(index, rendered, part)
        self._count_errors(index, refused)

    def _count(self, index: int, rendered: Batch, part: slice) -> None:
        groups, wire_bytes = rendered.groups[part], rendered.wire_bytes[part]
        table = self._counters.group_sent[index]
        packets = np.bincount(groups)
        table[: len(packets), PACKETS] += packets
        table[: len(packets), BYTES] += np.bincount(groups, weights=wire_bytes).astype(np.int64)
        self._counters.sent[index, PACKETS] += len(groups)
        self._counters.sent[index, BYTES] += int(wire_bytes.sum())

    def _count_errors(self, index: int, refused: int) -> None:
        if refused:
            self._counters.sent[index, ERRORS] += refused

    def _ended(self) -> list[ProfileEnded]:
        now = self._now_ns()
        ended = [
            each
            for each in self._profiles.values()
            if each.finished and now >= each.over_ns and each.paused_at_ns is None and not self._waits(each)
        ]
        for profile in ended:
            port = profile.key[0]
            del self._profiles[profile.key]
            self._ports[port].replan(self._on_port(port))
        return [ProfileEnded(profile.key, profile.run) for profile in ended]

    def _waits(self, profile: _Running) -> bool:
        """Whether packets of the profile are planned, but not sent."""
        timeline = self._ports[profile.key[0]].timeline
        waiting = np.unique(timeline.window.lanes[timeline.position :])
        return any(timeline.lanes[lane] is own for lane in waiting for own, _ in profile.lanes)

    def wait_ns(self) -> int:
        """How long nothing has to be done; at least a tick while anything runs."""
        dues: list[float] = [due for port in self._ports if (due := port.timeline.next_due_ns()) is not None]
        dues += [each.over_ns for each in self._profiles.values() if each.finished]
        if not dues:
            return _IDLE_NS
        return round(min(max(min(dues) - self._now_ns(), TICK_NS), _IDLE_NS))


def keep_memory() -> None:
    """Has the C library keep what is freed: fresh pages for each window would cost more than the packets in it."""
    with contextlib.suppress(AttributeError):  # only glibc has it
        for option in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            ctypes.CDLL(None).mallopt(option, _KEPT_BYTES)


def run(devices: list[str], connection: Connection, counters: Counters) -> None:
    """Serves until the server closes the connection."""
    keep_memory()
    sender = Sender([TxRing(device) for device in devices], counters)
    connection.send(Done())
    gc.collect()
    gc.freeze()
    started_cpu_ns = time.process_time_ns()
    while True:
        readable, _, _ = select.select([connection.fileno()], [], [], sender.wait_ns() / 1e9)
        if readable:
            try:
                sender.obey(connection.recv())
            except EOFError:
                return
            connection.send(Done())
        for ended in sender.tick():
            connection.send(ended)
        counters.health[0] = time.process_time_ns() - started_cpu_ns
