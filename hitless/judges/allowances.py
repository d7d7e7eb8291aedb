"""How many lost packets need not be the doing of the system under test.

A violation is one only if it survives the subtraction of the largest possible loss by the tester: packets that its
interfaces dropped, packets lost around a stall of one of its processes, packets offered beyond rated capacity, and
what the baseline lost without any upgrade.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitless.history import CounterSeries
from hitless.measures import confidence, counting
from hitless.measures.counting import LossCount, RateBins
from hitless.measures.next_hop import Unfollowed, lost_unfollowed
from hitless.measures.spans import Span, overlap_ns

OVERLOAD_RATIO = 1.01
"""Offered over rated, up to which the generator is just not exact."""
STALL_MARGIN_NS = 500_000_000
"""A stall may cause loss shortly after it, when what was held back is sent or read in one burst."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Lost packets that may have causes other than the system under test."""

    tester: int
    stalls: int
    overload: int
    baseline: int
    astray: int = 0
    """Sent to a next hop that was no longer there."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.tester + self.stalls + self.overload + self.baseline + self.astray

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of the causes that are there; I4 when it is only that the measurement is not fine enough."""
        causes = (
            (self.baseline, "I1"),
            (self.overload, "I2"),
            (self.tester, "I3"),
            (self.astray, "I13"),
            (self.stalls, "I14"),
        )
        return tuple(code for count, code in causes if count) or ("I4",)

    @property
    def words(self) -> str:
        """The causes with their numbers."""
        causes = (
            (self.baseline, "as in the baseline"),
            (self.overload, "offered beyond rated capacity"),
            (self.tester, "lost by the tester"),
            (self.astray, "sent to a next hop that had changed its MAC address"),
            (self.stalls, "around stalls of the tester"),
        )
        return ", ".join(f"{count} {cause}" for count, cause in causes if count) or "none"


def window_allowance(
    counters: CounterSeries,
    rows: tuple[int, int],
    *,
    stalls: Sequence[Span],
    rated_pps: float,
    baseline: LossCount,
    astray: Sequence[Unfollowed] = (),
) -> Allowance:
    """Return the allowance for the loss between two samples."""
    first, last = rows
    at_ns = counting.instants_ns(counters)
    sent = int((counters.tx[last] - counters.tx[first]).sum())
    return Allowance(
        tester=counting.tester_lost(counters, first, last),
        stalls=_lost_around_stalls(counters, rows, stalls, rated_pps),
        overload=overload(sent, int(at_ns[last] - at_ns[first]), rated_pps),
        baseline=baseline_share(baseline, sent),
        astray=lost_unfollowed(counters, rows, astray),
    )


def baseline_share(baseline: LossCount, sent: int) -> int:
    """Return how many of so many packets the baseline's loss explains, at its 95 % upper bound; 0 if it lost none."""
    if baseline.lost <= 0 or baseline.sent <= 0:
        return 0
    return math.ceil(confidence.upper_bound(min(baseline.lost, baseline.sent), baseline.sent) * sent)


def overload(sent: int, duration_ns: int, rated_pps: float) -> int:
    """Return how many packets were offered beyond rated capacity, 0 up to 1 % of it."""
    rated = rated_pps * duration_ns / 1e9
    return math.ceil(sent - rated) if sent > rated * OVERLOAD_RATIO else 0


def bin_allowance(
    bins: RateBins,
    number: int,
    counters: CounterSeries,
    *,
    stalls: Sequence[Span],
    rated_pps: float,
    astray: Sequence[Unfollowed] = (),
) -> Allowance:
    """Return the allowance for one bin of goodput, without the baseline's part."""
    span = Span(int(bins.start_ns[number]), int(bins.end_ns[number]))
    near = span.widened(STALL_MARGIN_NS)
    first, last = counting.row_before(counters, near.start_ns), counting.row_after(counters, near.end_ns)
    # What the generator held back in a dip it sends in a burst, in this bin or the next ones.
    around = slice(max(0, number - 1), number + 2)
    planned = rated_pps * (bins.end_ns[around] - bins.start_ns[around]) / 1e9
    deviation = np.abs(bins.offered[around] - planned)
    uneven = int(np.ceil(np.max(np.where(deviation > planned * (OVERLOAD_RATIO - 1), deviation, 0.0))))
    return Allowance(
        tester=counting.tester_lost(counters, first, last),
        stalls=math.ceil(rated_pps * overlap_ns(stalls, near) / 1e9),
        overload=uneven,
        baseline=0,
        astray=lost_unfollowed(counters, (first, last), astray),
    )


def _lost_around_stalls(
    counters: CounterSeries, rows: tuple[int, int], stalls: Sequence[Span], rated_pps: float
) -> int:
    """Return how much of the loss lies around stalls, of each at most what was offered while it lasted."""
    first, last = rows
    settled = counting.settled_loss(counters.tx, counters.rx).sum(axis=1)
    remaining = np.diff(settled[first : last + 1])
    begins, ends = counters.asked_ns[first:last], counters.answered_ns[first + 1 : last + 1]
    allowed = 0
    for stall in stalls:
        near = stall.widened(STALL_MARGIN_NS)
        touched = (ends > near.start_ns) & (begins < near.end_ns)
        budget = math.ceil(rated_pps * stall.length_ns / 1e9)
        part = min(budget, int(remaining[touched].sum()))
        allowed += part
        remaining[touched] = _reduced(remaining[touched].tolist(), part)
    return allowed


def _reduced(counts: list[int], part: int) -> list[int]:
    """Take ``part`` packets out of the counts, from the first on, so that no packet is excused twice."""
    rest = []
    for one in counts:
        taken = min(one, part)
        part -= taken
        rest.append(one - taken)
    return rest
