from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.changes import Openers, openers, share_changes
from hitless.measures.timelines import timelines
from tests.core.builders import Scene, at


def changes_of(scene):
    return share_changes(openers(timelines(scene.history())))


def drawn(seed, *parts):
    """Openers every 8 ms; parts are (count, share)."""
    chance = np.random.default_rng(seed)
    on_new = np.concatenate([chance.random(count) < share for count, share in parts])
    return Openers(np.arange(len(on_new), dtype=np.int64) * 8_000_000, on_new)


def test_the_changes_of_a_clean_upgrade_are_found_where_they_were():
    found = changes_of(Scene())
    assert len(found) == 3
    for change, (second, share) in zip(found, ((13.0, 0.1), (16.0, 0.5), (19.0, 1.0)), strict=True):
        assert change.at.earliest_ns <= at(second) + 10_000_000
        assert change.at.latest_ns >= at(second) - 10_000_000
        assert change.at.latest_ns - change.at.earliest_ns < 1_500_000_000
        assert change.share_after == pytest.approx(share, abs=0.03)


def test_before_any_new_session_on_the_new_version_there_is_no_change():
    assert changes_of(Scene(shares=())) == ()


def test_everything_new_from_the_first_packet_on_is_no_change():
    assert changes_of(Scene(shares=((-1.0, 1.0),))) == ()


def test_one_switch_is_one_change():
    found = changes_of(Scene(shares=((14.0, 1.0),)))
    assert len(found) == 1
    assert (found[0].share_before, found[0].share_after) == (0.0, 1.0)
    assert found[0].at.latest_ns - found[0].at.earliest_ns <= 300_000_000  # openers come in bursts of 32, every 256 ms


def test_going_back_is_a_change_too():
    found = changes_of(Scene(shares=((13.0, 0.5), (18.0, 0.0))))
    assert [(round(change.share_before, 1), round(change.share_after, 1)) for change in found] == [
        (0.0, 0.5),
        (0.5, 0.0),
    ]


def test_a_single_session_on_the_new_version_shows_a_change():
    opened = drawn(0, (500, 0.0), (500, 0.0))
    opened.on_new[700] = True
    found = share_changes(opened)
    assert len(found) == 1
    assert found[0].at.latest_ns == opened.sent_ns[700]


@pytest.mark.parametrize("seed", range(40))
def test_chance_is_no_change(seed):
    assert len(share_changes(drawn(seed, (500, 0.0), (2000, 0.3)))) == 1


@pytest.mark.parametrize("seed", range(40))
def test_the_interval_of_a_change_has_the_truth_in_it(seed):
    found = share_changes(drawn(seed, (600, 0.0), (700, 0.1), (700, 0.5), (300, 1.0)))
    assert len(found) == 3
    for change, first in zip(found, (600, 1300, 2000), strict=True):
        # 3 nats leave about one change in fifty out; then it is near.
        margin = 8_000_000 * 40
        assert change.at.earliest_ns - margin <= first * 8_000_000 <= change.at.latest_ns + margin


def test_no_openers_no_changes():
    assert share_changes(Openers(np.zeros(0, np.int64), np.zeros(0, np.bool_))) == ()
