"""The variables of TRex's field engine, each a function of how often it has run.

A variable runs once per packet, or, if another one names it as its `next_var`, whenever that one begins its range
anew, like the digits of a counter. `ticks` are the numbers of runs up to and including each packet; the first packet
of a stream has tick 1 and shows the initial value, tick 0 is the memory as it is before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint64]
ALL_64_BITS = 1 << 64


class Variable(Protocol):
    """What a program reads, chains and writes."""

    @property
    def size(self) -> int:
        """Bytes: 1, 2, 4 or 8."""

    @property
    def leads(self) -> tuple[Variable, ...]:
        """The variables before it in a chain, the first one first; empty if it runs with every packet."""

    def values(self, ticks: Numbers) -> Numbers:
        """What it shows after so many runs."""

    def rounds(self, ticks: Numbers) -> Numbers:
        """How often its `next_var` has run."""


def ticks_of(variable: Variable, first: int, count: int, *, before: bool = False) -> Numbers:
    """How often a variable has run in packets first, first + 1, ...

    Args:
        variable: The variable.
        first: Number of the first packet, from 0.
        count: How many packets.
        before: As seen before the variable's own place in the program.
    """
    start = first + (0 if before else 1)
    ticks: Numbers = np.arange(start, start + count, dtype=np.uint64)
    for lead in variable.leads:
        ticks = lead.rounds(ticks)
    return ticks


def _progression(start: int, step: int, ticks: Numbers, divisor: int) -> tuple[Numbers, Numbers]:
    """(start + step x tick) divided by the divisor: quotients and remainders, exact in 64 bits.

    Args:
        start: Not negative.
        step: Not negative and less than the divisor.
        ticks: In ascending order.
        divisor: At most 2^64.
    """
    base = int(ticks[0]) if len(ticks) else 0
    whole, rest = divmod(start + step * base, divisor)
    span = int(ticks[-1]) - base if len(ticks) else 0
    if divisor < ALL_64_BITS and rest + step * span < ALL_64_BITS:
        steps = (ticks - np.uint64(base)) * np.uint64(step) + np.uint64(rest)
        quotients: Numbers = np.uint64(whole) + steps // np.uint64(divisor)
        return quotients, steps % np.uint64(divisor)
    # 8-byte variables with giant ranges or steps alone get here.
    exact = [divmod(start + step * int(tick), divisor) for tick in ticks]
    pairs = np.array(exact, dtype=np.uint64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _remainders(start: int, step: int, ticks: Numbers, divisor: int) -> Numbers:
    """(start + step x tick) modulo the divisor: the case that every packet needs."""
    if divisor == ALL_64_BITS:
        wrapped: Numbers = ticks * np.uint64(step) + np.uint64(start)
        return wrapped
    base = int(ticks[0]) if len(ticks) else 0
    rest = (start + step * base) % divisor
    if rest + step * len(ticks) >= ALL_64_BITS:
        return _progression(start, step, ticks, divisor)[1]
    steps: Numbers = (ticks - np.uint64(base)) * np.uint64(step)
    steps += np.uint64(rest)
    if rest + step * len(ticks) >= divisor:  # most windows lie inside the range
        steps %= np.uint64(divisor)
    return steps


@dataclass(frozen=True)
class FlowVariable:
    """A counter.

    Attributes:
        name: How instructions refer to it.
        size: 1, 2, 4 or 8 bytes.
        op: "inc" or "dec".
        init: Value in packet 0.
        low: Smallest value.
        high: Largest value.
        step: Distance from run to run.
        leads: The variables before it in a chain.
    """

    name: str
    size: int
    op: str
    init: int
    low: int
    high: int
    step: int
    leads: tuple[Variable, ...] = ()

    @property
    def _span(self) -> int:
        return self.high - self.low + 1

    def values(self, ticks: Numbers) -> Numbers:
        """What it shows after so many runs."""
        step = self.step % self._span
        forward = step if self.op == "inc" else -step % self._span
        offset = (self.init - self.low - forward) % self._span
        return np.uint64(self.low) + _remainders(offset, forward, ticks, self._span)

    def rounds(self, ticks: Numbers) -> Numbers:
        """How often it has passed the end of its range."""
        step = self.step % self._span
        done = self.init - self.low if self.op == "inc" else self.high - self.init
        return _progression((done - step) % self._span, step, ticks, self._span)[0]


@dataclass(frozen=True)
class ListVariable:
    """A walk through a list; "dec" begins at its end.

    Attributes:
        name: How instructions refer to it.
        size: 1, 2, 4 or 8 bytes.
        op: "inc" or "dec".
        members: The list.
        step: Distance from run to run.
        leads: The variables before it in a chain.
    """

    name: str
    size: int
    op: str
    members: tuple[int, ...]
    step: int
    leads: tuple[Variable, ...] = ()

    def _index(self, ticks: Numbers) -> Numbers:
        count = len(self.members)
        forward = self.step % count if self.op == "inc" else -self.step % count
        start = (0 if self.op == "inc" else count - 1) - forward
        return _remainders(start % count, forward, ticks, count)

    def values(self, ticks: Numbers) -> Numbers:
        """What it shows after so many runs; before the first, TRex's memory holds an index instead of a member."""
        index = self._index(ticks)
        members = np.array(self.members, dtype=np.uint64)[index.astype(np.intp)]
        return np.where(ticks == 0, index, members)

    def rounds(self, ticks: Numbers) -> Numbers:
        """How often it has begun the list; the first run counts."""
        step = self.step % len(self.members)
        if not step:
            return np.zeros_like(ticks)
        runs, _ = _progression(len(self.members) - step, step, ticks, len(self.members))
        return np.where(ticks == 0, np.uint64(0), runs)
