"""Loss and rates from counters that were sampled while traffic ran.

A sample's ``tx - rx`` is what was lost so far plus what was on its way at that instant. What is lost stays lost, so
every later sample bounds it from above as well: ``lost(t) <= min over later samples of (tx - rx)``. On the way is not
lost, and after the last packet has arrived the bound is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import CounterSeries, History, Int64Array
from hitless.measures.spans import Span

BIN_NS = 1_000_000_000
"""Width of the bins in which goodput is held against offered load; a packet that needs longer is not goodput."""


@dataclass(frozen=True, slots=True)
class LossCount:
    """Packets of a window.

    Attributes:
        sent: packets sent.
        lost: packets that did not come back; those that were on their way when the window began count as lost before,
            those that may have been so when sampling ended count as not lost.
        lost_at_most: the same with both counted as lost in the window.
    """

    sent: int
    lost: int
    lost_at_most: int

    @property
    def ratio(self) -> float:
        """Lost over sent, 0 when nothing was sent."""
        return self.lost / self.sent if self.sent else 0.0


@dataclass(frozen=True, slots=True)
class RateBins:
    """Offered load and goodput in bins of about one second; the edges are samples, nothing is interpolated.

    Attributes:
        start_ns, end_ns: instants of the samples at the edges.
        offered: packets sent in the bin.
        delivered: offered minus those that were not delivered within a bin's width; late ones count where they arrive.
    """

    start_ns: Int64Array
    end_ns: Int64Array
    offered: Int64Array
    delivered: Int64Array

    def __len__(self) -> int:
        return len(self.offered)

    @property
    def offered_pps(self) -> NDArray[np.float64]:
        """Offered rate of each bin."""
        return self.offered / ((self.end_ns - self.start_ns) / 1e9)

    @property
    def goodput_pps(self) -> NDArray[np.float64]:
        """Goodput of each bin."""
        return self.delivered / ((self.end_ns - self.start_ns) / 1e9)

    @property
    def ratios(self) -> NDArray[np.float64]:
        """Goodput over offered; 1 where nothing was offered, which is the tester's shortcoming and checked apart."""
        return np.where(self.offered > 0, self.delivered / np.maximum(self.offered, 1), 1.0)


def instants_ns(counters: CounterSeries) -> Int64Array:
    """Return the best guess for each sample's instant: the middle between asking and answer."""
    return counters.asked_ns + (counters.answered_ns - counters.asked_ns) // 2


def settled_loss(tx: Int64Array, rx: Int64Array) -> Int64Array:
    """Return the upper bound of what was lost by each sample, per column; it never falls, and never below 0."""
    missing = np.maximum(tx - rx, 0)
    return np.minimum.accumulate(missing[::-1], axis=0)[::-1]


def undelivered(at_ns: Int64Array, tx: Int64Array, rx: Int64Array, patience_ns: int = BIN_NS) -> Int64Array:
    """Return per sample and column how many of the packets sent so far are lost, or arrive later than the patience.

    Late ones are counted as if packets did not overtake each other: what was sent by a sample and is not lost has
    arrived by a later one when at least as many packets have. A longer latency alone makes nothing late.
    """
    settled = settled_loss(tx, rx)
    later = np.minimum(np.searchsorted(at_ns, at_ns + patience_ns, side="left"), len(at_ns) - 1)
    late: Int64Array = np.maximum(tx - settled - rx[later], 0)
    return settled + late


def row_before(counters: CounterSeries, at_ns: int) -> int:
    """Return the last sample that was surely taken by that instant, the first one when there is none."""
    return max(0, int(np.searchsorted(counters.answered_ns, at_ns, side="right")) - 1)


def row_after(counters: CounterSeries, at_ns: int) -> int:
    """Return the first sample that was surely taken at that instant or later, the last one when there is none."""
    return min(len(counters.asked_ns) - 1, int(np.searchsorted(counters.asked_ns, at_ns, side="left")))


def loss_between(counters: CounterSeries, first: int, last: int) -> LossCount:
    """Count the packets of all groups between two samples."""
    settled = settled_loss(counters.tx, counters.rx).sum(axis=1)
    # Counters that fell were set to 0 on the way: then nobody knows how many packets were sent.
    sent = max(0, int((counters.tx[last] - counters.tx[first]).sum()))
    lost = missing_between(counters, first, last)
    # Of what counts as lost before the window some may have been on its way: at most the largest amount ever seen.
    on_the_way = int(np.max(np.maximum(counters.tx - counters.rx, 0).sum(axis=1) - settled, initial=0))
    surely, known = lost, last_settled_row(counters)
    if last > known:
        surely = max(0, lost - int((counters.tx[-1] - counters.tx[known]).sum()))
    return LossCount(sent, surely, lost + min(int(settled[first]), on_the_way))


def missing_between(counters: CounterSeries, first: int, last: int) -> int:
    """Return how many packets more were missing at a sample, for good as far as is known, than at an earlier one."""
    settled = settled_loss(counters.tx, counters.rx).sum(axis=1)
    return int(settled[last] - settled[first])


def first_missing_ns(counters: CounterSeries, first: int, last: int) -> list[int]:
    """Return when the sample was taken after which the first packet was lost between two samples; empty without any."""
    settled = settled_loss(counters.tx, counters.rx).sum(axis=1)
    rows = np.flatnonzero(settled[first + 1 : last + 1] > settled[first])
    return [int(instants_ns(counters)[first + int(rows[0])])] if len(rows) else []


def last_settled_row(counters: CounterSeries) -> int:
    """Return the last sample by which is known what became of all packets that had been sent.

    It is the last one of all, unless sampling ended while traffic ran: then a packet that was sent within the last
    second before the end may have been on its way.
    """
    at_ns = instants_ns(counters)
    earlier = max(0, int(np.searchsorted(at_ns, at_ns[-1] - BIN_NS, side="right")) - 1)
    return len(at_ns) - 1 if bool(np.all(counters.tx[earlier] == counters.tx[-1])) else earlier


def group_losses(counters: CounterSeries, first: int, last: int) -> dict[int, LossCount]:
    """Count the packets of each group between two samples, by group id."""
    result = {}
    for column, pg_id in enumerate(counters.pg_ids.tolist()):
        settled = settled_loss(counters.tx[:, column], counters.rx[:, column])
        sent = int(counters.tx[last, column] - counters.tx[first, column])
        lost = int(settled[last] - settled[first])
        result[pg_id] = LossCount(sent, lost, lost)
    return result


def rate_bins(counters: CounterSeries, span: Span) -> RateBins:
    """Cut a span into bins of one second; a shorter rest at the end is left out."""
    # Samples behind the span may be behind the end of traffic; of the last ones it may not be known what became of it.
    at_ns = instants_ns(counters)
    at_ns = at_ns[: last_settled_row(counters) + 1] if len(at_ns) else at_ns
    at_ns = at_ns[at_ns <= span.end_ns]
    edges_ns = np.arange(span.start_ns, span.end_ns + 1, BIN_NS, dtype=np.int64)
    if len(at_ns) == 0 or len(edges_ns) < 2:
        nothing = np.zeros(0, np.int64)
        return RateBins(nothing, nothing, nothing, nothing)
    rows = np.unique(_nearest(at_ns, edges_ns))
    offered = counters.tx.sum(axis=1)
    missing = undelivered(instants_ns(counters), counters.tx, counters.rx).sum(axis=1)
    sent = np.diff(offered[rows])
    return RateBins(at_ns[rows[:-1]], at_ns[rows[1:]], sent, sent - np.diff(missing[rows]))


def coarsest_sampling_ns(counters: CounterSeries, span: Span) -> int:
    """Return the longest time between two samples that reaches into the span; the span's length without samples."""
    at_ns = instants_ns(counters)
    inside = at_ns[(at_ns > span.start_ns) & (at_ns < span.end_ns)]
    return int(np.max(np.diff(np.concatenate(([span.start_ns], inside, [span.end_ns])))))


def tester_lost(counters: CounterSeries, first: int, last: int) -> int:
    """Return how many packets the tester itself lost when sending and receiving, between two samples."""
    errors = counters.ierrors + counters.oerrors
    return int((errors[last] - errors[first]).sum())


def uncaptured_probes(history: History) -> int:
    """Return how many probes the generator counted as received that no capture holds: what nobody looked at."""
    counters = history.counters
    probing = np.isin(counters.pg_ids, [group.pg_id for group in history.groups if group.kind == "probe"])
    counted = int(counters.rx[-1, probing].sum()) if len(counters.rx) else 0
    return max(0, counted - len(history.probes.number) - history.probes.unidentified_count)


def surplus_groups(counters: CounterSeries) -> dict[int, int]:
    """Return by group id how many packets more than sent came back, groups with a surplus at the end only."""
    if len(counters.tx) == 0:
        return {}
    surplus = counters.rx[-1] - counters.tx[-1]
    return {int(pg_id): int(count) for pg_id, count in zip(counters.pg_ids, surplus, strict=True) if count > 0}


def _nearest(at_ns: Int64Array, wanted_ns: Int64Array) -> Int64Array:
    right = np.clip(np.searchsorted(at_ns, wanted_ns), 1, max(1, len(at_ns) - 1))
    left = right - 1
    right = np.minimum(right, len(at_ns) - 1)
    return np.where(wanted_ns - at_ns[left] <= at_ns[right] - wanted_ns, left, right).astype(np.int64)
