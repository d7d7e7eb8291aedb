"""What of a probe survives: packets as sent, then rewritten in the ways of middle boxes."""

from __future__ import annotations

import struct

import pytest

from hitless.history import TrafficGroup
from hitless.traffic.identity import FIELDS, survey
from tests.traffic import field_engine
from tests.traffic.layouts import GROUPS, MORE_GROUPS, SERVICE, expected

NEW = TrafficGroup(
    21,
    "new-sessions",
    "probe",
    "up",
    1000,
    96,
    {
        "lane_bits": 5,
        "index_bits": 3,
        "generation_user_bits": 6,
        "session_of_user_bits": 1,
        "index_position": "above-lane",
        "user_base": "10.1.64.0",
        "port_base": 1024,
    },
)
LONG = TrafficGroup(
    20,
    "long-sessions",
    "probe",
    "up",
    2000,
    96,
    {
        "lane_bits": 11,
        "index_bits": 0,
        "generation_user_bits": 0,
        "session_of_user_bits": 1,
        "index_position": "above-session",
        "user_base": "10.1.128.0",
        "port_base": 1024,
    },
)
LOAD = TrafficGroup(1, "load-up", "load", "up", 3500, 128, {})
PLANNED = (LOAD, NEW, LONG)


def address(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def sent(name: str, number: int) -> bytearray:
    user, port, index = expected(name, number)
    service_port = {**GROUPS, **MORE_GROUPS}[name].service_port
    payload = bytes([index]) + bytes(53)
    udp = struct.pack(">HHHH", port, service_port, 8 + len(payload), 0)
    ip = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + 8 + len(payload), 1, 0, 64, 17, 0, address(user), address(SERVICE[0])
    )
    packet = bytes.fromhex("020000000d00020000000010") + b"\x08\0" + ip + udp + payload
    return bytearray(field_engine.as_latency_probe(packet, number, 0, 123))


def repaired(packet: bytearray) -> bytes:
    field_engine.fix_checksum(packet, 14)
    return bytes(packet)


NUMBERS = [0, 1, 31, 32, 5000, 70_000]


def test_probes_as_they_were_sent_survive_in_every_field():
    packets = [bytes(sent(name, number)) for name in ("new-sessions", "long-sessions") for number in NUMBERS]
    report = survey(packets, PLANNED)
    assert (report.packet_count, report.probe_count) == (12, 12)
    assert [field.name for field in report.fields] == list(FIELDS)
    assert all(field.survives and field.kept_count == 12 for field in report.fields)
    assert report.bad_checksum_count == 0
    assert report.udp_checksum_added_count == 0


def test_a_probe_behind_a_vlan_tag_is_a_probe():
    packet = sent("new-sessions", 99)
    tagged = bytes(packet[:12]) + bytes.fromhex("81000064") + bytes(packet[12:])
    report = survey([tagged], PLANNED)
    assert report.probe_count == 1
    assert all(field.survives for field in report.fields)


def test_a_short_frame_may_be_padded_behind_the_packet():
    report = survey([bytes(sent("new-sessions", 7)) + bytes(12)], PLANNED)
    assert report.probe_count == 1
    assert report.survives("index")


@pytest.mark.parametrize(
    ("name", "start", "value", "example"),
    [
        ("source_address", 26, address("198.51.100.7"), "received 198.51.100.7"),
        ("destination_address", 30, address("192.0.2.9"), "sent 10.2.0.1, received 192.0.2.9"),
        ("source_port", 34, b"\xea\x60", "received 60000"),
        ("destination_port", 36, b"\0\x50", "sent 5001, received 80"),
        ("ip_id", 18, b"\0\0", "sent 65535, received 0"),
        ("dscp", 15, b"\x28", "sent 0, received 10"),
        ("ttl", 22, b"\x3f", "sent 64, received 63"),
        ("index", 42, b"\xee", "received 238"),
    ],
)
def test_what_a_middle_box_rewrites_is_found(name, start, value, example):
    packets = []
    for number in NUMBERS:
        packet = sent("new-sessions", number)
        packet[start : start + len(value)] = value
        packets.append(repaired(packet))
    report = survey(packets, PLANNED)
    assert report.probe_count == len(NUMBERS)
    changed = {field.name: field for field in report.fields if not field.survives}
    assert set(changed) == {name}
    assert changed[name].changed_count == len(NUMBERS)
    assert example in changed[name].example
    assert not report.survives(name)
    assert report.bad_checksum_count == 0


def test_the_congestion_bits_do_not_make_another_dscp():
    packet = sent("new-sessions", 3)
    packet[15] = 0x01
    assert survey([repaired(packet)], PLANNED).survives("dscp")


def test_a_wrong_header_checksum_is_told():
    packet = sent("new-sessions", 3)
    packet[24] ^= 0xFF
    assert survey([bytes(packet)], PLANNED).bad_checksum_count == 1


def test_a_udp_checksum_that_somebody_filled_in_is_told():
    packet = sent("new-sessions", 3)
    packet[40:42] = b"\x12\x34"
    assert survey([bytes(packet)], PLANNED).udp_checksum_added_count == 1


def test_packets_without_the_payload_tail_are_no_probes():
    rewritten = sent("new-sessions", 3)
    rewritten[-16:] = bytes(16)
    arp = bytes.fromhex("ffffffffffff0200000000100806") + bytes(46)
    tcp = sent("new-sessions", 3)
    tcp[23] = 6
    report = survey([bytes(rewritten), arp, bytes(tcp), b"", bytes(20), bytes(sent("new-sessions", 1)[:40])], PLANNED)
    assert (report.packet_count, report.probe_count) == (6, 0)
    assert not any(field.survives for field in report.fields), "nothing is said to survive that was not seen"


def test_the_reverse_direction_is_looked_at_from_the_other_side():
    user, port, _ = expected("new-sessions", 40)
    packet = sent("new-sessions", 40)
    packet[26:34] = packet[30:34] + packet[26:30]
    packet[34:38] = packet[36:38] + packet[34:36]
    down = TrafficGroup(21, "down", "probe", "down", 1000, 96, NEW.layout)
    report = survey([repaired(packet)], [down])
    assert (user, port) == ("10.1.64.8", 1025)
    assert all(field.survives for field in report.fields)


def test_each_service_type_is_compared_with_its_own_port():
    more = TrafficGroup(
        22, "new-sessions-2", "probe", "up", 1000, 96, {**NEW.layout, "user_base": "10.1.72.0", "service_port": 5002}
    )
    packet = sent("new-sessions-2", 70)
    assert int.from_bytes(packet[36:38], "big") == 5002
    report = survey([bytes(packet), bytes(sent("new-sessions", 70))], [NEW, more])
    assert all(field.survives and field.kept_count == 2 for field in report.fields)
    assert not survey([bytes(packet)], [NEW]).survives("destination_port")


def test_the_table_of_groups_is_the_one_of_the_layouts():
    assert GROUPS["new-sessions"].lane == NEW.layout["lane_bits"]
