from __future__ import annotations

import numpy as np
import pytest

from lab.generator import streams
from lab.generator.courses import Course
from lab.generator.jsonrpc import RpcError
from tests.generator import packets

STATS, LATENCY = (1, "stats"), (2, "latency")


def parse(*args, largest_frame=1518, **fields):
    return streams.parse(1, packets.stream(*args, **fields), largest_frame)


def test_a_stream_keeps_what_the_client_sent():
    source = packets.stream(packets.udp(), statistics=STATS)
    stream = streams.parse(4, source, 1518)
    assert stream.source == source
    assert stream.stream_id == 4
    assert stream.statistics == streams.Statistics(1, latency=False)
    assert stream.total is None
    assert stream.plays


@pytest.mark.parametrize(
    ("rate", "pps"),
    [
        ({"type": "pps", "value": 12.5}, 12.5),
        ({"type": "bps_L2", "value": 800_000}, 1000),
        ({"type": "bps_L1", "value": 960_000}, 1000),
        ({"type": "percentage", "value": 1}, 1e8 / 960),
    ],
)
def test_every_unit_of_rate(rate, pps):
    stream = parse(packets.udp(96), mode={"rate": rate})
    assert stream.rate_pps == pytest.approx(pps)


def test_a_burst_has_an_end():
    assert parse(mode={"type": "single_burst", "total_pkts": 9}).total == 9


def test_short_frames_are_padded():
    assert len(parse(packets.udp(42)).frame) == 60


def test_a_disabled_stream_does_not_play():
    assert not parse(enabled=False).plays


def test_a_stream_knows_what_it_does_and_who_follows():
    more = {"self_start": False, "next_stream_id": 4, "action_count": 3, "flags": 8, "gap_us": 30.0}
    stream = parse(mode={"type": "multi_burst", "pkts_per_burst": 10, "ibg": 1000.0, "count": 3}, **more)
    assert stream.course == Course(1, 10, 3, 1e6, next_id=4, loops=3, starts=False, silent=True)
    assert stream.program.course == stream.course
    assert stream.total == 30
    assert stream.gap_us == 30.0


TRIMMED = [
    packets.variable("s", size=2, low=60, init=60, high=140),
    {"type": "trim_pkt_size", "name": "s"},
]


def test_rates_in_bits_go_by_the_expected_length():
    stream = parse(packets.udp(196), program=TRIMMED, mode={"rate": {"type": "bps_L2", "value": 832_000}})
    assert stream.mean_bytes == 100
    assert stream.rate_pps == pytest.approx(1000)
    assert stream.shortest_bytes == 60
    assert stream.offer.bandwidth.l1_bps == pytest.approx(1000 * 124 * 8)


def test_what_is_wrong_in_the_packet_is_found_at_the_start_only():
    """As a TRex server does: it compiles when traffic starts."""
    stream = parse(program=[packets.variable(), packets.write(5000)])
    assert stream.rate_pps == 1000
    with pytest.raises(RpcError, match="packet write with packet_offset   5004   bigger than packet size   96"):
        _ = stream.program


def test_latency_packets_are_made_one_by_one():
    cached = {"vm": {"instructions": [], "cache": 50}}
    assert parse(**cached).program.cache_packets == 50
    assert parse(statistics=STATS, **cached).program.cache_packets == 50
    assert parse(statistics=LATENCY, **cached).program.cache_packets == 0


def test_the_seed_of_a_stream_decides_its_random_numbers():
    program = [packets.variable(op="random"), packets.write(26)]
    made = [parse(program=program, random_seed=seed).program.run(packets.udp(), 0, 5) for seed in (3, 3, 4)]
    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])


def test_ipv6_is_counted_too():
    frame = bytes(12) + b"\x86\xdd\x60" + bytes(5) + b"\x11" + bytes(60)
    stream = parse(frame, statistics=STATS)
    assert stream.layers.ip_version == 6
    assert stream.statistics == streams.Statistics(1, latency=False)


def test_the_only_core_may_be_asked_for():
    assert parse(core_id=0).stream_id == parse(core_id=-1).stream_id == 1


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"frame": b""}, "Bad packet size provided: 0. Should be between 14 and 9238"),
        ({"frame": bytes(9239)}, "Bad packet size provided: 9239"),
        ({"frame": packets.udp(1519)}, "1519. The port's device takes at most 1518 bytes"),
        ({"mode": {"type": "zigzag"}}, "bad stream type provided: 'zigzag'"),
        ({"start_paused": True}, "starts paused - not served by this generator"),
        ({"core_id": 1}, "There is only one core, hence core ID must be 0."),
        ({"core_id": 0, "statistics": LATENCY}, "Core ID pinning is not supported for sequenced streams."),
        ({"mode": {"type": "single_burst", "total_pkts": 0}}, "'total_pkts' cannot be zero"),
        ({"mode": {"rate": {"type": "furlongs", "value": 1}}}, "field 'type' can only be one of"),
        ({"mode": {"rate": {"type": "pps", "value": 0}}}, "Rate value should be positive"),
        ({"mode": {"rate": {"type": "pps", "value": -5}}}, "'value' has negative value"),
        ({"frame": bytes(12) + b"\x08\x06" + bytes(46), "statistics": STATS}, "Failed determining l3 proto"),
        ({"frame": packets.udp(60, tags=1), "statistics": LATENCY}, "Need at least 16 payload bytes for payload rules"),
        ({"flow_stats": {"enabled": True, "stream_id": 1, "rule_type": "tpg"}}, "tagged packet groups - not served"),
        ({"flow_stats": {"enabled": True, "stream_id": 1, "rule_type": "x"}}, "Wrong rule_type"),
        ({"flow_stats": {"enabled": True, "stream_id": 1, "ieee_1588": True}}, "Driver doesn't support IEEE-1588."),
        (
            {"frame": packets.udp(196), "statistics": LATENCY, "vm": {"instructions": TRIMMED}},
            "minimum packet size of 60 bytes. For latency .* should be at least 76",
        ),
        ({"packet": {"binary": "%%%"}}, "not base64"),
        ({"flow_stats": {"enabled": True, "stream_id": 1, "rule_type": "stats", "vxlan": True}}, "VXLAN"),
        ({"mode": None}, "field 'mode' value is null"),
    ],
)
def test_mistakes_are_named(fields, text):
    source = packets.stream(fields.pop("frame", None), statistics=fields.pop("statistics", None))
    source |= {name: source[name] | value if name == "mode" and value else value for name, value in fields.items()}
    with pytest.raises(RpcError, match=text):
        streams.parse(1, source, 1518)


@pytest.fixture
def profile():
    """1000 pps of 96 and 500 pps of 196 bytes that can be scaled, 200 pps of probes that cannot."""
    return [
        parse(packets.udp(96), pps=1000),
        parse(packets.udp(196), pps=500),
        parse(packets.udp(96), pps=200, statistics=LATENCY),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "factor"),
    [
        ("raw", 3.0, 3.0),
        ("pps", 3200, 2.0),
        ("bps", 8 * (2 * (1000 * 100 + 500 * 200) + 200 * 100), 2.0),
        ("bpsl1", 8 * (2 * (1000 * 120 + 500 * 220) + 200 * 120), 2.0),
        ("percentage", 8 * (2 * (1000 * 120 + 500 * 220) + 200 * 120) / 1e8, 2.0),
    ],
)
def test_multipliers_leave_probes_alone(profile, kind, value, factor):
    assert streams.multiplied(profile, kind, value) == pytest.approx(factor)


def test_less_than_the_probes_alone_is_refused(profile):
    with pytest.raises(RpcError, match="enforces a minimum rate of '200' pps"):
        streams.multiplied(profile, "pps", 150)


def test_probes_alone_cannot_be_scaled(profile):
    assert streams.multiplied(profile[2:], "raw", 1.0) == 1.0
    with pytest.raises(RpcError, match="no stream of the profile can be scaled"):
        streams.multiplied(profile[2:], "pps", 1000)


def test_bursts_that_follow_each_other_do_not_add_up():
    bursts = [
        parse(pps=1000, mode={"type": "single_burst", "total_pkts": 2000}, next_stream_id=2),
        streams.parse(2, packets.stream(pps=500, self_start=False), 1518),
    ]
    assert streams.multiplied(bursts, "pps", 2000) == pytest.approx(2.0)
    assert streams.l1_bps(bursts, 2.0) == 2000 * 120 * 8


@pytest.mark.parametrize("kind", ["raw", "pps"])
def test_chains_are_checked_at_every_start(kind):
    dangling = [parse(mode={"type": "single_burst", "total_pkts": 5}, next_stream_id=777)]
    with pytest.raises(RpcError, match=r"^stream id 777 does not exists$"):
        streams.multiplied(dangling, kind, 1.0)
    with pytest.raises(RpcError, match="stream 1 is unreachable"):
        streams.multiplied([parse(self_start=False)], kind, 1.0)


def test_line_rate_counts_preamble_and_gap(profile):
    assert streams.l1_bps(profile, 2.0) == 8 * (2 * (1000 * 120 + 500 * 220) + 200 * 120)
