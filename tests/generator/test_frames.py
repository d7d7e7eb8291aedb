from __future__ import annotations

import pytest

from lab.generator import frames
from tests.generator import packets

ADDRESSES = frames.PortAddresses(b"\2\0\0\0\0\x10", b"\2\0\0\0\x0d\0")


def test_short_frames_are_filled_with_zeros():
    assert frames.pad(b"x" * 42) == b"x" * 42 + bytes(18)
    assert len(frames.pad(bytes(61))) == 61


@pytest.mark.parametrize(
    ("flags", "source_from_packet", "destination_from_packet"),
    [(0, False, False), (1, True, False), (2, False, True), (3, True, True), (4, False, False)],
)
def test_flags_say_whose_addresses_are_used(flags, source_from_packet, destination_from_packet):
    frame = b"D" * 6 + b"S" * 6 + bytes(60)
    changed = frames.with_addresses(frame, ADDRESSES, flags)
    assert changed[:6] == (b"D" * 6 if destination_from_packet else ADDRESSES.destination)
    assert changed[6:12] == (b"S" * 6 if source_from_packet else ADDRESSES.source)
    assert changed[12:] == frame[12:]


def test_layers_of_a_plain_frame():
    assert frames.layers_of(packets.udp(100)) == frames.Layers(4, 14, 17, 100 - 42)


@pytest.mark.parametrize("tags", [1, 2])
def test_layers_behind_vlan_tags(tags):
    layers = frames.layers_of(packets.udp(100, tags=tags))
    assert (layers.ip_version, layers.l3_at, layers.l4_protocol) == (4, 14 + 4 * tags, 17)


def test_layers_of_ipv6_and_of_others():
    ipv6 = bytes(12) + b"\x86\xdd" + b"\x60" + bytes(5) + b"\x11" + bytes(93)
    assert frames.layers_of(ipv6) == frames.Layers(6, 14, 17, len(ipv6) - 14 - 40 - 8)
    assert frames.layers_of(bytes(12) + b"\x08\x06" + bytes(46)).ip_version is None
    assert frames.layers_of(bytes(12) + b"\x08\x00" + bytes(10)).ip_version is None


@pytest.mark.parametrize("ip_id", [0xFC00, 0xFFFE, 0xFFFF])
@pytest.mark.parametrize("before", [0, 1, 0xABCD, 0xFFFF])
def test_a_mark_keeps_a_good_checksum_good(ip_id, before):
    marked = frames.with_mark(packets.udp(ip_id=before, tos=0x48), 14, ip_id)
    assert packets.checksum(marked[14:34]) == 0
    assert int.from_bytes(marked[18:20]) == ip_id
    assert marked[15] == 0x49


def test_a_mark_keeps_a_bad_checksum_bad():
    frame = bytearray(packets.udp())
    frame[24] ^= 0x12
    assert packets.checksum(frames.with_mark(bytes(frame), 14, 0xFC01)[14:34]) != 0


def test_the_mark_changes_nothing_else():
    frame = packets.udp()
    marked = frames.with_mark(frame, 14, 0xFC07)
    changed = {at for at in range(len(frame)) if frame[at] != marked[at]}
    assert changed <= {15, 18, 19, 24, 25}


def ipv6(*, traffic_class=0, flow_label=0, tags=0):
    first = (6 << 28 | traffic_class << 20 | flow_label).to_bytes(4)
    return bytes(12) + b"\x81\x00\x00\x05" * tags + b"\x86\xdd" + first + b"\0\x28\x11\x40" + bytes(80)


@pytest.mark.parametrize("tags", [0, 1, 2])
@pytest.mark.parametrize(("traffic_class", "marked_class"), [(0, 1), (0xB8, 0xB9), (1, 1)])
def test_ipv6_is_marked_in_flow_label_and_traffic_class(tags, traffic_class, marked_class):
    frame = ipv6(traffic_class=traffic_class, flow_label=0xABCDE, tags=tags)
    marked = frames.with_mark(frame, frames.layers_of(frame).l3_at, 0xFC07)
    assert marked == ipv6(traffic_class=marked_class, flow_label=0x0FC07, tags=tags)


@pytest.mark.parametrize("tags", [1, 2])
def test_ipv4_is_marked_behind_vlan_tags(tags):
    frame = packets.udp(100, tags=tags)
    l3_at = frames.layers_of(frame).l3_at
    marked = frames.with_mark(frame, l3_at, 0xFFFF)
    assert marked[:l3_at] == frame[:l3_at]
    assert marked[l3_at:] == frames.with_mark(packets.udp(100 - 4 * tags), 14, 0xFFFF)[14:]


def test_layers_behind_ipv6_extensions():
    hop_by_hop, fragment = b"\x2c\x01" + bytes(14), b"\x06\xff" + bytes(6)
    tcp = bytes(12) + b"\x80" + bytes(19)
    ipv6_header = b"\x60" + bytes(5) + b"\0\x40" + bytes(32)
    frame = bytes(12) + b"\x86\xdd" + ipv6_header + hop_by_hop + fragment + tcp + bytes(50)
    assert frames.layers_of(frame) == frames.Layers(6, 14, 6, 50)


def test_tcp_options_are_no_payload():
    frame = bytearray(packets.udp(120))
    frame[23], frame[46] = 6, 0x80
    assert frames.layers_of(bytes(frame)) == frames.Layers(4, 14, 6, 120 - 34 - 32)


def test_the_latency_header_has_sixteen_bytes():
    assert frames.LATENCY_HEADER.size == 16
    assert frames.LATENCY_HEADER.pack(0xAB, 1, 2, 3, 4) == bytes([0xAB, 1, 2, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0])
