"""Captured packets that wait to be fetched.

`matched` counts all packets that were offered, those for which there was no room included; `count` is what the buffer
holds.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.generator.rx_ring import Packets

_VLAN_ETHERTYPE = b"\x81\x00"
_TAG_BYTES = 4
_SECOND_NS = 1e9


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
        self.size_bytes += int(packets.captured[:kept].sum()) + _TAG_BYTES * int((packets.vlan_tags[:kept] >= 0).sum())
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
            self.size_bytes -= _TAG_BYTES * bool(chunk.packets.vlan_tags[chunk.position] >= 0)
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


def whole(packets: Packets, at: int) -> tuple[bytes, int]:
    """What is there of a packet, and its length on the wire; a VLAN tag that the kernel took out is back in place."""
    start = int(packets.starts[at])
    octets = packets.data[start : start + int(packets.captured[at])].tobytes()
    tag, length = int(packets.vlan_tags[at]), int(packets.lengths[at])
    if tag >= 0:
        return octets[:12] + _VLAN_ETHERTYPE + tag.to_bytes(2) + octets[12:], length + _TAG_BYTES
    return octets, length


def _describe(chunk: _Chunk, at: int, snap_bytes: int, origin_ns: int) -> dict[str, Any]:
    packets = chunk.packets
    octets, length = whole(packets, at)
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


def _end(packets: Packets) -> int:
    return int((packets.starts + packets.captured).max(initial=0))


def copied(packets: Packets, until_ns: int | None) -> Packets:
    """A copy that outlives the ring's block, of the packets up to an instant."""
    keep = slice(None) if until_ns is None else packets.times_ns <= until_ns
    return Packets(
        data=packets.data[: _end(packets)].copy(),
        starts=packets.starts[keep],
        captured=packets.captured[keep],
        lengths=packets.lengths[keep],
        times_ns=packets.times_ns[keep].copy(),
        vlan_tags=packets.vlan_tags[keep],
    )
