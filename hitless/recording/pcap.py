"""Nanosecond pcap files: appended in blocks, read as numpy matrices.

Format: https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html; little endian, magic 0xa1b23c4d.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int32Array, Int64Array
from hitless.recording.errors import RecordingError

LINK_TYPE_ETHERNET = 1
_MAGIC_NANOSECONDS = 0xA1B23C4D
_FILE_HEADER = struct.Struct("<IHHiIII")
_SNAP_LENGTH = 65535
_NS_PER_S = 1_000_000_000
_RECORD_HEADER = np.dtype([("s", "<u4"), ("ns", "<u4"), ("stored", "<u4"), ("original", "<u4")])
RECORD_BYTES = _RECORD_HEADER.itemsize
_PIECE_BYTES = 1 << 21
"""So much fits into the cache of a core, with what is computed from it."""


@dataclass(frozen=True, slots=True)
class PacketBlock:
    """Packets as one matrix.

    Attributes:
        data: bytes from the Ethernet header on, shape (packets, width); rows shorter than width end in zeros.
        lengths: stored bytes of each packet.
        times_ns: time stamps as written, on the clock of whoever wrote them.
    """

    data: NDArray[np.uint8]
    lengths: Int32Array
    times_ns: Int64Array

    def __len__(self) -> int:
        return len(self.lengths)

    @staticmethod
    def empty() -> PacketBlock:
        """Return a block without packets."""
        return PacketBlock(np.zeros((0, 0), np.uint8), np.zeros(0, np.int32), np.zeros(0, np.int64))


class PcapWriter:
    """Appends packets to a pcap file; what was appended is with the operating system when ``append`` returns."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._file.write(
            _FILE_HEADER.pack(_MAGIC_NANOSECONDS, 2, 4, 0, 0, _SNAP_LENGTH, LINK_TYPE_ETHERNET),
        )

    def append(self, packets: Sequence[bytes], times_ns: Sequence[int] | Int64Array) -> None:
        """Append whole packets with their time stamps.

        Raises:
            ValueError: not as many times as packets.
        """
        if len(packets) != len(times_ns):
            raise ValueError(f"pcap - packets without time - Expected: {len(packets)} times, Actual: {len(times_ns)}")
        lengths = {len(packet) for packet in packets}
        times = np.asarray(times_ns, dtype=np.int64)
        if len(lengths) == 1:
            width = lengths.pop()
            matrix = np.frombuffer(b"".join(packets), np.uint8).reshape(len(packets), width)
            self._append_matrix(matrix, times)
            return
        for packet, time_ns in zip(packets, times, strict=True):
            self._append_matrix(np.frombuffer(packet, np.uint8).reshape(1, -1), np.asarray([time_ns]))

    def append_block(self, block: PacketBlock) -> None:
        """Append the packets of a block."""
        if len(block) and bool(np.all(block.lengths == block.data.shape[1])):
            self._append_matrix(block.data, block.times_ns)
            return
        rows = [row[:length].tobytes() for row, length in zip(block.data, block.lengths, strict=True)]
        self.append(rows, block.times_ns)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _append_matrix(self, matrix: NDArray[np.uint8], times_ns: Int64Array) -> None:
        count, width = matrix.shape
        records = np.empty(count, np.dtype([("header", _RECORD_HEADER), ("packet", np.uint8, (width,))]))
        records["header"]["s"] = times_ns // _NS_PER_S
        records["header"]["ns"] = times_ns % _NS_PER_S
        records["header"]["stored"] = width
        records["header"]["original"] = width
        records["packet"] = matrix
        self._file.write(records.tobytes())


def read_packets(path: Path, offset: int = 0) -> tuple[PacketBlock, int]:
    """Read the packets from ``offset`` to the end of the file.

    Args:
        path: a file that may still grow.
        offset: 0 at first, then what the last call returned.

    Returns:
        The packets, and the offset behind the last complete one. A record that is cut off at the end of the file is
        left for the next call.

    Raises:
        RecordingError: not a pcap file of the kind that is written here.
    """
    with path.open("rb") as file:
        if offset == 0:
            header = file.read(_FILE_HEADER.size)
            if len(header) < _FILE_HEADER.size:
                return PacketBlock.empty(), 0
            _require_known_header(path, header)
            offset = _FILE_HEADER.size
        file.seek(offset)
        content = np.frombuffer(file.read(), np.uint8)
    block, used = _whole_packets(path, content)
    return block, offset + used


class PcapReader:
    """Reads a finished file piece by piece, so that not all of it has to be in memory at once.

    Attributes:
        size: of the file, in bytes.
        end: behind the last whole packet that has been read.
    """

    def __init__(self, path: Path, piece_bytes: int = _PIECE_BYTES) -> None:
        """Open the file.

        Raises:
            RecordingError: not a pcap file of the kind that is written here.
        """
        self._path = path
        self._file = path.open("rb", buffering=0)
        self._piece = np.empty(max(piece_bytes, RECORD_BYTES + _SNAP_LENGTH), np.uint8)
        self.size = path.stat().st_size
        self.end = 0

    def blocks(self) -> Iterator[PacketBlock]:
        """Return the packets in their order; a block is valid until the next one is asked for.

        Raises:
            RecordingError: the file is damaged, or none of the kind that is written here.
        """
        header = self._file.read(_FILE_HEADER.size)
        if len(header) < _FILE_HEADER.size:
            return
        _require_known_header(self._path, header)
        self.end, held = _FILE_HEADER.size, 0
        while count := self._file.readinto(self._piece[held:].data):
            held += count
            block, used = _whole_packets(self._path, self._piece[:held])
            self.end += used
            if len(block):
                yield block
            self._piece[: held - used] = self._piece[used:held].copy()
            held -= used

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()


def _whole_packets(path: Path, content: NDArray[np.uint8]) -> tuple[PacketBlock, int]:
    segments = []
    position = 0
    while (segment := _equal_length_run(path, content, position)) is not None:
        block, position = segment
        segments.append(block)
    return _join(segments), position


def _require_known_header(path: Path, header: bytes) -> None:
    magic, _, _, _, _, _, link_type = _FILE_HEADER.unpack(header)
    if magic != _MAGIC_NANOSECONDS or link_type != LINK_TYPE_ETHERNET:
        raise RecordingError(
            path,
            f"not a nanosecond Ethernet pcap - Expected: magic {_MAGIC_NANOSECONDS:#x} link type {LINK_TYPE_ETHERNET}, "
            f"Actual: magic {magic:#x} link type {link_type}",
            "record again; the file was not written by this tool",
        )


def _equal_length_run(path: Path, content: NDArray[np.uint8], position: int) -> tuple[PacketBlock, int] | None:
    """Return the longest run of packets of one length from ``position`` and where it ends; None at the end."""
    if len(content) - position < RECORD_BYTES:
        return None
    width = int(content[position : position + RECORD_BYTES].view(_RECORD_HEADER)["stored"][0])
    if width > _SNAP_LENGTH:
        raise RecordingError(
            path,
            f"record at byte {position} is damaged - Expected: <= {_SNAP_LENGTH} bytes, Actual: {width} bytes",
            "record again; nothing behind this packet can be read",
        )
    stride = RECORD_BYTES + width
    available = (len(content) - position) // stride
    if available == 0:
        return None
    count, window = 0, 64
    # Windows that grow keep mixed lengths from being examined over and over.
    while count < available:
        stop = min(count + window, available)
        rows = content[position + count * stride : position + stop * stride].reshape(-1, stride)
        same = _column(rows, 8) == width
        equal = len(same) if same.all() else int(np.argmin(same))
        count += equal
        if equal < len(same):
            break
        window *= 4
    rows = content[position : position + count * stride].reshape(count, stride)
    times_ns = _column(rows, 0).astype(np.int64) * _NS_PER_S + _column(rows, 4)
    block = PacketBlock(rows[:, RECORD_BYTES:], np.full(count, width, np.int32), times_ns)
    return block, position + count * stride


def _column(rows: NDArray[np.uint8], place: int) -> NDArray[np.uint32]:
    """Return a number of the headers of records without copying it."""
    return rows[:, place : place + 4].view("<u4")[:, 0]


def _join(segments: Sequence[PacketBlock]) -> PacketBlock:
    if not segments:
        return PacketBlock.empty()
    if len(segments) == 1:
        return segments[0]
    width = max(segment.data.shape[1] for segment in segments)
    data = np.zeros((sum(map(len, segments)), width), np.uint8)
    row = 0
    for segment in segments:
        data[row : row + len(segment), : segment.data.shape[1]] = segment.data
        row += len(segment)
    return PacketBlock(
        data,
        np.concatenate([segment.lengths for segment in segments]),
        np.concatenate([segment.times_ns for segment in segments]),
    )
