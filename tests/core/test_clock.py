from __future__ import annotations

import random

import numpy as np
import pytest

from hitless.recording.clock import clock_map


def readings(truth, seconds, chance, longest_ms=3.0):
    """Ask a foreign clock: ``truth`` gives its reading at an instant of ours."""
    asked, foreign, answered = [], [], []
    for second in seconds:
        start = round(second * 1e9)
        there, back = (chance.uniform(0.0, longest_ms) * 1e6 for _ in range(2))
        asked.append(start)
        foreign.append(truth(start + there))
        answered.append(round(start + there + back))
    return asked, np.rint(np.asarray(foreign)).astype(np.int64), answered


@pytest.mark.parametrize("drift", [0.0, 50e-6, -200e-6])
@pytest.mark.parametrize("seed", range(5))
def test_the_error_stays_below_its_bound(drift, seed):
    chance = random.Random(seed)

    def truth(ours_ns):
        return ours_ns * (1 + drift) - 77_000_000_000

    mapped = clock_map(*readings(truth, np.arange(100.0, 160.0, 0.25), chance))
    ours = np.asarray([chance.uniform(100.5e9, 159.5e9) for _ in range(2000)])
    foreign = np.rint(truth(ours)).astype(np.int64)
    error = np.abs(mapped.to_tester_ns(foreign) - ours)
    assert error.max() <= mapped.error_ns
    assert mapped.error_ns < 4_000_000


def test_one_reading_is_enough_and_its_error_is_half_the_round_trip():
    mapped = clock_map([1_000], np.asarray([50_000]), [2_001])
    assert mapped.to_tester_ns(np.asarray([50_000, 50_010])).tolist() == [1_500, 1_510]
    assert mapped.error_ns == 501


def test_outside_the_readings_the_nearest_offset_holds():
    mapped = clock_map([0, 10_000_000_000], np.asarray([100, 10_000_000_300]), [0, 10_000_000_000])
    assert mapped.to_tester_ns(np.asarray([50, 20_000_000_300])).tolist() == [-50, 20_000_000_000]


def test_the_best_round_trip_of_a_stretch_is_used():
    mapped = clock_map([0, 2000, 3000], np.asarray([1_000_900, 1_002_005, 1_004_000]), [1000, 2010, 4500])
    assert mapped.to_tester_ns(np.asarray([1_000_105])).tolist() == [105]
    assert mapped.error_ns == 5


def test_readings_that_contradict_each_other_widen_the_bound():
    agreeing = clock_map([0, 1000], np.asarray([5000, 6000]), [10, 1010])
    jumped = clock_map([0, 1000], np.asarray([5000, 46000]), [10, 1010])
    assert agreeing.error_ns == 5
    assert jumped.error_ns > 30_000


def test_large_readings_lose_no_precision():
    start = 2**61
    mapped = clock_map([7], np.asarray([start]), [7])
    assert mapped.to_tester_ns(np.asarray([start + 1, start + 2])).tolist() == [8, 9]


@pytest.mark.parametrize(
    ("asked", "foreign", "answered", "told"),
    [
        ([], [], [], "no reading"),
        ([10], [5], [9], "earlier than its question"),
    ],
)
def test_readings_that_cannot_be_are_refused(asked, foreign, answered, told):
    with pytest.raises(ValueError, match=told):
        clock_map(asked, np.asarray(foreign, np.int64), answered)


@pytest.mark.parametrize("jump_s", [0.3, 1.0, 7.0, 200.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_jump_back_is_within_the_bound(jump_s, seed):
    chance = random.Random(seed)
    at_ns = round(chance.uniform(110, 150) * 1e9)

    def truth(ours_ns):
        return ours_ns - 77e9 - (jump_s * 1e9 if ours_ns >= at_ns else 0.0)

    mapped = clock_map(*readings(truth, np.arange(100.0, 160.0, 0.25), chance))
    ours = np.asarray([chance.uniform(100.5e9, 159.5e9) for _ in range(2000)])
    error = np.abs(mapped.to_tester_ns(np.rint([truth(one) for one in ours]).astype(np.int64)) - ours)
    assert error.max() <= mapped.error_ns
    assert mapped.error_ns > jump_s * 1e9


def test_several_jumps_back_are_within_the_bound():
    chance = random.Random(3)
    jumps = ((110e9, 3e9), (112e9, 4e9), (140e9, 2e9))

    def truth(ours_ns):
        return ours_ns - sum(by for when, by in jumps if ours_ns >= when)

    mapped = clock_map(*readings(truth, np.arange(100.0, 160.0, 0.25), chance))
    ours = np.asarray([chance.uniform(100.5e9, 159.5e9) for _ in range(2000)])
    error = np.abs(mapped.to_tester_ns(np.rint([truth(one) for one in ours]).astype(np.int64)) - ours)
    assert error.max() <= mapped.error_ns


def test_a_reading_that_is_a_trifle_less_than_the_one_before_hardly_matters():
    mapped = clock_map([0, 100, 200], np.asarray([1000, 998, 1200]), [10, 110, 210])
    assert mapped.error_ns < 1000
