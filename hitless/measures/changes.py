"""When the share of new sessions that go to the new version changed, as the new sessions themselves show it.

The first session opened on the new version shows the first change. Later ones are found by splitting the openers
where two different shares explain them much better than one (binary segmentation with the likelihood ratio of two
binomials). The instant of a change is an interval: all splits that explain the openers nearly as well as the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array, Interval
from hitless.measures.timelines import Timeline

GAIN_NATS = 12.0
"""Below it a split is chance: twice the gain is a chi-square of 24 with one degree of freedom (p = 1e-6)."""
_SUPPORT_NATS = 3.0
"""Splits this close to the best cannot be told from it (about 98 % support)."""
SMALLEST_STEP = 0.02
SHORTEST_SEGMENT = 64

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Openers:
    """First packets of short sessions that came back with a version mark, in the order of sending."""

    sent_ns: Int64Array
    on_new: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ShareChange:
    """A change of the new version's share among new sessions."""

    at: Interval
    share_before: float
    share_after: float


def openers(streams: Sequence[Timeline]) -> Openers:
    """Collect the openers; the first declared version is the old one, any other is new."""
    sent: list[Int64Array] = [np.zeros(0, np.int64)]
    on_new: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
    for stream in streams:
        if not stream.layout.short_sessions:
            continue
        rows = np.flatnonzero((stream.layout.position(stream.numbers) == 0) & (stream.version >= 0))
        sent.append(stream.sent_ns[rows])
        on_new.append(stream.version[rows] > 0)
    times = np.concatenate(sent)
    order = np.argsort(times, kind="stable")
    return Openers(times[order], np.concatenate(on_new)[order])


def share_changes(opened: Openers) -> tuple[ShareChange, ...]:
    """Find all changes of the share, in order of time."""
    first_new = int(np.argmax(opened.on_new)) if opened.on_new.any() else 0
    starts = [first_new] if first_new > 0 else []
    starts += _splits(opened.on_new, first_new)
    starts.sort()
    edges = [0, *starts, len(opened.on_new)]
    return tuple(
        change_between(opened, left, middle, right, may_be_later=middle != first_new)
        for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False)
    )


def _splits(on_new: NDArray[np.bool_], start: int) -> list[int]:
    found: list[int] = []
    waiting = [(start, len(on_new))]
    total = np.concatenate(([0], np.cumsum(on_new)))
    while waiting:
        low, high = waiting.pop()
        middles = np.arange(low + SHORTEST_SEGMENT, high - SHORTEST_SEGMENT + 1)
        if len(middles) == 0:
            continue
        likelihood = _split_likelihood(total, low, middles, high)
        best = int(np.argmax(likelihood))
        middle = int(middles[best])
        before = (total[middle] - total[low]) / (middle - low)
        after = (total[high] - total[middle]) / (high - middle)
        whole = float(log_likelihood(total[high] - total[low], np.float64(high - low)))
        if likelihood[best] - whole >= GAIN_NATS and abs(after - before) >= SMALLEST_STEP:
            found.append(middle)
            waiting += [(low, middle), (middle, high)]
    return found


def _split_likelihood(total: Int64Array, low: int, middles: Int64Array, high: int) -> FloatArray:
    left = log_likelihood(total[middles] - total[low], (middles - low).astype(np.float64))
    right = log_likelihood(total[high] - total[middles], (high - middles).astype(np.float64))
    return left + right


def log_likelihood(hits: Int64Array | np.int64, count: FloatArray | np.float64) -> FloatArray:
    """Return the log likelihood of so many hits at the share that explains them best."""
    ratio = hits / np.maximum(count, 1.0)
    inside = (ratio > 0.0) & (ratio < 1.0)
    safe = np.where(inside, ratio, 0.5)
    value: FloatArray = np.where(inside, count * (safe * np.log(safe) + (1.0 - safe) * np.log1p(-safe)), 0.0)
    return value


def change_between(opened: Openers, left: int, middle: int, right: int, *, may_be_later: bool) -> ShareChange:
    """Return the change at opener ``middle``, between the stretches that begin at ``left`` and end before ``right``."""
    total = np.concatenate(([0], np.cumsum(opened.on_new)))
    # The first change cannot be later than the first session on the new version.
    middles = np.arange(left + 1, right if may_be_later else middle + 1)
    likelihood = _split_likelihood(total, left, middles, right)
    near = middles[likelihood >= np.max(likelihood) - _SUPPORT_NATS]
    earliest, latest = min(int(near[0]), middle), max(int(near[-1]), middle)
    return ShareChange(
        at=Interval(int(opened.sent_ns[earliest - 1]), int(opened.sent_ns[latest])),
        share_before=float(np.mean(opened.on_new[left:middle])),
        share_after=float(np.mean(opened.on_new[middle:right])),
    )
