"""The worker through its proxy, against a server on paper: what it records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hitless.recording.pcap import read_packets
from hitless.traffic import TrafficError, TrafficGenerator
from tests.traffic.conftest import PROFILE, SLOW
from tests.traffic.stub_server import StubTrex
from tests.traffic.waiting import counters_of, wait_until

pytestmark = pytest.mark.processes


@pytest.fixture
def server(lasting_server: StubTrex) -> StubTrex:
    return lasting_server


@pytest.fixture
def connected(lasting_connected: TrafficGenerator) -> TrafficGenerator:
    return lasting_connected


@pytest.fixture
def prepared(lasting_prepared: TrafficGenerator) -> TrafficGenerator:
    return lasting_prepared


def test_prepare_puts_each_part_where_it_can_be_started_alone(prepared, server):
    names = {key: [stream["name"] for stream in streams] for key, streams in server.streams.items()}
    assert names == {
        (0, "_"): ["load-up", "new-sessions"],
        (1, "_"): ["load-down"],
        (0, "long"): ["long-sessions"],
        (0, "filler"): ["filler-up"],
    }
    assert server.owners == {0: "hitless", 1: "hitless"}
    assert ("set_port_attr", True) in {
        (method, params["attr"]["promiscuous"]["enabled"])
        for method, params in server.params
        if method == "set_port_attr"
    }


def test_recording_holds_every_packet_and_every_count(prepared, server, folder):
    started_ns = prepared.record_start(folder)
    asked_ns, answered_ns = prepared.start("main")
    assert started_ns < asked_ns < answered_ns
    prepared.start("long")
    wait_until(lambda: prepared.snapshot()["groups"][3]["tx"] > 300)
    prepared.stop("long")
    prepared.start("filler")
    wait_until(lambda: prepared.snapshot()["groups"][4]["tx"] > 100)
    accounting = prepared.record_stop()

    assert accounting["settled"]
    assert accounting["tx"] == accounting["rx"]
    probes_sent = accounting["tx"]["new-sessions"] + accounting["tx"]["long-sessions"]
    assert accounting["matched"] == accounting["stored"] == accounting["fetched"] == probes_sent
    block, end = read_packets(folder / "probes.pcap")
    assert len(block) == probes_sent
    assert end == (folder / "probes.pcap").stat().st_size
    assert set(block.lengths) == {96}
    captures = json.loads((folder / "probes.json").read_text())["captures"]
    assert captures == [
        {"capture_id": 1, "port": 1, "matched": probes_sent, "stored": probes_sent, "fetched": probes_sent}
    ]

    counters = counters_of(folder)
    assert counters.pg_ids.tolist() == [1, 2, 21, 20, 3]
    assert counters.tx[0].tolist() == [0, 0, 0, 0, 0]
    assert counters.tx[-1].tolist() == list(accounting["tx"].values())
    assert np.all(np.diff(counters.tx, axis=0) >= 0)
    assert np.all(counters.asked_ns <= counters.answered_ns)
    assert server.captures == {}
    assert not server.running


def test_clock_pairs_hold_for_both_clocks(prepared, server, folder):
    prepared.record_start(folder)
    prepared.start("main")
    accounting = prepared.record_stop()
    clock = json.loads((folder / "clock.json").read_text())
    assert clock["tsc_hz"] == 2_445_425_589
    assert len(clock["tsc_pairs"]) == accounting["tick_pair_count"] >= 2
    began_ns = int(server._began_s * 1e9)
    for asked_ns, uptime_s, answered_ns in clock["uptime_pairs"]:
        assert asked_ns - 1000 <= began_ns + uptime_s * 1e9 <= answered_ns + 1000
    for asked_ns, ticks, answered_ns in clock["tsc_pairs"]:
        assert asked_ns - 1000 <= began_ns + ticks / clock["tsc_hz"] * 1e9 <= answered_ns + 1000


def test_losses_show_in_counters_and_in_the_packets(prepared, server, folder):
    server.lose_of_100 = 10
    prepared.record_start(folder)
    prepared.start("main")
    wait_until(lambda: prepared.snapshot()["groups"][2]["tx"] >= 200)
    accounting = prepared.record_stop()
    lost = accounting["tx"]["new-sessions"] - accounting["rx"]["new-sessions"]
    assert lost >= 20
    assert accounting["fetched"] == accounting["rx"]["new-sessions"]
    assert accounting["settled"]


def test_packets_can_be_sampled_before_recording(prepared, server):
    prepared.start("main")
    packets = prepared.sample_packets("udp", count=30, within_s=5)
    assert len(packets) == 30
    assert {len(packet) for packet in packets} == {96}
    assert server.captures == {}


def test_users_start_first_and_stop_last(prepared, server):
    prepared.start("main")
    prepared.stop("main")
    order = [(method, params["port_id"]) for method, params in server.params if method.endswith("_traffic")]
    assert order == [("start_traffic", 0), ("start_traffic", 1), ("stop_traffic", 1), ("stop_traffic", 0)]


def test_prepare_again_starts_from_zero(prepared, server):
    prepared.start("main")
    wait_until(lambda: prepared.snapshot()["groups"][0]["tx"] > 0)
    prepared.stop("main")
    groups = prepared.prepare(PROFILE, SLOW)
    assert {group["tx"] for group in prepared.snapshot()["groups"]} == {0}
    assert [planned.group.name for planned in groups][:2] == ["load-up", "load-down"]
    prepared.start("main")
    assert set(server.running) == {(0, "_"), (1, "_")}


def test_a_capture_that_an_earlier_run_left_is_removed_and_others_stay(connected, server):
    ours = {"limit": 10, "filter": "udp and ip[4:2] = 0xffff", "rx": [1]}
    server._start_capture(ours)
    server._start_capture({**ours, "filter": "icmp"})
    server.captures[2]["active"] = False
    connected.prepare(PROFILE, SLOW)
    assert [capture["bpf"] for capture in server.captures.values()] == ["icmp"]


@pytest.mark.parametrize("port", [0, 1])
def test_a_capture_that_is_still_active_is_removed_before_service_mode_ends(connected, server, port):
    """A server does not leave service mode while a capture looks at the port."""
    server._start_capture({"limit": 10, "filter": "udp and ip[4:2] = 0xffff", "rx": [port]})
    connected.reset((0, 1))
    assert server.captures == {}
    assert server.calls.index("capture") < server.calls.index("service")


def test_an_active_capture_of_somebody_else_is_told(connected, server):
    server._start_capture({"limit": 10, "filter": "icmp", "rx": [1]})
    with pytest.raises(TrafficError, match="an active capture on port 1 exists"):
        connected.prepare(PROFILE, SLOW)
    assert [capture["bpf"] for capture in server.captures.values()] == ["icmp"]
