"""The changes of the share that explain all openers together best.

Splitting a recording again and again in two finds steps that lead in one direction. A share that falls and rises again
looks like one plateau to it: both halves are much the same. So here all sets of changes are compared (optimal
partitioning by dynamic programming; Jackson and others, 2005): the likelihood of the openers, less a price for each
change that keeps chance from looking like one.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hitless.measures.changes import (
    GAIN_NATS,
    SHORTEST_SEGMENT,
    SMALLEST_STEP,
    Openers,
    ShareChange,
    change_between,
    log_likelihood,
)

_MOST_PLACES = 1500
"""Changes are looked for at so many places, and the best of them is then moved to the best opener near it."""


def best_changes(opened: Openers) -> tuple[ShareChange, ...]:
    """Find all changes of the share, in order of time; the first one is the first opener on the new version."""
    if not opened.on_new.any():
        return ()
    first_new, count = int(np.argmax(opened.on_new)), len(opened.on_new)
    starts = [first_new] if first_new > 0 else []
    starts += _moved(opened.on_new, [first_new, *_cuts(opened.on_new, first_new), count])
    edges = [0, *starts, count]
    return tuple(
        change_between(opened, left, middle, right, may_be_later=middle != first_new)
        for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False)
    )


def _cuts(on_new: NDArray[np.bool_], start: int) -> list[int]:
    """Return the places between the parts of the best partition, on a grid."""
    step = max(1, -(-(len(on_new) - start) // _MOST_PLACES))
    grid = np.append(np.arange(start, len(on_new), step), len(on_new))
    total = np.concatenate(([0], np.cumsum(on_new)))[grid]
    best = np.full(len(grid), -np.inf)
    best[0] = GAIN_NATS  # the first part is no change and costs nothing
    came_from = np.zeros(len(grid), np.int64)
    for end in range(1, len(grid)):
        begins = int(np.searchsorted(grid, grid[end] - SHORTEST_SEGMENT, side="right"))
        if begins == 0:
            continue
        lengths = (grid[end] - grid[:begins]).astype(np.float64)
        value = best[:begins] + log_likelihood(total[end] - total[:begins], lengths) - GAIN_NATS
        came_from[end] = int(np.argmax(value))
        best[end] = value[came_from[end]]
    if not np.isfinite(best[-1]):
        return []
    found, place = [], int(came_from[-1])
    while place > 0:
        found.append(int(grid[place]))
        place = int(came_from[place])
    return found[::-1]


def _moved(on_new: NDArray[np.bool_], edges: list[int]) -> list[int]:
    """Move each place between two parts to the opener that divides them best; leave out steps that are too small."""
    total = np.concatenate(([0], np.cumsum(on_new)))
    found: list[int] = []
    for (left, middle), (_, right) in pairwise(pairwise(edges)):
        before = (total[middle] - total[left]) / (middle - left)
        after = (total[right] - total[middle]) / (right - middle)
        if abs(after - before) < SMALLEST_STEP:
            continue
        places = np.arange(left + 1, right)
        likelihood = log_likelihood(total[places] - total[left], (places - left).astype(np.float64))
        likelihood = likelihood + log_likelihood(total[right] - total[places], (right - places).astype(np.float64))
        best = int(places[np.argmax(likelihood)])
        if not found or best > found[-1]:
            found.append(best)
    return found
