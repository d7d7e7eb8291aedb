"""Streams with anything in any of their fields: they are served, or refused by one of TRex's errors."""

from __future__ import annotations

import copy
import random

import pytest

from lab.generator import streams
from lab.generator.counters import NO_GROUP
from lab.generator.jsonrpc import RpcError
from lab.generator.lanes import lanes_of
from lab.generator.messages import Start, StreamPlan
from lab.generator.schedule import Timeline
from tests.generator import packets
from tests.generator.test_programs import REPEATED, TUPLE

STRANGE = [
    *(None, True, False, 0, 1, -1, 2, 3, 8, 60, 255, 3.5, 1e300, -1e300, 1e-300, float("inf"), float("nan")),
    *(2**16, 2**32, 2**63, 2**64, 10**400, "", "n", "t.ip", "r", "inc", "random", "flow_var", "!"),
    *([], [0], [1, 2, 3], [None], ["a"], [1.5], [{}], {}, {"type": "continuous"}),
]
PROGRAM = [
    packets.variable("k", size=2, low=60, init=60, high=90, split_to_cores=False, next_var="n"),
    packets.variable("n", split_to_cores=False),
    packets.variable("l", size=1, value_list=[1, 2, 3], op="dec"),
    packets.variable("x", op="random"),
    REPEATED,
    TUPLE,
    {"type": "trim_pkt_size", "name": "k"},
    packets.write(26),
    packets.masked(28, 0xFF, shift=-3, name="x"),
    packets.write(44, "t.port"),
    packets.FIX_IP,
    {"type": "fix_checksum_hw", "l2_len": 14, "l3_len": 20, "l4_type": 11},
]
MODES = [
    {"type": "continuous"},
    {"type": "single_burst", "total_pkts": 7},
    {"type": "multi_burst", "pkts_per_burst": 3, "ibg": 100.0, "count": 2},
]


def whole(choose):
    program = choose.sample(PROGRAM, choose.randrange(len(PROGRAM))) if choose.random() < 0.3 else PROGRAM
    stream = packets.stream(
        packets.udp(120), program=program, mode=choose.choice(MODES), statistics=choose.choice([None, (1, "stats")])
    )
    stream["vm"]["cache"] = choose.choice([0, 5])
    return copy.deepcopy(stream) | {"random_seed": 3, "core_id": -1}


def places(value, path=()):
    """Every field and member below a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inside:
        yield (*path, name)
        yield from places(each, (*path, name))


def spoiled(choose):
    stream = whole(choose)
    for _ in range(choose.randrange(3)):
        *path, last = choose.choice(list(places(stream)))
        holder = stream
        for name in path:
            holder = holder[name]
        if isinstance(holder, dict) and choose.random() < 0.2:
            del holder[last]
        else:
            holder[last] = choose.choice(STRANGE)
    return stream


def serve(source):
    """From the JSON to planned packets; True if nothing was refused."""
    try:
        stream = streams.parse(1, source, 1518)
        streams.multiplied([stream], "raw", 1.0)
        pps = min(max(stream.rate_pps, 1.0), 1000.0)
        plan = StreamPlan(stream.frame, stream.program, pps, 0, stream.total, NO_GROUP, None, scaled=True)
    except RpcError:
        return False
    frames = plan.program.run(plan.template, 3, 7)
    assert frames.shape == (7, len(stream.frame))
    lanes, _ = lanes_of(Start((0, "_"), 1, (plan,), 0, None))
    timeline = Timeline([lane for lane, _ in lanes])
    timeline.plan(0)
    return True


@pytest.mark.parametrize("seed", range(8))
def test_any_stream_is_served_or_refused(seed):
    choose = random.Random(seed)
    outcomes = [serve(spoiled(choose)) for _ in range(400)]
    assert 50 < sum(outcomes) < 350
