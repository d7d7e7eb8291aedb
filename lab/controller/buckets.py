"""Which unit gets which bucket: pure computation.

Users fall into 256 buckets by the low eight bits of their address. Groups of units (versions, in an upgrade) get shares
of the buckets; within a group the units share evenly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

BUCKETS: Final = 256
_BITS: Final = 8
_SUM_TOLERANCE: Final = 1e-6


class SplitError(ValueError):
    """A split that cannot be carried out; the message says why."""


@dataclass(frozen=True)
class Group:
    """Units and the share of new users that they get together.

    Attributes:
        units: Names of the units, in the order in which buckets are dealt to them.
        share: Part of all users, 0 to 1.
        version: Software version of the units; empty: nobody said.
    """

    units: tuple[str, ...]
    share: float
    version: str = ""

    def __post_init__(self) -> None:
        """Check what concerns this group alone.

        Raises:
            SplitError: the share is not in 0 to 1, or somebody has to serve it and nobody is there.
        """
        if not (math.isfinite(self.share) and 0 <= self.share <= 1):
            raise SplitError(f"share of {list(self.units)} - Expected: 0 to 1 - Actual: {self.share}")
        if self.share > 0 and not self.units:
            raise SplitError(f"share {self.share} - has no units")


class BucketHash(Protocol):
    """How shares become buckets."""

    def assign(self, groups: Sequence[Group]) -> tuple[str, ...]:
        """The unit of each of the 256 buckets."""


@dataclass(frozen=True)
class BitReversedHash:
    """A fixed order spreads each group over all user addresses and keeps buckets where they are while a share grows.

    The order counts with its bits reversed (0, 128, 64, 192, 32, ...), so that its first K buckets lie as evenly among
    all addresses as K can. The second group gets the first ones of the order, the third the next ones, and so on; what
    is left belongs to the first group.
    """

    def assign(self, groups: Sequence[Group]) -> tuple[str, ...]:
        """The unit of each of the 256 buckets.

        Raises:
            SplitError: the shares do not add up to 1 or a unit is named twice.
        """
        _check(groups)
        units = [""] * BUCKETS
        for group, buckets in zip(groups, _divide(groups), strict=True):
            for bucket, unit in deal(buckets, group.units):
                units[bucket] = unit
        return tuple(units)


def bit_reversed_order() -> tuple[int, ...]:
    """All bucket numbers, counted with their eight bits reversed."""
    return tuple(int(f"{position:0{_BITS}b}"[::-1], 2) for position in range(BUCKETS))


def bucket_counts(shares: Sequence[float]) -> tuple[int, ...]:
    """Number of buckets of each share, together 256: rounded to the nearest, the first one takes what is left."""
    others: list[int] = []
    left = BUCKETS
    for share in shares[1:]:
        count = min(math.floor(share * BUCKETS + 0.5), left)
        others.append(count)
        left -= count
    return (left, *others)


def deal(buckets: Iterable[int], units: Sequence[str]) -> list[tuple[int, str]]:
    """Deal buckets to units one by one in numeric order, as cards are dealt: counts differ by one at most."""
    return [(bucket, units[position % len(units)]) for position, bucket in enumerate(sorted(buckets))]


def _divide(groups: Sequence[Group]) -> list[tuple[int, ...]]:
    first, *others = bucket_counts([group.share for group in groups])
    order = iter(bit_reversed_order())
    divided = [tuple(islice(order, count)) for count in others]
    rest = tuple(order)
    if first != len(rest):
        raise AssertionError(f"{first} buckets expected to be left, {len(rest)} are")
    return [rest, *divided]


def _check(groups: Sequence[Group]) -> None:
    if not groups:
        raise SplitError("split - Expected: one group at least - Actual: none")
    total = math.fsum(group.share for group in groups)
    if abs(total - 1) > _SUM_TOLERANCE:
        raise SplitError(f"split - sum of shares - Expected: 1 - Actual: {total:g}")
    names = [unit for group in groups for unit in group.units]
    if len(set(names)) != len(names):
        raise SplitError(f"split - a unit is named twice: {sorted(names)}")
