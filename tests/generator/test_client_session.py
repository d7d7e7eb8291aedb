"""The unchanged client library resolves, pings, queues and runs profiles: simulated, and on the wire."""

from __future__ import annotations

import base64

import pytest

from tests.generator import client_session, sandbox, served

HOWS = [pytest.param("simulated", marks=pytest.mark.processes), pytest.param("wire", marks=pytest.mark.namespaces)]
ROUTER, OWN = "02:00:00:00:0d:00", "02:00:00:00:00:10"


@pytest.fixture(scope="module", params=HOWS)
def seen(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    if request.param == "wire":
        return sandbox.run("client_session", folder)
    with pytest.MonkeyPatch.context() as patch, served.ServedWorld() as world:
        patch.setattr("lab.generator.packet_socket.link_up", lambda _: True)
        return client_session.run(folder, world.request_port, world.publisher_port)


def test_layers_are_set_and_resolved(seen):
    layers = seen["layers"]
    assert layers["without service mode"] == "port(s) [0]: must be under service mode"
    assert layers["layer 2"]["ether"] == {"dst": "02:00:00:00:0d:55", "src": OWN, "state": "configured"}
    assert layers["layer 3"]["ether"] == {"dst": ROUTER, "src": OWN, "state": "configured"}
    assert layers["layer 3"]["ipv4"] == {"dst": "10.10.0.254", "src": "10.10.0.1", "state": "resolved"}
    assert layers["vlan"] == [100]


def test_who_does_not_answer_is_not_resolved(seen):
    assert seen["layers"]["unresolvable"] == "Could not resolve following ports: [0]"


def test_addresses_behind_the_router_are_pinged(seen):
    assert seen["layers"]["pings"] == [True, True]


def test_what_one_port_pushes_the_other_one_queues(seen):
    (frame,) = [base64.b64decode(binary) for binary in seen["queue"]]
    assert frame[:12].hex(":") == "02:00:00:00:00:11:02:00:00:00:0d:01"
    assert frame[-18:] == b"x" * 18


def test_profiles_run_on_their_own(seen):
    profiles = seen["profiles"]
    assert profiles["active"] == [0]
    assert profiles["burst"] == [100, 100]
    sent, received = profiles["endless"]
    assert sent == received > 100


def test_every_event_is_told_in_order(seen):
    told = seen["profiles"]["events"]
    assert told[:2] == ["Port 0 was taken by you", "Port 1 was taken by you"]
    endless = [event for event in told if "endless" in event]
    assert endless == [f"Profile 0.endless has {what}" for what in ("started", "paused", "resumed", "stopped")]
    assert "Profile 0.burst job done" in told
    assert told[-1] == "Port 0 has stopped"
