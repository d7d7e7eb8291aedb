"""Packet captures: each has its own receive rings with a filter in the kernel, and a buffer that clients fetch from.

`matched` counts all packets the filter let through, those for which there was no room included; `count` is what the
buffer holds.
"""

from __future__ import annotations

import base64
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.generator import bpf
from lab.generator.rx_ring import CAPTURE_RING, Packets, RxRing

LIMIT = 10
_VLAN_ETHERTYPE = b"\x81\x00"
_SECOND_NS = 1e9


class CaptureError(Exception):
    """A capture cannot be started, or does not exist."""


@dataclass(frozen=True)
class CaptureRequest:
    """What to capture.

    Attributes:
        limit: Packets that the buffer holds.
        cyclic: Whether the oldest packets make room for new ones, or new ones are dropped.
        rx_ports: Ports whose received packets are wanted.
        tx_ports: Ports whose sent packets are wanted.
        filter_text: In tcpdump's language.
    """

    limit: int
    cyclic: bool
    rx_ports: tuple[int, ...]
    tx_ports: tuple[int, ...]
    filter_text: str


@dataclass(frozen=True)
class _Source:
    ring: RxRing
    port: int
    origin: str


@dataclass
class _Chunk:
    """Packets that came together; those before `position` are gone."""

    packets: Packets
    ports: npt.NDArray[np.int64]
    outgoing: npt.NDArray[np.bool_]
    first_index: int
    end: int
    position: int = 0

    def __len__(self) -> int:
        return self.end - self.position


class CaptureBuffer:
    """Packets waiting to be fetched."""

    def __init__(self, limit: int, *, cyclic: bool) -> None:
        self._limit, self._cyclic = limit, cyclic
        self._chunks: deque[_Chunk] = deque()
        self.matched = 0
        self.count = 0
        self.size_bytes = 0
        self.fetched = 0

    def add(self, packets: Packets, ports: npt.NDArray[np.int64], outgoing: npt.NDArray[np.bool_]) -> None:
        """Takes packets, as far as there is room."""
        first_index = self.matched + 1
        self.matched += len(packets.starts)
        kept = len(packets.starts) if self._cyclic else min(len(packets.starts), self._limit - self.count)
        if kept <= 0:
            return
        self._chunks.append(_Chunk(packets, ports, outgoing, first_index, kept))
        self.count += kept
        self.size_bytes += int(packets.captured[:kept].sum())
        if self.count > self._limit:
            self._discard(self.count - self._limit)

    def _discard(self, count: int) -> None:
        for _ in self._pop(count):
            pass

    def _pop(self, count: int) -> Iterator[tuple[_Chunk, int]]:
        for _ in range(min(count, self.count)):
            chunk = self._chunks[0]
            yield chunk, chunk.position
            self.size_bytes -= int(chunk.packets.captured[chunk.position])
            self.count -= 1
            chunk.position += 1
            if not len(chunk):
                self._chunks.popleft()

    def fetch(self, count: int, snap_bytes: int, origin_ns: int) -> list[dict[str, Any]]:
        """Takes the oldest packets out, as TRex's JSON.

        Args:
            count: At most so many.
            snap_bytes: At most so many bytes of each, 0 for all.
            origin_ns: The instant from which time stamps count.
        """
        taken = [_describe(chunk, at, snap_bytes, origin_ns) for chunk, at in self._pop(count)]
        self.fetched += len(taken)
        return taken


def _describe(chunk: _Chunk, at: int, snap_bytes: int, origin_ns: int) -> dict[str, Any]:
    packets = chunk.packets
    start = int(packets.starts[at])
    octets = packets.data[start : start + int(packets.captured[at])].tobytes()
    tag = int(packets.vlan_tags[at])
    length = int(packets.lengths[at])
    if tag >= 0:  # the kernel had taken it out
        octets, length = octets[:12] + _VLAN_ETHERTYPE + tag.to_bytes(2) + octets[12:], length + 4
    if snap_bytes:
        octets = octets[:snap_bytes]
    return {
        "binary": base64.b64encode(octets).decode(),
        "index": chunk.first_index + at,
        "origin": "TX" if chunk.outgoing[at] else "RX",
        "port": int(chunk.ports[at]),
        "ts": (int(packets.times_ns[at]) - origin_ns) / _SECOND_NS,
        "wirelen": length,
    }


def merge(parts: Sequence[Packets]) -> tuple[Packets, npt.NDArray[np.intp]]:
    """Copies packets of several rings into one, in order of time.

    Returns:
        The packets, and for each the part that it came from.
    """
    data, starts, base = [], [], 0
    for part in parts:
        used = part.data[: _end(part)]
        data.append(used)
        starts.append(part.starts + base)
        base += len(used)
    order = np.argsort(np.concatenate([part.times_ns for part in parts]), kind="stable")
    owners = np.repeat(np.arange(len(parts)), [len(part.starts) for part in parts])
    merged = Packets(
        data=np.concatenate(data),
        starts=np.concatenate(starts)[order],
        captured=np.concatenate([part.captured for part in parts])[order],
        lengths=np.concatenate([part.lengths for part in parts])[order],
        times_ns=np.concatenate([part.times_ns for part in parts])[order],
        vlan_tags=np.concatenate([part.vlan_tags for part in parts])[order],
    )
    return merged, owners[order]


class Capture:
    """One capture, active until it is stopped."""

    def __init__(self, capture_id: int, request: CaptureRequest, devices: Sequence[str], started_ns: int) -> None:
        program = bpf.compile_filter(request.filter_text)
        self.id, self.request, self.started_ns = capture_id, request, started_ns
        self.buffer = CaptureBuffer(request.limit, cyclic=request.cyclic)
        self._sources = [
            _Source(RxRing(devices[port], program, CAPTURE_RING), port, "RX") for port in request.rx_ports
        ] + [
            _Source(RxRing(devices[port], bpf.only_outgoing(program), CAPTURE_RING, outgoing=True), port, "TX")
            for port in request.tx_ports
        ]

    @property
    def active(self) -> bool:
        """Whether packets still come in."""
        return bool(self._sources)

    def descriptors(self) -> list[int]:
        """To be polled; readable when there is something to drain."""
        return [source.ring.fileno() for source in self._sources]

    def drain(self, until_ns: int | None = None) -> None:
        """Moves received packets into the buffer, up to an instant."""
        parts, sources = [], []
        for source in self._sources:
            for packets in source.ring.drain():
                parts.append(_copy(packets, until_ns))
                sources.append(source)
        kept = [(part, source) for part, source in zip(parts, sources, strict=True) if len(part.starts)]
        if kept:
            merged, owners = merge([part for part, _ in kept])
            ports = np.array([source.port for _, source in kept])[owners]
            self.buffer.add(merged, ports, np.array([source.origin == "TX" for _, source in kept])[owners])
        for source in self._sources:
            # Lost for want of room in the ring: it matched, but cannot be stored.
            self.buffer.matched += source.ring.take_drops()

    def stop(self, now_ns: Callable[[], int]) -> None:
        """Ends the capture with the packets received by now, for which a last block may have to be waited for."""
        stopped_ns = now_ns()
        deadline_ns = stopped_ns + 3 * CAPTURE_RING.retire_ms * 1_000_000
        while any(source.ring.pending() for source in self._sources) and now_ns() < deadline_ns:
            time.sleep(CAPTURE_RING.retire_ms / 4 / 1000)
            self.drain(until_ns=stopped_ns)
        self.close()

    def close(self) -> None:
        """Gives the rings back."""
        for source in self._sources:
            source.ring.close()
        self._sources = []

    def status(self) -> dict[str, Any]:
        """TRex's description."""
        return {
            "id": self.id,
            "state": "ACTIVE" if self.active else "STOPPED",
            "mode": "cyclic" if self.request.cyclic else "fixed",
            "limit": self.request.limit,
            "matched": self.buffer.matched,
            "count": self.buffer.count,
            "bytes": self.buffer.size_bytes,
            "fetched": self.buffer.fetched,
            "filter": {
                "bpf": self.request.filter_text,
                "rx": sum(1 << port for port in self.request.rx_ports),
                "tx": sum(1 << port for port in self.request.tx_ports),
            },
        }


def _end(packets: Packets) -> int:
    return int((packets.starts + packets.captured).max(initial=0))


def _copy(packets: Packets, until_ns: int | None) -> Packets:
    keep = slice(None) if until_ns is None else packets.times_ns <= until_ns
    return Packets(
        data=packets.data[: _end(packets)].copy(),
        starts=packets.starts[keep],
        captured=packets.captured[keep],
        lengths=packets.lengths[keep],
        times_ns=packets.times_ns[keep].copy(),
        vlan_tags=packets.vlan_tags[keep],
    )


class Captures:
    """All captures of the server."""

    def __init__(self, devices: Sequence[str], now_ns: Callable[[], int]) -> None:
        self._devices, self._now_ns = devices, now_ns
        self._captures: dict[int, Capture] = {}
        self._next_id = 1

    def __iter__(self) -> Iterator[Capture]:
        return iter(list(self._captures.values()))

    def start(self, request: CaptureRequest) -> Capture:
        """Starts a capture.

        Raises:
            CaptureError: There are too many.
            bpf.FilterError: The filter is none.
        """
        if len(self._captures) >= LIMIT:
            raise CaptureError("capture limit has reached")
        capture = Capture(self._next_id, request, self._devices, self._now_ns())
        self._captures[capture.id] = capture
        self._next_id += 1
        return capture

    def get(self, capture_id: int) -> Capture:
        """A capture by its id.

        Raises:
            CaptureError: There is none.
        """
        if capture_id not in self._captures:
            raise CaptureError("capture ID not found")
        return self._captures[capture_id]

    def remove(self, capture_id: int) -> None:
        """Ends and forgets a capture.

        Raises:
            CaptureError: There is none.
        """
        self.get(capture_id).close()
        del self._captures[capture_id]

    def tapped(self) -> set[int]:
        """Ports whose sent packets some capture wants."""
        return {port for capture in self if capture.active for port in capture.request.tx_ports}
