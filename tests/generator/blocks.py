"""Receive blocks as the kernel writes them (TPACKET_V3)."""

from __future__ import annotations

import struct

import numpy as np

_FIRST = 48
_MAC_AT = 82


def block(packets, *, size=1 << 16, snap=1 << 16):
    """A complete block; packets are (frame, time in ns) or (frame, time in ns, VLAN tag)."""
    content, at = bytearray(size), _FIRST
    for number, (frame, time_ns, *tag) in enumerate(packets):
        captured = frame[:snap]
        step = (_MAC_AT + len(captured) + 15) // 16 * 16
        last = number == len(packets) - 1
        seconds, nanoseconds = divmod(time_ns, 10**9)
        status = 0x10 if tag else 0
        header = struct.pack(
            "<6I2H", 0 if last else step, seconds, nanoseconds, len(captured), len(frame), status, _MAC_AT, 96
        )
        content[at : at + len(header)] = header
        content[at + 32 : at + 36] = struct.pack("<I", tag[0] if tag else 0)
        content[at + _MAC_AT : at + _MAC_AT + len(captured)] = captured
        at += step
    content[8:12] = struct.pack("<I", 1)
    content[12:16] = struct.pack("<I", len(packets))
    content[16:20] = struct.pack("<I", _FIRST)
    return np.frombuffer(content, dtype=np.uint8)
