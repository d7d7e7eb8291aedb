"""From the generator's clocks to the tester's, with a bound of the error.

A reading of a foreign clock lies between the instants at which the tester asked and got the answer. The shorter the
round trip, the better the reading: of each stretch of time the best one is used, and between them the offset is
interpolated, so that clocks that drift against each other are followed.

A clock that jumps, ahead or back, is not known by as much as it jumped, and the bound of the error says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array

_STRETCH_NS = 5_000_000_000


@dataclass(frozen=True, slots=True)
class ClockMap:
    """Offset between two clocks over time.

    Attributes:
        at_ns: instants of the foreign clock (in its own nanoseconds) where the offset is known, in order.
        offset_ns: tester's clock minus foreign clock there.
        base_offset_ns: taken out of ``offset_ns``, so that floating point stays exact.
        error_ns: bound of the error.
    """

    at_ns: Int64Array
    offset_ns: NDArray[np.float64]
    base_offset_ns: int
    error_ns: int

    def to_tester_ns(self, foreign_ns: Int64Array) -> Int64Array:
        """Translate instants of the foreign clock; outside the readings the nearest offset holds."""
        start = self.at_ns[0]
        relative = (foreign_ns - start).astype(np.float64)
        offset = np.interp(relative, (self.at_ns - start).astype(np.float64), self.offset_ns)
        shift: Int64Array = np.rint(offset).astype(np.int64)
        return foreign_ns + shift + self.base_offset_ns


def clock_map(asked_ns: Sequence[int], foreign_ns: Int64Array, answered_ns: Sequence[int]) -> ClockMap:
    """Build the map from readings.

    Args:
        asked_ns: tester's clock when the question was sent.
        foreign_ns: what the foreign clock read, in nanoseconds.
        answered_ns: tester's clock when the answer was there.

    Raises:
        ValueError: no reading, or answered before asked.
    """
    asked, answered = np.asarray(asked_ns, np.int64), np.asarray(answered_ns, np.int64)
    order = np.argsort(asked, kind="stable")
    asked, answered, foreign = asked[order], answered[order], foreign_ns[order]
    if len(asked) == 0:
        raise ValueError("no reading of the generator's clock")
    if bool(np.any(answered < asked)):
        raise ValueError("an answer is earlier than its question")
    round_trip = answered - asked
    knots = _best_of_each_stretch(asked, round_trip)
    base = int(asked[0] - foreign[0])
    middle = asked + round_trip // 2
    offset = (middle - foreign - base).astype(np.float64)
    # After a jump back the foreign clock reads a second time what it has read: instants are in its own order here.
    by_reading = knots[np.argsort(foreign[knots], kind="stable")]
    draft = ClockMap(foreign[by_reading], offset[by_reading], base, 0)
    mapped = draft.to_tester_ns(foreign)
    contradiction = np.maximum(np.maximum(asked - mapped, mapped - answered), 0)
    error = int(np.max(round_trip[knots]) + 1) // 2 + int(np.max(contradiction)) + _jumped_back_ns(foreign, answered)
    return ClockMap(draft.at_ns, draft.offset_ns, base, error)


def _jumped_back_ns(foreign: Int64Array, answered: Int64Array) -> int:
    """Return by how much a clock jumped back at most that reads less than before: what is twice in it, and what passed.

    Readings show only what is left of a jump after the time since the reading before it.
    """
    ahead = np.maximum.accumulate(foreign)
    back = ahead - foreign
    if not bool(back.any()):
        return 0
    return int(np.max(back) + np.max(np.diff(answered)[np.diff(foreign) < 0]))


def _best_of_each_stretch(asked: Int64Array, round_trip: Int64Array) -> Int64Array:
    stretch = (asked - asked[0]) // _STRETCH_NS
    order = np.lexsort((round_trip, stretch))
    first = np.flatnonzero(np.diff(stretch[order], prepend=-1) != 0)
    return np.asarray(order[first], np.int64)
