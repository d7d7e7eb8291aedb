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

_MOST_INSTANCES = 1 << 15
_PIECE = 1 << 16


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


class InstanceNames:
    """The values of the instance mark, collected piece by piece."""

    def __init__(self, marks: Marks) -> None:
        self._mark = marks.instance
        # Values in their order, and for each the place at which it was first seen.
        self._known = np.asarray([UNMARKED], np.int64)
        self._place = np.asarray([UNMARKED], np.int16)

    def indices(self, block: PacketBlock) -> Int16Array:
        """Return for each packet a preliminary index of its value, or UNMARKED; ``settle`` makes it the final one.

        Raises:
            ValueError: more values than there can be instances.
        """
        values = INSTANCE_FIELDS[self._mark](block)
        known = self._rows(values)
        if len(values) and not bool((self._known[known] == values).all()):
            self._learn(np.setdiff1d(values, self._known))
            known = self._rows(values)
        return self._place[known]

    def settle(self, indices: Int16Array) -> tuple[str, ...]:
        """Number the values that occur in their order, in place; return their names."""
        occurring = np.zeros(len(self._known), np.bool_)
        for start in range(0, len(indices), _PIECE):
            occurring[indices[start : start + _PIECE]] = True  # UNMARKED is the last place
        occurring[-1] = False
        kept = occurring[self._place]
        final = np.full(len(self._known), UNMARKED, np.int16)
        final[self._place[kept]] = np.arange(np.count_nonzero(kept))
        for start in range(0, len(indices), _PIECE):
            indices[start : start + _PIECE] = final[indices[start : start + _PIECE]]
        name = _mac_name if self._mark == "source_mac" else f"{self._mark} {{}}".format
        return tuple(name(value) for value in self._known[kept].tolist())

    def _rows(self, values: Int64Array) -> Int64Array:
        return np.minimum(np.searchsorted(self._known, values), len(self._known) - 1)

    def _learn(self, values: Int64Array) -> None:
        if len(self._known) + len(values) > _MOST_INSTANCES:
            raise ValueError(
                f"instance mark - {self._mark} takes too many values to tell instances - "
                f"Expected: < {_MOST_INSTANCES}, Actual: {len(self._known) + len(values)} or more"
            )
        first = len(self._known) - 1
        known = np.concatenate((self._known, values))
        place = np.concatenate((self._place, np.arange(first, first + len(values), dtype=np.int16)))
        order = np.argsort(known)
        self._known, self._place = known[order], place[order]


def instances_of(marks: Marks, block: PacketBlock) -> tuple[tuple[str, ...], Int16Array]:
    """Return the values of the instance mark, and for each packet the index of its value or UNMARKED."""
    names = InstanceNames(marks)
    index = names.indices(block)
    return names.settle(index), index


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
