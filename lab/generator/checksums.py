"""Checksums of many packets at once, as TRex's field engine computes them.

The sum of RFC 1071: 16-bit words in big-endian order, carries added back in, complemented.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Sums = npt.NDArray[np.uint64]
Lengths = npt.NDArray[np.uint32]

TCP, UDP, ICMPV6 = 6, 17, 58
_IPV6_HEADER = 40
_LOW_16 = np.uint64(0xFFFF)


@dataclass(frozen=True)
class FixIpv4Checksum:
    """Computes the checksum of an IPv4 header.

    Attributes:
        offset: Where the header starts.
        header_bytes: Its length, with options.
    """

    offset: int
    header_bytes: int = 20

    @property
    def end(self) -> int:
        """First byte behind the header."""
        return self.offset + self.header_bytes

    def apply(self, frames: Frames) -> None:
        """Changes the packets in place."""
        frames[:, self.offset + 10 : self.offset + 12] = 0
        _put(frames, self.offset + 10, complement(word_sum(frames[:, self.offset : self.end])))


@dataclass(frozen=True)
class FixIcmpv6Checksum:
    """Computes the checksum of an ICMPv6 message.

    Attributes:
        l2_bytes: Where the IPv6 header starts.
        l3_bytes: Length of the IPv6 header and its extensions.
    """

    l2_bytes: int
    l3_bytes: int

    @property
    def end(self) -> int:
        """First byte behind the checksum."""
        return self.l2_bytes + self.l3_bytes + 4

    def apply(self, frames: Frames) -> None:
        """Changes the packets in place."""
        message_at = self.l2_bytes + self.l3_bytes
        frames[:, message_at + 2 : message_at + 4] = 0
        payload_bytes = big_endian(frames, self.l2_bytes + 4)
        end = np.minimum(message_at + payload_bytes.astype(np.int64), frames.shape[1])
        total = word_sum(frames[:, self.l2_bytes + 8 : self.l2_bytes + _IPV6_HEADER])
        total += payload_bytes + np.uint64(ICMPV6) + sum_between(frames, message_at, end)
        _put(frames, message_at + 2, complement(total))


@dataclass(frozen=True)
class FixChecksums:
    """Checksums of the IP header and of UDP or TCP behind it. TRex leaves them to the network card.

    They are computed when the packet is complete, latency header included.

    Attributes:
        l2_bytes: Where the IP header starts.
        l3_bytes: Length of the IP header.
        protocol: UDP, TCP, or anything else for the IP header alone.
        ip_version: 4 or 6.
    """

    l2_bytes: int
    l3_bytes: int
    protocol: int
    ip_version: int = 4

    @property
    def end(self) -> int:
        """First byte behind the checksum of the transport header, or behind the IP header."""
        return self.checksum_at + 2 if self.checksum_at >= 0 else self.l2_bytes + self.l3_bytes

    @property
    def checksum_at(self) -> int:
        """Where the transport header's checksum is; -1 if there is none."""
        if self.protocol not in (TCP, UDP):
            return -1
        return self.l2_bytes + self.l3_bytes + (16 if self.protocol == TCP else 6)

    def apply(self, frames: Frames) -> None:
        """Changes the packets in place."""
        if self.ip_version == 4:
            FixIpv4Checksum(self.l2_bytes, self.l3_bytes).apply(frames)
        if self.checksum_at < 0:
            return
        segment_at = self.l2_bytes + self.l3_bytes
        if self.ip_version == 4:
            addresses = frames[:, self.l2_bytes + 12 : self.l2_bytes + 20]
            segment_bytes = big_endian(frames, self.l2_bytes + 2).astype(np.int64) - self.l3_bytes
        else:
            addresses = frames[:, self.l2_bytes + 8 : self.l2_bytes + _IPV6_HEADER]
            segment_bytes = big_endian(frames, self.l2_bytes + 4).astype(np.int64) + _IPV6_HEADER - self.l3_bytes
        frames[:, self.checksum_at : self.checksum_at + 2] = 0
        end = np.clip(segment_at + segment_bytes, segment_at, frames.shape[1])
        total = word_sum(addresses) + np.uint64(self.protocol) + segment_bytes.astype(np.uint64)
        checksum = complement(total + sum_between(frames, segment_at, end))
        _put(frames, self.checksum_at, self.on_the_wire(checksum))

    def on_the_wire(self, checksum: Sums) -> Sums:
        """UDP sends 0xffff for 0, which would mean that there is no checksum (RFC 768)."""
        return np.where(checksum == 0, _LOW_16, checksum) if self.protocol == UDP else checksum


def word_sum(columns: Frames) -> Sums:
    """Sum of the big-endian 16-bit words of each row; an odd last byte is the high byte of a word."""
    total: Sums = columns[:, 0::2].sum(axis=1, dtype=np.uint64) << np.uint64(8)
    low: Sums = columns[:, 1::2].sum(axis=1, dtype=np.uint64)
    return total + low


def sum_between(frames: Frames, start: int, ends: npt.NDArray[np.int64]) -> Sums:
    """Sum of the words of each row from `start` up to its own end."""
    if not len(ends):
        return np.empty(0, dtype=np.uint64)
    first = int(ends[0])
    if (ends == first).all():
        return word_sum(frames[:, start:first])
    widest = int(ends.max())
    inside = np.arange(start, widest) < ends[:, None]
    return word_sum(np.where(inside, frames[:, start:widest], np.uint8(0)))


def fold(total: Sums) -> Sums:
    """Adds the carries back in (RFC 1071)."""
    once = (total & _LOW_16) + (total >> np.uint64(16))
    twice = (once & _LOW_16) + (once >> np.uint64(16))
    return (twice & _LOW_16) + (twice >> np.uint64(16))


def complement(total: Sums) -> Sums:
    """The checksum for a sum."""
    return ~fold(total) & _LOW_16


def big_endian(frames: Frames, offset: int) -> Sums:
    """A 16-bit field of each row."""
    return (frames[:, offset].astype(np.uint64) << np.uint64(8)) | frames[:, offset + 1]


def _put(frames: Frames, offset: int, values: Sums) -> None:
    frames[:, offset] = values >> np.uint64(8)
    frames[:, offset + 1] = values & np.uint64(0xFF)
