"""Packets that the server sends besides streams: pushed ones, answers of the ports' stack, announcements."""

from __future__ import annotations

import heapq
import socket
from collections.abc import Callable, Iterable
from typing import Protocol

from lab.generator import packet_socket
from lab.generator.counters import BYTES, ERRORS, PACKETS, Counters, Table
from lab.generator.frames import FCS_BYTES

_CAPACITY = 100_000


class Line(Protocol):
    """A way out of a port."""

    def send(self, frame: bytes) -> bool:
        """Sends a frame; False if the kernel does not take it."""


class PacketLine:
    """A packet socket that only sends. Other packet sockets see what it sends, captures of sent packets too."""

    def __init__(self, device: str) -> None:
        """Opens it.

        Raises:
            DeviceError: No such device, or packet sockets are not allowed.
        """
        packet_socket.mtu(device)  # names a missing device
        self._socket = packet_socket.open_unbound()
        self._socket.bind((device, 0))

    def send(self, frame: bytes) -> bool:
        """Sends a frame; False if the kernel does not take it (link down, no room)."""
        try:
            return self._socket.send(frame, socket.MSG_DONTWAIT) == len(frame)
        except OSError:
            return False


class Outbox:
    """Packets with the instant at which each is due, for all ports."""

    def __init__(self, lines: Iterable[Line], counters: Counters, now_ns: Callable[[], int]) -> None:
        self._lines, self._counters, self._now_ns = list(lines), counters, now_ns
        self._waiting: list[tuple[int, int, int, bytes]] = []
        self._number = 0

    def push(self, port: int, frames: Iterable[bytes], gap_ns: int) -> int:
        """Takes packets, the first of which leaves at once.

        Returns:
            How many there was room for.
        """
        due_ns, taken = self._now_ns(), 0
        for frame in frames:
            if len(self._waiting) >= _CAPACITY:
                break
            heapq.heappush(self._waiting, (due_ns, self._number, port, frame))
            self._number, due_ns, taken = self._number + 1, due_ns + gap_ns, taken + 1
        self.send_due()
        return taken

    def send_due(self) -> None:
        """Sends what is due."""
        while self._waiting and self._waiting[0][0] <= self._now_ns():
            _, _, port, frame = heapq.heappop(self._waiting)
            self.send(port, frame)

    def wait_ns(self) -> int | None:
        """How long nothing is due; None if nothing waits."""
        return max(0, self._waiting[0][0] - self._now_ns()) if self._waiting else None

    def send(self, port: int, frame: bytes) -> None:
        """Sends one packet now; it counts as sent by the port."""
        self._send(self._counters.injected, port, frame)

    def announce(self, port: int, frame: bytes) -> None:
        """Sends one packet now that the device's counters show and the port's statistics do not, as with TRex."""
        self._send(self._counters.announced, port, frame)

    def _send(self, table: Table, port: int, frame: bytes) -> None:
        if self._lines[port].send(frame):
            table[port, PACKETS] += 1
            table[port, BYTES] += len(frame) + FCS_BYTES
        else:
            table[port, ERRORS] += 1
