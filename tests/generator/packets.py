"""Frames and streams for tests."""

from __future__ import annotations

import base64
import struct

BROADCAST, ZERO = b"\xff" * 6, bytes(6)


def checksum(octets):
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(length=96, *, source="10.1.0.0", destination="10.2.0.1", ports=(1024, 5001), ip_id=1, tos=0, tags=0):
    """A UDP frame of a length (without FCS), with a good IP checksum and no UDP checksum."""
    addresses = b"".join(bytes(map(int, address.split("."))) for address in (source, destination))
    l2_bytes = 14 + 4 * tags
    head = struct.pack(">BBHHHBBH", 0x45, tos, length - l2_bytes, ip_id, 0, 64, 17, 0) + addresses
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    udp_head = struct.pack(">4H", *ports, length - l2_bytes - 20, 0)
    ethernet = ZERO + ZERO + b"\x81\x00\x00\x05" * tags + b"\x08\x00"
    return (ethernet + head + udp_head).ljust(length, b"\0")


def stream(frame=None, *, pps=1000, mode=None, statistics=None, program=(), flags=0, gap_us=0.0, **more):
    """The `stream` object of `add_stream`; `statistics` is (pg_id, rule type) or None."""
    counted = {"enabled": False}
    if statistics:
        counted = {"enabled": True, "stream_id": statistics[0], "rule_type": statistics[1], "vxlan": False}
    return {
        "flags": flags,
        "action_count": 0,
        "enabled": True,
        "self_start": True,
        "isg": gap_us,
        "mode": {"type": "continuous", "rate": {"type": "pps", "value": pps}} | (mode or {}),
        "packet": {"binary": base64.b64encode(udp() if frame is None else frame).decode(), "meta": ""},
        "vm": {"instructions": list(program)},
        "flow_stats": counted,
        "next_stream_id": -1,
    } | more


def variable(name="n", *, size=4, op="inc", init=0, low=0, high=0xFFFFFFFF, step=1, **more):
    return {
        "type": "flow_var",
        "name": name,
        "size": size,
        "op": op,
        "init_value": init,
        "min_value": low,
        "max_value": high,
        "step": step,
        "next_var": None,
    } | more


def write(offset, name="n", *, add=0, big_endian=True):
    return {"type": "write_flow_var", "name": name, "pkt_offset": offset, "add_value": add, "is_big_endian": big_endian}


def masked(offset, mask, *, shift=0, size=2, name="n", add=0, big_endian=True):
    return {
        "type": "write_mask_flow_var",
        "name": name,
        "pkt_offset": offset,
        "pkt_cast_size": size,
        "mask": mask,
        "shift": shift,
        "add_value": add,
        "is_big_endian": big_endian,
    }


FIX_IP = {"type": "fix_checksum_ipv4", "pkt_offset": 14}
