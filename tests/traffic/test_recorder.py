"""The recorder on a clock that only moves when it sleeps: what is done when, and when traffic counts as settled."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hitless.recording.pcap import read_packets
from hitless.traffic.capture import Capture
from hitless.traffic.counters import CountedGroup, Sample
from hitless.traffic.errors import TrafficError
from hitless.traffic.recorder import SETTLE_LIMIT_NS, Recorder
from tests.traffic.fakes import FakeClock
from tests.traffic.test_capture import CaptureServer

MS = 1_000_000
GONE = TrafficError("TRex server", "does not answer")


class FakeSampler:
    """Counts by a function of the time."""

    groups = (CountedGroup(21, "new-sessions", 0, 1),)
    ports = (0, 1)

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.sent: Callable[[int], int] = lambda _now_ns: 0
        self.received: Callable[[int], int] | None = None
        self.asked_ms: list[int] = []
        self.gone = False

    def take(self) -> Sample:
        if self.gone:
            raise GONE
        now_ns = self.clock()
        self.asked_ms.append(now_ns // MS)
        sent = self.sent(now_ns)
        received = sent if self.received is None else self.received(now_ns)
        return Sample(now_ns, now_ns, (sent,), (received,), (0, 0), (0, 0), 5.0)


class FakeClocks:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[tuple[str, int]] = []

    def read_uptime(self, log: Any) -> None:
        self.asked.append(("uptime", self.clock() // MS))
        log.uptime_pairs.append((self.clock(), 1.0, self.clock()))

    def read_ticks(self, log: Any) -> bool:
        self.asked.append(("ticks", self.clock() // MS))
        log.tsc_pairs.append((self.clock(), 1, self.clock()))
        return True


class Bench:
    """A recorder with everything around it faked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock(0)
        self.sampler = FakeSampler(self.clock)
        self.clocks = FakeClocks(self.clock)
        self.captures = CaptureServer()
        self.recorder = Recorder(
            folder,
            self.sampler,
            [Capture(self.captures.rpc, 1)],
            self.clocks,
            clock_ns=self.clock,
            sleep_s=self.clock.sleep_s,
        )

    def run_until(self, end_ms: int) -> None:
        while self.recorder.due_ns <= end_ms * MS:
            self.clock.now_ns = max(self.clock.now_ns, self.recorder.due_ns)
            self.recorder.turn()

    def lines(self, name: str) -> list[dict]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]


@pytest.fixture
def bench(folder: Path) -> Iterator[Bench]:
    bench = Bench(folder)
    yield bench
    bench.recorder.close()


def test_everything_is_looked_at_once_when_it_starts(bench):
    assert bench.sampler.asked_ms == [0]
    assert bench.clocks.asked == [("uptime", 0), ("ticks", 0)]
    assert (bench.folder / "counters.npz").exists()
    assert (bench.folder / "clock.json").exists()
    assert bench.recorder.last_sample.asked_ns == 0


def test_each_job_has_its_pace(bench):
    bench.run_until(2000)
    assert bench.sampler.asked_ms == list(range(0, 2001, 100))
    assert [ms for what, ms in bench.clocks.asked if what == "uptime"] == list(range(0, 2001, 250))
    assert [ms for what, ms in bench.clocks.asked if what == "ticks"] == list(range(0, 2001, 500))


def test_what_was_missed_is_not_made_up_for(bench):
    bench.clock.now_ns = 1000 * MS
    bench.recorder.turn()
    bench.recorder.turn()
    assert bench.sampler.asked_ms == [0, 1000]
    assert bench.recorder.due_ns == 1050 * MS


def test_packets_are_in_the_file_as_soon_as_they_are_fetched(bench):
    bench.captures.put(30)
    bench.run_until(50)
    block, _ = read_packets(bench.folder / "probes.pcap")
    assert len(block) == 30
    assert block.times_ns[1] == 5_001_000_000
    assert block.data[29].tolist() == [0, 0, 0, 29]


def test_counters_on_disk_are_never_older_than_the_checkpoint(bench):
    bench.sampler.sent = lambda now_ns: now_ns // MS
    bench.run_until(2100)
    with np.load(bench.folder / "counters.npz") as arrays:
        assert arrays["tx"][-1, 0] == 2000


def test_a_late_wake_up_is_a_stall(bench):
    bench.clock.now_ns = 130 * MS
    bench.recorder.woke(50 * MS)
    bench.recorder.woke(125 * MS)
    assert bench.lines("stalls.jsonl") == [{"process": "traffic-worker", "started_ns": 50 * MS, "ended_ns": 130 * MS}]


def settle_ms(bench: Bench) -> int:
    began_ns = bench.clock()
    accounting = bench.recorder.finish()
    assert accounting["settled"]
    return (bench.clock() - began_ns) // MS


def test_traffic_that_all_came_back_is_settled_soon(bench):
    bench.sampler.sent = lambda _now_ns: 500
    assert 300 <= settle_ms(bench) < 500


def test_traffic_that_is_missing_is_waited_for(bench):
    bench.sampler.sent = lambda _now_ns: 500
    bench.sampler.received = lambda _now_ns: 499
    assert 2000 <= settle_ms(bench) < 2200


def test_a_packet_that_comes_late_is_counted(bench):
    bench.sampler.sent = lambda _now_ns: 500
    bench.sampler.received = lambda now_ns: 499 if now_ns < 1500 * MS else 500
    accounting = bench.recorder.finish()
    assert accounting["settled"]
    assert accounting["rx"] == {"new-sessions": 500}
    assert 1800 * MS <= bench.clock() < 2000 * MS


def test_counters_that_never_rest_do_not_hold_it_up_for_ever(bench):
    bench.sampler.sent = lambda now_ns: now_ns // MS
    accounting = bench.recorder.finish()
    assert not accounting["settled"]
    assert SETTLE_LIMIT_NS <= bench.clock() < SETTLE_LIMIT_NS + 200 * MS


def test_packets_that_come_while_settling_and_after_are_all_there(bench):
    bench.captures.put(10)
    bench.run_until(50)
    bench.captures.put(3000)
    accounting = bench.recorder.finish()
    assert accounting["matched"] == accounting["stored"] == accounting["fetched"] == 3010
    block, _ = read_packets(bench.folder / "probes.pcap")
    assert len(block) == 3010
    captures = json.loads((bench.folder / "probes.json").read_text())["captures"]
    assert captures == [{"capture_id": 7, "port": 1, "matched": 3010, "stored": 3010, "fetched": 3010}]
    assert bench.captures.there == set()


def test_the_last_sample_is_in_the_file(bench):
    bench.sampler.sent = lambda now_ns: min(now_ns // MS, 700)
    bench.run_until(700)
    accounting = bench.recorder.finish()
    with np.load(bench.folder / "counters.npz") as arrays:
        assert arrays["tx"][-1, 0] == accounting["tx"]["new-sessions"] == 700
        assert len(arrays["tx"]) == accounting["sample_count"]
    clock = json.loads((bench.folder / "clock.json").read_text())
    assert len(clock["tsc_pairs"]) == accounting["tick_pair_count"]


def test_a_generator_that_is_lost_while_settling_leaves_what_there_is(bench):
    bench.captures.put(20)
    bench.sampler.sent = lambda now_ns: now_ns // MS
    bench.run_until(300)
    bench.sampler.gone = True
    with pytest.raises(TrafficError, match="does not answer"):
        bench.recorder.finish()
    with np.load(bench.folder / "counters.npz") as arrays:
        assert arrays["tx"][-1, 0] == 300
    block, end = read_packets(bench.folder / "probes.pcap")
    assert len(block) == 20
    assert end == (bench.folder / "probes.pcap").stat().st_size
    assert json.loads((bench.folder / "probes.json").read_text())["captures"][0]["fetched"] == 20
    assert bench.captures.there == set()


def test_without_probes_there_is_an_empty_capture_file(folder):
    clock = FakeClock(0)
    recorder = Recorder(folder, FakeSampler(clock), [], FakeClocks(clock), clock_ns=clock, sleep_s=clock.sleep_s)
    accounting = recorder.finish()
    assert accounting["captures"] == []
    assert accounting["matched"] == 0
    assert len(read_packets(folder / "probes.pcap")[0]) == 0
