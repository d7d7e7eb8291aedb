"""Traffic on paper: packets sent unevenly, a path that is out in known windows, and what a tester would record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from hitless.history import UNMARKED, CounterSeries, Ending, History, ProbeRecords, TrafficGroup
from hitless.sessions import Layout, of_group

EPOCH_NS = 7_000_000_000_000
PG_ID = 21
SHORT = {
    "lane_bits": 5,
    "index_bits": 3,
    "generation_user_bits": 6,
    "session_of_user_bits": 1,
    "index_position": "above-lane",
    "user_base": "10.1.64.0",
    "port_base": 1024,
}
MS = 1_000_000


@dataclass
class Traffic:
    """One probe stream.

    Attributes:
        sent_ns: when each packet was sent.
        window_ns: when the path is out, by when a packet passes it.
        before_ns, behind_ns: way of each packet to the place that is out, and from there to the receiver.
        duplicated, held: packets that come twice, packets that come late by ``hold_ns``.
    """

    sent_ns: np.ndarray
    windows_ns: Sequence[tuple[int, int]] = ()
    before_ns: np.ndarray | int = 20_000
    behind_ns: np.ndarray | int = 30_000
    lost: Sequence[int] = ()
    duplicated: Sequence[int] = ()
    held: Sequence[int] = ()
    hold_ns: int = 20 * MS
    pps: float = 1000.0
    clock_error_ns: int = 0
    sample_ns: int = 100 * MS
    rx_lag_ns: int = 8 * MS
    layout: dict = field(default_factory=lambda: dict(SHORT))

    @property
    def passed_ns(self) -> np.ndarray:
        return self.sent_ns + self.before_ns

    @property
    def received(self) -> np.ndarray:
        passes = np.ones(len(self.sent_ns), bool)
        for on_ns, off_ns in self.windows_ns:
            passes &= (self.passed_ns < on_ns) | (self.passed_ns >= off_ns)
        passes[list(self.lost)] = False
        return passes

    def group(self) -> TrafficGroup:
        return TrafficGroup(PG_ID, "new-sessions", "probe", "up", self.pps, 96, self.layout)

    def _arrivals(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers and times of what arrives, in order of arrival."""
        came_ns = self.passed_ns + self.behind_ns
        came_ns[list(self.held)] += self.hold_ns
        numbers = np.flatnonzero(self.received)
        numbers = np.concatenate((numbers, np.intersect1d(numbers, list(self.duplicated)).astype(np.int64)))
        order = np.argsort(came_ns[numbers], kind="stable")
        return numbers[order], came_ns[numbers[order]]

    def probes(self) -> ProbeRecords:
        numbers, came_ns = self._arrivals()
        layout = Layout.from_data(self.layout)
        none = np.full(len(numbers), UNMARKED, np.int16)
        return ProbeRecords(
            sent_ns=self.sent_ns[numbers],
            received_ns=came_ns,
            pg_id=np.full(len(numbers), PG_ID, np.int32),
            number=numbers,
            user=of_group(PG_ID, layout.user(numbers)),
            session=of_group(PG_ID, layout.session(numbers)),
            index=(layout.position(numbers) & 0xFF).astype(np.int16),
            version=none,
            instance=none,
            clock_error_ns=self.clock_error_ns,
            unidentified_count=0,
            capture_lost_count=0,
        )

    def counters(self) -> CounterSeries:
        """Samples; the receiver looks at what has come only every ``rx_lag_ns``."""
        taken = np.arange(self.sent_ns[0] - 300 * MS, self.sent_ns[-1] + 2500 * MS, self.sample_ns)
        _, came_ns = self._arrivals()
        seen_ns = np.sort(came_ns // self.rx_lag_ns * self.rx_lag_ns + self.rx_lag_ns) if self.rx_lag_ns else came_ns
        none = np.zeros((len(taken), 2), np.int64)
        return CounterSeries(
            asked_ns=taken - 300_000,
            answered_ns=taken + 300_000,
            pg_ids=np.asarray([PG_ID], np.int32),
            tx=np.searchsorted(self.sent_ns, taken, side="right")[:, None].astype(np.int64),
            rx=np.searchsorted(seen_ns, taken, side="right")[:, None].astype(np.int64),
            port_ids=np.asarray([0, 1], np.int32),
            ierrors=none,
            oerrors=none,
            generator_cpu_percent=np.zeros(len(taken)),
        )

    def history(self) -> History:
        return History(
            procedure="paper",
            parameters={"profile": "test"},
            ending=Ending.COMPLETE,
            ending_reason="",
            versions=("1.0",),
            instances=(),
            groups=(self.group(),),
            rated_capacity_pps=self.pps,
            session_timeout_s=5,
            counters=self.counters(),
            probes=self.probes(),
            operations=(),
            events=(),
            stalls=(),
        )


def evenly(pps: float, seconds: float) -> np.ndarray:
    return EPOCH_NS + (np.arange(round(pps * seconds)) * 1e9 / pps).astype(np.int64)


def in_bursts(pps: float, seconds: float, tick_ns: int = MS, stalls_ms: Sequence[tuple[int, int]] = ()) -> np.ndarray:
    """As a generator sends that wakes up every tick, and makes up for what it missed in a stall (start, length)."""
    due = evenly(pps, seconds)
    sent = EPOCH_NS + -(-(due - EPOCH_NS) // tick_ns) * tick_ns
    for start_ms, length_ms in stalls_ms:
        start_ns = EPOCH_NS + start_ms * MS
        inside = (sent >= start_ns) & (sent < start_ns + length_ms * MS)
        sent[inside] = start_ns + length_ms * MS
    return np.maximum.accumulate(sent)


def after_start(milliseconds: float) -> int:
    return EPOCH_NS + round(milliseconds * MS)
