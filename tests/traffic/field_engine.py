"""A small interpreter of TRex's field engine, written from the documentation of its instructions.

It shares nothing with the code under test: it reads the JSON that goes to the server and gives the packets that the
server has to send.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from typing import Any

WORD = 0xFFFFFFFF
FIRST_LATENCY_SEQUENCE = 2**32 - 2
LATENCY_HEADER = struct.Struct("<BBHIQ")


def packets(stream: dict[str, Any], start: int = 0) -> Iterator[bytes]:
    """Yield the packets of a stream, from number ``start`` on."""
    template = base64.b64decode(stream["packet"]["binary"])
    instructions = stream["vm"]["instructions"]
    variables = [i for i in instructions if i["type"] == "flow_var"]
    number = start
    while True:
        values = {}
        for variable in variables:
            assert variable["op"] == "inc"
            assert variable["next_var"] is None
            span = variable["max_value"] - variable["min_value"] + 1
            steps = variable["init_value"] - variable["min_value"] + number * variable["step"]
            values[variable["name"]] = variable["min_value"] + steps % span
        packet = bytearray(template)
        for instruction in instructions:
            run(instruction, values, packet)
        yield bytes(packet)
        number += 1


def run(instruction: dict[str, Any], values: dict[str, int], packet: bytearray) -> None:
    kind = instruction["type"]
    if kind == "flow_var":
        return
    if kind == "write_mask_flow_var":
        write_mask(instruction, values[instruction["name"]], packet)
    elif kind == "fix_checksum_ipv4":
        fix_checksum(packet, instruction["pkt_offset"])
    else:
        raise AssertionError(f"unknown instruction {kind}")


def write_mask(instruction: dict[str, Any], value: int, packet: bytearray) -> None:
    """Add, shift, then write the bits of the mask."""
    value = (value + instruction["add_value"]) & WORD
    shift = instruction["shift"]
    value = (value << shift) & WORD if shift >= 0 else value >> -shift
    start, size, mask = instruction["pkt_offset"], instruction["pkt_cast_size"], instruction["mask"]
    assert mask < 1 << (8 * size), "the mask is wider than the field"
    order = "big" if instruction["is_big_endian"] else "little"
    old = int.from_bytes(packet[start : start + size], order)
    packet[start : start + size] = ((old & ~mask) | (value & mask)).to_bytes(size, order)


def fix_checksum(packet: bytearray, start: int) -> None:
    packet[start + 10 : start + 12] = b"\0\0"
    end = start + (packet[start] & 0x0F) * 4
    total = sum(struct.unpack(f">{(end - start) // 2}H", packet[start:end]))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    packet[start + 10 : start + 12] = struct.pack(">H", total ^ 0xFFFF)


def as_latency_probe(packet: bytes, number: int, hardware_id: int, ticks: int) -> bytes:
    """Return the packet as TRex sends it when its stream is a latency stream."""
    probe = bytearray(packet)
    probe[18:20] = b"\xff\xff"
    fix_checksum(probe, 14)
    sequence = (FIRST_LATENCY_SEQUENCE + number) % 2**32
    probe[-LATENCY_HEADER.size :] = LATENCY_HEADER.pack(0xAB, 0, hardware_id, sequence, ticks)
    return bytes(probe)
