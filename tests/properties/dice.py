"""Choices out of drawn bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Dice:
    """Small choices out of drawn bytes: one draw makes a whole stream, which is many times faster than one each."""

    def __init__(self, rolled: bytes) -> None:
        self._rolled = rolled
        self._next = 0

    def below(self, end: int) -> int:
        """Return a number from 0 up to, not including, ``end``; bytes of 0 make it 0."""
        value = int.from_bytes(self._rolled[self._next : self._next + 2], "big")
        self._next += 2
        return value % end

    def between(self, first: int, last: int) -> int:
        """Return a number, both ends included."""
        return first + self.below(last - first + 1)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]


def dice(rolls: int) -> st.SearchStrategy[Dice]:
    """Dice that can be rolled so many times; after that they always show the first side."""
    return st.binary(min_size=2 * rolls, max_size=2 * rolls).map(Dice)
