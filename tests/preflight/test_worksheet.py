"""The worksheet says who is connected to what."""

from __future__ import annotations

from hitless.history import TrafficGroup
from hitless.preflight.worksheet import worksheet
from hitless.traffic import PlannedGroup, PortInfo
from tests.preflight.fakes import declared

LAYOUT = {
    "lane_bits": 5, "index_bits": 3, "generation_user_bits": 6, "session_of_user_bits": 1,
    "index_position": "above-lane", "user_base": "10.1.64.0", "port_base": 1024, "service_port": 5001,
}  # fmt: skip
LONG = {**LAYOUT, "index_position": "above-session", "lane_bits": 11, "user_base": "10.1.128.0"}
PORTS = [
    PortInfo(0, "02:00:00:00:00:01", "net_ixgbe", 10.0, link_up=True, owner="", state="IDLE"),
    PortInfo(1, "02:00:00:00:00:02", "net_ixgbe", None, link_up=True, owner="", state="IDLE"),
]
GROUPS = [
    PlannedGroup(TrafficGroup(21, "new-sessions", "probe", "up", 2000, 96, LAYOUT), "main", 0),
    PlannedGroup(TrafficGroup(20, "long-sessions", "probe", "up", 2000, 96, LONG), "long", 0),
]


def sheet(sut, ports=PORTS, groups=GROUPS):
    return "\n".join(worksheet(sut, ports, groups))


def test_wiring_and_addresses():
    text = sheet(declared())
    assert "port 0  users    MAC 02:00:00:00:00:01, driver net_ixgbe, 10 Gbit/s" in text
    assert "port 1  network  MAC 02:00:00:00:00:02, driver net_ixgbe\n" in text
    assert "users 10.1.64.0 to 10.1.71.255  service port 5001" in text
    assert "users 10.1.128.0 to 10.1.135.255" in text


def test_marks_and_interfaces():
    text = sheet(declared())
    assert "version 1.0          ip and ip[1] & 0xfc = 0x28" in text
    assert "/vnflcm/v2" in text


def test_what_is_not_known_is_said():
    text = sheet(declared(vnf__marks={"versions": {}, "instance": "none"}, notifications=None), [], [])
    assert text.count("MAC unknown, as the server was not reached") == 2
    assert "unknown, as the profile was not loaded" in text
    assert "none: no way back to the tester" in text
    assert "instance             none" in text


def test_who_is_called_where():
    public = {"bind": "127.0.0.1", "port": 18010, "public_url": "http://tester.example.org:18010/n"}
    text = sheet(declared(notifications=public))
    assert "MANO calls http://tester.example.org:18010/n, which leads to 127.0.0.1:18010" in text
