"""TRex's field engine: variables that step from packet to packet, evaluated for many packets at once.

Everything is a function of the packet's number in its stream, so that any range of packets can be made at any time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
Frames = npt.NDArray[np.uint8]

_ALL_64_BITS = 1 << 64
_L4_UDP, _L4_TCP = 11, 13


@dataclass(frozen=True)
class FlowVariable:
    """A counter or a random number in a range.

    Attributes:
        name: How instructions refer to it.
        size: 1, 2, 4 or 8 bytes.
        op: "inc", "dec" or "random".
        init: Value in packet 0.
        low: Smallest value.
        high: Largest value.
        step: Distance from packet to packet.
    """

    name: str
    size: int
    op: str
    init: int
    low: int
    high: int
    step: int

    def values(self, first: int, count: int) -> Numbers:
        """Values in packets first, first + 1, ... of the stream."""
        span = self.high - self.low + 1
        numbers = np.arange(first, first + count, dtype=np.uint64)
        if self.op == "random":
            return self._random(numbers, span)
        step = self.step % span if self.op == "inc" else -self.step % span
        start = (self.init - self.low + first * step) % span
        if span == _ALL_64_BITS:
            return _wrap64(self.low + start) + (numbers - np.uint64(first)) * np.uint64(step)
        if start + count * step >= _ALL_64_BITS:  # only 8-byte variables with giant steps get here
            return np.array([self.low + (start + k * step) % span for k in range(count)], dtype=np.uint64)
        steps = (numbers - np.uint64(first)) * np.uint64(step) + np.uint64(start)
        return np.uint64(self.low) + steps % np.uint64(span)

    def _random(self, numbers: Numbers, span: int) -> Numbers:
        """A fixed shuffle of the packet's number (SplitMix64's finalizer), so that no state is carried."""
        mixed = numbers * np.uint64(0x9E3779B97F4A7C15) + np.uint64(self.init)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(31)
        return mixed if span == _ALL_64_BITS else np.uint64(self.low) + mixed % np.uint64(span)


def _wrap64(value: int) -> np.uint64:
    return np.uint64(value % _ALL_64_BITS)


@dataclass(frozen=True)
class Write:
    """Writes a variable plus a constant at an offset."""

    variable: FlowVariable
    offset: int
    add: int
    big_endian: bool

    @property
    def end(self) -> int:
        """First byte behind what is written."""
        return self.offset + self.variable.size

    def apply(self, frames: Frames, values: Numbers) -> None:
        """Changes the packets in place."""
        _store(frames, self.offset, self.variable.size, values + _wrap64(self.add), big_endian=self.big_endian)


@dataclass(frozen=True)
class MaskedWrite:
    """Writes some bits of a variable: (variable + add), shifted; where the mask is 0 the packet keeps its bits.

    Attributes:
        variable: A variable of at most 4 bytes; TRex computes in 32 bits.
        offset: Where the field starts.
        size: Size of the field in the packet: 1, 2 or 4 bytes.
        mask: Bits of the field that are written.
        shift: To the left if positive, to the right if negative.
        add: Added before shifting.
        big_endian: Byte order of the field.
    """

    variable: FlowVariable
    offset: int
    size: int
    mask: int
    shift: int
    add: int
    big_endian: bool

    @property
    def end(self) -> int:
        """First byte behind what is written."""
        return self.offset + self.size

    def apply(self, frames: Frames, values: Numbers) -> None:
        """Changes the packets in place."""
        word = (values + _wrap64(self.add)) & np.uint64(0xFFFFFFFF)
        word = word << np.uint64(self.shift) if self.shift >= 0 else word >> np.uint64(-self.shift)
        mask = np.uint64(self.mask & 0xFFFFFFFF)
        present = _load(frames, self.offset, self.size, big_endian=self.big_endian)
        _store(frames, self.offset, self.size, (present & ~mask) | (word & mask), big_endian=self.big_endian)


@dataclass(frozen=True)
class FixIpv4Checksum:
    """Computes the checksum of an IPv4 header without options."""

    offset: int

    @property
    def end(self) -> int:
        """First byte behind the header."""
        return self.offset + 20

    def apply(self, frames: Frames) -> None:
        """Changes the packets in place."""
        frames[:, self.offset + 10 : self.offset + 12] = 0
        total = _word_sum(frames[:, self.offset : self.offset + 20])
        _store(frames, self.offset + 10, 2, ~_fold(total) & np.uint64(0xFFFF), big_endian=True)


@dataclass(frozen=True)
class FixChecksums:
    """Computes the checksums of an IPv4 header and of UDP or TCP behind it (TRex lets the network card do it)."""

    l2_bytes: int
    l3_bytes: int
    l4_type: int

    @property
    def end(self) -> int:
        """First byte behind the checksum of the transport header."""
        return self._checksum_at + 2

    @property
    def _checksum_at(self) -> int:
        return self.l2_bytes + self.l3_bytes + (16 if self.l4_type == _L4_TCP else 6)

    def apply(self, frames: Frames) -> None:
        """Changes the packets in place."""
        FixIpv4Checksum(self.l2_bytes).apply(frames)
        if self.l4_type not in (_L4_UDP, _L4_TCP):
            return
        l4_at = self.l2_bytes + self.l3_bytes
        total_bytes = int(_load(frames[:1], self.l2_bytes + 2, 2, big_endian=True)[0])
        segment_bytes = total_bytes - self.l3_bytes
        frames[:, self._checksum_at : self._checksum_at + 2] = 0
        pseudo = _word_sum(frames[:, self.l2_bytes + 12 : self.l2_bytes + 20])
        protocol = np.uint64(6 if self.l4_type == _L4_TCP else 17)
        total = pseudo + protocol + np.uint64(segment_bytes) + _word_sum(frames[:, l4_at : l4_at + segment_bytes])
        checksum = ~_fold(total) & np.uint64(0xFFFF)
        if self.l4_type == _L4_UDP:
            checksum = np.where(checksum == 0, np.uint64(0xFFFF), checksum)  # 0 means "none" in UDP
        _store(frames, self._checksum_at, 2, checksum, big_endian=True)


Instruction = Write | MaskedWrite | FixIpv4Checksum | FixChecksums


@dataclass(frozen=True)
class Program:
    """What is done to each packet of a stream, in order."""

    instructions: tuple[Instruction, ...] = ()

    def run(self, template: bytes, first: int, count: int) -> Frames:
        """Makes packets first, first + 1, ... of the stream, one per row."""
        frames: Frames = np.tile(np.frombuffer(template, dtype=np.uint8), (count, 1))
        known: dict[FlowVariable, Numbers] = {}
        for instruction in self.instructions:
            if isinstance(instruction, Write | MaskedWrite):
                variable = instruction.variable
                if variable not in known:
                    known[variable] = variable.values(first, count)
                instruction.apply(frames, known[variable])
            else:
                instruction.apply(frames)
        return frames


def _load(frames: Frames, offset: int, size: int, *, big_endian: bool) -> Numbers:
    order = ">" if big_endian else "<"
    field = np.ascontiguousarray(frames[:, offset : offset + size])
    return field.view(f"{order}u{size}")[:, 0].astype(np.uint64)


def _store(frames: Frames, offset: int, size: int, values: Numbers, *, big_endian: bool) -> None:
    order = ">" if big_endian else "<"
    field = values.astype(f"{order}u{size}").view(np.uint8).reshape(-1, size)
    frames[:, offset : offset + size] = field


def _word_sum(columns: Frames) -> Numbers:
    """Sum of big-endian 16-bit words per row; an odd last byte counts as the high byte of a word."""
    total: Numbers = columns[:, 0::2].sum(axis=1, dtype=np.uint64) << np.uint64(8)
    low: Numbers = columns[:, 1::2].sum(axis=1, dtype=np.uint64)
    return total + low


def _fold(total: Numbers) -> Numbers:
    low = np.uint64(0xFFFF)
    once = (total & low) + (total >> np.uint64(16))
    return (once & low) + (once >> np.uint64(16))
