"""Buckets from shares: pure computation."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

import pytest

import lab.vnf.package
from lab.controller.buckets import (
    BUCKETS,
    BitReversedHash,
    Group,
    SplitError,
    bit_reversed_order,
    bucket_counts,
    deal,
)

OLD, NEW = ("old-1", "old-2", "old-3", "old-4"), ("new-1", "new-2", "new-3")


def assign(new_share: float, *, old: tuple[str, ...] = OLD, new: tuple[str, ...] = NEW) -> tuple[str, ...]:
    return BitReversedHash().assign([Group(old, 1 - new_share), Group(new, new_share)])


def buckets_of(assigned: tuple[str, ...], units: tuple[str, ...]) -> set[int]:
    return {bucket for bucket, unit in enumerate(assigned) if unit in units}


def test_order_is_a_permutation_that_begins_in_halves_and_quarters() -> None:
    order = bit_reversed_order()
    assert sorted(order) == list(range(BUCKETS))
    assert order[:8] == (0, 128, 64, 192, 32, 160, 96, 224)


@pytest.mark.parametrize("count", [1, 2, 3, 13, 26, 64, 77, 128, 200, 255])
def test_first_buckets_of_the_order_are_spread_evenly(count: int) -> None:
    """In every aligned block of 64 addresses, as one generation of short sessions uses, lies a fair part of them."""
    chosen = bit_reversed_order()[:count]
    per_block = Counter(bucket // 64 for bucket in chosen)
    assert all(math.floor(count / 4) <= per_block[block] <= math.ceil(count / 4) for block in range(4))


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((1.0,), (256,)),
        ((1.0, 0.0), (256, 0)),
        ((0.0, 1.0), (0, 256)),
        ((0.9, 0.1), (230, 26)),
        ((0.5, 0.5), (128, 128)),
        ((0.999, 0.001), (256, 0)),
        ((0.998, 0.002), (255, 1)),
        ((0.5, 0.25, 0.25), (128, 64, 64)),
        ((0.0, 0.5, 0.5), (0, 128, 128)),
    ],
)
def test_bucket_counts(shares: tuple[float, ...], expected: tuple[int, ...]) -> None:
    assert bucket_counts(shares) == expected


def test_rounding_never_gives_away_more_than_there_is() -> None:
    shares = [0.0, *[1 / 7] * 7]
    counts = bucket_counts(shares)
    assert sum(counts) == BUCKETS
    assert min(counts) >= 0
    assert all(abs(count - share * BUCKETS) <= 4 for count, share in zip(counts, shares, strict=True))


@pytest.mark.parametrize("percent", range(0, 101, 5))
def test_share_is_met_within_half_a_bucket(percent: int) -> None:
    assigned = assign(percent / 100)
    assert len(assigned) == BUCKETS
    assert abs(len(buckets_of(assigned, NEW)) - percent / 100 * BUCKETS) <= 0.5
    assert set(assigned) <= {*OLD, *NEW}


def test_a_growing_share_keeps_the_buckets_it_has() -> None:
    grown: set[int] = set()
    for percent in range(101):
        now = buckets_of(assign(percent / 100), NEW)
        assert grown <= now
        grown = now
    assert grown == set(range(BUCKETS))


def test_a_shrinking_share_only_gives_back() -> None:
    assert buckets_of(assign(0.3), NEW) < buckets_of(assign(0.6), NEW)


@pytest.mark.parametrize("percent", range(0, 101, 10))
def test_units_of_a_group_share_evenly(percent: int) -> None:
    counts = Counter(assign(percent / 100))
    for units in (OLD, NEW):
        dealt = [counts[unit] for unit in units]
        assert max(dealt) - min(dealt) <= 1


def test_dealing_goes_round_in_numeric_order() -> None:
    assert deal([9, 3, 200, 4], ["a", "b"]) == [(3, "a"), (4, "b"), (9, "a"), (200, "b")]
    assert deal([], ["a"]) == []


def test_units_share_each_block_of_neighbouring_addresses() -> None:
    """Users whose sessions are open at the same time have neighbouring addresses: no unit may get all of them."""
    assigned = assign(0.0)
    for block in range(0, BUCKETS, 64):
        assert Counter(assigned[block : block + 64]) == dict.fromkeys(OLD, 16)


def test_the_same_split_gives_the_same_buckets() -> None:
    assert assign(0.37) == assign(0.37)


def test_three_groups_take_consecutive_parts_of_the_order() -> None:
    assigned = BitReversedHash().assign([Group(("a",), 0.25), Group(("b",), 0.5), Group(("c",), 0.25)])
    order = bit_reversed_order()
    assert [assigned[bucket] for bucket in order] == ["b"] * 128 + ["c"] * 64 + ["a"] * 64


def test_a_group_without_share_needs_no_units() -> None:
    assert set(BitReversedHash().assign([Group(("a",), 1.0), Group((), 0.0)])) == {"a"}


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ([], "one group at least"),
        ([("a", 0.5)], "sum of shares - Expected: 1 - Actual: 0.5"),
        ([("a", 0.5), ("b", 0.6)], "Actual: 1.1"),
        ([("a", 0.5), ("a", 0.5)], "named twice"),
    ],
)
def test_senseless_splits_are_refused(groups: list[tuple[str, float]], reason: str) -> None:
    with pytest.raises(SplitError, match=reason):
        BitReversedHash().assign([Group((unit,), share) for unit, share in groups])


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan, math.inf])
def test_senseless_shares_are_refused(share: float) -> None:
    with pytest.raises(SplitError, match="Expected: 0 to 1"):
        Group(("a",), share)


def test_a_share_without_units_is_refused() -> None:
    with pytest.raises(SplitError, match="has no units"):
        Group((), 0.5)


@pytest.mark.parametrize("share", [0.1, 0.33, 0.66])
def test_a_fault_of_one_user_in_four_always_hits_some_of_a_small_share_and_spares_others(share: float) -> None:
    """Users with neighbouring addresses come together: in each 32 of them there is one of either kind."""
    ruleset = Path(lab.vnf.package.__file__).parent / "packages" / "2.0-faulty" / "gateway.nft"
    (mask,) = set(re.findall(r"addr & 0\.0\.0\.(\d+) == 0\.0\.0\.0", ruleset.read_text()))
    new = buckets_of(assign(share), NEW)
    hit = {bucket for bucket in range(BUCKETS) if bucket & int(mask) == 0}
    assert len(hit) == BUCKETS // 4
    for first in range(0, BUCKETS, 32):
        block = new & set(range(first, first + 32))
        assert block & hit
        assert block - hit
