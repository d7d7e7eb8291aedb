"""A tester that counts and captures what really happened to packets."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from hitless.history import CounterSeries, Ending, History, ProbeRecords, Stall
from tests.properties.reference_packets import place_of
from tests.properties.truth import EPOCH_NS, MS, Stream


@dataclass(frozen=True)
class Sampling:
    """When counters are read, in milliseconds after the epoch, and what the tester itself did wrong."""

    taken_ms: tuple[int, ...]
    answer_us: int
    stalls: tuple[Stall, ...]


def history_of(found: tuple[Stream, ...], sampling: Sampling, timeout_s: float) -> History:
    """Count and capture packets as a tester does."""
    return History(
        procedure="upgrade-under-load",
        parameters={},
        ending=Ending.COMPLETE,
        ending_reason="",
        versions=("1.0", "2.0"),
        instances=("a", "b", "c", "d"),
        groups=tuple(one.group for one in found),
        rated_capacity_pps=sum(one.group.rate_pps for one in found),
        session_timeout_s=timeout_s,
        counters=counters_of(found, sampling),
        probes=_captured(found),
        operations=(),
        events=(),
        stalls=sampling.stalls,
    )


def counters_of(found: tuple[Stream, ...], sampling: Sampling) -> CounterSeries:
    """Sample the counters of each group."""
    taken = [EPOCH_NS + at * MS for at in sampling.taken_ms]
    sent = [sorted(packet.sent_ns for packet in one.packets) for one in found]
    came = [sorted(at for packet in one.packets for at in packet.arrivals) for one in found]
    tx = [[bisect_right(times, at) for times in sent] for at in taken]
    rx = [[bisect_right(times, at) for times in came] for at in taken]
    none = np.zeros((len(taken), 2), np.int64)
    shape = (len(taken), len(found))
    return CounterSeries(
        asked_ns=np.asarray([at - sampling.answer_us * 1000 for at in taken], np.int64),
        answered_ns=np.asarray([at + sampling.answer_us * 1000 for at in taken], np.int64),
        pg_ids=np.asarray([one.group.pg_id for one in found], np.int32),
        tx=np.asarray(tx, np.int64).reshape(shape),
        rx=np.asarray(rx, np.int64).reshape(shape),
        port_ids=np.asarray([0, 1], np.int32),
        ierrors=none,
        oerrors=none.copy(),
        generator_cpu_percent=np.full(len(taken), 10.0),
    )


def _captured(found: tuple[Stream, ...]) -> ProbeRecords:
    rows = sorted(
        (came, one.group.pg_id, packet.number, packet)
        for one in found
        for packet in one.packets
        if one.group.kind == "probe" and packet.captured
        for came in packet.arrivals
    )
    packets = [row[3] for row in rows]
    group = np.asarray([row[1] for row in rows], np.int64)
    position = {one.group.pg_id: one.group.layout for one in found}
    index = [place_of(position[row[1]], row[2])[2] % 256 for row in rows]
    return ProbeRecords(
        sent_ns=np.asarray([one.sent_ns for one in packets], np.int64),
        received_ns=np.asarray([row[0] for row in rows], np.int64),
        pg_id=group.astype(np.int32),
        number=np.asarray([one.number for one in packets], np.int64),
        user=np.asarray([one.user for one in packets], np.int64) + (group << 40),
        session=np.asarray([one.session for one in packets], np.int64) + (group << 40),
        index=np.asarray(index, np.int16),
        version=np.asarray([one.version for one in packets], np.int16),
        instance=np.asarray([one.instance for one in packets], np.int16),
        clock_error_ns=1_000_000,
        unidentified_count=0,
        capture_lost_count=0,
    )
