"""What TRex changes in a packet before it sends it: padding, MAC addresses, marks for the receiver.

The marks (TRex 3.08, software mode): a packet of a flow-statistics stream carries IP id 0xfc00 + k, one of a latency
stream IP id 0xffff and a header in its last 16 bytes; both get the lowest bit of ToS. In IPv6 the same numbers are the
flow label (20 bits), and the bit is that of the traffic class. The checksum of an IPv4 header is corrected by the
difference, so that one made wrong on purpose stays wrong.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

MIN_FRAME = 60
FCS_BYTES = 4
FLOW_STATS_IDS = 1023
LATENCY_IDS = 128
FLOW_STATS_IP_ID = 0xFC00
LATENCY_IP_ID = 0xFFFF
LATENCY_MAGIC = 0xAB
LATENCY_HEADER = struct.Struct("<BBHIQ")
# TRex starts two before the wrap, so that mistakes at the wrap show early.
FIRST_SEQUENCE = 0xFFFFFFFE

_ETHERTYPE_AT = 12
_VLAN_TYPES = (0x8100, 0x88A8)
_IPV4, _IPV6 = 0x0800, 0x86DD
_TOS_MARK = 0x01
_IPV6_HEADER = 40
_TRAFFIC_CLASS_MARK = _TOS_MARK << 20
_FLOW_LABEL = 0xFFFFF
_TCP, _UDP, _ICMP = 6, 17, 1
# IPv6 headers that another one follows (RFC 8200, 4): they give its number and, but for fragments, their length.
_EXTENSIONS = (0, 43, 44, 50, 51, 60, 135, 139, 140)
_FRAGMENT = 44
_SOURCE_FROM_PACKET = 0x1
_DESTINATION_FROM_PACKET = 1


@dataclass(frozen=True)
class Layers:
    """Where things are in a frame.

    Attributes:
        ip_version: 4, 6, or None for anything else.
        l3_at: Offset of the IP header.
        l4_protocol: IP protocol number, or None.
        payload_bytes: Bytes behind the transport header, or behind the IP header for other protocols.
    """

    ip_version: int | None
    l3_at: int
    l4_protocol: int | None
    payload_bytes: int


@dataclass(frozen=True)
class PortAddresses:
    """The MAC addresses a port puts into frames that do not bring their own."""

    source: bytes
    destination: bytes


def layers_of(frame: bytes) -> Layers:
    """Finds the IP header behind any VLAN tags."""
    at = _ETHERTYPE_AT
    ethertype = int.from_bytes(frame[at : at + 2])
    while ethertype in _VLAN_TYPES:
        at += 4
        ethertype = int.from_bytes(frame[at : at + 2])
    l3_at = at + 2
    if ethertype == _IPV4 and len(frame) >= l3_at + 20:
        protocol, l4_at = frame[l3_at + 9], l3_at + (frame[l3_at] & 0x0F) * 4
        return Layers(4, l3_at, protocol, len(frame) - l4_at - _l4_header_bytes(frame, l4_at, protocol))
    if ethertype == _IPV6 and len(frame) >= l3_at + _IPV6_HEADER:
        protocol, l4_at = _behind_extensions(frame, l3_at)
        return Layers(6, l3_at, protocol, len(frame) - l4_at - _l4_header_bytes(frame, l4_at, protocol))
    return Layers(None, l3_at, None, len(frame) - l3_at)


def _behind_extensions(frame: bytes, l3_at: int) -> tuple[int, int]:
    """Number and place of the first IPv6 header that is no extension."""
    protocol, at = frame[l3_at + 6], l3_at + _IPV6_HEADER
    while protocol in _EXTENSIONS and at + 8 <= len(frame):
        protocol, at = frame[at], at + (8 if protocol == _FRAGMENT else 8 * (frame[at + 1] + 1))
    return protocol, at


def _l4_header_bytes(frame: bytes, l4_at: int, protocol: int) -> int:
    if protocol == _TCP and len(frame) >= l4_at + 20:
        return (frame[l4_at + 12] >> 4) * 4
    return {_UDP: 8, _ICMP: 8}.get(protocol, 0)


def pad(frame: bytes) -> bytes:
    """Fills a short frame with zeros up to Ethernet's minimum (60 bytes without FCS)."""
    return frame.ljust(MIN_FRAME, b"\0")


def with_addresses(frame: bytes, addresses: PortAddresses, stream_flags: int) -> bytes:
    """Puts the port's MAC addresses in, except where the stream's flags keep those of the packet.

    Args:
        frame: The frame as the client made it.
        addresses: The port's own and its next hop's address.
        stream_flags: TRex's `flags`: bit 0 keeps the source, bits 1 and 2 are 1 to keep the destination.
    """
    source = frame[6:12] if stream_flags & _SOURCE_FROM_PACKET else addresses.source
    destination = frame[:6] if (stream_flags >> 1) & 0x3 == _DESTINATION_FROM_PACKET else addresses.destination
    return destination + source + frame[12:]


def with_mark(frame: bytes, l3_at: int, ip_id: int) -> bytes:
    """Sets IP id and the lowest ToS bit, or flow label and the lowest bit of the traffic class.

    Args:
        frame: An IPv4 or IPv6 packet.
        l3_at: Where its IP header starts.
        ip_id: The mark.
    """
    if frame[l3_at] >> 4 == 6:
        first = int.from_bytes(frame[l3_at : l3_at + 4]) & ~_FLOW_LABEL | _TRAFFIC_CLASS_MARK | ip_id
        return frame[:l3_at] + first.to_bytes(4) + frame[l3_at + 4 :]
    return _with_ipv4_mark(frame, l3_at, ip_id)


def _with_ipv4_mark(frame: bytes, l3_at: int, ip_id: int) -> bytes:
    marked = bytearray(frame)
    checksum = int.from_bytes(frame[l3_at + 10 : l3_at + 12])
    for at, value in ((l3_at, int.from_bytes(frame[l3_at : l3_at + 2]) | _TOS_MARK), (l3_at + 4, ip_id)):
        before = int.from_bytes(frame[at : at + 2])
        checksum = _updated_checksum(checksum, before, value)
        marked[at : at + 2] = value.to_bytes(2)
    marked[l3_at + 10 : l3_at + 12] = checksum.to_bytes(2)
    return bytes(marked)


def _updated_checksum(checksum: int, before: int, after: int) -> int:
    """RFC 1624, equation 3: HC' = ~(~HC + ~m + m')."""
    total = (~checksum & 0xFFFF) + (~before & 0xFFFF) + after
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
