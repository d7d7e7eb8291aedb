"""Outages of a probe stream: runs of packets that did not come back, and between which instants service was out.

The outage began after the last packet before the run had been sent, for that one passed; it was over when the first
one after the run passed. A packet passes between its sending and its reception. How long it was on its way beyond what
the fastest one of the stream needed is known exactly, as both times of both packets come from the same two clocks, and
counts to the outage: the packet may have waited before the place that was out. So the interval holds the true outage,
in send time plus the fastest packet's way, and is longer by at most the two gaps between packets at its ends and that
wait. An instant is known up to the clocks' error (``ProbeRecords.clock_error_ns``), which moves both ends alike.

An outage that was not over when the stream ended has no end, and one without a packet before it no beginning; each is
told as what it is, not as a shorter outage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array, ProbeRecords
from hitless.measures.timelines import Timeline


class OutageKind(StrEnum):
    """What is known of an outage's ends."""

    OVER = "over"
    OPEN = "open"
    """It had not ended when the stream did."""
    FROM_START = "from-start"
    """Nothing of the stream came back before it."""
    TOTAL = "total"
    """Nothing of the stream ever came back."""


@dataclass(frozen=True, slots=True)
class Outages:
    """Outages of one stream or of several, in order; one row each.

    Attributes:
        pg_id: group of the stream.
        first_number: the first packet that was lost.
        lost: packets lost in a row.
        since_ns: the last packet before it was sent then; the first lost one's send time where there is none before.
        until_ns: it was over by then; the last lost packet's send time where no packet came back afterwards, so that
            the length is a lower bound. Send times of lost packets are interpolated.
        came_before, came_after: whether a packet before and one after it came back.
    """

    pg_id: Int64Array
    first_number: Int64Array
    lost: Int64Array
    since_ns: Int64Array
    until_ns: Int64Array
    came_before: NDArray[np.bool_]
    came_after: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.lost)

    @property
    def length_ns(self) -> Int64Array:
        """Longest time that each may have lasted; the least where it is not of kind OVER."""
        return self.until_ns - self.since_ns

    @property
    def kinds(self) -> tuple[OutageKind, ...]:
        """Kind of each."""
        names = {
            (True, True): OutageKind.OVER,
            (True, False): OutageKind.OPEN,
            (False, True): OutageKind.FROM_START,
            (False, False): OutageKind.TOTAL,
        }
        return tuple(names[pair] for pair in zip(self.came_before.tolist(), self.came_after.tolist(), strict=True))

    def where(self, keep: NDArray[np.bool_]) -> Outages:
        """Return some of them."""
        return Outages(*(getattr(self, field.name)[keep] for field in fields(self)))


def outages(probes: ProbeRecords, streams: Sequence[Timeline], least_lost: int = 1) -> Outages:
    """Find the outages of each stream; they are ordered by their beginning.

    Args:
        probes: all probes that came back.
        streams: the streams' packets in order of sending.
        least_lost: leave out runs of fewer lost packets.
    """
    found = [_outages(probes, stream, least_lost) for stream in streams]
    columns = [np.concatenate([getattr(one, field.name) for one in (_none(), *found)]) for field in fields(Outages)]
    joined = Outages(*columns)
    order = np.argsort(joined.since_ns, kind="stable")
    return Outages(*(getattr(joined, field.name)[order] for field in fields(Outages)))


def _none() -> Outages:
    numbers, truths = np.zeros(0, np.int64), np.zeros(0, np.bool_)
    return Outages(numbers, numbers, numbers, numbers, numbers, truths, truths)


def _outages(probes: ProbeRecords, stream: Timeline, least_lost: int) -> Outages:
    gone = np.concatenate(([False], ~stream.received, [False]))
    edges = np.flatnonzero(gone[1:] != gone[:-1])
    first, stop = edges[::2], edges[1::2]
    long_enough = stop - first >= least_lost
    first, stop = first[long_enough], stop[long_enough]
    before, after = first > 0, stop < len(stream)
    sent = stream.sent_ns
    last = len(stream) - 1
    passed_ns = sent[np.minimum(stop, last)] + _waits(probes, stream)[np.minimum(stop, last)]
    return Outages(
        pg_id=np.full(len(first), stream.group.pg_id, np.int64),
        first_number=first.astype(np.int64),
        lost=(stop - first).astype(np.int64),
        since_ns=np.where(before, sent[np.maximum(first - 1, 0)], sent[first]),
        until_ns=np.where(after, passed_ns, sent[stop - 1]),
        came_before=before,
        came_after=after,
    )


def _waits(probes: ProbeRecords, stream: Timeline) -> Int64Array:
    """Return for each packet that came back how much longer than the fastest it was on its way, 0 for lost ones."""
    mine = np.flatnonzero(probes.pg_id == stream.group.pg_id)
    numbers, first_copy = np.unique(probes.number[mine], return_index=True)
    waits = np.zeros(len(stream), np.int64)
    if len(numbers):
        transit = (probes.received_ns - probes.sent_ns)[mine[first_copy]]
        waits[numbers] = transit - np.min(transit)
    return waits
