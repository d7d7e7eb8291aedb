from __future__ import annotations

import pytest

from lab.generator import streams
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


@pytest.mark.parametrize(("field", "value"), [("enabled", False), ("self_start", False)])
def test_some_streams_do_not_play_by_themselves(field, value):
    assert not parse(**{field: value}).plays


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"frame": b""}, "Bad packet size provided: 0. Should be between 14 and 9238"),
        ({"frame": bytes(9239)}, "Bad packet size provided: 9239"),
        ({"frame": packets.udp(1519)}, "1519. The port's device takes at most 1518 bytes"),
        ({"mode": {"type": "zigzag"}}, "bad stream type provided: 'zigzag'"),
        ({"mode": {"type": "multi_burst"}}, "'multi_burst' - not served by this generator"),
        ({"mode": {"type": "single_burst", "total_pkts": 0}}, "'total_pkts' cannot be zero"),
        ({"mode": {"rate": {"type": "furlongs", "value": 1}}}, "field 'type' can only be one of"),
        ({"mode": {"rate": {"type": "pps", "value": 0}}}, "Rate value should be positive"),
        ({"mode": {"rate": {"type": "pps", "value": -5}}}, "'value' has negative value"),
        ({"frame": bytes(12) + b"\x08\x06" + bytes(46), "statistics": STATS}, "Failed determining l3 proto"),
        ({"frame": bytes(12) + b"\x86\xdd" + bytes(60), "statistics": STATS}, "IPv6 - not served"),
        ({"frame": packets.udp(60, tags=1), "statistics": LATENCY}, "Need at least 16 latency payload bytes"),
        ({"flags": 8}, "dummy stream - not served"),
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


def test_line_rate_counts_preamble_and_gap(profile):
    assert streams.l1_bps(profile, 2.0) == 8 * (2 * (1000 * 120 + 500 * 220) + 200 * 120)
