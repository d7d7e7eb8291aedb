"""The worker through its proxy, against a server on paper: how it comes and goes, and what breaks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hitless.recording.pcap import read_packets
from hitless.traffic import TrafficError, TrafficGenerator
from tests.traffic.conftest import PROFILE, SLOW
from tests.traffic.waiting import counters_of, wait_until

pytestmark = pytest.mark.processes


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


def test_server_info_lists_ports_by_number_whatever_the_server_does(server, generator):
    info = generator.connect("127.0.0.1", server.rpc_port, server.pub_port)
    assert (info.version, info.mode) == ("v3.08", "STL")
    assert [port.port for port in info.ports] == [0, 1]
    assert info.ports[0].mac == "02:00:00:00:00:10"
    assert info.ports[1].driver == "net_af_packet"
    assert info.ports[0].speed_gbps == 10.0
    assert info.ports[0].link_up is True
    assert info.ports[0].owner == ""
    assert info.ports[0].destination_mac == "02:00:00:00:0d:00"
    assert (info.ports[0].gateway, info.ports[0].gateway_state) == ("10.10.0.254", "resolved")
    assert info.built_by == "unknown"


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
