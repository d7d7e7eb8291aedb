"""Counters in memory that server, sender and receiver share. Each has one writer; raw counters only ever grow.

Rows of the per-group tables: 0 .. 1022 flow statistics (k of IP id 0xfc00 + k), then 128 latency ids, then one row
for packets that belong to no group.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.generator.frames import FLOW_STATS_IDS, LATENCY_IDS

PORTS = 2
GROUP_ROWS = FLOW_STATS_IDS + LATENCY_IDS
NO_GROUP = GROUP_ROWS
HISTOGRAM_BUCKETS = 45

Table = npt.NDArray[np.int64]

_PORT_FIELDS = ("packets", "bytes", "errors")
# Latency in nanoseconds; `count` packets measured, `below_histogram` of them under 10 us.
LATENCY_FIELDS = (
    "count",
    "below_histogram",
    "average_ns",
    "jitter_ns",
    "last_max_ns",
    "total_max_ns",
    "total_min_ns",
    "dropped",
    "out_of_order",
    "duplicates",
    "sequence_too_high",
    "sequence_too_low",
)
# What the sender says about itself.
HEALTH_FIELDS = ("sender_cpu_ns", "receiver_cpu_ns", "kicks", "longest_kick_ns", "longest_stall_ns", "slipped_ns")

_SHAPES: dict[str, tuple[int, ...]] = {
    "sent": (PORTS, len(_PORT_FIELDS)),
    "injected": (PORTS, len(_PORT_FIELDS)),
    "announced": (PORTS, len(_PORT_FIELDS)),
    "received": (PORTS, len(_PORT_FIELDS)),
    "group_sent": (PORTS, GROUP_ROWS + 1, 2),
    "group_received": (PORTS, GROUP_ROWS + 1, 2),
    "latency": (LATENCY_IDS, len(LATENCY_FIELDS)),
    "histogram": (LATENCY_IDS, HISTOGRAM_BUCKETS),
    "health": (len(HEALTH_FIELDS),),
}
PACKETS, BYTES, ERRORS = range(3)


@dataclass(frozen=True)
class Counters:
    """Views into the shared memory.

    Attributes:
        sent: Per port, by streams: packets, bytes with FCS, errors.
        injected: The same for what the server sends besides streams.
        announced: The same for gratuitous ARP, which port statistics leave out.
        received: Per port: packets, bytes with FCS, drops of the receive ring.
        group_sent: Per port and group row: packets, bytes with FCS.
        group_received: The same for the receiving side.
        latency: Per latency id: `LATENCY_FIELDS`.
        histogram: Per latency id: packets per bucket, see `latency.bucket_of`.
        health: `HEALTH_FIELDS`.
    """

    sent: Table
    injected: Table
    announced: Table
    received: Table
    group_sent: Table
    group_received: Table
    latency: Table
    histogram: Table
    health: Table

    def add_health(self, name: str, amount_ns: int) -> None:
        """Adds to one of `HEALTH_FIELDS`."""
        self.health[HEALTH_FIELDS.index(name)] += amount_ns

    def raise_health(self, name: str, value_ns: int) -> None:
        """Keeps the largest value of one of `HEALTH_FIELDS`."""
        at = HEALTH_FIELDS.index(name)
        self.health[at] = max(int(self.health[at]), value_ns)

    def health_of(self, name: str) -> int:
        """One of `HEALTH_FIELDS`."""
        return int(self.health[HEALTH_FIELDS.index(name)])


def _size() -> int:
    return sum(int(np.prod(shape)) for shape in _SHAPES.values()) * 8


def create() -> int:
    """Makes the shared memory, zeroed; the descriptor can be inherited by child processes."""
    descriptor = os.memfd_create("generator-counters", 0)
    os.ftruncate(descriptor, _size())
    return descriptor


def attach(descriptor: int) -> Counters:
    """Maps the shared memory into this process."""
    memory = mmap.mmap(descriptor, _size())
    views, offset = {}, 0
    for name, shape in _SHAPES.items():
        views[name] = np.ndarray(shape, dtype=np.int64, buffer=memory, offset=offset)
        offset += int(np.prod(shape)) * 8
    return Counters(**views)
