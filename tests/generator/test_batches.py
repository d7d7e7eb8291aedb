"""From windows to frames: lengths that vary, latency headers at their ends, checksums over everything."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from lab.generator.batches import NO_STAMP, render
from lab.generator.checksums import UDP, FixChecksums
from lab.generator.counters import NO_GROUP
from lab.generator.field_engine import FlowVariable, Program, Trim, Write
from lab.generator.messages import LatencyTag, StreamPlan
from lab.generator.schedule import Lane, Timeline
from tests.generator import packets

COUNTER = FlowVariable("n", 2, "inc", 0, 0, 65535, 1)
SIZE = FlowVariable("s", 2, "inc", 80, 80, 120, 1)
COUNTING = Program((Write(COUNTER, 28, 0, big_endian=True),))
SIZED = Program((Trim(SIZE), Write(SIZE, 16, -14, big_endian=True), Write(SIZE, 38, -34, big_endian=True)))


def plan(length=96, *, latency=None, group=NO_GROUP, pps=1000.0, program=COUNTING):
    return StreamPlan(packets.udp(length), program, pps, 0, None, group, latency, scaled=latency is None)


def rendered(*plans, first=0):
    timeline = Timeline([Lane(1e9 / each.rate_pps, 0, planned=first) for each in plans])
    timeline.plan(first * 1_000_000)
    return timeline.window, render(timeline.window, plans)


def test_each_packet_is_that_of_its_stream_and_number():
    window, made = rendered(plan(128, group=3), plan(96, group=5, pps=500.0))
    assert len(made.frames) == 75
    seen = [0, 0]
    for row, lane in enumerate(window.lanes):
        assert int.from_bytes(made.frames[row, 28:30].tobytes()) == seen[lane]
        assert made.lengths[row] == (128, 96)[lane]
        assert made.wire_bytes[row] == (132, 100)[lane]
        assert made.groups[row] == (3, 5)[lane]
        assert made.stamps[row] == NO_STAMP
        seen[lane] += 1
    assert not made.stamped


def test_a_stream_alone_is_made_alike():
    window, alone = rendered(plan(group=3))
    idle = plan(128, pps=0.001)
    together = render(window, [plan(group=3), idle])
    window_of_two, made = rendered(plan(group=3), plan(64, pps=1.0))
    mine = window_of_two.lanes == 0
    for batch, rows in ((together, slice(None)), (made, mine)):
        assert np.array_equal(batch.frames[rows][:, :96], alone.frames)
        assert np.array_equal(batch.groups[rows], alone.groups)
        assert np.array_equal(batch.lengths[rows], alone.lengths)


def headers(made):
    frames = [frame[:length].tobytes() for frame, length in zip(made.frames, made.lengths, strict=True)]
    return [struct.unpack("<BBHIQ", frame[-16:]) for frame in frames]


@pytest.mark.parametrize("others", [(), (plan(64, pps=10.0),)])
def test_latency_packets_carry_tag_and_sequence_number(others):
    window, made = rendered(plan(latency=LatencyTag(7, 9)), *others)
    mine = np.flatnonzero(window.lanes == 0)
    assert made.stamps[mine].tolist() == [88] * 50
    found = [headers(made)[row] for row in mine]
    assert [header[:3] for header in found] == [(0xAB, 9, 7)] * 50
    assert [header[3] for header in found[:4]] == [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]
    assert made.stamped


def test_sequence_numbers_go_on_from_window_to_window():
    _, made = rendered(plan(latency=LatencyTag(0, 1)), first=100)
    assert headers(made)[0][3] == 98
    assert int.from_bytes(made.frames[0, 28:30].tobytes()) == 100


@pytest.mark.parametrize("others", [(), (plan(64, pps=10.0),)])
def test_lengths_vary_from_packet_to_packet(others):
    window, made = rendered(plan(200, program=SIZED, latency=LatencyTag(1, 2)), *others)
    mine = np.flatnonzero(window.lanes == 0)
    expected = [80 + number % 41 for number in range(50)]
    assert made.lengths[mine].tolist() == expected
    assert made.wire_bytes[mine].tolist() == [length + 4 for length in expected]
    assert made.stamps[mine].tolist() == [length - 8 for length in expected]
    found = [headers(made)[row] for row in mine]
    assert [header[:3] for header in found] == [(0xAB, 2, 1)] * 50
    assert [header[3] for header in found[2:]] == list(range(48))


def segment_is_right(frame):
    segment = frame[34 : 14 + int.from_bytes(frame[16:18])]
    pseudo = frame[26:34] + b"\0\x11" + len(segment).to_bytes(2)
    return packets.checksum(pseudo + segment + b"\0" * (len(segment) % 2)) == 0


@pytest.mark.parametrize("latency", [None, LatencyTag(1, 2)])
def test_checksums_by_the_card_cover_lengths_and_headers(latency):
    program = Program(SIZED.instructions, (FixChecksums(14, 20, UDP),))
    _, made = rendered(plan(200, program=program, latency=latency))
    frames = [frame[:length].tobytes() for frame, length in zip(made.frames, made.lengths, strict=True)]
    assert all(segment_is_right(frame) for frame in frames)
    assert all(packets.checksum(frame[14:34]) == 0 for frame in frames)
    assert bool(made.sealed) == (latency is not None)


def test_an_empty_window_has_no_frames():
    timeline = Timeline([Lane(1e9, 10_000_000_000)])
    timeline.plan(0)
    made = render(timeline.window, [plan()])
    assert len(made.frames) == len(made.lengths) == 0
    assert made.groups.dtype == np.intp
