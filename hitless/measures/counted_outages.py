"""Outages by counters alone, for traffic that is too fast to be captured.

A sample's ``tx - rx`` is what was lost so far plus what was on its way; ``settled_loss`` takes off what arrived later.
What is left still contains the packets that were *always* on their way, some milliseconds of traffic, so that the level
wavers by a few packets without any loss. A rise by more than it wavers is loss that happened between two samples.

Such an outage is located between two samples and the sample next to each: its edges may reach into the neighbouring
stretch by fewer packets than the level wavers. Its length is the lost packets times the distance at which packets were
really sent around it (RFC 6201, section 2: frame-loss based recovery time; not at the planned rate, which a busy
generator does not keep). Loss that is too small to stand out is counted, but not located.

What was always on its way shows itself as such when it arrives at the end of traffic. It does not where an outage is
open at the end, or sampling ends while traffic runs: then a level that was there since the first packets came back is
no outage at the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hitless.history import CounterSeries, Int64Array
from hitless.measures.counting import instants_ns, settled_loss


@dataclass(frozen=True, slots=True)
class CountedOutage:
    """Loss in consecutive stretches between samples.

    Attributes:
        since_ns, until_ns: it lies between these two instants, which are samples.
        lost: packets lost in it; off by what the level wavers unless it is the only one.
        length_ns: lost packets times the distance at which packets were sent; the sampling does not limit it.
        over: packets that were sent after it came back.
    """

    since_ns: int
    until_ns: int
    lost: int
    length_ns: int
    over: bool


@dataclass(frozen=True, slots=True)
class CountedOutages:
    """All loss of some groups, taken apart.

    Attributes:
        located: outages, in order.
        lost: packets lost altogether.
        lost_elsewhere: those of them that no located outage explains: single losses, outages too short to be located.
        wavering: packets by which the level wavers without loss; fewer lost in one piece are not located.
    """

    located: tuple[CountedOutage, ...]
    lost: int
    lost_elsewhere: int
    wavering: int


@dataclass(frozen=True, slots=True)
class _Totals:
    """Counters of some groups, added up."""

    counters: CounterSeries
    sent: Int64Array
    received: Int64Array


def counted_outages(counters: CounterSeries, pg_ids: Iterable[int] | None = None) -> CountedOutages:
    """Find outages in which everything that some groups send is lost.

    Args:
        counters: samples from before the traffic started until it had come to rest.
        pg_ids: the groups, taken together; all of them by default.
    """
    wanted = counters.pg_ids.tolist() if pg_ids is None else list(pg_ids)
    columns = np.isin(counters.pg_ids, wanted)
    totals = _Totals(counters, counters.tx[:, columns].sum(axis=1), counters.rx[:, columns].sum(axis=1))
    if len(counters.tx) < 2:
        return CountedOutages((), 0, 0, 0)
    level = settled_loss(totals.sent, totals.received)
    wavering = int(np.max(np.maximum(totals.sent - totals.received, 0) - level))
    runs = _runs(np.flatnonzero(np.diff(level) > wavering))
    if runs and not _came_to_rest(totals, runs[-1], wavering):
        wavering = max(wavering, _always_on_the_way(totals, level))
        runs = _runs(np.flatnonzero(np.diff(level) > wavering))
    after = [int(level[min(last + 1, len(level) - 1)]) for _, last in runs]
    before = [int(level[0]), *after][: len(runs)]
    located = tuple(
        _located(totals, run, high - low, wavering) for run, low, high in zip(runs, before, after, strict=True)
    )
    lost = int(level[-1])
    return CountedOutages(located, lost, lost - sum(one.lost for one in located), wavering)


def _came_to_rest(totals: _Totals, run: tuple[int, int], wavering: int) -> bool:
    """Tell whether packets came back after the last outage, and all of them by the last sample."""
    return _over(totals, run, wavering) and int(totals.sent[-1]) == int(totals.sent[-2])


def _over(totals: _Totals, run: tuple[int, int], wavering: int) -> bool:
    received = totals.received
    return int(received[-1] - received[min(run[1] + 1, len(received) - 1)]) > wavering


def _always_on_the_way(totals: _Totals, level: Int64Array) -> int:
    """Return how many packets may have been on their way at each sample since the first came back.

    They are no more than are sent between two samples: what needs longer is found as an outage.
    """
    since = int(np.argmax(totals.received > 0))
    return min(int(level[since]), int(np.max(np.diff(totals.sent))))


def _runs(stretches: Int64Array) -> list[tuple[int, int]]:
    """Return first and last of each run of consecutive numbers."""
    if len(stretches) == 0:
        return []
    breaks = np.flatnonzero(np.diff(stretches) > 1)
    firsts = np.concatenate(([stretches[0]], stretches[breaks + 1]))
    lasts = np.concatenate((stretches[breaks], [stretches[-1]]))
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _located(totals: _Totals, run: tuple[int, int], lost: int, wavering: int) -> CountedOutage:
    """Describe the outage of a run of stretches; stretch ``q`` lies between samples ``q`` and ``q + 1``."""
    counters, sent = totals.counters, totals.sent
    low, high = max(0, run[0] - 1), min(len(sent) - 1, run[1] + 2)
    packets = int(sent[high] - sent[low])
    at_ns = instants_ns(counters)
    lasted_ns = int(at_ns[high] - at_ns[low])
    # Where traffic stands still in between, or beyond the end of traffic, no packet was sent: there the rate is that
    # of the samples between which the counter moved.
    moving = np.flatnonzero(np.diff(sent[low : high + 1]) > 0)
    if len(moving):
        lasted_ns = int((at_ns[low + 1 : high + 1] - at_ns[low:high])[moving].sum())
    return CountedOutage(
        since_ns=int(counters.asked_ns[low]),
        until_ns=int(counters.answered_ns[high]),
        lost=lost,
        length_ns=round(lost * lasted_ns / max(packets, 1)),
        over=_over(totals, run, wavering),
    )
