"""Random variables of TRex's field engine; `variables` says what ticks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lab.generator import lcg
from lab.generator.variables import ALL_64_BITS, Numbers, Variable

_ONE = np.uint64(1)


@dataclass(frozen=True)
class RandomVariable:
    """A random number in a range or from a list. All of a stream share one sequence of draws.

    Attributes:
        name: How instructions refer to it.
        size: 1, 2, 4 or 8 bytes.
        init: What it shows before its first run.
        low: Smallest value, or index in the list.
        high: Largest value, or index in the list.
        members: The list, empty for a range.
        seed: Start of the sequence.
        place: Draws by other variables before it in the packet.
        stride: Draws per packet.
        leads: The variables before it in a chain.
    """

    name: str
    size: int
    init: int
    low: int
    high: int
    members: tuple[int, ...] = ()
    seed: int = 1
    place: int = 0
    stride: int = 1
    leads: tuple[Variable, ...] = ()

    @property
    def draws(self) -> int:
        """Draws that one number takes."""
        return 1 if self.members else lcg.DRAWS_OF_SIZE[self.size]

    def values(self, ticks: Numbers) -> Numbers:
        """What it shows after so many runs."""
        drawn = (ticks - _ONE) * np.uint64(self.stride) + np.uint64(self.place)
        if self.members:
            index = (lcg.numbers(self.seed, drawn, 1) % np.uint64(len(self.members))).astype(np.intp)
            found = np.array(self.members, dtype=np.uint64)[index]
        else:
            found = _into_range(lcg.numbers(self.seed, drawn, self.size), self.low, self.high)
        return np.where(ticks == 0, np.uint64(self.init), found)

    def rounds(self, ticks: Numbers) -> Numbers:
        """A random variable lets its `next_var` run every time."""
        return ticks


@dataclass(frozen=True)
class RepeatedRandom:
    """Random numbers that begin anew after `limit` runs.

    Attributes:
        name: How instructions refer to it.
        size: 1, 2, 4 or 8 bytes.
        seed: Start of the sequence; TRex keeps 32 bits of it.
        limit: Length of the sequence.
        low: Smallest value.
        high: Largest value.
        leads: The variables before it in a chain.
    """

    name: str
    size: int
    seed: int
    limit: int
    low: int
    high: int
    leads: tuple[Variable, ...] = ()

    def values(self, ticks: Numbers) -> Numbers:
        """What it shows after so many runs."""
        run = (ticks - _ONE) % np.uint64(self.limit)
        found = lcg.numbers(self.seed, run * np.uint64(lcg.DRAWS_OF_SIZE[self.size]), self.size)
        return np.where(ticks == 0, np.uint64(0), _into_range(found, self.low, self.high))

    def rounds(self, ticks: Numbers) -> Numbers:
        """How often the sequence has begun; the first run counts."""
        return (ticks + np.uint64(self.limit - 1)) // np.uint64(self.limit)


def _into_range(drawn: Numbers, low: int, high: int) -> Numbers:
    span = high - low + 1
    return drawn if span == ALL_64_BITS else np.uint64(low) + drawn % np.uint64(span)
