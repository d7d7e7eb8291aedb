"""Layer 3 and service mode beside a Linux router that knows nobody's MAC address."""

from __future__ import annotations

import base64

import pytest

from tests.generator import sandbox

pytestmark = pytest.mark.namespaces

MAC = "02:00:00:00:00:10"


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return sandbox.run("service_mode", tmp_path_factory.mktemp("service"))


def test_the_gateways_are_found_at_the_start(seen):
    for port, layers in enumerate(seen["layers"]):
        assert layers["ipv4"]["state"] == "resolved"
        assert layers["ether"]["dst"] == f"02:00:00:00:0d:0{port}"


def test_announcements_show_in_the_device_s_counters_only(seen):
    assert seen["statistics"]["opackets"] == 0
    assert seen["xstats"][1] >= 1


@pytest.mark.parametrize(("mode", "answered"), [("off", 0), ("on", 3), ("filtered", 3), ("filtered for others", 0)])
def test_the_router_is_answered_in_service_mode_only(seen, mode, answered):
    assert seen["answers"][mode]["pings"] == answered
    assert (seen["answers"][mode]["neighbour"] == MAC) == bool(answered)


def test_the_receive_queue_holds_the_latest_packets(seen):
    queued = seen["queued"]
    assert (queued["sent"], queued["counted"]) == (3, 3)
    frames = [base64.b64decode(binary) for binary in queued["binaries"]]
    assert [int.from_bytes(frame[18:20]) for frame in frames] == [1, 2]
    assert {(frame[:12].hex(":"), frame[22], len(frame)) for frame in frames} == {
        ("02:00:00:00:00:11:02:00:00:00:0d:01", 63, 80)
    }
    # 20 ms apart as pushed. A busy machine sends late; it must not send early.
    second, third = (at - queued["pushed_s"] for at in queued["times_s"])
    assert second > 0.019
    assert third > 0.039
    assert third > second


def test_a_port_with_a_tag_answers_its_vlan_only(seen):
    (answer,) = seen["vlan"]["answered"]
    asked = seen["vlan"]["asked"]["of the port"]
    assert answer[:24] == asked[12:24] + MAC.replace(":", "")
    assert answer[24:36] == "810000640806"
    assert answer[48:52] == "0002"  # an ARP reply


def test_captured_frames_have_their_tags(seen):
    captured, asked = seen["vlan"]["captured"], seen["vlan"]["asked"]
    assert captured["arp or (vlan and arp)"] == list(asked.values())
    # The kernel takes the outermost tag out before the filter looks.
    assert captured["arp"] == [asked["of the port"], asked["none"], asked["another"]]
    assert captured["vlan and arp"] == [asked["two"]]


def test_links_that_change_are_told(seen):
    assert seen["link"]["down"] == {"up": False}
    assert seen["link"]["told"] == [[1, False], [1, True]]


def test_a_client_can_end_the_server(seen):
    assert seen["code"] == 0


def test_a_silent_gateway_does_not_keep_the_generator_from_starting(seen):
    silent = seen["silent gateway"]
    assert silent["layers"]["ipv4"] == {"src": "10.10.0.1", "dst": "10.10.0.77", "state": "unresolved"}
    assert silent["took_s"] < 15
