"""The packets of the benchmark: UDP over IPv4 as load of the suite looks like, as bytes and in the tools' formats."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from hitless.recording import PacketBlock, PcapWriter

FCS_BYTES = 4
SIZES = (64, 128, 512)
"""Sizes of frames with FCS."""
SOURCE_MAC, SINK_MAC = "02:00:00:00:00:10", "02:00:00:00:00:11"
USERS, SERVICE = "10.1.0.0", "10.2.0.1"
SERVICE_PORT, FIRST_PORT = 5001, 1024
FLOW_STATS_ID = 0xFC01
"""IP id by which the generator's receiver knows the first group of counted packets."""
_ETHERNET_BYTES, _IP_BYTES, _UDP_BYTES = 14, 20, 8
_PCAP_PACKETS = 1024


def ip_bytes(frame_bytes: int) -> int:
    """Return the length of the IP packet in a frame of that size (with FCS)."""
    return frame_bytes - FCS_BYTES - _ETHERNET_BYTES


def payload_bytes(frame_bytes: int) -> int:
    """Return the payload of UDP in a frame of that size (with FCS)."""
    return ip_bytes(frame_bytes) - _IP_BYTES - _UDP_BYTES


def frame(frame_bytes: int) -> bytes:
    """Return a frame of that size; the four bytes of its FCS are left to the network card.

    Raises:
        ValueError: too short for Ethernet.
    """
    if frame_bytes < 64:
        raise ValueError(f"frame - size - Expected: >= 64 bytes with FCS, Actual: {frame_bytes} bytes")
    addresses = _address(USERS) + _address(SERVICE)
    head = struct.pack(">BBHHHBBH", 0x45, 1, ip_bytes(frame_bytes), FLOW_STATS_ID, 0, 64, 17, 0) + addresses
    head = head[:10] + _checksum(head).to_bytes(2) + head[12:]
    length = _UDP_BYTES + payload_bytes(frame_bytes)
    udp = struct.pack(">4H", FIRST_PORT, SERVICE_PORT, length, 0)
    ethernet = bytes.fromhex((SINK_MAC + SOURCE_MAC).replace(":", "")) + b"\x08\x00"
    return ethernet + head + udp + bytes(payload_bytes(frame_bytes))


def for_trafgen(frame_bytes: int) -> str:
    """Return the packet in trafgen's language."""
    return "{ " + _octets(frame(frame_bytes)) + " }\n"


def for_trafgen_changing(frame_bytes: int) -> str:
    """Return the packet in trafgen's language, with user and port counted up and the IP checksum made right.

    It is as near as trafgen comes to what the generator sends: it knows neither sequence numbers nor time stamps.
    """
    content = frame(frame_bytes)
    counted = "dinc(0x00, 0xff)"
    header, last = _ETHERNET_BYTES, _ETHERNET_BYTES + _IP_BYTES - 1
    parts = [
        _octets(content[: header + 10]),
        f"csumip({header}, {last})",
        _octets(content[header + 12 : header + 15]),
        counted,
        _octets(content[header + 16 : last + 2]),
        counted,
        _octets(content[last + 3 :]),
    ]
    return "{ " + ", ".join(parts) + " }\n"


def for_mausezahn(frame_bytes: int) -> str:
    """Return the packet as mausezahn takes raw packets on its command line."""
    return frame(frame_bytes).hex(" ")


def write_pcap(path: Path, frame_bytes: int) -> None:
    """Write a capture with many copies of the packet, a microsecond apart."""
    packet = np.frombuffer(frame(frame_bytes), np.uint8)
    data = np.tile(packet, (_PCAP_PACKETS, 1))
    lengths = np.full(_PCAP_PACKETS, len(packet), np.int32)
    with PcapWriter(path) as writer:
        writer.append_block(PacketBlock(data, lengths, np.arange(_PCAP_PACKETS, dtype=np.int64) * 1000))


def _octets(content: bytes) -> str:
    return ", ".join(f"0x{octet:02x}" for octet in content)


def _address(text: str) -> bytes:
    return bytes(int(part) for part in text.split("."))


def _checksum(header: bytes) -> int:
    """The one's complement of the one's complement sum (RFC 1071)."""
    total: int = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
