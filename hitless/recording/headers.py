"""Reads protocol fields from many packets at once: Ethernet, one VLAN tag, IPv4, UDP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array
from hitless.recording.pcap import PacketBlock

_ETHERTYPE_IPV4 = 0x0800
_ETHERTYPE_VLAN = 0x8100
_PROTOCOL_UDP = 17
_SHORTEST_HEADERS = 14 + 20 + 8
_WORDS = (1, 2, 4, 8)
"""Sizes of numbers that can be read in one go."""
_SHAPE_MASKS = ((12, 0xFFFF_FF00_FFFF_0000), (18, 0x0000_3FFF_00FF_0000))
"""Where eight bytes are, and the bits of them that say where things are in an untagged packet: type of the frame,
version and length of the IP header, length of the packet; fragment and protocol."""


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
    """Read an unsigned number in network byte order from each of the packets.

    Args:
        block: packets.
        rows: which of them, in ascending order, each once.
        offsets: where the number begins.
        size: of the number, at most 7 bytes.
    """
    place = _common_place(offsets)
    if place is not None and 0 < len(rows) == len(block):
        return column(block.data, place, size).astype(np.int64)
    value = np.zeros(len(rows), np.int64)
    for byte in range(size if len(rows) else 0):  # without packets the matrix may have no columns
        value = (value << 8) | block.data[rows, offsets + byte]
    return value


def little_endian(block: PacketBlock, rows: Int64Array, offsets: Int64Array, size: int) -> NDArray[np.uint64]:
    """Read an unsigned number in little-endian byte order from each of the packets; arguments as above."""
    place = _common_place(offsets)
    if place is not None and len(rows) == len(block) and size in _WORDS and block.data.strides[1] == 1:
        return block.data[:, place : place + size].view(f"<u{size}")[:, 0].astype(np.uint64)
    value = np.zeros(len(rows), np.uint64)
    for byte in reversed(range(size if len(rows) else 0)):
        value = (value << np.uint64(8)) | block.data[rows, offsets + byte]
    return value


def column(data: NDArray[np.uint8], place: int, size: int) -> NDArray[Any]:
    """Read an unsigned number in network byte order from the same place of every row, without looking for the place."""
    if data.strides[1] == 1 and size in _WORDS:
        words: NDArray[Any] = data[:, place : place + size].view(f">u{size}")[:, 0]
        return words
    value = np.zeros(len(data), np.int64)
    if data.strides[1] == 1 and size == 6:  # a MAC address
        value[:] = data[:, place : place + 2].view(">u2")[:, 0]
        return (value << 32) | data[:, place + 2 : place + 6].view(">u4")[:, 0].astype(np.int64)
    for byte in range(size):
        value = (value << 8) | data[:, place + byte]
    return value


def _common_place(offsets: Int64Array | int) -> int | None:
    """Return the place if it is the same in all packets, as it nearly always is; None without packets."""
    if isinstance(offsets, int):
        return offsets
    if len(offsets) == 0:
        return None
    first = int(offsets[0])
    return first if bool((offsets == first).all()) else None


def udp_packets(block: PacketBlock) -> Headers:
    """Find the UDP packets over IPv4 that are whole."""
    alike = _all_like_the_first(block)
    return _udp_packets(block) if alike is None else alike


def _all_like_the_first(block: PacketBlock) -> Headers | None:
    """Return where things are if all packets are whole and like the first one: one comparison instead of many."""
    if len(block) < 2 or block.data.strides[1] != 1 or int(block.lengths.min()) < _SHORTEST_HEADERS:
        return None
    for place, mask in _SHAPE_MASKS:
        words = block.data[:, place : place + 8].view(">u8")[:, 0] & np.uint64(mask)
        if not bool((words == words[0]).all()):
            return None
    first = _udp_packets(PacketBlock(block.data[:1], np.asarray([block.lengths.min()], np.int32), block.times_ns[:1]))
    if len(first.rows) == 0 or int(first.ip_start[0]) != 14:
        return None
    columns = (np.full(len(block), int(one[0])) for one in (first.ip_start, first.payload_start, first.payload_end))
    return Headers(np.arange(len(block)), *columns)


def _udp_packets(block: PacketBlock) -> Headers:
    rows = np.flatnonzero(block.lengths >= _SHORTEST_HEADERS)
    ethertype = big_endian(block, rows, 12, 2)
    tagged = ethertype == _ETHERTYPE_VLAN
    inner = big_endian(block, rows, 16, 2) if tagged.any() else ethertype
    keep = np.where(tagged, inner, ethertype) == _ETHERTYPE_IPV4
    rows, ip_start = only(keep, rows, np.where(tagged, np.int64(18), np.int64(14)))
    keep = ip_start + 28 <= block.lengths[rows]
    rows, ip_start = only(keep, rows, ip_start)
    first = big_endian(block, rows, ip_start, 1)
    fragment = big_endian(block, rows, ip_start + 6, 2) & 0x1FFF
    keep = (first >> 4 == 4) & (big_endian(block, rows, ip_start + 9, 1) == _PROTOCOL_UDP) & (fragment == 0)
    rows, ip_start, first = only(keep, rows, ip_start, first)
    payload_start = ip_start + ((first & 0xF) << 2) + 8
    payload_end = ip_start + big_endian(block, rows, ip_start + 2, 2)
    keep = (payload_end <= block.lengths[rows]) & (payload_start <= payload_end)
    return Headers(*only(keep, rows, ip_start, payload_start, payload_end))


def only(keep: NDArray[np.bool_], *columns: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the rows of columns that are to be kept; nothing is copied where that is all of them."""
    return columns if bool(keep.all()) else tuple(one[keep] for one in columns)
