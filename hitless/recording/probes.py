"""The captured probe packets of a recording, read piece by piece, with their marks and on the tester's clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hitless.history import Int64Array, ProbeRecords
from hitless.recording import manifest as files
from hitless.recording.clock import ClockMap, clock_map
from hitless.recording.decode import ProbeDecoder
from hitless.recording.errors import RecordingError
from hitless.recording.manifest import RECORD_AGAIN, Manifest, read_json
from hitless.recording.marks import InstanceNames, versions_of
from hitless.recording.pcap import RECORD_BYTES, PacketBlock, PcapReader
from hitless.sessions import LayoutError

_SHORTEST_PROBE = 14 + 20 + 8 + 1 + 16
"""Ethernet, IPv4, UDP, index byte and latency header."""
_PIECE = 1 << 14
_LARGEST_BLOCK_BYTES = 31 << 20


def load_probes(folder: Path, manifest: Manifest, *, tolerant: bool) -> tuple[tuple[str, ...], ProbeRecords]:
    """Load the probes of a recording.

    Args:
        folder: the recording.
        manifest: of the recording.
        tolerant: whether files may be missing or cut off.

    Returns:
        The values of the instance mark that were seen, and the probes.

    Raises:
        RecordingError: a file is missing, damaged or cut off.
    """
    path = folder / files.PROBES
    _let_freed_memory_be_used_again()
    if path.exists():
        with PcapReader(path) as reader:
            captured = _Captured(folder, manifest, reader.size)
            for block in reader.blocks():
                captured.add(block)
            _require_whole(path, reader, tolerant=tolerant)
    elif tolerant:
        captured = _Captured(folder, manifest, 0)
    else:
        raise RecordingError(path, "file is missing", RECORD_AGAIN)
    lost_count = _capture_lost_count(folder / files.CAPTURES, captured.packet_count, tolerant=tolerant)
    return captured.finish(lost_count)


def _let_freed_memory_be_used_again() -> None:
    """Keep the C library from giving what each piece frees back to the kernel, which clears every page it hands out.

    glibc keeps twice as much as the largest block that it has seen freed, up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD).
    Nothing is written into the block, so it costs nothing; with another C library it does nothing.
    """
    np.empty(_LARGEST_BLOCK_BYTES, np.uint8)


class _Captured:
    """What is known of the candidates so far, beside what the decoder knows."""

    def __init__(self, folder: Path, manifest: Manifest, size_bytes: int) -> None:
        capacity = size_bytes // (RECORD_BYTES + _SHORTEST_PROBE)
        self._clock_path, self._manifest_path = folder / files.CLOCK, folder / files.MANIFEST
        self._marks = manifest.marks
        try:
            self._decoder = ProbeDecoder(manifest.plan.groups, capacity)
        except LayoutError as error:
            raise RecordingError(self._manifest_path, f"groups: {error}", RECORD_AGAIN) from error
        self._names = InstanceNames(manifest.marks)
        self._received = np.empty(capacity, np.int64)
        self._version = np.empty(capacity, np.int16)
        self._instance = np.empty(capacity, np.int16)
        self._count = 0
        self.packet_count = 0
        self.add(PacketBlock.empty())  # filters are looked at even if there is no packet

    def add(self, block: PacketBlock) -> None:
        """Take the candidates of some more packets."""
        rows = self._decoder.add(block)
        here = slice(self._count, self._count + len(rows))
        if len(rows) < len(block):
            packets = PacketBlock(block.data[rows], block.lengths[rows], block.times_ns[rows])
        else:
            packets = block
        self._received[here] = packets.times_ns
        self._version[here] = versions_of(self._marks, packets)
        try:
            self._instance[here] = self._names.indices(packets)
        except ValueError as error:
            raise RecordingError(self._manifest_path, str(error), "choose another instance_mark") from error
        self._count += len(rows)
        self.packet_count += len(block)

    def finish(self, capture_lost_count: int) -> tuple[tuple[str, ...], ProbeRecords]:
        """Return the decoded ones, their times on the tester's clock."""
        decoded = self._decoder.finish()
        del self._decoder
        kept = slice(self._count) if len(decoded.rows) == self._count else decoded.rows
        received, version, instance = self._received[kept], self._version[kept], self._instance[kept]
        del self._received, self._version, self._instance
        instances = self._names.settle(instance)
        sent = decoded.sent_ticks
        error_ns = _to_tester_times(self._clock_path, sent, received)
        return instances, ProbeRecords(
            sent_ns=sent,
            received_ns=received,
            pg_id=decoded.pg_id,
            number=decoded.number,
            user=decoded.user,
            session=decoded.session,
            index=decoded.index,
            version=version,
            instance=instance,
            clock_error_ns=error_ns,
            unidentified_count=decoded.unidentified_count,
            capture_lost_count=capture_lost_count,
            earlier_count=decoded.earlier_count,
        )


def _require_whole(path: Path, reader: PcapReader, *, tolerant: bool) -> None:
    if reader.end != reader.size and not tolerant:
        raise RecordingError(
            path,
            f"last packet is cut off - Expected: {reader.size} bytes, Actual: {reader.end} bytes in whole packets",
            RECORD_AGAIN,
        )


def _capture_lost_count(path: Path, stored_count: int, *, tolerant: bool) -> int:
    """Return how many packets matched a capture and are not in the file."""
    if tolerant and not path.exists():
        return 0
    data = read_json(path)
    try:
        matched = sum(int(capture["matched"]) for capture in data["captures"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(path, f"captures are damaged: {error!r}", RECORD_AGAIN) from error
    return max(0, matched - stored_count)


def _to_tester_times(path: Path, sent: Int64Array, received: Int64Array) -> int:
    """Translate send times (ticks) and capture times to the tester's clock in place; return the bound of the error."""
    if len(sent) == 0:
        return 0
    data = read_json(path)
    try:
        tsc_hz = float(data["tsc_hz"])
        ticks = np.asarray([pair[1] for pair in data["tsc_pairs"]], np.int64)
        uptime = np.asarray([round(pair[1] * 1e9) for pair in data["uptime_pairs"]], np.int64)
        origin = int(ticks[0]) if len(ticks) else 0
        sending = _map(data["tsc_pairs"], _ticks_to_ns(ticks, origin, tsc_hz))
        capturing = _map(data["uptime_pairs"], uptime)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise RecordingError(path, f"clock readings cannot be used: {error}", RECORD_AGAIN) from error
    for start in range(0, len(sent), _PIECE):
        piece = slice(start, start + _PIECE)
        sent[piece] = sending.to_tester_ns(_ticks_to_ns(sent[piece], origin, tsc_hz))
        received[piece] = capturing.to_tester_ns(received[piece])
    return max(sending.error_ns, capturing.error_ns)


def _map(pairs: list[list[Any]], foreign_ns: Int64Array) -> ClockMap:
    return clock_map([pair[0] for pair in pairs], foreign_ns, [pair[2] for pair in pairs])


def _ticks_to_ns(ticks: Int64Array, origin: int, tsc_hz: float) -> Int64Array:
    # Counted from the first reading: ticks since boot times 1e9 would not fit into a double's 53 bits.
    return np.rint((ticks - origin).astype(np.float64) * (1e9 / tsc_hz)).astype(np.int64)
