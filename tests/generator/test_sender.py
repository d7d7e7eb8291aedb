"""The sending loop with a fake clock and fake rings."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from lab.generator.checksums import UDP, FixChecksums
from lab.generator.counters import BYTES, ERRORS, NO_GROUP, PACKETS
from lab.generator.courses import Course
from lab.generator.field_engine import FlowVariable, Program, Trim
from lab.generator.messages import LatencyTag, Pause, Resume, Scale, Start, Stop, StreamPlan, Tap
from lab.generator.sender import TICK_NS, Sender, keep_memory
from tests.generator import fakes, packets

MS = fakes.MS


class Bench:
    def __init__(self):
        self.clock = fakes.Clock()
        self.rings = [fakes.Ring(self.clock) for _ in range(2)]
        self.counters = fakes.shared_counters()
        self.sender = Sender(self.rings, self.counters, self.clock)
        self.ended = []

    def start(self, *streams, port=0, profile="_", delay_ms=0, duration_ms=None):
        duration_ns = None if duration_ms is None else duration_ms * MS
        self.sender.obey(Start((port, profile), 1, streams, self.clock() + delay_ms * MS, duration_ns))

    def play(self, ms, step_ms=1):
        for _ in range(round(ms / step_ms)):
            self.ended += [ended.key for ended in self.sender.tick()]
            self.clock.advance(step_ms)

    def sent(self, port=0):
        return len(self.rings[port].sent)


@pytest.fixture
def bench():
    return Bench()


def stream(pps=1000.0, *, group=NO_GROUP, latency=None, total=None, gap_ms=0, scaled=True):
    return StreamPlan(packets.udp(), Program(), pps, gap_ms * MS, total, group, latency, scaled)


def test_packets_go_out_at_their_rate(bench):
    bench.start(stream(2000.0))
    bench.play(500)
    assert bench.sent() == pytest.approx(1000, abs=2)
    assert max(bench.rings[0].kicks) == 2  # no bursts


def test_ports_are_independent(bench):
    bench.start(stream(1000.0))
    bench.start(stream(500.0), port=1)
    bench.play(200)
    assert (bench.sent(0), bench.sent(1)) == (200, 100)


def test_counters_tell_port_and_group(bench):
    bench.start(stream(1000.0, group=4), stream(500.0))
    bench.play(100)
    assert bench.counters.sent[0].tolist() == [150, 150 * 100, 0]
    assert bench.counters.group_sent[0, 4].tolist() == [100, 100 * 100]
    assert bench.counters.group_sent[0, NO_GROUP, PACKETS] == 50
    assert bench.counters.group_sent[1].sum() == 0
    assert bench.counters.sent[0, BYTES] == bench.counters.group_sent[0, :, BYTES].sum()


def test_the_send_time_is_that_of_the_kick(bench):
    bench.start(stream(3000.0, latency=LatencyTag(2, 3)), stream(1000.0))
    bench.play(50)
    probes = [(at, struct.unpack("<BBHIQ", frame[-16:])) for at, frame in bench.rings[0].sent if frame[-16] == 0xAB]
    assert len(probes) == 148  # packets 0 .. 147 are due within 49 ms
    assert all(header[4] == at for at, header in probes)
    assert [(header[3] + 2) % (1 << 32) for _, header in probes] == list(range(148))


def test_a_gap_delays_the_first_packet(bench):
    bench.start(stream(gap_ms=30))
    bench.play(30)
    assert bench.sent() == 0
    bench.play(10)
    assert bench.sent() == 10


def test_a_start_can_lie_in_the_future(bench):
    bench.start(stream(), delay_ms=500)
    bench.play(500)
    assert bench.sent() == 0
    bench.play(100)
    assert bench.sent() == 100


def test_bursts_end_and_are_reported_once(bench):
    bench.start(stream(total=25))
    bench.play(100)
    assert bench.sent() == 25
    assert bench.ended == [(0, "_")]


def test_a_duration_ends_a_profile_while_others_go_on(bench):
    bench.start(stream(), profile="goes on")
    bench.start(stream(), profile="ends", duration_ms=50)
    bench.play(70)
    assert bench.ended == [(0, "ends")]
    assert bench.sent() == 50 + 70


def test_a_profile_of_nothing_ends_at_once(bench):
    bench.start(stream(gap_ms=100), duration_ms=50)
    bench.play(3)
    assert bench.ended == [(0, "_")]


def test_profiles_start_and_stop_on_their_own(bench):
    bench.start(stream(group=1), profile="a")
    bench.play(20)
    bench.start(stream(group=2), profile="b")
    bench.play(20)
    bench.sender.obey(Stop((0, "a")))
    bench.play(20)
    assert bench.counters.group_sent[0, 1, PACKETS] == 40
    assert bench.counters.group_sent[0, 2, PACKETS] == 40


def test_nothing_is_sent_after_a_stop(bench):
    bench.start(stream())
    bench.play(33)
    bench.sender.obey(Stop((0, "_")))
    bench.play(50)
    assert bench.sent() == 33
    assert bench.ended == []


def test_a_pause_moves_the_rest_to_later(bench):
    bench.start(stream(total=50))
    bench.play(20)
    bench.sender.obey(Pause((0, "_")))
    bench.play(100)
    assert bench.sent() == 20
    assert bench.ended == []
    bench.sender.obey(Resume((0, "_")))
    bench.play(20)
    assert bench.sent() == 40
    bench.play(20)
    assert bench.ended == [(0, "_")]


def test_a_multiplier_changes_scaled_streams_only(bench):
    bench.start(stream(group=1), stream(group=2, scaled=False))
    bench.play(50)
    bench.sender.obey(Scale((0, "_"), 4.0))
    bench.play(50)
    assert bench.counters.group_sent[0, 1, PACKETS] == pytest.approx(250, abs=4)
    assert bench.counters.group_sent[0, 2, PACKETS] == 100


def test_orders_for_unknown_profiles_do_nothing(bench):
    for order in (Stop((0, "x")), Pause((0, "x")), Resume((0, "x")), Scale((0, "x"), 2.0)):
        bench.sender.obey(order)
    bench.play(5)
    assert bench.sent() == 0


def test_a_stall_is_caught_up(bench):
    bench.start(stream())
    bench.play(10)
    bench.clock.advance(200)
    bench.play(50)
    assert bench.sent() == pytest.approx(260, abs=1)
    assert bench.counters.health_of("longest_stall_ns") == pytest.approx(200 * MS, abs=MS)
    assert bench.counters.health_of("slipped_ns") == 0


def test_what_a_stall_held_back_does_not_go_out_at_once(bench):
    bench.start(stream(10_000.0))
    bench.play(10)
    bench.clock.advance(200)
    bench.rings[0].kicks.clear()
    bench.play(50)
    assert bench.sent() == pytest.approx(2600, abs=10)
    assert max(bench.rings[0].kicks) <= 10_000 * 0.201 / 8 + 1


def test_a_long_stall_lets_both_ports_slip_alike(bench):
    bench.start(stream(total=1000))
    bench.start(stream(500.0), port=1)
    bench.play(10)
    bench.clock.advance(1000)
    bench.play(60)
    assert bench.sent(0) == pytest.approx(320, abs=2)
    assert bench.sent(1) == pytest.approx(160, abs=2)
    assert bench.counters.health_of("slipped_ns") == pytest.approx(750 * MS, abs=2 * MS)
    bench.play(800)
    assert bench.sent(0) == 1000  # later, but all of them
    assert bench.ended == [(0, "_")]


def test_a_full_ring_holds_the_schedule_and_loses_nothing(bench):
    bench.start(stream(total=400))
    bench.play(50)
    bench.rings[0].blocked = True
    bench.play(100)
    assert bench.sent() == 50
    bench.rings[0].blocked = False
    bench.play(400)
    assert bench.sent() == 400


def test_a_small_ring_is_filled_more_than_once_a_tick(bench):
    bench.rings[0].capacity = 3
    bench.start(stream(10_000.0))
    bench.play(20)
    assert bench.sent() == pytest.approx(200, abs=10)
    assert max(bench.rings[0].kicks) == 3


def test_refused_packets_are_errors(bench):
    bench.rings[0].kick = lambda _: 1
    bench.start(stream())
    bench.play(5)
    assert bench.counters.sent[0, ERRORS] == 5


def test_taps_reach_the_ring(bench):
    bench.sender.obey(Tap(1, visible=True))
    assert [ring.visible for ring in bench.rings] == [False, True]


def test_it_sleeps_a_tick_while_running_and_longer_otherwise(bench):
    assert bench.sender.wait_ns() > 10 * TICK_NS
    bench.start(stream(10_000.0))
    bench.sender.tick()
    assert bench.sender.wait_ns() == TICK_NS
    bench.sender.obey(Stop((0, "_")))
    bench.start(stream(10.0))
    bench.sender.tick()
    assert TICK_NS < bench.sender.wait_ns() <= 50 * TICK_NS


def test_streams_that_start_together_interleave(bench):
    bench.start(stream(5000.0, group=1), stream(5000.0, group=2))
    bench.play(20, step_ms=1)
    order = [frame for _, frame in bench.rings[0].sent]
    assert len(order) == pytest.approx(200, abs=10)
    assert np.abs(bench.counters.group_sent[0, 1, PACKETS] - bench.counters.group_sent[0, 2, PACKETS]) <= 1


def coursed(course, pps=1000.0, *, gap_ms=0, group=NO_GROUP, scaled=True):
    program = Program(course=course)
    return StreamPlan(packets.udp(), program, pps, gap_ms * MS, course.total, group, None, scaled)


def test_bursts_come_with_their_gaps(bench):
    bench.start(coursed(Course(1, 10, 3, 40.0 * MS)))
    begun = bench.clock()
    bench.play(150)
    times = [round((at - begun) / MS) for at, _ in bench.rings[0].sent]
    assert times == [burst * 49 + packet for burst in range(3) for packet in range(10)]
    assert bench.ended == [(0, "_")]


def test_streams_follow_each_other_until_all_are_over(bench):
    bench.start(
        coursed(Course(1, 5, next_id=2), group=1),
        coursed(Course(2, 5, starts=False, next_id=1, loops=3), group=2, gap_ms=10),
        stream(500.0, group=3, total=10),
    )
    bench.play(30)
    assert bench.counters.group_sent[0, 1:4, PACKETS].tolist() == [10, 5, 10]
    assert bench.ended == []
    bench.play(60)
    assert bench.counters.group_sent[0, 1:4, PACKETS].tolist() == [15, 15, 10]
    assert bench.ended == [(0, "_")]


def test_a_stream_that_sends_nothing_keeps_its_profile_alive(bench):
    bench.start(coursed(Course(1, 101, silent=True)))
    bench.play(99)
    assert bench.ended == []
    assert bench.sender.wait_ns() < 3 * MS
    bench.play(5)
    assert bench.ended == [(0, "_")]
    assert bench.sent() == 0


def test_other_profiles_may_come_and_go_beside_a_chain(bench):
    bench.start(coursed(Course(1, 3, next_id=1), group=1, gap_ms=3))  # 3 packets every 5 ms
    for number in range(10):
        bench.start(stream(group=2), profile=str(number))
        bench.play(7)
        bench.sender.obey(Stop((0, str(number))))
        bench.play(3)
    assert bench.counters.group_sent[0, 1, PACKETS] == pytest.approx(100 / 5 * 3, abs=3)
    assert bench.counters.group_sent[0, 2, PACKETS] == 70


def test_a_chain_can_be_stopped_paused_and_slowed(bench):
    bench.start(coursed(Course(1, 5, 0, 10.0 * MS), group=1))
    bench.play(20)
    bench.sender.obey(Pause((0, "_")))
    before = bench.sent()
    bench.play(100)
    assert bench.sent() == before
    bench.sender.obey(Resume((0, "_")))
    bench.play(56)
    assert bench.sent() == pytest.approx(before + 20, abs=2)
    bench.sender.obey(Scale((0, "_"), 0.1))
    bench.play(100)  # what was planned keeps its times
    before = bench.sent()
    bench.play(500)
    assert bench.sent() == pytest.approx(before + 50, abs=4)
    bench.sender.obey(Stop((0, "_")))
    before = bench.sent()
    bench.play(50)
    assert bench.sent() == before


def test_a_stall_is_caught_up_in_a_chain(bench):
    bench.start(coursed(Course(1, 1000, next_id=1), gap_ms=1))
    bench.play(10)
    bench.clock.advance(200)
    bench.play(60)
    assert bench.sent() == pytest.approx(270, abs=2)
    bench.clock.advance(2000)
    bench.play(100)
    assert bench.sent() == pytest.approx(270 + 250 + 100, abs=3)


class PatchingRing(fakes.Ring):
    """A ring whose memory can be corrected."""

    def write_words(self, positions, values):
        for position, value in zip(positions, values, strict=True):
            slot, at = divmod(int(position), self.stride)
            self._filled[slot][at : at + 2] = int(value).to_bytes(2)


def segment_is_right(frame):
    segment = frame[34:]
    pseudo = frame[26:34] + b"\0\x11" + len(segment).to_bytes(2)
    return packets.checksum(pseudo + segment + b"\0" * (len(segment) % 2)) == 0


@pytest.mark.parametrize("others", [(), (stream(700.0),)])
@pytest.mark.parametrize("length", [96, 97])
def test_checksums_by_the_card_cover_the_send_time(bench, others, length):
    bench.rings[0] = bench.sender._ports[0].ring = PatchingRing(bench.clock)
    program = Program(offloads=(FixChecksums(14, 20, UDP),))
    probe = StreamPlan(packets.udp(length), program, 3000.0, 0, None, 5, LatencyTag(2, 3), scaled=False)
    bench.start(probe, *others)
    bench.play(30, step_ms=0.7)
    probes = [(at, frame) for at, frame in bench.rings[0].sent if frame[-16] == 0xAB]
    assert len(probes) == pytest.approx(90, abs=4)
    assert all(struct.unpack("<Q", frame[-8:]) == (at,) for at, frame in probes)
    assert all(segment_is_right(frame) for _, frame in probes)


def test_packets_of_many_lengths_are_counted_as_they_are(bench):
    size = FlowVariable("s", 2, "inc", 60, 60, 90, 1)
    program = Program((Trim(size),))
    bench.start(StreamPlan(packets.udp(100), program, 1000.0, 0, None, 4, None, scaled=True))
    bench.play(31)
    lengths = [len(frame) for _, frame in bench.rings[0].sent]
    assert lengths == list(range(60, 91))
    assert bench.counters.group_sent[0, 4].tolist() == [31, sum(lengths) + 31 * 4]


class Library:
    def __init__(self, *, has_mallopt):
        self.options = []
        if has_mallopt:
            self.mallopt = lambda option, value: self.options.append((option, value))


@pytest.mark.parametrize("has_mallopt", [True, False])
def test_memory_is_kept_where_the_c_library_can(monkeypatch, has_mallopt):
    library = Library(has_mallopt=has_mallopt)
    monkeypatch.setattr("ctypes.CDLL", lambda _: library)
    keep_memory()
    assert library.options == ([(-1, 1 << 25), (-3, 1 << 25)] if has_mallopt else [])
