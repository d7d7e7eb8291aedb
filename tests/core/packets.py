"""Packets as the generator would send them, byte by byte; slow and obvious."""

from __future__ import annotations

import struct

from hitless.sessions import Layout

MAC_A = bytes.fromhex("020000010001")
MAC_B = bytes.fromhex("020000010002")


def latency_header(sequence: int, ticks: int, magic: int = 0xAB, run: int = 1) -> bytes:
    """``run``: flow sequence in the lowest byte, hardware id above."""
    return struct.pack("<BBHIQ", magic, run & 0xFF, run >> 8, sequence % 2**32, ticks)


def udp_packet(
    *,
    source: int,
    destination: int,
    source_port: int,
    destination_port: int,
    payload: bytes,
    tos: int = 0,
    ttl: int = 64,
    source_mac: bytes = MAC_A,
    vlan: int | None = None,
    ip_options: bytes = b"",
    trailer: bytes = b"",
) -> bytes:
    ihl = 5 + len(ip_options) // 4
    udp = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0) + payload
    ip = struct.pack("!BBHHHBBHII", 0x40 | ihl, tos, ihl * 4 + len(udp), 0xFFFF, 0, ttl, 17, 0, source, destination)
    tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
    return MAC_B + source_mac + tag + b"\x08\x00" + ip + ip_options + udp + trailer


def probe(
    layout: Layout,
    number: int,
    *,
    first_sequence: int = 2**32 - 2,
    ticks: int = 0,
    direction: str = "up",
    size: int = 96,
    magic: int = 0xAB,
    sequence: int | None = None,
    run: int = 1,
    **fields: object,
) -> bytes:
    """Return packet ``number`` of a probe stream, computed bit by bit, independently of the code under test."""
    lane = number % 2**layout.lane_bits
    slot = (number >> layout.lane_bits) % 2**layout.session_of_user_bits
    above = number >> (layout.lane_bits + layout.session_of_user_bits)
    if layout.index_position == "above-lane":
        index = above % 2**layout.index_bits
        generation = above >> layout.index_bits
        user = (generation % 2**layout.generation_user_bits) * 2**layout.lane_bits + lane
        port = 1024 + (generation >> layout.generation_user_bits) % 2**14 * 2**layout.session_of_user_bits + slot
    else:
        index = above % 256
        user = lane
        port = 1024 + slot
    address, other = layout.user_base + user, 0x0A020001
    header = latency_header(first_sequence + number if sequence is None else sequence, ticks, magic, run)
    overhead = 14 + 20 + 8 + len(header) + 1
    payload = bytes([index]) + b"x" * (size - overhead) + header
    ends = {"source": address, "destination": other, "source_port": port, "destination_port": layout.service_port}
    if direction == "down":
        ends = {"source": other, "destination": address, "source_port": layout.service_port, "destination_port": port}
    return udp_packet(payload=payload, **ends, **fields)  # type: ignore[arg-type]
