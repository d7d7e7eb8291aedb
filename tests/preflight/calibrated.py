"""A traffic generator on a fake clock that records what it would have sent, with the weaknesses that a test wants."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from hitless.history import CounterSeries, TrafficGroup
from hitless.preflight.resolution import ClockRate, Resolution, Spread
from hitless.recording.manifest import CAPTURES, CLOCK, COUNTERS, PROBES
from hitless.recording.pcap import PcapWriter
from hitless.sessions import Layout
from hitless.traffic import PlannedGroup, ServerInfo, TrafficError
from tests.core.builders import LOAD, LONG, NEW_PAIRS
from tests.core.packets import probe
from tests.preflight.fakes import port

TSC_HZ = 2_000_000_000
BOOT_S = 900.0
"""Of the generator, on the tester's clock."""
PLAN = (
    (1, "load-up", "load", "up", LOAD, "main", 0),
    (2, "load-down", "load", "down", LOAD, "main", 1),
    (21, "new-sessions", "probe", "up", NEW_PAIRS, "main", 0),
    (20, "long-sessions", "probe", "up", LONG, "long", 0),
    (3, "filler-up", "load", "up", {**LOAD, "user_base": "10.1.32.0"}, "filler", 0),
)


def groups(load_pps: float = 10_000.0, new_pps: float = 2000.0, long_pps: float = 2000.0) -> tuple[PlannedGroup, ...]:
    """The groups of the traffic profile, whose load fills up what the probes leave."""
    rates = {"new-sessions": new_pps, "long-sessions": long_pps, "filler-up": long_pps}
    load = (load_pps - new_pps - long_pps) / 2
    return tuple(
        PlannedGroup(TrafficGroup(pg_id, name, kind, direction, rates.get(name, load), 96, layout), part, side)
        for pg_id, name, kind, direction, layout, part, side in PLAN
    )


def running(load_pps: float = 10_000.0, new_pps: float = 2000.0, long_pps: float = 2000.0) -> tuple[TrafficGroup, ...]:
    return tuple(one.group for one in groups(load_pps, new_pps, long_pps) if one.part != "filler")


def spread(median_ms: float, largest_ms: float | None = None, count: int = 1000) -> Spread:
    largest = median_ms if largest_ms is None else largest_ms
    return Spread(count, *(round(value * 1e6) for value in (median_ms, largest, largest, largest)))


def resolution(**values: Any) -> Resolution:
    """What a good tester has, with other values."""
    good: dict[str, Any] = {
        "sent": spread(0.25, 0.5),
        "received": spread(0.25, 0.9),
        "streams": (("new-sessions", spread(0.5, 0.9)), ("long-sessions", spread(0.5, 0.8))),
        "session_ns": 2_048_000_000,
        "sampling": spread(100.0, 102.0, 20),
        "reading_ns": 900_000,
        "on_the_way": 0,
        "clock_error_ns": 300_000,
        "clock_rate": ClockRate(0.9998, 1.0002),
        "stalls": (),
    }
    return Resolution(**(good | values))


@dataclass
class FakeTester:
    """Sends what it is asked to, as fast as it can.

    Attributes:
        ceiling_pps: sends no faster than that, and does not say so.
        overruns: and goes on until all packets are sent that were asked for.
        ring_pps: above this rate its ring drops ``ring_drops`` packets.
        system_loss: every so many-th packet of load-up is lost on the way; 0 for none.
        pause: sends nothing in this part of each trial, in seconds after its start, and makes up for it afterwards.
        stops_early_s: stops so long before it is told to.
        clock_rate: seconds of its clock in one second of the tester's; it also sends so much more slowly.
        round_trip_s: of each reading.
        sample_s: between two readings of the counters.
        hop_ttl: time to live of what comes back.
        uncaptured: probes that come back and are not captured.
        surplus: packets of load-down that come back beyond those that were sent.
    """

    ceiling_pps: float = float("inf")
    overruns: bool = False
    ring_pps: float = float("inf")
    ring_drops: int = 7
    system_loss: int = 0
    pause: tuple[float, float] | None = None
    stops_early_s: float = 0.0
    clock_rate: float = 1.0
    round_trip_s: float = 0.0004
    sample_s: float = 0.1
    hop_ttl: int = 64
    uncaptured: int = 0
    surplus: int = 0
    silent: bool = False
    cpu_percent: float = 12.0
    probes: tuple[float, float] = (2000.0, 2000.0)
    trouble: dict[str, TrafficError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    stall_ms: float = 0.0
    now_s: float = 1000.0
    loaded: tuple[PlannedGroup, ...] = ()
    _folder: Path | None = None
    _since_s: float = 0.0
    _started: dict[str, float] = field(default_factory=dict)
    _stopped: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append("close")

    def clock_ns(self) -> int:
        return round(self.now_s * 1e9)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def _called(self, name: str, what: str = "") -> None:
        self.calls.append(f"{name} {what}".strip())
        self.now_s += 0.001
        if name in self.trouble:
            raise self.trouble[name]

    def connect(self, server: str, sync_port: int, async_port: int) -> ServerInfo:
        self._called("connect", server)
        return ServerInfo("v3.08", "STL", "host", (port(0), port(1)))

    def prepare(self, profile: Any, tunables: Any, ports: Any, *, force: bool) -> tuple[PlannedGroup, ...]:
        load_pps = float(tunables[tunables.index("--load-pps") + 1])
        self._called("prepare", f"{load_pps:g}")
        self.loaded = groups(load_pps, *self.probes)
        self._started, self._stopped = {}, {}
        return self.loaded

    def start(self, part: str) -> tuple[int, int]:
        self._called("start", part)
        self._started[part] = self.now_s
        return self.clock_ns(), self.clock_ns()

    def stop(self, part: str) -> tuple[int, int]:
        self._called("stop", part)
        self._stopped[part] = self.now_s
        return self.clock_ns(), self.clock_ns()

    def snapshot(self) -> dict[str, Any]:
        raise AssertionError("calibration records instead")

    def sample_packets(self, bpf: str, count: int, within_s: float) -> list[bytes]:
        raise AssertionError("calibration records instead")

    def record_start(self, folder: Path) -> int:
        self._called("record_start")
        self._folder, self._since_s = folder, self.now_s
        return self.clock_ns()

    def record_stop(self) -> dict[str, Any]:
        self._called("record_stop")
        self.now_s += 1.0
        assert self._folder is not None
        sent = {one.group.pg_id: self._sent_s(one) for one in self.loaded}
        back = {pg_id: self._back_s(pg_id, times) for pg_id, times in sent.items()}
        self._write_counters(self._folder / COUNTERS, sent, back)
        self._write_probes(self._folder, sent)
        self._write_clock(self._folder / CLOCK)
        if self.stall_ms:
            stall = {"process": "traffic-worker", "started_ns": self.clock_ns() - 2_000_000_000}
            stall["ended_ns"] = int(stall["started_ns"]) + round(self.stall_ms * 1e6)  # type: ignore[call-overload]
            with (self._folder / "stalls.jsonl").open("a") as file:
                file.write(json.dumps(stall) + "\n")
        return {}

    @property
    def _asked_pps(self) -> float:
        return sum(one.group.rate_pps for one in self.loaded if one.part in self._started)

    def _sent_s(self, one: PlannedGroup) -> np.ndarray:
        if one.part not in self._started:
            return np.zeros(0)
        start = self._started[one.part] + (0.3 if one.group.direction == "down" else 0.0)
        stop = self._stopped.get(one.part, self.now_s) - self.stops_early_s
        slower = min(1.0, self.ceiling_pps / self._asked_pps) * self.clock_rate
        asked = int((stop - start) * one.group.rate_pps)
        times = start + np.arange(asked) / (one.group.rate_pps * slower)
        times = times if self.overruns else times[times < stop]
        if self.pause is not None:
            low, high = (self._started["main"] + second for second in self.pause)
            times = np.where((times >= low) & (times < high), high + (times - low) * 1e-3, times)
        return times

    def _lost(self, pg_id: int, count: int) -> np.ndarray:
        """Rows that do not come back: by the ring, then by the system."""
        lost = np.zeros(count, bool)
        if self.silent:
            return ~lost
        if pg_id == 1 and self._asked_pps > self.ring_pps:
            lost[count // 2 : count // 2 + self.ring_drops] = True
        if pg_id == 1 and self.system_loss:
            lost[:: self.system_loss] = True
        return lost

    def _back_s(self, pg_id: int, sent: np.ndarray) -> np.ndarray:
        back = sent[~self._lost(pg_id, len(sent))] + 0.0005
        return np.concatenate((back, back[-1:].repeat(self.surplus))) if pg_id == 2 else back

    def _write_counters(self, path: Path, sent: dict[int, np.ndarray], back: dict[int, np.ndarray]) -> None:
        at = np.arange(self._since_s, self.now_s, self.sample_s) + 0.0007
        rows = len(at)
        ierrors = np.zeros((rows, 2), np.int64)
        if self._asked_pps > self.ring_pps:
            ierrors[rows // 2 :, 1] = self.ring_drops
        half = self.round_trip_s / 2
        series = CounterSeries(
            asked_ns=np.rint((at - half) * 1e9).astype(np.int64),
            answered_ns=np.rint((at + half) * 1e9).astype(np.int64),
            pg_ids=np.array(list(sent), np.int32),
            tx=np.stack([np.searchsorted(np.sort(one), at) for one in sent.values()], 1).astype(np.int64),
            rx=np.stack([np.searchsorted(np.sort(one), at) for one in back.values()], 1).astype(np.int64),
            port_ids=np.array([0, 1], np.int32),
            ierrors=ierrors,
            oerrors=np.zeros((rows, 2), np.int64),
            generator_cpu_percent=np.full(rows, self.cpu_percent),
        )
        with path.open("wb") as file:
            np.savez(file, **{name: getattr(series, name) for name in CounterSeries.__dataclass_fields__})

    def _own_s(self, at_s: np.ndarray) -> np.ndarray:
        """The generator's uptime."""
        return (at_s - BOOT_S) * self.clock_rate

    def _write_probes(self, folder: Path, sent: dict[int, np.ndarray]) -> None:
        rows = []
        for one in self.loaded:
            if one.group.kind != "probe" or self.silent:
                continue
            layout, times = Layout.from_data(one.group.layout), sent[one.group.pg_id]
            ticks = np.rint(self._own_s(times) * TSC_HZ).astype(np.int64)
            rows += [
                (second + 0.0005, probe(layout, number, ticks=int(ticks[number]), ttl=self.hop_ttl))
                for number, second in enumerate(times)
            ]
        rows.sort(key=lambda row: row[0])
        rows = rows[: len(rows) - self.uncaptured]
        writer = PcapWriter(folder / PROBES)
        uptime = self._own_s(np.array([row[0] for row in rows]))
        writer.append([row[1] for row in rows], np.rint(uptime * 1e9).astype(np.int64))
        writer.close()
        account = {"capture_id": 1, "port": 1, "matched": len(rows), "stored": len(rows), "fetched": len(rows)}
        (folder / CAPTURES).write_text(json.dumps({"captures": [account]}))

    def _write_clock(self, path: Path) -> None:
        def pairs(every_s: float, unit: float) -> list[list[float]]:
            half = self.round_trip_s / 2
            at = np.arange(self._since_s, self.now_s, every_s) + 0.0021
            own = self._own_s(at)
            shown = [float(one) if unit == 1 else round(one * unit) for one in own]
            asked, answered = ((at + side) * 1e9 for side in (-half, half))
            return [[round(one), two, round(three)] for one, two, three in zip(asked, shown, answered, strict=True)]

        content = {"uptime_pairs": pairs(0.25, 1), "tsc_pairs": pairs(0.5, TSC_HZ), "tsc_hz": TSC_HZ}
        path.write_text(json.dumps(content))
