from __future__ import annotations

import struct

import numpy as np

from lab.generator.counters import NO_GROUP
from lab.generator.field_engine import FlowVariable, Program, Write
from lab.generator.messages import LatencyTag, StreamPlan
from lab.generator.rendering import NO_STAMP, render
from lab.generator.schedule import Lane, Timeline
from tests.generator import packets

COUNTER = FlowVariable("n", 2, "inc", 0, 0, 65535, 1)


def plan(length=96, *, latency=None, group=NO_GROUP, pps=1000.0):
    program = Program((Write(COUNTER, 28, 0, big_endian=True),))
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


def test_latency_packets_carry_tag_and_sequence_number():
    _, made = rendered(plan(latency=LatencyTag(7, 9)))
    assert made.stamps.tolist() == [88] * 50
    headers = [struct.unpack("<BBHIQ", frame[-16:].tobytes()) for frame in made.frames]
    assert [header[:3] for header in headers] == [(0xAB, 9, 7)] * 50
    assert [header[3] for header in headers[:4]] == [0xFFFFFFFE, 0xFFFFFFFF, 0, 1]


def test_sequence_numbers_go_on_from_window_to_window():
    _, made = rendered(plan(latency=LatencyTag(0, 1)), first=100)
    assert struct.unpack("<I", made.frames[0, -12:-8].tobytes()) == (98,)
    assert int.from_bytes(made.frames[0, 28:30].tobytes()) == 100


def test_an_empty_window_has_no_frames():
    timeline = Timeline([Lane(1e9, 10_000_000_000)])
    timeline.plan(0)
    made = render(timeline.window, [plan()])
    assert len(made.frames) == len(made.lengths) == 0
    assert made.groups.dtype == np.intp
