"""Service mode of a port: it answers ARP and ICMP echo, and received packets can be queued for a client.

Outside service mode a port answers nothing. Filtered service mode with TRex's lowest mask bit ("neither TCP nor UDP")
answers as well, but has no queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.generator import bpf, stack
from lab.generator.addressing import Addressing
from lab.generator.capture_buffer import CaptureBuffer, copied, whole
from lab.generator.sources import PacketSource, SourceOpener

_FOR_THE_STACK = "arp or icmp or (vlan and (arp or icmp))"
_NEITHER_TCP_NOR_UDP = 0x1


class ServiceError(Exception):
    """Not possible in the present mode."""


@dataclass(frozen=True)
class ServiceMode:
    """What a client has asked for.

    Attributes:
        enabled: Everything that is received is looked at.
        filtered: Only some protocols are.
        mask: Which; TRex's bits.
    """

    enabled: bool = False
    filtered: bool = False
    mask: int = 0

    @property
    def answers(self) -> bool:
        """Whether ARP and ICMP echo requests are answered."""
        return self.enabled or (self.filtered and bool(self.mask & _NEITHER_TCP_NOR_UDP))

    @property
    def looks_at_everything(self) -> bool:
        """Whether the receive filter of the port is open."""
        return self.enabled or self.filtered


class RxQueue:
    """Received packets that wait for a client; the oldest make room for new ones."""

    def __init__(self, size: int, source: PacketSource) -> None:
        self.size, self._source = size, source
        self._buffer = CaptureBuffer(size, cyclic=True)

    def fileno(self) -> int:
        """For poll."""
        return self._source.fileno()

    def drain(self) -> None:
        """Takes in what has come."""
        for packets in self._source.drain():
            part = copied(packets, None)
            count = len(part.starts)
            self._buffer.add(part, np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_))

    def fetch(self, origin_ns: int) -> list[dict[str, Any]]:
        """Empties the queue; TRex gives these packets neither a number nor a port."""
        self.drain()
        unnumbered = {"index": 0, "origin": "NONE", "port": -1}
        return [packet | unnumbered for packet in self._buffer.fetch(self.size, 0, origin_ns)]

    def describe(self) -> dict[str, Any]:
        """TRex's description."""
        self.drain()
        return {"is_active": True, "size": self.size, "count": self._buffer.count}

    def close(self) -> None:
        """Forgets everything."""
        self._source.close()


class PortService:
    """Service mode of one port."""

    def __init__(self, device: str, addressing: Addressing, open_source: SourceOpener) -> None:
        self._device, self._addressing, self._open = device, addressing, open_source
        self._stack_source: PacketSource | None = None
        self.mode = ServiceMode()
        self.queue: RxQueue | None = None

    def set_mode(self, mode: ServiceMode) -> None:
        """Changes the mode.

        Raises:
            ServiceError: A receive queue needs service mode.
        """
        if self.queue is not None and not mode.looks_at_everything:
            raise ServiceError("unable to disable service mode - please remove RX queue")
        self.mode = mode
        if mode.answers and self._stack_source is None:
            self._stack_source = self._open(self._device, bpf.compile_filter(_FOR_THE_STACK))
        elif not mode.answers and self._stack_source is not None:
            self._stack_source.close()
            self._stack_source = None

    def require_enabled(self, purpose: str) -> None:
        """Checks that service mode is on.

        Raises:
            ServiceError: It is not.
        """
        if not self.mode.enabled:
            raise ServiceError(f"{purpose} is only available under service mode")

    def start_queue(self, size: int) -> None:
        """Begins to queue what the port receives; a former queue is gone.

        Raises:
            ServiceError: Not in service mode.
        """
        self.require_enabled("setting RX queue")
        self.stop_queue()
        self.queue = RxQueue(size, self._open(self._device, bpf.compile_filter("")))

    def stop_queue(self) -> None:
        """Ends queueing, if it was on."""
        if self.queue is not None:
            self.queue.close()
        self.queue = None

    def fetch_queue(self, origin_ns: int) -> list[dict[str, Any]]:
        """Packets received since the last call, none without a queue.

        Raises:
            ServiceError: Not in service mode.
        """
        self.require_enabled("fetching RX queue packets")
        return [] if self.queue is None else self.queue.fetch(origin_ns)

    def descriptors(self) -> list[int]:
        """To be polled; readable when there is something to drain."""
        return [each.fileno() for each in (self._stack_source, self.queue) if each is not None]

    def drain(self, reply: Callable[[bytes], None]) -> None:
        """Takes in what has come and answers what asks for an answer.

        Args:
            reply: Sends a frame out of the port.
        """
        if self.queue is not None:
            self.queue.drain()
        if self._stack_source is None:
            return
        for packets in self._stack_source.drain():
            for number in range(len(packets.starts)):
                frame, _ = whole(packets, number)
                said = stack.answer(frame, self._addressing)
                if said is not None:
                    reply(said)

    def close(self) -> None:
        """Gives the rings back."""
        self.stop_queue()
        if self._stack_source is not None:
            self._stack_source.close()
            self._stack_source = None
