"""Streams from `add_stream` to the order that the sender gets."""

from __future__ import annotations

import pytest

from lab.generator.courses import Course
from lab.generator.messages import Start
from tests.generator import packets
from tests.generator.fakes import Desk

RAW = {"type": "raw", "op": "abs", "value": 1.0}
BURST = {"type": "single_burst", "total_pkts": 5}


@pytest.fixture
def desk():
    return Desk().acquire(0)


def add(desk, stream_id, *args, **fields):
    desk.call("add_stream", **desk.own(0), stream_id=stream_id, stream=packets.stream(*args, **fields))


def start(desk, **more):
    return {"mul": RAW, "duration": -1, "force": True} | desk.own(0) | more


def test_a_chain_reaches_the_sender_whole(desk):
    add(desk, 1, mode=BURST, next_stream_id=2)
    add(desk, 2, mode=BURST, self_start=False, next_stream_id=1, action_count=4, gap_us=20.0)
    add(desk, 3, mode={"type": "multi_burst", "pkts_per_burst": 2, "ibg": 5.0, "count": 0}, enabled=False)
    desk.call("start_traffic", **start(desk))
    (order,) = desk.workers.of_kind(Start)
    assert [plan.program.course for plan in order.streams] == [
        Course(1, 5, next_id=2),
        Course(2, 5, next_id=1, loops=4, starts=False),
    ]
    assert [plan.gap_ns for plan in order.streams] == [0, 20_000]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"mode": BURST, "next_stream_id": 7}, "stream id 7 does not exists"),
        ({"next_stream_id": 1}, "error: continous stream '1' cannot point to another stream"),
        ({"self_start": False}, "error: stream 1 is unreachable from any other stream\n"),
        ({"enabled": False}, "no enabled streams to play"),
        ({"program": [packets.write(26)]}, "*** error: instruction id '0' packet write with no valid flow variable"),
    ],
)
def test_chains_and_programs_are_checked_at_the_start(desk, fields, text):
    add(desk, 1, **fields)
    assert desk.refusal("start_traffic", **start(desk)).startswith(text)
    assert desk.workers.of_kind(Start) == []
    assert desk.call("get_port_status", port_id=0)["state"] == "STREAMS"


def test_the_multiplier_goes_by_the_highest_point_of_a_chain(desk):
    add(desk, 1, pps=1000, mode={"type": "single_burst", "total_pkts": 2000}, next_stream_id=2)
    add(desk, 2, pps=500, self_start=False)
    answer = desk.call("start_traffic", **start(desk, mul={"type": "pps", "op": "abs", "value": 3000}))
    assert answer["multiplier"] == 3.0
    (order,) = desk.workers.of_kind(Start)
    assert [plan.rate_pps for plan in order.streams] == [3000, 1500]


def test_mistakes_of_a_program_are_failures_to_execute(desk):
    source = packets.stream(program=[packets.variable(step=0)])
    answer = desk.ask("add_stream", **desk.own(0), stream_id=1, stream=source)
    assert answer["error"]["code"] == -32000
    assert answer["error"]["specific_err"] == "VM: step cannot be 0"


def test_a_port_takes_so_many_streams(desk, monkeypatch):
    monkeypatch.setattr("lab.generator.commands.streams._MOST_STREAMS", 2)
    add(desk, 1)
    add(desk, 2)
    refused = desk.refusal("add_stream", **desk.own(0), stream_id=3, stream=packets.stream())
    assert refused == "Reached limit of 2 streams at the port."


def test_a_mistake_in_a_stream_comes_before_its_number(desk):
    add(desk, 1)
    source = packets.stream(mode={"type": "zigzag"})
    assert "zigzag" in desk.refusal("add_stream", **desk.own(0), stream_id=1, stream=source)
    assert "stream 1 already exists" in desk.refusal("add_stream", **desk.own(0), stream_id=1, stream=packets.stream())
