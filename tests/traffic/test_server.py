"""What a server tells of its ports, and what is made of a server that tells less."""

from __future__ import annotations

from hitless.traffic.server import PortInfo, plain_port

TOLD = {"index": 1, "hw_mac": "02:00:00:00:00:11", "driver": "net_i40e"}
ETHER = {"dst": "02:00:00:00:0d:01", "src": "02:00:00:00:00:11", "state": "configured"}


def port(ipv4=None, **attributes):
    layers = {"layer_cfg": {"ether": ETHER, "ipv4": ipv4 or {"state": "none"}}}
    return PortInfo(**plain_port(TOLD, {"attr": {**layers, **attributes}, "owner": "alice", "state": "TX"}))


def test_a_port_in_layer_2_mode_has_no_gateway():
    found = port(speed=10.0, link={"up": True})
    assert (found.port, found.mac, found.driver) == (1, "02:00:00:00:00:11", "net_i40e")
    assert (found.speed_gbps, found.link_up, found.owner, found.state) == (10.0, True, "alice", "TX")
    assert (found.destination_mac, found.gateway, found.gateway_state) == ("02:00:00:00:0d:01", "", "none")


def test_a_port_in_layer_3_mode_tells_its_gateway_and_whether_it_knows_the_way():
    found = port(ipv4={"dst": "10.20.0.254", "src": "10.20.0.1", "state": "unresolved"})
    assert (found.gateway, found.gateway_state) == ("10.20.0.254", "unresolved")


def test_what_a_server_does_not_tell_is_not_known():
    found = PortInfo(**plain_port({"index": 0}, {"attr": {}}))
    assert found == PortInfo(0, "", "", None, None, "", "")
