"""The unchanged TRex client library against the generator, and the exactness of its accounts."""

from __future__ import annotations

import base64
import ipaddress
import json
import struct

import numpy as np
import pytest

from tests.generator import sandbox
from tests.generator.groups import GROUPS, expected_session

pytestmark = pytest.mark.namespaces

FIRST_SEQUENCE = 0xFFFFFFFE


def word_sum(octets):
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def decode(packet):
    """The fields of a captured probe."""
    magic, flow, hardware_id, sequence, sent_ns = struct.unpack("<BBHIQ", packet[-16:])
    source_port, destination_port, _, udp_checksum = struct.unpack(">4H", packet[34:42])
    return {
        "magic": magic,
        "flow": (hardware_id, flow),
        "n": (sequence - FIRST_SEQUENCE) % (1 << 32),
        "sent_ns": sent_ns,
        "tos": packet[15],
        "ip_id": int.from_bytes(packet[18:20]),
        "checksum_good": word_sum(packet[14:34]) == 0xFFFF,
        "session": (str(ipaddress.ip_address(packet[26:30])), source_port, packet[42]),
        "service": (str(ipaddress.ip_address(packet[30:34])), destination_port),
        "udp_checksum": udp_checksum,
        "length": len(packet),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four seconds of the lab's traffic; the long sessions end half-way, the filler takes their place."""
    request = json.dumps({"groups": GROUPS, "seconds": 4})
    return sandbox.run("real_client", tmp_path_factory.mktemp("client"), request)


@pytest.fixture(scope="module")
def probes(run):
    return [decode(base64.b64decode(packet)) for packet in run["packets"]]


def test_every_packet_sent_was_received_and_counted(run):
    assert run["counts"].keys() == {str(group["pg_id"]) for group in GROUPS}
    for pg_id, count in run["counts"].items():
        assert count["tx"] == count["rx"] > 1000, f"group {pg_id}"
    assert run["ierrors"] == [0, 0]


def test_every_probe_was_captured(run, probes):
    sent = sum(run["counts"][str(group["pg_id"])]["tx"] for group in GROUPS if group["probe"])
    assert len(probes) == sent
    assert run["matched"] == sent


def test_probes_carry_what_the_layout_says(probes):
    of_flow = {}
    for probe in probes:
        of_flow.setdefault(probe["flow"], []).append(probe)
    assert len(of_flow) == 2
    groups = {group["user"].rsplit(".", 2)[1]: group for group in GROUPS if group["probe"]}
    for flow in of_flow.values():
        assert [probe["n"] for probe in flow] == list(range(len(flow)))
        group = groups[str(int(flow[0]["session"][0].split(".")[2]))]
        assert [probe["session"] for probe in flow] == [expected_session(n, group) for n in range(len(flow))]


def test_probes_are_marked_as_trex_marks_them(probes):
    for probe in probes:
        assert probe["magic"] == 0xAB
        assert probe["ip_id"] == 0xFFFF
        assert probe["tos"] == 1
        assert probe["checksum_good"]
        assert probe["udp_checksum"] == 0
        assert probe["service"] == ("10.2.0.1", 5001)
        assert probe["length"] == 96


def test_send_times_grow_and_follow_the_rate(probes):
    sent = np.array([probe["sent_ns"] for probe in probes if probe["flow"] == probes[-1]["flow"]])
    assert (np.diff(sent) >= 0).all()
    # Of a hundred packets, and of all hundreds the one in the middle: a long stall makes the whole run slower.
    rate_pps = 100 / (float(np.median(sent[100:] - sent[:-100])) / 1e9)
    assert rate_pps == pytest.approx(1000, rel=0.05)


def test_no_sequence_number_is_missed_or_comes_twice(run):
    for errors in run["errors"].values():
        assert set(errors.values()) == {0}
    assert set(run["errors"]) == {"20", "21"}


def test_captures_come_in_order_of_time(run):
    assert run["times_s"] == sorted(run["times_s"])


def test_losses_equal_the_drop_counter_of_the_kernel(tmp_path):
    """A rule drops one packet in seven in between; what the generator misses is what the kernel dropped."""
    seen = sandbox.run("exact", tmp_path)
    lost = seen["sent"] - seen["received"]
    assert seen["sent"] == 40_000
    assert lost == seen["dropped"] > 5000
    assert seen["probes_sent"] - seen["probes_received"] == seen["probes_dropped"] > 100
    # Loss at the very end cannot be seen in sequence numbers.
    assert seen["probes_dropped"] - seen["probe_errors"]["drp"] in (0, 1)
    assert seen["ierrors"] == 0
