"""A witness on the path: notes when each probe came onto it, lost ones too, by the kernel's clock.

``python -m tests.exactness.witness DEVICE FILE``; writes an array of (CLOCK_MONOTONIC in ns, sequence number, user
address) per probe sent upwards when it is told to end (SIGTERM). The tap comes before the rules that drop.
"""

from __future__ import annotations

import select
import signal
import sys
from pathlib import Path
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from lab.generator.packet_socket import Instruction
from lab.generator.rx_ring import Packets, RingSize, RxRing

# Classic BPF: IPv4 identification (Ethernet without tag: byte 18) is 0xffff, then the whole packet.
_PROBES_ONLY: list[Instruction] = [(0x28, 0, 0, 18), (0x15, 0, 1, 0xFFFF), (0x06, 0, 0, 0xFFFF), (0x06, 0, 0, 0)]
_RING = RingSize(blocks=256, block_bytes=1 << 16, retire_ms=20)
_POLL_S = 0.1
_SEQUENCE_BEFORE_END = 12
_SOURCE_ADDRESS_AT = 26
_COLUMNS = 3


class Stop:
    """Becomes true when SIGTERM comes."""

    def __init__(self) -> None:
        self.wanted = False
        signal.signal(signal.SIGTERM, self._want)

    def _want(self, _signal: int, _frame: FrameType | None) -> None:
        self.wanted = True


def probes_of(packets: Packets) -> NDArray[np.int64]:
    """Return one row per packet: when it came, its sequence number, its user's address."""
    places = (packets.starts + packets.lengths - _SEQUENCE_BEFORE_END)[:, None] + np.arange(4)
    sequence = packets.data[places].astype(np.int64) @ (1 << (8 * np.arange(4)))
    return np.stack((packets.times_ns, sequence, packets.field(_SOURCE_ADDRESS_AT, 4)), axis=1)


def watch(device: str, file: Path) -> None:
    """Note probes until SIGTERM."""
    stop = Stop()
    ring = RxRing(device, _PROBES_ONLY, _RING)
    seen = [np.zeros((0, _COLUMNS), np.int64)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not stop.wanted:
        select.select([ring.fileno()], [], [], _POLL_S)
        seen += [probes_of(packets) for packets in ring.drain()]
    if ring.take_drops():
        raise SystemExit("witness - its ring was full: it has not seen every probe")
    with file.open("wb") as output:
        np.save(output, np.concatenate(seen))


if __name__ == "__main__":
    watch(sys.argv[1], Path(sys.argv[2]))
