from __future__ import annotations

import numpy as np
import pytest

from lab.generator import lcg
from tests.generator.machine import Random


@pytest.mark.parametrize("seed", [0, 1, 7, 0xFFFFFFFF, 514229])
@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_numbers_are_those_of_a_generator_that_steps(seed, size):
    random = Random(seed)
    expected = [random.number(size) for _ in range(300)]
    places = np.arange(300, dtype=np.uint64) * np.uint64(lcg.DRAWS_OF_SIZE[size])
    assert lcg.numbers(seed, places, size).tolist() == expected


def test_far_places_are_reached_at_once():
    random = Random(3)
    for _ in range(200_000):
        random.draw()
    assert lcg.states(3, np.array([200_000], dtype=np.uint64)).tolist() == [random.state]


def test_the_period_is_two_to_the_thirty_second():
    steps = np.array([5, 5 + (1 << 32), 5 + (7 << 32)], dtype=np.uint64)
    assert len(set(lcg.states(9, steps).tolist())) == 1
    assert lcg.states(9, np.array([0], dtype=np.uint64)).tolist() == [9]
