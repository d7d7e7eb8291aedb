"""Which software version and which instance served a packet, from what the packet itself shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from hitless.history import AMBIGUOUS, UNMARKED, Int16Array, Int64Array
from hitless.recording.bpf import Program, matches
from hitless.recording.headers import big_endian, udp_packets
from hitless.recording.libpcap import compile_expression
from hitless.recording.pcap import PacketBlock


@dataclass(frozen=True, slots=True)
class VersionMark:
    """A software version and the filter that its packets match."""

    version: str
    expression: str
    program: Program


@dataclass(frozen=True, slots=True)
class Marks:
    """All marks of a recording: versions by filters, instances by the values of one field."""

    versions: tuple[VersionMark, ...]
    instance: str = "none"


def compile_marks(versions: Mapping[str, str], instance: str) -> Marks:
    """Compile the declared filter expressions.

    Raises:
        BpfError: libpcap is missing or refuses an expression.
        ValueError: unknown instance mark.
    """
    if instance not in INSTANCE_FIELDS:
        raise ValueError(f"instance mark - unknown - Expected: one of {sorted(INSTANCE_FIELDS)}, Actual: {instance}")
    marks = (VersionMark(version, text, compile_expression(text)) for version, text in versions.items())
    return Marks(tuple(marks), instance)


def versions_of(marks: Marks, block: PacketBlock) -> Int16Array:
    """Return the version of each packet: index into the marks, UNMARKED or AMBIGUOUS."""
    version = np.full(len(block), UNMARKED, np.int16)
    for number, mark in enumerate(marks.versions):
        hit = matches(mark.program, block.data, block.lengths)
        version = np.where(hit, np.where(version == UNMARKED, np.int16(number), np.int16(AMBIGUOUS)), version)
    return version


def instances_of(marks: Marks, block: PacketBlock) -> tuple[tuple[str, ...], Int16Array]:
    """Return the values of the instance mark, and for each packet the index of its value or UNMARKED."""
    values = INSTANCE_FIELDS[marks.instance](block)
    known = np.unique(values[values >= 0])
    index = np.where(values >= 0, np.searchsorted(known, values), UNMARKED).astype(np.int16)
    name = _mac_name if marks.instance == "source_mac" else f"{marks.instance} {{}}".format
    return tuple(name(int(value)) for value in known), index


def _mac_name(value: int) -> str:
    return value.to_bytes(6, "big").hex(":")


def _source_mac(block: PacketBlock) -> Int64Array:
    values = np.full(len(block), UNMARKED, np.int64)
    rows = np.flatnonzero(block.lengths >= 14)
    values[rows] = big_endian(block, rows, 6, 6)
    return values


def _vlan(block: PacketBlock) -> Int64Array:
    values = np.full(len(block), UNMARKED, np.int64)
    rows = np.flatnonzero(block.lengths >= 18)
    rows = rows[big_endian(block, rows, 12, 2) == 0x8100]
    values[rows] = big_endian(block, rows, 14, 2) & 0xFFF
    return values


def _ip_byte(block: PacketBlock, offset: int, shift: int) -> Int64Array:
    values = np.full(len(block), UNMARKED, np.int64)
    headers = udp_packets(block)
    values[headers.rows] = big_endian(block, headers.rows, headers.ip_start + offset, 1) >> shift
    return values


def _ttl(block: PacketBlock) -> Int64Array:
    return _ip_byte(block, 8, 0)


def _dscp(block: PacketBlock) -> Int64Array:
    # The two low bits are ECN, which TRex sets in counted packets.
    return _ip_byte(block, 1, 2)


def _none(block: PacketBlock) -> Int64Array:
    return np.full(len(block), UNMARKED, np.int64)


INSTANCE_FIELDS: Mapping[str, Callable[[PacketBlock], Int64Array]] = MappingProxyType(
    {"source_mac": _source_mac, "ttl": _ttl, "vlan": _vlan, "dscp": _dscp, "none": _none}
)
"""How each instance mark is read from packets."""
