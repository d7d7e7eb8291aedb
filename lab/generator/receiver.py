"""The receiving process: counts what comes in at both ports, per packet group, and measures latency."""

from __future__ import annotations

import gc
import select
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

import numpy as np
import numpy.typing as npt

from lab.generator.counters import BYTES, ERRORS, NO_GROUP, PACKETS, Counters
from lab.generator.frames import (
    FCS_BYTES,
    FLOW_STATS_IDS,
    FLOW_STATS_IP_ID,
    LATENCY_HEADER,
    LATENCY_IDS,
    LATENCY_IP_ID,
    LATENCY_MAGIC,
)
from lab.generator.latency import LatencyMeter
from lab.generator.messages import Done, ExpectFlow
from lab.generator.packet_socket import Instruction
from lab.generator.rx_ring import PORT_RING, Packets, RxRing

PERIOD_NS = 500_000_000
# Less than what a block waits for more packets (`PORT_RING.retire_ms`): counters come no later for it.
_GATHER_NS = 6_000_000
_BLOCKS_TOGETHER = 8  # half a MiB, which fits into a core's cache
_LATENCY_FIELDS = np.dtype([("magic", "u1"), ("flow", "u1"), ("id", "<u2"), ("sequence", "<u4"), ("sent_ns", "<i8")])
_ETHERTYPE_AT = 12
_IPV4, _IPV6 = 0x0800, 0x86DD
_VLAN_TYPES = (0x8100, 0x88A8)
_TAG_BYTES, _MOST_TAGS = 4, 2
_IP_ID_AT = 4  # in the IPv4 header
_FLOW_LABEL = 0xFFFFF  # in the first word of the IPv6 header
Rows = npt.NDArray[np.int64]

# Enough to recognise a packet behind two VLAN tags; latency packets come whole, because their header is at the end.
_SNAP_BYTES = 60
_WHOLE = 0x40000
_LD_LENGTH, _SUB, _TAX, _LDB_INDIRECT, _JEQ, _JGE, _RET = 0x80, 0x14, 0x07, 0x50, 0x15, 0x35, 0x06

# As TRex in software mode, latency packets are recognised by their header alone: a NAT may have changed the IP id.
ACCOUNTING_FILTER: list[Instruction] = [
    (_LD_LENGTH, 0, 0, 0),
    (_JGE, 0, 5, LATENCY_HEADER.size),
    (_SUB, 0, 0, LATENCY_HEADER.size),
    (_TAX, 0, 0, 0),
    (_LDB_INDIRECT, 0, 0, 0),
    (_JEQ, 0, 1, LATENCY_MAGIC),
    (_RET, 0, 0, _WHOLE),
    (_RET, 0, 0, _SNAP_BYTES),
]


def marks_of(packets: Packets) -> Rows:
    """Where TRex puts its marks: the IP id of IPv4 packets, the flow label of IPv6 ones; 0 for other packets.

    Up to two VLAN tags are skipped, besides the one that the kernel takes out.
    """
    ethertypes = packets.field(_ETHERTYPE_AT, 2)
    if (ethertypes == _IPV4).all():
        return packets.field(_ETHERTYPE_AT + 2 + _IP_ID_AT, 2)
    marks = np.zeros(len(ethertypes), dtype=np.int64)
    at = _ETHERTYPE_AT + 2
    rows = np.arange(len(ethertypes))
    for _ in range(_MOST_TAGS + 1):
        _read_marks(packets, rows, ethertypes, at, marks)
        tagged = np.isin(ethertypes, _VLAN_TYPES)
        if not tagged.any():
            break
        rows, at = rows[tagged], at + _TAG_BYTES
        ethertypes = packets.chosen(rows).field(at - 2, 2)
    return marks


def _read_marks(packets: Packets, rows: Rows, ethertypes: Rows, at: int, marks: Rows) -> None:
    """Fills in the marks of the packets `rows` whose IP header is at `at`."""
    for ethertype, place, size, mask in ((_IPV4, at + _IP_ID_AT, 2, 0xFFFF), (_IPV6, at, 4, _FLOW_LABEL)):
        mine = ethertypes == ethertype
        if mine.any():
            marks[rows[mine]] = packets.chosen(rows[mine]).field(place, size) & mask


def _probable_probes(packets: Packets) -> Rows:
    """Whole packets with the first byte of a latency header where one would begin."""
    whole = np.flatnonzero((packets.captured == packets.lengths) & (packets.captured >= LATENCY_HEADER.size))
    if not len(whole):
        return whole
    begins = packets.data[packets.starts[whole] + packets.captured[whole] - LATENCY_HEADER.size]
    probable: Rows = whole[begins == LATENCY_MAGIC]
    return probable


class Receiver:
    """Accounting of received packets."""

    def __init__(self, counters: Counters, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._counters = counters
        self._now_ns = now_ns
        self._meters = [LatencyMeter(counters.latency[row], counters.histogram[row]) for row in range(LATENCY_IDS)]
        self._flows = np.full(LATENCY_IDS, -1, dtype=np.int64)
        self._period_end_ns = now_ns() + PERIOD_NS

    def expect(self, order: ExpectFlow) -> None:
        """From now on, packets of this id count only with this flow sequence."""
        row = order.tag.hardware_id
        if order.fresh:
            self._meters[row].clear()
        else:
            self._meters[row].restart()
        self._flows[row] = order.tag.flow_sequence

    def account(self, port: int, packets: Packets) -> None:
        """Counts the packets of a block."""
        wire_bytes = packets.lengths + FCS_BYTES
        tagged = packets.vlan_tags >= 0
        if tagged.any():
            wire_bytes = wire_bytes + _TAG_BYTES * tagged
        self._counters.received[port, PACKETS] += len(wire_bytes)
        self._counters.received[port, BYTES] += int(wire_bytes.sum())
        marks = marks_of(packets)
        groups = np.where((marks >= FLOW_STATS_IP_ID) & (marks < LATENCY_IP_ID), marks - FLOW_STATS_IP_ID, NO_GROUP)
        probes = _probable_probes(packets)
        if len(probes):
            groups[probes] = self._measure(packets, probes, groups[probes])
        table = self._counters.group_received[port]
        counts = np.bincount(groups)
        table[: len(counts), PACKETS] += counts
        table[: len(counts), BYTES] += np.bincount(groups, weights=wire_bytes).astype(np.int64)

    def _measure(self, packets: Packets, rows: Rows, otherwise: Rows) -> Rows:
        """Reads the latency headers; returns the group of each, `otherwise` where there is none."""
        tails = packets.starts[rows] + packets.captured[rows] - LATENCY_HEADER.size
        places = tails[:, None] + np.arange(LATENCY_HEADER.size)
        headers = np.ascontiguousarray(packets.data[places]).view(_LATENCY_FIELDS)[:, 0]
        ids = headers["id"].astype(np.int64)
        known = (headers["magic"] == LATENCY_MAGIC) & (ids < LATENCY_IDS)
        known &= self._flows[np.where(known, ids, 0)] == headers["flow"]
        for flow in np.unique(ids[known]):
            mine = known & (ids == flow)
            delay_ns = packets.times_ns[rows[mine]] - headers["sent_ns"][mine]
            self._meters[flow].add(headers["sequence"][mine], np.maximum(delay_ns, 0))
        return np.where(known, FLOW_STATS_IDS + ids, otherwise)

    def end_of_period(self, rings: list[RxRing]) -> None:
        """Twice a second: averages move on, drops of the rings are added up."""
        if self._now_ns() < self._period_end_ns:
            return
        self._period_end_ns = self._now_ns() + PERIOD_NS
        for row in np.flatnonzero(self._flows >= 0):
            self._meters[row].end_period()
        self.count_drops(rings)

    def count_drops(self, rings: list[RxRing]) -> None:
        """Adds what the kernel dropped for want of room."""
        for port, ring in enumerate(rings):
            self._counters.received[port, ERRORS] += ring.take_drops()


def run(devices: list[str], connection: Connection, counters: Counters) -> None:
    """Serves until the server closes the connection."""
    rings = [RxRing(device, ACCOUNTING_FILTER, PORT_RING) for device in devices]
    receiver = Receiver(counters)
    connection.send(Done())
    gc.collect()
    gc.freeze()
    descriptors = [connection.fileno(), *(ring.fileno() for ring in rings)]
    started_cpu_ns = time.process_time_ns()
    busy = False
    while True:
        # While packets come, blocks are left to gather: to look at each as soon as it is there costs twice as much.
        watched, rest_ns = (descriptors[:1], _GATHER_NS) if busy else (descriptors, PERIOD_NS)
        readable, _, _ = select.select(watched, [], [], rest_ns / 1e9)
        busy = False
        for port, ring in enumerate(rings):
            for packets in ring.drain(_BLOCKS_TOGETHER):
                receiver.account(port, packets)
                busy = True
        if connection.fileno() in readable:
            try:
                receiver.expect(connection.recv())
            except EOFError:
                return
            connection.send(Done())
        receiver.end_of_period(rings)
        counters.health[1] = time.process_time_ns() - started_cpu_ns
