"""Gratuitous ARP of ports in layer 3 mode, and finding the gateway when the generator starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lab.generator import bpf, stack
from lab.generator.addressing import Addressing
from lab.generator.capture_buffer import whole
from lab.generator.outbox import Line, Outbox
from lab.generator.ports import ANNOUNCE_EVERY_S, Port
from lab.generator.sources import PacketSource, SourceOpener

_ATTEMPTS, _ATTEMPT_S, _LOOK_EVERY_S = 3, 0.3, 0.01


class Announcer:
    """Tells the network at regular intervals which MAC addresses the ports in layer 3 mode have."""

    def __init__(self, ports: Sequence[Port], outbox: Outbox, now_ns: Callable[[], int]) -> None:
        self._ports, self._outbox, self._now_ns = ports, outbox, now_ns
        self._next_ns = dict.fromkeys(range(len(ports)), now_ns())

    def announce_due(self) -> None:
        """Sends what is due."""
        now_ns = self._now_ns()
        for port in self._ports:
            mode = port.addressing.ipv4
            if mode is None or not port.addressing.announced or now_ns < self._next_ns[port.index]:
                continue
            self._next_ns[port.index] = now_ns + ANNOUNCE_EVERY_S * 1_000_000_000
            self._outbox.announce(port.index, stack.arp_request(port.addressing, mode.source))


def resolve(device: str, addressing: Addressing, line: Line, open_source: SourceOpener) -> bool:
    """Asks for the gateway's MAC address and sets it; a port in layer 2 mode has nothing to ask for.

    Returns:
        Whether the next hop is known.
    """
    if addressing.ipv4 is None or addressing.ipv4.loopback:
        return addressing.resolved
    source = open_source(device, bpf.compile_filter("arp"))
    try:
        for _ in range(_ATTEMPTS):
            line.send(stack.arp_request(addressing, addressing.ipv4.gateway))
            found = _wait_for_answer(source, addressing)
            if found is not None:
                addressing.set_layer3(addressing.ipv4, found)
                return True
    finally:
        source.close()
    return False


def _wait_for_answer(source: PacketSource, addressing: Addressing) -> bytes | None:
    deadline = time.monotonic() + _ATTEMPT_S
    over = False
    while not over:
        over = time.monotonic() >= deadline  # after a stall there is a last look at what came in meanwhile
        for packets in source.drain():
            for number in range(len(packets.starts)):
                found = stack.resolved_by(whole(packets, number)[0], addressing)
                if found is not None:
                    return found
        time.sleep(_LOOK_EVERY_S)
    return None
