"""The second path: a process that takes frames from a device and gives each back a fixed time later, in order.

``python -m tests.exactness.detour DEVICE HOLD_MS``; the kernel counts what goes in and what comes back.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections import deque

ETH_P_ALL = 3
_PACKET_OUTGOING = 4
_BUFFER_BYTES = 1 << 22
_FRAME_BYTES = 2048
_IDLE_S = 1.0


class Queue:
    """Frames that wait, each with the instant at which it goes on."""

    def __init__(self, hold_ns: int) -> None:
        self._hold_ns = hold_ns
        self._waiting: deque[tuple[int, bytes]] = deque()

    def add(self, frame: bytes, now_ns: int) -> None:
        """Let a frame wait."""
        self._waiting.append((now_ns + self._hold_ns, frame))

    def due(self, now_ns: int) -> list[bytes]:
        """Return the frames that have waited long enough, first come first."""
        ready = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            ready.append(self._waiting.popleft()[1])
        return ready

    def wait_s(self, now_ns: int) -> float:
        """Return how long nothing has to be done."""
        return max(0, self._waiting[0][0] - now_ns) / 1e9 if self._waiting else _IDLE_S


def serve(device: str, hold_ns: int) -> None:
    """Hold and return frames until the process is ended."""
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    port.bind((device, ETH_P_ALL))
    port.setblocking(False)  # noqa: FBT003 - the library's signature
    queue = Queue(hold_ns)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        select.select([port], [], [], queue.wait_s(time.monotonic_ns()))
        _take(port, queue)
        for frame in queue.due(time.monotonic_ns()):
            port.send(frame)


def _take(port: socket.socket, queue: Queue) -> None:
    while True:
        try:
            frame, address = port.recvfrom(_FRAME_BYTES)
        except BlockingIOError:
            return
        if address[2] != _PACKET_OUTGOING:
            queue.add(frame, time.monotonic_ns())


if __name__ == "__main__":
    serve(sys.argv[1], round(float(sys.argv[2]) * 1e6))
