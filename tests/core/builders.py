"""Hand-made histories: every packet of an upgrade under load is simulated, then counted and captured like real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hitless.history import (
    UNMARKED,
    CounterSeries,
    Ending,
    Event,
    History,
    Interval,
    OperationState,
    ProbeRecords,
    Stall,
    TrafficGroup,
)
from hitless.sessions import Layout, of_group

EPOCH_NS = 5_000_000_000_000
"""The tester's clock at second 0 of a scene."""

SHORT = {"lane_bits": 6, "index_bits": 4, "generation_user_bits": 7, "session_of_user_bits": 0}
LOAD = {**SHORT, "index_position": "above-lane", "user_base": "10.1.0.0", "port_base": 1024}
LONG = {
    "lane_bits": 11,
    "index_bits": 0,
    "generation_user_bits": 0,
    "session_of_user_bits": 1,
    "index_position": "above-session",
    "user_base": "10.1.128.0",
    "port_base": 1024,
}
NEW = {
    "lane_bits": 5,
    "index_bits": 3,
    "generation_user_bits": 6,
    "session_of_user_bits": 0,
    "index_position": "above-lane",
    "user_base": "10.1.64.0",
    "port_base": 1024,
}
NEW_PAIRS = {**NEW, "session_of_user_bits": 1}
"""Two sessions of each user at a time."""

CAP_LIMITS = {
    "min_bin_goodput_ratio": 0.99,
    "loss_ratio": 1e-4,
    "lead_in_s": 2.0,
    "baseline_s": 10.0,
    "tail_s": 5.0,
    "baseline_as_upgrade": 0.0,
}
TRF_LIMITS = {
    "affinity_violations_count": 0.0,
    "countable_sessions_count": 299.0,
    "lead_in_s": 2.0,
    "baseline_s": 10.0,
    "tail_s": 5.0,
    "baseline_as_upgrade": 0.0,
}


def at(second: float) -> int:
    """Return the tester's clock at that second of the scene."""
    return EPOCH_NS + round(second * 1e9)


@dataclass(frozen=True)
class Loss:
    """Part of the packets sent in a stretch of time is lost."""

    start_s: float
    end_s: float
    ratio: float = 1.0
    pg_ids: tuple[int, ...] | None = None


@dataclass
class Packets:
    """All packets of one probe group; a test's edit may change the arrays in place."""

    group: TrafficGroup
    layout: Layout
    number: np.ndarray
    sent_s: np.ndarray
    received: np.ndarray
    version: np.ndarray
    instance: np.ndarray

    @property
    def session(self) -> np.ndarray:
        return self.layout.session(self.number)

    @property
    def user(self) -> np.ndarray:
        return self.layout.user(self.number)

    @property
    def opened_s(self) -> np.ndarray:
        return self.sent_s[self.number - self.layout.position(self.number) * self.layout.session_step]


@dataclass
class Scene:
    """A clean upgrade of 12 s at 10 000 pps; tests change what they are about."""

    started_s: float = 0.0
    request_s: float = 10.0
    ended_s: float | None = 22.0
    stopped_s: float = 27.1
    shares: tuple[tuple[float, float], ...] = ((13.0, 0.1), (16.0, 0.5), (19.0, 1.0))
    long_until_s: float = 20.0
    rated_pps: float = 10_000.0
    load_factor: float = 1.0
    losses: tuple[Loss, ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()
    delays: tuple[tuple[float, float, float], ...] = ()
    holds: tuple[tuple[float, float], ...] = ()
    sample_s: float = 0.1
    sample_gaps: tuple[tuple[float, float], ...] = ()
    ierrors: tuple[tuple[float, int], ...] = ()
    surplus: Mapping[int, int] = field(default_factory=dict)
    cpu_percent: float = 10.0
    states: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("STARTING", 10.1, {}),
        ("PROCESSING", 10.3, {}),
        ("COMPLETED", 22.0, {}),
    )
    ending: Ending = Ending.COMPLETE
    ending_reason: str = ""
    stalls: tuple[Stall, ...] = ()
    session_timeout_s: float = 5.0
    unidentified_count: int = 0
    capture_lost_count: int = 0
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"profile": "quick"})
    edit: Callable[[Packets], None] | None = None
    without_events: tuple[str, ...] = ()
    without_groups: tuple[str, ...] = ()

    def groups(self) -> tuple[TrafficGroup, ...]:
        load = 3500.0 * self.load_factor
        every = (
            TrafficGroup(1, "load-up", "load", "up", load, 128, LOAD),
            TrafficGroup(2, "load-down", "load", "down", load, 128, LOAD),
            TrafficGroup(3, "filler-up", "load", "up", 2000.0, 128, {**LOAD, "user_base": "10.1.32.0"}),
            TrafficGroup(20, "long-sessions", "probe", "up", 2000.0, 96, LONG),
            TrafficGroup(21, "new-sessions", "probe", "up", 1000.0, 96, NEW),
        )
        return tuple(group for group in every if group.name not in self.without_groups)

    def history(self) -> History:
        traffic = {group.pg_id: self._traffic(group) for group in self.groups()}
        return History(
            procedure="upgrade-under-load",
            parameters=self.parameters,
            ending=self.ending,
            ending_reason=self.ending_reason,
            versions=("1.0", "2.0"),
            instances=("old-1", "old-2", "new-1", "new-2"),
            groups=self.groups(),
            rated_capacity_pps=self.rated_pps,
            session_timeout_s=self.session_timeout_s,
            counters=self._counters(traffic),
            probes=self._probes(traffic),
            operations=self._operations(),
            events=self._events(),
            stalls=self.stalls,
        )

    def _traffic(self, group: TrafficGroup) -> Packets:
        start, end = self.started_s, self.stopped_s
        if group.name == "filler-up":
            start = self.long_until_s
        if group.name == "long-sessions":
            end = min(end, self.long_until_s)
        sent = start + np.arange(max(0, round((end - start) * group.rate_pps))) / group.rate_pps
        for low, high in self.pauses:
            sent = sent[(sent < low) | (sent >= high)]
        number = np.arange(len(sent), dtype=np.int64)
        received = np.ones(len(sent), bool)
        for loss in self.losses:
            if loss.pg_ids is None or group.pg_id in loss.pg_ids:
                rows = np.flatnonzero((sent >= loss.start_s) & (sent < loss.end_s))
                # Evenly spread: packet k is lost where k * ratio passes a whole number.
                steps = np.floor(np.arange(1, len(rows) + 1) * loss.ratio + 1e-9)
                received[rows[np.diff(steps, prepend=0) > 0]] = False
        packets = Packets(
            group, Layout.from_data(group.layout), number, sent, received, *self._marks(group, number, sent)
        )
        if self.edit and group.kind == "probe":
            self.edit(packets)
        return packets

    def _marks(self, group: TrafficGroup, number: np.ndarray, sent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        layout = Layout.from_data(group.layout)
        user = layout.user(number)
        opened = sent[number - layout.position(number) * layout.session_step] if len(number) else sent
        share = np.zeros(len(number))
        for since, value in self.shares:
            share = np.where(opened >= since, value, share)
        bucket = (user * 167) & 0xFF  # a bijection, so that neighbours do not move together
        new = bucket < np.round(share * 256)
        return new.astype(np.int16), (np.where(new, 2, 0) + (user & 1)).astype(np.int16)

    def _arrivals(self, packets: Packets) -> np.ndarray:
        latency = np.full(len(packets.sent_s), 0.0005)
        for low, high, delay in self.delays:
            latency[(packets.sent_s >= low) & (packets.sent_s < high)] = delay
        arrivals = packets.sent_s + latency
        for low, high in self.holds:  # everything waits, in order
            arrivals[(arrivals >= low) & (arrivals < high)] = high
        return arrivals

    def _counters(self, traffic: Mapping[int, Packets]) -> CounterSeries:
        # Some time behind the end, as a recorder waits for what is on its way.
        taken = np.arange(self.started_s - 0.5, self.stopped_s + 2.5, self.sample_s) + 0.013
        for low, high in self.sample_gaps:
            taken = taken[(taken < low) | (taken > high)]
        tx = [np.searchsorted(np.sort(one.sent_s), taken, side="right") for one in traffic.values()]
        rx = [
            np.searchsorted(np.sort(self._arrivals(one)[one.received]), taken, side="right") + self.surplus.get(pg, 0)
            for pg, one in traffic.items()
        ]
        ierrors = sum((np.where(taken >= second, count, 0) for second, count in self.ierrors), np.zeros(len(taken)))
        none = np.zeros((len(taken), 2), np.int64)
        return CounterSeries(
            asked_ns=np.asarray([at(one) - 400_000 for one in taken], np.int64),
            answered_ns=np.asarray([at(one) + 400_000 for one in taken], np.int64),
            pg_ids=np.asarray(list(traffic), np.int32),
            tx=np.stack(tx, axis=1).astype(np.int64),
            rx=np.stack(rx, axis=1).astype(np.int64),
            port_ids=np.asarray([0, 1], np.int32),
            ierrors=none + np.asarray(ierrors, np.int64)[:, None] * np.asarray([0, 1]),
            oerrors=none,
            generator_cpu_percent=np.full(len(taken), self.cpu_percent),
        )

    def _probes(self, traffic: Mapping[int, Packets]) -> ProbeRecords:
        columns: dict[str, list[np.ndarray]] = {name: [] for name in ProbeRecords.__dataclass_fields__}
        for pg_id, one in traffic.items():
            if one.group.kind != "probe":
                continue
            got = np.flatnonzero(one.received)
            number = one.number[got]
            columns["sent_ns"].append(EPOCH_NS + np.rint(one.sent_s[got] * 1e9).astype(np.int64))
            columns["received_ns"].append(EPOCH_NS + np.rint(self._arrivals(one)[got] * 1e9).astype(np.int64))
            columns["pg_id"].append(np.full(len(got), pg_id, np.int32))
            columns["number"].append(number)
            columns["user"].append(of_group(pg_id, one.layout.user(number)))
            columns["session"].append(of_group(pg_id, one.layout.session(number)))
            columns["index"].append((one.layout.position(number) & 0xFF).astype(np.int16))
            columns["version"].append(one.version[got].astype(np.int16))
            columns["instance"].append(one.instance[got].astype(np.int16))
        joined = {name: np.concatenate(parts) for name, parts in columns.items() if parts}
        order = np.argsort(joined["received_ns"], kind="stable") if joined else np.zeros(0, np.int64)
        if not joined:
            joined = {name: np.zeros(0, np.int64) for name in list(columns)[:9]}
        return ProbeRecords(
            **{name: column[order] for name, column in joined.items()},
            clock_error_ns=1_000_000,
            unidentified_count=self.unidentified_count,
            capture_lost_count=self.capture_lost_count,
        )

    def _operations(self) -> tuple[OperationState, ...]:
        return tuple(
            OperationState("op-1", "CHANGE_VNFPKG", state, Interval(at(second - 0.1), at(second)), "poll", detail)
            for state, second, detail in self.states
        )

    def _events(self) -> tuple[Event, ...]:
        events = [
            (self.started_s, "traffic-started"),
            (self.started_s, "baseline"),
            (self.request_s, "request"),
            (self.long_until_s, "cohort-stopped"),
            *([(self.ended_s, "operation-ended"), (self.ended_s, "tail")] if self.ended_s is not None else []),
            (self.stopped_s, "traffic-stopped"),
        ]
        return tuple(Event(at(second), name) for second, name in events if name not in self.without_events)


def unmark(packets: Packets, rows: np.ndarray) -> None:
    """Take the version mark off some packets."""
    packets.version[rows] = UNMARKED
