"""What a port says on its own: answers to ARP and to ICMP echo, and ARP requests of its own, as TRex's legacy stack.

Only frames with exactly the port's VLAN tags are answered. Layouts: RFC 826 (ARP), RFC 792 (ICMP), RFC 791 (IPv4).
"""

from __future__ import annotations

import struct

from lab.generator.addressing import Addressing

_BROADCAST = b"\xff" * 6
_UNKNOWN = bytes(6)
_VLAN_TYPES = (0x8100, 0x88A8)
_ARP_TYPE, _IPV4_TYPE = 0x0806, 0x0800
# Hardware type, protocol type, lengths, operation, then addresses: sender MAC, sender IP, target MAC, target IP.
_ARP = struct.Struct(">HHBBH6s4s6s4s")
_ETHERNET, _IPV4 = 1, 0x0800
_REQUEST, _REPLY = 1, 2
_ICMP = 1
_ECHO_REPLY, _ECHO_REQUEST = 0, 8
_ICMP_HEADER_BYTES = 8
_FRESH_TTL = 128
_MIN_FRAME = 60


def answer(frame: bytes, port: Addressing) -> bytes | None:
    """The port's answer to a frame that came in, None if there is nothing to answer."""
    if port.ipv4 is None:
        return None
    tags, ethertype, at = _behind_tags(frame)
    if tags != port.vlan_tags:
        return None
    if ethertype == _ARP_TYPE:
        return _arp_reply(frame, at, port.source, port.ipv4.source)
    if ethertype == _IPV4_TYPE:
        return _echo_reply(frame, at, port.ipv4.source)
    return None


def _behind_tags(frame: bytes) -> tuple[tuple[int, ...], int, int]:
    """VLAN tags, the type behind them, and where what it means begins."""
    tags, at = [], 12
    ethertype = int.from_bytes(frame[at : at + 2])
    while ethertype in _VLAN_TYPES and len(frame) >= at + 6:
        tags.append(int.from_bytes(frame[at + 2 : at + 4]) & 0xFFF)
        at += 4
        ethertype = int.from_bytes(frame[at : at + 2])
    return tuple(tags), ethertype, at + 2


def _arp_reply(frame: bytes, at: int, mac: bytes, address: bytes) -> bytes | None:
    if len(frame) < at + _ARP.size:
        return None
    hardware, protocol, *_, operation, asker_mac, asker, _, target = _ARP.unpack_from(frame, at)
    if (hardware, protocol, operation, target) != (_ETHERNET, _IPV4, _REQUEST, address):
        return None
    reply = _ARP.pack(_ETHERNET, _IPV4, 6, 4, _REPLY, mac, address, asker_mac, asker)
    return frame[6:12] + mac + frame[12:at] + reply + frame[at + _ARP.size :]


def _echo_reply(frame: bytes, at: int, address: bytes) -> bytes | None:
    header_bytes = (frame[at] & 0xF) * 4 if len(frame) > at else 0
    icmp_at = at + header_bytes
    total_bytes = int.from_bytes(frame[at + 2 : at + 4])
    end = at + total_bytes
    if header_bytes < 20 or icmp_at + _ICMP_HEADER_BYTES > end or end > len(frame):
        return None
    if frame[at + 9] != _ICMP or frame[at + 16 : at + 20] != address or frame[icmp_at] != _ECHO_REQUEST:
        return None
    reply = bytearray(frame)
    reply[:6], reply[6:12] = frame[6:12], frame[:6]
    reply[at + 12 : at + 16], reply[at + 16 : at + 20] = frame[at + 16 : at + 20], frame[at + 12 : at + 16]
    reply[at + 8] = _FRESH_TTL
    _fix_checksum(reply, at, icmp_at, at + 10)
    reply[icmp_at] = _ECHO_REPLY
    _fix_checksum(reply, icmp_at, end, icmp_at + 2)
    return bytes(reply)


def _fix_checksum(frame: bytearray, start: int, end: int, at: int) -> None:
    """Writes the Internet checksum (RFC 1071) of a stretch at a place inside of it."""
    frame[at : at + 2] = bytes(2)
    stretch = bytes(frame[start:end])
    words = struct.unpack(f">{(len(stretch) + 1) // 2}H", stretch + bytes(len(stretch) % 2))
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    frame[at : at + 2] = (~total & 0xFFFF).to_bytes(2)


def arp_request(port: Addressing, target: bytes) -> bytes:
    """A broadcast question for the MAC address of an IPv4 address; for the port's own address it is gratuitous ARP.

    Raises:
        ValueError: The port has no IPv4 address.
    """
    if port.ipv4 is None:
        raise ValueError("ARP request of a port in layer 2 mode")
    tags = b"".join(struct.pack(">HH", _VLAN_TYPES[0], tag) for tag in port.vlan_tags)
    question = _ARP.pack(_ETHERNET, _IPV4, 6, 4, _REQUEST, port.source, port.ipv4.source, _UNKNOWN, target)
    frame = _BROADCAST + port.source + tags + _ARP_TYPE.to_bytes(2) + question
    return frame.ljust(_MIN_FRAME, b"\0")


def resolved_by(frame: bytes, port: Addressing) -> bytes | None:
    """The gateway's MAC address, if the frame is its answer to the port's question."""
    if port.ipv4 is None:
        return None
    tags, ethertype, at = _behind_tags(frame)
    if tags != port.vlan_tags or ethertype != _ARP_TYPE or len(frame) < at + _ARP.size:
        return None
    *_, operation, mac, sender, _, target = _ARP.unpack_from(frame, at)
    if (operation, sender, target) != (_REPLY, port.ipv4.gateway, port.ipv4.source):
        return None
    return bytes(mac)
