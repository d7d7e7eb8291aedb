"""Reads protocol fields from many packets at once: Ethernet, one VLAN tag, IPv4, UDP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array
from hitless.recording.pcap import PacketBlock

_ETHERTYPE_IPV4 = 0x0800
_ETHERTYPE_VLAN = 0x8100
_PROTOCOL_UDP = 17
_SHORTEST_HEADERS = 14 + 20 + 8


@dataclass(frozen=True, slots=True)
class Headers:
    """Where things are in the packets of a block that are UDP over IPv4; one row per such packet.

    Attributes:
        rows: row of the packet in the block.
        ip_start, payload_start, payload_end: offsets in bytes; the end comes from the IP header, so that padding of
            the Ethernet frame is left out.
    """

    rows: Int64Array
    ip_start: Int64Array
    payload_start: Int64Array
    payload_end: Int64Array


def big_endian(block: PacketBlock, rows: Int64Array, offsets: Int64Array | int, size: int) -> Int64Array:
    """Read an unsigned number in network byte order from each of the packets; size is at most 7 bytes."""
    value = np.zeros(len(rows), np.int64)
    for byte in range(size if len(rows) else 0):  # without packets the matrix may have no columns
        value = (value << 8) | block.data[rows, offsets + byte]
    return value


def little_endian(block: PacketBlock, rows: Int64Array, offsets: Int64Array, size: int) -> NDArray[np.uint64]:
    """Read an unsigned number in little-endian byte order from each of the packets."""
    value = np.zeros(len(rows), np.uint64)
    for byte in reversed(range(size if len(rows) else 0)):
        value = (value << np.uint64(8)) | block.data[rows, offsets + byte]
    return value


def udp_packets(block: PacketBlock) -> Headers:
    """Find the UDP packets over IPv4 that are whole."""
    rows = np.flatnonzero(block.lengths >= _SHORTEST_HEADERS)
    ethertype = big_endian(block, rows, 12, 2)
    tagged = ethertype == _ETHERTYPE_VLAN
    inner = big_endian(block, rows, 16, 2)
    keep = np.where(tagged, inner, ethertype) == _ETHERTYPE_IPV4
    rows, ip_start = rows[keep], np.where(tagged[keep], 18, 14)
    keep = ip_start + 28 <= block.lengths[rows]
    rows, ip_start = rows[keep], ip_start[keep]
    first = big_endian(block, rows, ip_start, 1)
    fragment = big_endian(block, rows, ip_start + 6, 2) & 0x1FFF
    keep = (first >> 4 == 4) & (big_endian(block, rows, ip_start + 9, 1) == _PROTOCOL_UDP) & (fragment == 0)
    rows, ip_start, first = rows[keep], ip_start[keep], first[keep]
    payload_start = ip_start + ((first & 0xF) << 2) + 8
    payload_end = ip_start + big_endian(block, rows, ip_start + 2, 2)
    keep = (payload_end <= block.lengths[rows]) & (payload_start <= payload_end)
    return Headers(rows[keep], ip_start[keep], payload_start[keep], payload_end[keep])
