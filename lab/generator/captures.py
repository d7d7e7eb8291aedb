"""Packet captures: each has its own receive rings with a filter in the kernel, and a buffer that clients fetch from.

`matched` counts all packets the filter let through, those for which there was no room included; `count` is what the
buffer holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.generator import bpf
from lab.generator.capture_buffer import CaptureBuffer, copied, merge
from lab.generator.rx_ring import CAPTURE_RING, Packets
from lab.generator.sources import PacketSource, SourceOpener, open_ring

LIMIT = 10
_REORDER_NS = 2 * CAPTURE_RING.retire_ms * 1_000_000


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
    ring: PacketSource
    port: int
    origin: str


class Capture:
    """One capture, active until it is stopped."""

    def __init__(
        self,
        capture_id: int,
        request: CaptureRequest,
        devices: Sequence[str],
        now_ns: Callable[[], int],
        open_source: SourceOpener = open_ring,
    ) -> None:
        program = bpf.compile_filter(request.filter_text)
        self.id, self.request, self.started_ns = capture_id, request, now_ns()
        self._now_ns = now_ns
        self._waiting: list[tuple[Packets, _Source]] = []
        self.buffer = CaptureBuffer(request.limit, cyclic=request.cyclic)
        self._sources = [_Source(open_source(devices[port], program), port, "RX") for port in request.rx_ports] + [
            _Source(open_source(devices[port], program, outgoing=True), port, "TX") for port in request.tx_ports
        ]

    @property
    def active(self) -> bool:
        """Whether packets still come in."""
        return bool(self._sources)

    def descriptors(self) -> list[int]:
        """To be polled; readable when there is something to drain."""
        return [source.ring.fileno() for source in self._sources]

    @property
    def unsettled(self) -> bool:
        """Whether packets wait for older ones from another ring, so that `drain` has to be called again."""
        return bool(self._waiting)

    def drain(self, until_ns: int | None = None) -> None:
        """Moves received packets into the buffer, up to an instant."""
        for source in self._sources:
            for packets in source.ring.drain():
                part = copied(packets, until_ns)
                if len(part.starts):
                    self._waiting.append((part, source))
            # Lost for want of room in the ring: it matched, but cannot be stored.
            self.buffer.matched += source.ring.take_drops()
        # Blocks of several rings come one after the other: wait until none of them can bring anything older.
        settled_ns = self._now_ns() - (_REORDER_NS if len(self._sources) > 1 else 0)
        self._store(settled_ns)

    def _store(self, settled_ns: int) -> None:
        if not self._waiting:
            return
        merged, owners = merge([part for part, _ in self._waiting])
        sources = [source for _, source in self._waiting]
        ports = np.array([source.port for source in sources])[owners]
        outgoing = np.array([source.origin == "TX" for source in sources])[owners]
        count = int(np.searchsorted(merged.times_ns, settled_ns, side="right"))
        if count:
            self.buffer.add(merged.part(0, count), ports[:count], outgoing[:count])
        self._waiting = [
            (rest, source)
            for part, source in self._waiting
            if len((rest := part.part(int(np.searchsorted(part.times_ns, settled_ns, side="right")), None)).starts)
        ]

    def look(self) -> None:
        """Takes in what has come. If there would be nothing to fetch, a last block of the ring is waited for."""
        deadline_ns = self._now_ns() + 2 * CAPTURE_RING.retire_ms * 1_000_000
        self.drain()
        while not self.buffer.count and self._now_ns() < deadline_ns:
            if not any(source.ring.pending() for source in self._sources):
                return
            time.sleep(CAPTURE_RING.retire_ms / 4 / 1000)
            self.drain()

    def stop(self) -> None:
        """Ends the capture with the packets received by now, for which a last block may have to be waited for."""
        stopped_ns = self._now_ns()
        deadline_ns = stopped_ns + 3 * CAPTURE_RING.retire_ms * 1_000_000
        while any(source.ring.pending() for source in self._sources) and self._now_ns() < deadline_ns:
            time.sleep(CAPTURE_RING.retire_ms / 4 / 1000)
            self.drain(until_ns=stopped_ns)
        self._store(stopped_ns)
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


class Captures:
    """All captures of the server."""

    def __init__(
        self, devices: Sequence[str], now_ns: Callable[[], int], open_source: SourceOpener = open_ring
    ) -> None:
        self._devices, self._now_ns, self._open = devices, now_ns, open_source
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
        capture = Capture(self._next_id, request, self._devices, self._now_ns, self._open)
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

    def active_on(self, port: int) -> bool:
        """Whether an active capture looks at a port."""
        return any(
            capture.active and port in (*capture.request.rx_ports, *capture.request.tx_ports) for capture in self
        )

    def tapped(self) -> set[int]:
        """Ports whose sent packets some capture wants."""
        return {port for capture in self if capture.active for port in capture.request.tx_ports}
