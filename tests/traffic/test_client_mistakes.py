"""What users and servers do wrong, and what the worker says to it. One worker bears it all: nothing may break it."""

from __future__ import annotations

import tempfile

import pytest

from hitless.traffic import TrafficError, TrafficGenerator
from tests.traffic.conftest import PROFILE, SLOW
from tests.traffic.stub_server import StubTrex

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


def test_a_port_that_is_taken_needs_force(connected, server):
    server.owners[1] = "alice"
    with pytest.raises(TrafficError, match="taken by 'alice' - Expected: free ports; with force"):
        connected.prepare(PROFILE, SLOW)
    assert server.owners == {0: "", 1: "alice"}
    connected.prepare(PROFILE, SLOW, force=True)
    assert server.owners == {0: "hitless", 1: "hitless"}


@pytest.mark.parametrize(
    ("tunables", "complaint"),
    [
        (("--load-pps", "2000"), "2000 pps - Expected: more than the probes, 4000 pps"),
        (("--new-pps", "4000"), "6000 pps together - Expected: at most 5000 pps"),
        (("--colour", "red"), "unrecognized arguments: --colour red"),
    ],
)
def test_tunables_that_the_profile_refuses(connected, server, tunables, complaint):
    with pytest.raises(TrafficError, match=complaint) as caught:
        connected.prepare(PROFILE, tunables)
    assert str(PROFILE) in caught.value.subject
    assert server.owners == {0: "", 1: ""}, "a wrong profile is found out before a port is taken"


def test_a_profile_that_is_not_there(connected, tmp_path):
    with pytest.raises(TrafficError, match="no such file"):
        connected.prepare(tmp_path / "nothing.py")


def test_a_profile_with_a_mistake_in_it(connected, tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("raise ValueError('half a profile')\n")
    with pytest.raises(TrafficError, match="ValueError: half a profile"):
        connected.prepare(path)


@pytest.mark.parametrize("ports", [(0, 7), (0, 0), (0,)])
def test_ports_that_the_server_does_not_have(connected, ports):
    with pytest.raises(TrafficError, match=r"Expected: two different ports of \[0, 1\]"):
        connected.prepare(PROFILE, SLOW, ports)


def test_commands_in_the_wrong_order_say_what_is_missing(connected, folder):
    with pytest.raises(TrafficError, match="no traffic is loaded - Expected: prepare first"):
        connected.record_start(folder)
    with pytest.raises(TrafficError, match="record_start first"):
        connected.record_stop()
    with pytest.raises(TrafficError, match="part main - is not loaded"):
        connected.start("main")
    connected.prepare(PROFILE, SLOW)
    with pytest.raises(
        TrafficError, match=r"part evening - is not loaded - Expected: one of \['filler', 'long', 'main'\]"
    ):
        connected.start("evening")
    connected.start("main")
    with pytest.raises(TrafficError, match="was started before"):
        connected.start("main")
    connected.record_start(folder)
    with pytest.raises(TrafficError, match="is recording"):
        connected.record_start(folder)
    with pytest.raises(TrafficError, match="is recording"):
        connected.prepare(PROFILE, SLOW)
    with pytest.raises(TrafficError, match="is recording"):
        connected.sample_packets()
    with pytest.raises(TrafficError, match="is recording"):
        connected.reset()
    connected.record_stop()


def test_the_capture_limit_of_the_server(prepared, server, folder):
    for _ in range(10):
        server._start_capture({"limit": 1, "filter": "icmp", "rx": [0]})
    with pytest.raises(TrafficError, match="capture: capture limit has reached"):
        prepared.record_start(folder)


def test_refused_start(prepared, server):
    server.refuse["start_traffic"] = "Expected L1 B/W: '50 Gbps' exceeds port line rate: '10 Gbps'"
    with pytest.raises(TrafficError, match=r"start part main: .*exceeds port line rate"):
        prepared.start("main")


def test_a_folder_that_is_not_there(prepared, server, tmp_path):
    with pytest.raises(TrafficError, match="FileNotFoundError"):
        prepared.record_start(tmp_path / "nowhere")
    assert server.captures == {}


def test_one_worker_serves_one_server(connected, server):
    with pytest.raises(TrafficError, match="is connected already"):
        connected.connect("127.0.0.1", server.rpc_port, server.pub_port)
    connected.prepare(PROFILE, SLOW)


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_log_that_nobody_asked_for_goes_with_a_clean_end(temporary):
    with TrafficGenerator() as generator:
        assert generator.log_path.parent.parent == temporary
    assert list(temporary.iterdir()) == []


def test_a_log_that_an_error_names_stays(temporary):
    with TrafficGenerator() as generator, pytest.raises(TrafficError) as caught:
        generator.start("main")
    assert str(generator.log_path) in str(caught.value)
    assert generator.log_path.is_file()
