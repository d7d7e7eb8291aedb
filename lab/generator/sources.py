"""Where received packets come from, as captures, receive queues and the ports' stack see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from lab.generator import bpf
from lab.generator.packet_socket import Instruction
from lab.generator.rx_ring import CAPTURE_RING, Packets, RxRing


class PacketSource(Protocol):
    """Packets of one device that a filter lets through."""

    def fileno(self) -> int:
        """For select and poll: readable when there is something to drain."""

    def drain(self) -> Iterator[Packets]:
        """Packets that have come; each part is valid until the next one is asked for."""

    def pending(self) -> bool:
        """Whether packets have come that `drain` does not give out yet."""

    def take_drops(self) -> int:
        """Packets lost for want of room, since the last call."""

    def close(self) -> None:
        """Ends it."""


class SourceOpener(Protocol):
    """Opens packet sources."""

    def __call__(self, device: str, program: list[Instruction], *, outgoing: bool = False) -> PacketSource:
        """Opens one for what the device receives, or sends.

        Raises:
            DeviceError: No such device, or packet sockets are not allowed.
        """


def open_ring(device: str, program: list[Instruction], *, outgoing: bool = False) -> PacketSource:
    """A receive ring of the kernel.

    Raises:
        DeviceError: No such device, or packet sockets are not allowed.
    """
    if outgoing:
        program = bpf.only_outgoing(program)
    return RxRing(device, program, CAPTURE_RING, outgoing=outgoing)
