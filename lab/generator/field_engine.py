"""TRex's field engine, evaluated for many packets at once.

Everything is a function of the packet's number in its stream, so that any range of packets can be made at any time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.generator.checksums import FixChecksums, FixIcmpv6Checksum, FixIpv4Checksum, Frames, Lengths
from lab.generator.courses import Course
from lab.generator.variables import FlowVariable, Numbers, Variable, ticks_of

__all__ = ["FixChecksums", "FixIcmpv6Checksum", "FixIpv4Checksum", "FlowVariable", "Frames", "MaskedWrite", "Program"]
__all__ += ["Trim", "Write"]

_ALL_64_BITS = 1 << 64
_LOW_32 = np.uint64(0xFFFFFFFF)
_LARGEST_MASKED = 4


@dataclass(frozen=True)
class Write:
    """Writes a variable plus a constant at an offset.

    Attributes:
        variable: What is written.
        offset: Where.
        add: Added before.
        big_endian: Byte order.
        early: The instruction stands before the variable's own: it writes the value of the packet before.
    """

    variable: Variable
    offset: int
    add: int
    big_endian: bool
    early: bool = False

    @property
    def end(self) -> int:
        """First byte behind what is written."""
        return self.offset + self.variable.size

    def apply(self, frames: Frames, values: Numbers) -> None:
        """Changes the packets in place."""
        written = values + np.uint64(self.add % _ALL_64_BITS) if self.add else values
        frames[:, self.offset : self.end] = _octets(written, self.variable.size, big_endian=self.big_endian)


@dataclass(frozen=True)
class MaskedWrite:
    """Writes some bits of a variable: (variable + add), shifted; where the mask is 0 the packet keeps its bits.

    TRex computes in 32 bits. Of an 8-byte variable it takes the upper half for a big-endian field, the lower one for
    a little-endian field; and a little-endian field is as wide as the variable, whatever its size is said to be.

    Attributes:
        variable: What is written.
        offset: Where the field starts.
        size: Size of the field in the packet: 1, 2 or 4 bytes.
        mask: Bits of the field that are written.
        shift: To the left if positive, to the right if negative.
        add: Added before shifting.
        big_endian: Byte order of the field.
        early: The instruction stands before the variable's own: it writes the value of the packet before.
    """

    variable: Variable
    offset: int
    size: int
    mask: int
    shift: int
    add: int
    big_endian: bool
    early: bool = False

    @property
    def width(self) -> int:
        """Bytes that are read and written."""
        return self.size if self.big_endian else min(self.variable.size, _LARGEST_MASKED)

    @property
    def end(self) -> int:
        """First byte behind what is written."""
        return self.offset + max(self.size, self.width)

    def apply(self, frames: Frames, values: Numbers) -> None:
        """Changes the packets in place."""
        if self.variable.size > _LARGEST_MASKED:
            values = values >> np.uint64(32) if self.big_endian else values & _LOW_32
        if self.add:
            values = (values + np.uint64(self.add % _ALL_64_BITS)) & _LOW_32
        word = values << np.uint64(self.shift) if self.shift >= 0 else values >> np.uint64(-self.shift)
        field = frames[:, self.offset : self.offset + self.width]
        mask = self.mask & ((1 << 8 * self.width) - 1)
        kept = mask ^ ((1 << 8 * self.width) - 1)
        if kept:
            field &= np.frombuffer(kept.to_bytes(self.width, "big" if self.big_endian else "little"), dtype=np.uint8)
            field |= _octets(word & np.uint64(mask), self.width, big_endian=self.big_endian)
        else:
            field[:] = _octets(word, self.width, big_endian=self.big_endian)


@dataclass(frozen=True)
class Trim:
    """Cuts packets to the length that a variable says; 0 leaves them as they are."""

    variable: Variable
    early: bool = False

    @property
    def end(self) -> int:
        """It writes nothing."""
        return 0


Change = Write | MaskedWrite | FixIpv4Checksum | FixIcmpv6Checksum
Instruction = Change | Trim


@dataclass(frozen=True)
class Program:
    """What a stream does: how its packets are made, and in which bursts they go.

    Attributes:
        instructions: What TRex does in the packet.
        offloads: Checksums that are computed last, when everything else is in the packet.
        cache_packets: So many packets are made and then sent again and again; 0 to make each anew.
        course: Bursts, gaps and the stream that follows; None for one even row of packets.
    """

    instructions: tuple[Instruction, ...] = ()
    offloads: tuple[FixChecksums, ...] = ()
    cache_packets: int = 0
    course: Course | None = None

    def run(self, template: bytes, first: int, count: int) -> Frames:
        """Makes packets first, first + 1, ... of the stream whole, one per row."""
        frames, _ = self.make(template, first, count)
        self.finish(frames)
        return frames

    def finish(self, frames: Frames) -> None:
        """Computes the checksums of packets that are complete."""
        for offload in self.offloads:
            offload.apply(frames)

    def make(self, template: bytes, first: int, count: int) -> tuple[Frames, Lengths | None]:
        """Makes packets first, first + 1, ... but for `finish`.

        Returns:
            One packet per row, and the length of each, or None if all are as long as the template.
        """
        if not self.cache_packets:
            return self._make(template, first, count)
        frames, lengths = self._make(template, 0, self.cache_packets)
        rows = np.arange(first, first + count) % self.cache_packets
        return frames[rows], None if lengths is None else lengths[rows]

    def _make(self, template: bytes, first: int, count: int) -> tuple[Frames, Lengths | None]:
        frames: Frames = np.empty((count, len(template)), dtype=np.uint8)
        frames[:] = np.frombuffer(template, dtype=np.uint8)
        lengths: Lengths | None = None
        known: dict[tuple[int, bool], Numbers] = {}
        for instruction in self.instructions:
            if isinstance(instruction, FixIpv4Checksum | FixIcmpv6Checksum):
                instruction.apply(frames)
                continue
            key = id(instruction.variable), instruction.early
            if key not in known:
                ticks = ticks_of(instruction.variable, first, count, before=instruction.early)
                known[key] = instruction.variable.values(ticks)
            if isinstance(instruction, Trim):
                lengths = _lengths(known[key], len(template))
            else:
                instruction.apply(frames, known[key])
        return frames, lengths


def _lengths(wanted: Numbers, longest: int) -> npt.NDArray[np.uint32]:
    return np.where(wanted == 0, longest, np.minimum(wanted, longest)).astype(np.uint32)


def _octets(values: Numbers, size: int, *, big_endian: bool) -> Frames:
    """The values as rows of bytes."""
    return values.astype(f"{'>' if big_endian else '<'}u{size}").view(np.uint8).reshape(-1, size)
