"""Changes of the share that explain all openers together best."""

from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.changes import Openers, share_changes
from hitless.measures.partition import best_changes
from tests.core.builders import EPOCH_NS


def openers(*parts, seed=None):
    """Parts of (number of users, share), evenly spread or, with a seed, by chance."""
    rng = np.random.default_rng(seed)
    pieces = []
    for count, share in parts:
        if seed is None:
            steps = np.floor(np.arange(1, count + 1) * share + 1e-9)
            pieces.append(np.diff(steps, prepend=0) > 0)
        else:
            pieces.append(rng.random(count) < share)
    on_new = np.concatenate(pieces)
    return Openers(EPOCH_NS + np.arange(len(on_new), dtype=np.int64) * 8_000_000, on_new)


def shares(found):
    return [round(one.share_after, 1) for one in found]


def second(change):
    """Middle of the interval of a change, in openers."""
    return (change.at.earliest_ns + change.at.latest_ns - 2 * EPOCH_NS) / 2 / 8_000_000


def test_nobody_on_the_new_version_nothing_changes():
    assert best_changes(openers((500, 0.0))) == ()
    assert best_changes(Openers(np.zeros(0, np.int64), np.zeros(0, np.bool_))) == ()


def test_steps_upwards_are_found_as_by_halving():
    opened = openers((500, 0.0), (1000, 0.1), (250, 0.33), (250, 0.66), (500, 1.0))
    found = best_changes(opened)
    assert shares(found) == [0.1, 0.3, 0.7, 1.0]
    assert [second(one) for one in found] == pytest.approx([500, 1500, 1750, 2000], abs=15)
    assert shares(share_changes(opened)) == shares(found)


def test_a_share_that_falls_and_rises_again_is_found():
    """Halving does not see it: a third, two thirds and a third again are a half on either side of any place."""
    opened = openers((500, 0.0), (250, 0.33), (250, 0.66), (250, 0.33), (500, 1.0))
    assert shares(best_changes(opened)) == [0.3, 0.7, 0.3, 1.0]


def test_a_recording_that_begins_with_the_new_version_has_no_first_change():
    found = best_changes(openers((500, 1.0), (500, 0.5)))
    assert shares(found) == [0.5]


def test_a_stretch_that_is_too_short_is_none():
    assert shares(best_changes(openers((500, 0.0), (500, 0.5), (40, 0.0), (500, 0.5)))) == [0.5]


def test_too_few_users_for_a_plateau():
    assert len(best_changes(openers((500, 0.0), (10, 1.0)))) == 1


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_no_change(seed):
    found = best_changes(openers((400, 0.0), (1200, 0.3), (500, 1.0), seed=seed))
    assert shares(found) == [0.3, 1.0]


@pytest.mark.parametrize("seed", range(20))
def test_large_steps_are_found_in_spite_of_chance(seed):
    found = best_changes(openers((400, 0.0), (300, 0.1), (300, 0.5), (300, 0.1), (500, 1.0), seed=seed))
    assert [one.share_after for one in found] == pytest.approx([0.1, 0.5, 0.1, 1.0], abs=0.12)


def test_many_users_are_looked_at_on_a_grid_and_the_place_is_exact_all_the_same():
    found = best_changes(openers((30_000, 0.0), (31_003, 0.1), (30_000, 1.0)))
    assert [second(one) for one in found][1:] == pytest.approx([61_003], abs=5)
