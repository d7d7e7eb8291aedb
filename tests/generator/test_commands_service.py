"""The RPC methods about layers, service mode, pushed packets and what is not enabled."""

from __future__ import annotations

import base64

import pytest

from lab.generator.messages import ProfileEnded
from tests.generator import fakes
from tests.generator.test_commands import RAW, add, start, status
from tests.generator.test_stack import GATEWAY, OWN, question

L3 = {"src_addr": "10.10.0.1", "dst_addr": "10.10.0.254"}
ROUTER = "02:00:00:00:0d:99"


@pytest.fixture
def desk():
    return fakes.Desk().acquire(0, 1)


def service(desk, *, enabled=True, port=0, **more):
    return desk.call("service", handler=desk.handlers[port], port_id=port, enabled=enabled, **more)


def layers(desk, port=0):
    return status(desk, port)["attr"]["layer_cfg"]


# --- layers


def test_a_port_begins_in_layer_2_mode(desk):
    assert layers(desk) == {
        "ether": {"dst": "02:00:00:00:0d:00", "src": "02:00:00:00:00:10", "state": "configured"},
        "ipv4": {"state": "none"},
        "ipv6": {"enabled": False},
    }
    assert status(desk)["rx_info"]["grat_arp"] == {"is_active": False}


def test_layer_3_mode_is_resolved_in_two_steps(desk):
    assert desk.call("set_l3", port_id=0, **L3) == {}
    unresolved = layers(desk)
    assert unresolved["ipv4"] == {"src": "10.10.0.1", "dst": "10.10.0.254", "state": "unresolved"}
    assert unresolved["ether"] == {"dst": "02:00:00:00:0d:00", "src": "02:00:00:00:00:10", "state": "unconfigured"}
    assert status(desk)["rx_info"]["grat_arp"] == {"is_active": False}
    desk.call("set_l3", port_id=0, **L3, resolved_mac=ROUTER)
    resolved = layers(desk)
    assert resolved["ipv4"]["state"] == "resolved"
    assert resolved["ether"]["dst"] == ROUTER
    assert resolved["ether"]["state"] == "configured"
    assert status(desk)["rx_info"]["grat_arp"] == {"is_active": True, "interval_sec": 120}
    assert layers(desk, 1)["ipv4"] == {"state": "none"}


def test_streams_take_the_resolved_address(desk):
    desk.call("set_l3", port_id=0, **L3, resolved_mac=ROUTER)
    add(desk, 1)
    start(desk)
    assert desk.workers.sender[-1].streams[0].template[:6].hex(":") == ROUTER


def test_layer_2_mode_forgets_the_addresses(desk):
    desk.call("set_l3", port_id=0, **L3)
    assert desk.call("set_l2", port_id=0, dst_mac=ROUTER) == {}
    assert layers(desk)["ipv4"] == {"state": "none"}
    assert layers(desk)["ether"] == {"dst": ROUTER, "src": "02:00:00:00:00:10", "state": "configured"}


def test_vlan_tags_are_set_and_cleared(desk):
    assert desk.call("set_vlan", port_id=0, vlan=[7, 100]) == {}
    assert status(desk)["attr"]["vlan"] == {"tags": [7, 100]}
    desk.call("set_vlan", port_id=0, vlan=[])
    assert status(desk)["attr"]["vlan"] == {"tags": []}


@pytest.mark.parametrize(
    ("method", "params", "code", "text"),
    [
        ("set_l2", {"dst_mac": "02:00"}, -32602, "'invalid MAC address: '02:00'"),
        ("set_l2", {"dst_mac": "zz:00:00:00:00:00"}, -32602, "'invalid MAC address: 'zz:00:00:00:00:00'"),
        ("set_l2", {}, -32602, "field 'dst_mac' value is null"),
        ("set_l3", L3 | {"src_addr": "10.10.0"}, -32602, "invalid source IPv4 address: '10.10.0'"),
        ("set_l3", L3 | {"dst_addr": "::1"}, -32602, "invalid destination IPv4 address: '::1'"),
        ("set_l3", L3 | {"resolved_mac": "no"}, -32602, "'invalid MAC address: 'no'"),
        ("set_vlan", {"vlan": [1, 2, 3]}, -32602, "Maximal number of stacked VLANs is 2, got: 3"),
        ("set_vlan", {"vlan": [0]}, -32602, "invalid VLAN tag: '0'"),
        ("set_vlan", {"vlan": [4096]}, -32602, "invalid VLAN tag: '4096'"),
        ("conf_ipv6", {"enabled": True, "src_ipv6": "x"}, -32602, "invalid source IPv6 address: 'x'"),
        (
            "conf_ipv6",
            {"enabled": True, "src_ipv6": ""},
            -32000,
            "Could not configure IPv6: IPv6 is not supported with current stack",
        ),
    ],
)
def test_wrong_layers_are_refused(desk, method, params, code, text):
    before = status(desk)
    error = desk.ask(method, port_id=0, **params)["error"]
    assert (error["code"], error["specific_err"]) == (code, text)
    assert status(desk) == before


@pytest.mark.parametrize(
    ("method", "params", "name"),
    [
        ("set_l2", {"dst_mac": ROUTER}, "set_l2_mode"),
        ("set_l3", L3, "set_l3_mode"),
        ("set_vlan", {"vlan": [1]}, "set_vlan_cfg"),
    ],
)
def test_layers_stay_while_traffic_runs(desk, method, params, name):
    add(desk, 1)
    start(desk)
    refusal = desk.refusal(method, port_id=0, **params)
    assert refusal == f"command '{name}' cannot be executed on current state: 'TX'"
    desk.state.profile_ended(ProfileEnded((0, "_"), 1))
    assert desk.call(method, port_id=0, **params) == {}


# --- service mode


def test_service_mode_opens_the_filter_of_the_port(desk):
    assert status(desk)["attr"]["rx_filter_mode"] == "hw"
    assert service(desk) == {}
    shown = status(desk)
    assert (shown["service"], shown["service_filtered"], shown["attr"]["rx_filter_mode"]) == (True, False, "all")
    service(desk, enabled=False, filtered=True, mask=3)
    shown = status(desk)
    assert (shown["service"], shown["service_filtered"], shown["attr"]["rx_filter_mode"]) == (False, True, "all")
    service(desk, enabled=False)
    assert status(desk)["attr"]["rx_filter_mode"] == "hw"


def test_service_mode_is_the_owner_s(desk):
    refusal = desk.refusal("service", handler="other", port_id=0, enabled=True)
    assert refusal == "port is not owned by you or your current executing session"


def test_a_port_in_service_mode_answers(desk):
    desk.call("set_l3", port_id=0, **L3)
    service(desk)
    (source,) = desk.sources.open_now()
    source.put(question(OWN), question(GATEWAY))
    desk.state.ports[0].service.drain(lambda frame: desk.state.outbox.send(0, frame))
    (said,) = desk.lines[0].sent
    assert said[:6] == question()[6:12]
    assert desk.call("get_port_stats", port_id=0)["opackets"] == 1


def test_service_mode_stays_while_a_capture_runs(desk):
    service(desk)
    capture = {"limit": 5, "mode": "fixed", "tx": [], "rx": [0], "filter": ""}
    number = desk.call("capture", command="start", **capture)["capture_id"]
    refusal = desk.refusal("service", handler=desk.handlers[0], port_id=0, enabled=False)
    assert refusal == "unable to disable service mode - an active capture on port 0 exists"
    service(desk, enabled=False, port=1)
    desk.call("capture", command="stop", capture_id=number)
    service(desk, enabled=False)


def test_the_receive_queue(desk):
    refused = desk.refusal("set_rx_feature", port_id=1, type="queue", enabled=True, size=3)
    assert refused == "setting RX queue is only available under service mode"
    assert "fetching RX queue packets" in desk.refusal("get_rx_queue_pkts", port_id=1)
    service(desk, port=1)
    assert desk.refusal("set_rx_feature", port_id=1, type="queue", enabled=True, size=0) == "queue size cannot be zero"
    desk.call("set_rx_feature", port_id=1, type="queue", enabled=True, size=3)
    assert status(desk, 1)["rx_info"]["queue"] == {"is_active": True, "size": 3, "count": 0}
    desk.sources.open_now()[-1].put(b"a" * 60, time_ns=desk.clock())
    (packet,) = desk.call("get_rx_queue_pkts", port_id=1)["pkts"]
    assert base64.b64decode(packet["binary"]) == b"a" * 60
    refused = desk.refusal("service", handler=desk.handlers[1], port_id=1, enabled=False)
    assert refused == "unable to disable service mode - please remove RX queue"
    desk.call("set_rx_feature", port_id=1, type="queue", enabled=False)
    assert status(desk, 1)["rx_info"]["queue"] == {"is_active": False}
    service(desk, enabled=False, port=1)


def test_other_receive_features(desk):
    assert desk.call("set_rx_feature", port_id=0, type="server") == {}
    assert desk.call("set_rx_feature", port_id=0, type="capwap_proxy", enabled=False) == {}
    assert "not served" in desk.refusal("set_rx_feature", port_id=0, type="capwap_proxy", enabled=True)
    assert "can only be one of" in desk.refusal("set_rx_feature", port_id=0, type="nothing", enabled=True)


# --- pushed packets


def packet(frame, *, destination=False, source=False):
    binary = base64.b64encode(frame).decode()
    return {"binary": binary, "use_port_dst_mac": destination, "use_port_src_mac": source}


def test_packets_are_pushed_as_they_are_or_with_the_port_s_addresses(desk):
    desk.clock.advance(1500)
    frame = b"d" * 6 + b"s" * 6 + b"x" * 48
    pushed = [packet(frame), packet(frame, destination=True), packet(frame, source=True)]
    assert desk.call("push_pkts", port_id=0, pkts=pushed, force=True, ipg_usec=0) == {"sent": 3, "ts": 1.5}
    dst, src = bytes([2, 0, 0, 0, 13, 0]), bytes([2, 0, 0, 0, 0, 16])
    assert desk.lines[0].sent == [frame, dst + frame[6:], frame[:6] + src + frame[12:]]
    assert desk.call("get_port_stats", port_id=0)["opackets"] == 3
    assert desk.call("get_global_stats")["m_total_tx_bytes"] == 3 * 64


def test_pushed_packets_keep_their_distance(desk):
    desk.call("push_pkts", port_id=1, pkts=[packet(b"a" * 60)] * 3, ipg_usec=1000)
    assert len(desk.lines[1].sent) == 1
    desk.clock.advance(2)
    desk.state.outbox.send_due()
    assert len(desk.lines[1].sent) == 3


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"pkts": [packet(b"a" * 60)] * 3, "ipg_usec": 500_000}, "total transmit time exceeds the limit of 1 second"),
        ({"pkts": [packet(b"short")]}, "Bad packet size provided: 5. Should be between 14 and 9238"),
        ({"pkts": [packet(b"a" * 60), packet(b"a" * 9239)]}, "Bad packet size provided: 9239"),
        ({"pkts": [packet(b"a" * 60) | {"binary": "!!!!"}]}, "field 'binary' is not base64"),
        ({"pkts": [7]}, "something else than packets"),
        ({}, "field 'pkts' value is null"),
        ({"pkts": [{"binary": ""}]}, "field 'use_port_dst_mac' value is null"),
    ],
)
def test_nothing_of_a_wrong_batch_is_pushed(desk, params, text):
    assert text in desk.refusal("push_pkts", port_id=0, **params)
    assert desk.lines[0].sent == []


# --- starting, pausing


def test_a_start_without_force_needs_the_next_hop(desk, monkeypatch):
    monkeypatch.setattr("lab.generator.packet_socket.link_up", lambda _: True)
    desk.call("set_l3", port_id=0, **L3)
    add(desk, 1)
    text = "Port 0 dest MAC is invalid and there are streams without explicit dest MAC."
    arguments = {"mul": RAW, "duration": -1}
    assert desk.refusal("start_traffic", **desk.own(0), **arguments, force=False) == text
    desk.call("set_l3", port_id=0, **L3, resolved_mac=ROUTER)
    start(desk, force=False)


def test_streams_with_their_own_destination_need_no_next_hop(desk, monkeypatch):
    monkeypatch.setattr("lab.generator.packet_socket.link_up", lambda _: True)
    desk.call("set_l3", port_id=0, **L3)
    add(desk, 1, flags=0b10)
    start(desk, force=False)


def test_a_start_without_force_needs_the_link(desk, monkeypatch):
    monkeypatch.setattr("lab.generator.packet_socket.link_up", lambda _: False)
    add(desk, 1)
    refusal = desk.refusal("start_traffic", **desk.own(0), mul=RAW, duration=-1, force=False)
    assert refusal == "Link state is DOWN."
    start(desk)


def test_a_start_has_to_be_a_little_ahead(desk):
    add(desk, 1)
    refusal = desk.refusal("start_traffic", **desk.own(0), mul=RAW, duration=-1, force=True, start_at_ts=0.05)
    assert refusal == "start_at_ts, if defined, should be at least 100ms from now_sec()"


def test_only_endless_traffic_is_paused(desk):
    add(desk, 1, mode={"type": "single_burst", "total_pkts": 9})
    start(desk)
    text = " pause is supported when all streams are in continues mode "
    assert desk.refusal("pause_traffic", **desk.own(0)) == text
    add(desk, 1, port=1)
    start(desk, 1, duration=5)
    text = " pause is supported when duration is not enable is start command "
    assert desk.refusal("pause_traffic", **desk.own(1)) == text
    assert status(desk)["state"] == status(desk, 1)["state"] == "TX"


def test_a_rate_is_not_lowered_below_nothing(desk):
    add(desk, 1)
    start(desk)
    lower = {"type": "raw", "op": "sub", "value": 1.0}
    refusal = desk.refusal("update_traffic", **desk.own(0), mul=lower, force=True)
    assert refusal == "Update request will lower traffic to less than zero"


# --- what is never enabled, and the server itself


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("disable_tpg", {"username": "a"}, "Tagged Packet Group is not enabled."),
        ("update_tpg_tags", {"username": "a"}, "Tagged Packet Group is not enabled."),
        ("get_tpg_stats", {"port_id": 0}, "Tagged Packet Group is not enabled on this port."),
        ("get_tpg_unknown_tags", {"port_id": 0}, "Tagged Packet Group is not enabled or collecting on this port."),
        ("get_tpg_tags", {"port_id": 0}, "Tagged Packet Group is not enabled."),
        ("get_tpg_status", {}, "Should provide at least one between port_id and username to get TPG status"),
        (
            "get_tpg_status",
            {"port_id": 0, "username": "a"},
            "Should provide only one between port_id and username to get TPG status",
        ),
        ("disable_tpg", {}, "field 'username' value is null"),
    ],
)
def test_tagged_groups_are_not_enabled(desk, method, params, text):
    assert desk.refusal(method, **params) == text


def test_the_state_of_tagged_groups(desk):
    assert desk.call("get_tpg_state", username="alice") == 0
    for by in ({"port_id": 1}, {"username": "alice"}):
        assert desk.call("get_tpg_status", **by)["enabled"] is False
    assert "not served" in desk.refusal("enable_tpg")
    assert "enable_tpg" not in desk.call("get_supported_cmds")


def test_no_ticket_was_ever_given(desk):
    error = desk.ask("get_async_results", ticket_id=3)["error"]
    assert error == {"code": -32003, "message": "No results for request"}
    assert desk.call("cancel_async_task", ticket_id=3) is None


def test_the_global_configuration_is_as_it_is(desk):
    present = desk.call("get_global_cfg")
    assert present == {"do_mbuf_cache": False, "process_at_cp": False, "sched_max_stretch": 0.0}
    assert desk.call("set_global_cfg", **present) is None
    assert "'process_at_cp' other than false - not served" in desk.refusal("set_global_cfg", process_at_cp=True)


def test_a_shutdown_needs_all_ports_or_force(desk):
    desk.call("acquire", port_id=1, user="bob", session_id=9, force=True)
    refusal = desk.refusal("shutdown", user="alice", force=False)
    assert refusal == "port 1 is owned by 'bob' - specify 'force' for override"
    assert not desk.state.shutdown_requested
    assert desk.call("shutdown", user="alice", force=True) == {}
    assert desk.state.shutdown_requested
