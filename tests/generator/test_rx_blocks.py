"""Blocks that are read together give the packets that they give one by one."""

from __future__ import annotations

import numpy as np
import pytest

from lab.generator.rx_ring import PORT_RING, RingSize, RxRing, read_block, read_blocks
from tests.generator.blocks import block
from tests.generator.fakes import random_bytes

USER, KERNEL = 1, 0


def blocks_of(lengths_of_each, size=1 << 14):
    return np.stack(
        [
            block(
                [
                    (random_bytes(length, row * 100 + n), row * 1000 + n, *([0x2005] * (n % 2)))
                    for n, length in enumerate(lengths)
                ],
                size=size,
            )
            for row, lengths in enumerate(lengths_of_each)
        ]
    )


def contents(packets):
    ends = packets.starts + packets.captured
    return [packets.data[start:end].tobytes() for start, end in zip(packets.starts, ends, strict=True)]


@pytest.mark.parametrize(
    "lengths_of_each",
    [
        [[60] * 20, [60] * 20],
        [[60] * 20, [60] * 3, [96] * 5],
        [[60, 96, 60], [60] * 9, [1514, 60]],
        [[], [60] * 2, [], [61]],
        [[60]],
        [[], []],
    ],
)
def test_together_they_are_what_they_are_one_by_one(lengths_of_each):
    blocks = blocks_of(lengths_of_each)
    together, single = read_blocks(blocks, 7), [read_block(one, 7) for one in blocks]
    assert contents(together) == [content for one in single for content in contents(one)]
    for name in ("captured", "lengths", "times_ns", "vlan_tags"):
        assert getattr(together, name).tolist() == [value for one in single for value in getattr(one, name).tolist()]
    assert len(together.starts) == sum(map(len, lengths_of_each))


class Ring(RxRing):
    """A ring in memory of its own: the test is the kernel."""

    def __init__(self, blocks, complete):
        self._blocks = blocks
        words = blocks.view(np.uint32)
        self._statuses, self._counts = words[:, 2], words[:, 3]
        self._statuses[:] = [USER if number in complete else KERNEL for number in range(len(blocks))]
        self._size = RingSize(len(blocks), blocks.shape[1], PORT_RING.retire_ms)
        self._next, self._drained_ns = 0, 0
        self._now_ns = self._wall_ns = lambda: 10_000

    def complete(self, number):
        self._statuses[number] = USER

    @property
    def statuses(self):
        return self._statuses.tolist()


@pytest.mark.parametrize("together", [1, 2, 3, 8, 100])
def test_every_complete_block_is_read_once_and_given_back(together):
    ring = Ring(blocks_of([[60] * (1 + row) for row in range(7)]), complete=range(5))
    parts = list(ring.drain(together))
    assert sum(len(part.starts) for part in parts) == 1 + 2 + 3 + 4 + 5
    assert len(parts) == -(-5 // together)
    assert ring.statuses == [KERNEL] * 7
    assert not list(ring.drain(together))


def test_a_block_that_is_not_complete_ends_it_though_later_ones_are():
    ring = Ring(blocks_of([[60] * (1 + row) for row in range(5)]), complete=[0, 1, 3])
    assert [len(part.starts) for part in ring.drain(8)] == [3]
    assert ring.statuses == [KERNEL, KERNEL, KERNEL, USER, KERNEL]
    ring.complete(2)
    assert [len(part.starts) for part in ring.drain(8)] == [3 + 4]


def test_the_ring_goes_on_at_its_beginning():
    ring = Ring(blocks_of([[60] * 2, [60] * 3, [60] * 4, [60] * 5]), complete=range(3))
    assert [len(part.starts) for part in ring.drain(8)] == [9]
    again = blocks_of([[60] * 2, [60] * 3])
    ring._blocks[:2] = again
    for number in (3, 0, 1):
        ring.complete(number)
    assert [len(part.starts) for part in ring.drain(8)] == [5, 2 + 3]
    assert ring.statuses == [KERNEL] * 4


def test_a_block_stays_the_readers_until_the_next_one_is_asked_for():
    ring = Ring(blocks_of([[60], [60], [60], [60]]), complete=range(4))
    parts = ring.drain(2)
    next(parts)
    assert ring.statuses == [USER] * 4
    next(parts)
    assert ring.statuses == [KERNEL, KERNEL, USER, USER]
