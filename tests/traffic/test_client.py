"""The worker through its proxy, against a server on paper: what it records, and how it fails."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from hitless.history import CounterSeries
from hitless.recording.pcap import read_packets
from hitless.traffic import TrafficError, TrafficGenerator
from tests.traffic.conftest import PROFILE, SLOW


def wait_until(condition, timeout_s: float = 20.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "did not happen"
        time.sleep(0.01)


def counters_of(folder: Path) -> CounterSeries:
    with np.load(folder / "counters.npz", allow_pickle=False) as arrays:
        return CounterSeries(**arrays)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def process_is_there(pid: int) -> bool:
    """A zombie counts as gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


# -- what works


def test_server_info_lists_ports_by_number_whatever_the_server_does(server, generator):
    info = generator.connect("127.0.0.1", server.rpc_port, server.pub_port)
    assert (info.version, info.mode) == ("v3.08", "STL")
    assert [port.port for port in info.ports] == [0, 1]
    assert info.ports[0].mac == "02:00:00:00:00:10"
    assert info.ports[1].driver == "net_af_packet"
    assert info.ports[0].speed_gbps == 10.0
    assert info.ports[0].link_up is True
    assert info.ports[0].owner == ""


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


def test_leaving_gives_the_ports_back_and_stops_the_traffic(tmp_path, server):
    with TrafficGenerator(tmp_path / "worker.log") as generator:
        generator.connect("127.0.0.1", server.rpc_port, server.pub_port)
        generator.prepare(PROFILE, SLOW)
        generator.start("main")
        pid = generator.worker_pid
    assert server.owners == {0: "", 1: ""}
    assert not server.running
    assert not process_is_there(pid)
    generator.close()  # again: nothing happens


def test_users_start_first_and_stop_last(prepared, server):
    prepared.start("main")
    prepared.stop("main")
    order = [(method, params["port_id"]) for method, params in server.params if method.endswith("_traffic")]
    assert order == [("start_traffic", 0), ("start_traffic", 1), ("stop_traffic", 1), ("stop_traffic", 0)]


def test_prepare_again_starts_from_zero(prepared, server):
    prepared.start("main")
    prepared.stop("main")
    groups = prepared.prepare(PROFILE, SLOW)
    assert [planned.group.name for planned in groups][:2] == ["load-up", "load-down"]
    prepared.start("main")
    assert set(server.running) == {(0, "_"), (1, "_")}


def test_a_capture_that_an_earlier_run_left_is_removed_and_others_stay(connected, server):
    ours = {"limit": 10, "filter": "udp and ip[4:2] = 0xffff", "rx": [1]}
    server._start_capture(ours)
    server._start_capture({**ours, "filter": "icmp"})
    connected.prepare(PROFILE, SLOW)
    assert [capture["bpf"] for capture in server.captures.values()] == ["icmp"]


# -- servers that are no use


def test_nobody_answers(generator):
    port = free_port()
    with pytest.raises(TrafficError) as caught:
        generator.connect("127.0.0.1", port, free_port(), timeout_s=0.3)
    assert caught.value.subject == f"TRex server 127.0.0.1:{port}"
    assert "Failed to get server response" in caught.value.problem
    assert str(generator.log_path) in str(caught.value)


def test_a_server_in_another_mode(server, generator):
    server.refuse["api_sync_v2"] = "RPC configuration mismatch - server RPC configuration: 'ASTF', client: 'STL'"
    with pytest.raises(TrafficError, match="RPC configuration mismatch"):
        generator.connect("127.0.0.1", server.rpc_port, server.pub_port)


# -- what breaks


@pytest.mark.parametrize("fault", ["silent", "garbage", "dead"])
def test_a_server_that_is_lost_while_recording_leaves_a_recording(prepared, server, folder, fault):
    prepared.record_start(folder)
    prepared.start("main")
    wait_until(lambda: prepared.snapshot()["groups"][2]["tx"] > 50)
    if fault == "dead":
        server.die()
    else:
        setattr(server, fault, True)
    with pytest.raises(TrafficError) as caught:
        prepared.record_stop()
    assert caught.value.subject == f"TRex server 127.0.0.1:{server.rpc_port}"
    assert "worker log" in caught.value.look_at
    counters = counters_of(folder)
    assert counters.tx[-1, 2] > 50
    block, _ = read_packets(folder / "probes.pcap")
    assert len(block) > 0
    assert json.loads((folder / "probes.json").read_text())["captures"][0]["fetched"] == len(block)
    with pytest.raises(TrafficError):
        prepared.start("long")


def test_a_server_that_dies_is_noticed_between_commands(prepared, server, folder):
    prepared.record_start(folder)
    server.die()
    wait_until(lambda: b"recording is interrupted" in prepared.log_path.read_bytes())
    with pytest.raises(TrafficError, match="TRex server"):
        prepared.snapshot()
    with pytest.raises(TrafficError, match="TRex server"):
        prepared.record_stop()


def test_a_worker_that_is_killed_is_an_error_and_its_ports_are_freed(tmp_path, server):
    with TrafficGenerator(tmp_path / "worker.log") as generator:
        generator.connect("127.0.0.1", server.rpc_port, server.pub_port)
        generator.prepare(PROFILE, SLOW)
        generator.start("main")
        os.kill(generator.worker_pid, signal.SIGKILL)
        with pytest.raises(TrafficError, match=r"traffic worker - ended .*worker log"):
            generator.snapshot()
        with pytest.raises(TrafficError, match="traffic worker - ended"):
            generator.start("long")
        assert server.running
    assert not server.running
    assert server.owners == {0: "", 1: ""}


def test_a_worker_that_hangs_is_given_up_after_the_deadline(prepared, monkeypatch):
    os.kill(prepared.worker_pid, signal.SIGSTOP)
    monkeypatch.setattr(
        "hitless.traffic.client._DEADLINES_S", {"snapshot": 0.2, "connect": 20, "reset": 20, "close": 20}
    )
    with pytest.raises(TrafficError, match=r"command snapshot: no answer - Expected: within 0.2 s"):
        prepared.snapshot()
    prepared.close()


def test_sigterm_stops_the_traffic_first_and_says_so(prepared, server):
    prepared.start("main")
    os.kill(prepared.worker_pid, signal.SIGTERM)
    wait_until(lambda: server.owners == {0: "", 1: ""})
    assert not server.running
    with pytest.raises(TrafficError, match="ended"):
        prepared.snapshot()


def test_sigint_from_the_library_ends_nothing(prepared):
    os.kill(prepared.worker_pid, signal.SIGINT)
    wait_until(lambda: b"TRex's library has lost its server" in prepared.log_path.read_bytes())
    assert prepared.snapshot()["groups"][0]["tx"] == 0


def test_sighup_without_a_dead_parent_ends_nothing(prepared):
    os.kill(prepared.worker_pid, signal.SIGHUP)
    assert prepared.snapshot()["groups"][0]["tx"] == 0


def test_what_the_library_prints_does_not_disturb_the_answers(connected, server, tmp_path):
    path = tmp_path / "talkative.py"
    path.write_text(PROFILE.read_text() + '\nprint(\'{"id": 1, "result": "nonsense"}\', flush=True)\n')
    groups = connected.prepare(path, SLOW)
    assert len(groups) == 5
    assert b"nonsense" in connected.log_path.read_bytes()


def test_a_parent_that_is_killed_takes_the_worker_and_its_traffic_along(server, tmp_path):
    script = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from hitless.traffic import TrafficGenerator
        generator = TrafficGenerator(Path({str(tmp_path / "worker.log")!r}))
        generator.connect("127.0.0.1", {server.rpc_port}, {server.pub_port})
        generator.prepare(Path({str(PROFILE)!r}), {SLOW!r})
        generator.start("main")
        print(generator.worker_pid, flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker_pid = int(parent.stdout.readline())
        assert server.running
        parent.kill()
    wait_until(lambda: not process_is_there(worker_pid))
    assert not server.running
    assert server.owners == {0: "", 1: ""}


def test_reset_frees_ports_that_somebody_left_taken(connected, server):
    server.owners = {0: "alice", 1: "alice"}
    connected.reset((0, 1))
    assert server.owners == {0: "", 1: ""}
