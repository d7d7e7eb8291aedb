from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.changes import openers, share_changes
from hitless.measures.interruptions import dropped_sessions
from hitless.measures.timelines import timelines
from tests.core.builders import Loss, Scene


def dropped_in(scene, timeout_s=5.0):
    streams = timelines(scene.history())
    return dropped_sessions(streams, share_changes(openers(streams)), timeout_s)


def drop(sessions, from_s, until_s=99.0):
    """Let a share change send these long-lived sessions to a unit that does not know them."""

    def edit(packets):
        if packets.group.name == "long-sessions":
            mine = np.isin(packets.session, sessions)
            packets.received[mine & (packets.sent_s >= from_s) & (packets.sent_s < until_s)] = False

    return edit


def test_a_clean_upgrade_drops_nobody():
    assert len(dropped_in(Scene()).session) == 0


@pytest.mark.parametrize("from_s", [12.9, 13.0, 13.1])
def test_sessions_that_are_not_served_after_a_change_are_dropped(from_s):
    sessions = list(range(100, 116))
    found = dropped_in(Scene(edit=drop(sessions, from_s)))
    assert np.unique(found.session & 0xFFFF).tolist() == sessions
    assert np.unique(found.user & 0xFFFF).tolist() == sessions
    assert len(np.unique(found.session)) == 16


def test_one_dropped_session_is_seen():
    assert len(np.unique(dropped_in(Scene(edit=drop([4095], 13.05))).session)) == 1


def test_a_session_that_is_served_again_after_the_next_change_was_dropped_all_the_same():
    found = dropped_in(Scene(shares=((12.0, 0.1), (19.0, 0.5)), edit=drop([5], 12.0, 19.0)))
    assert len(np.unique(found.session)) == 1


def test_two_lost_packets_in_a_row_are_not_enough():
    # Packets of a session come every 2.05 s.
    assert len(dropped_in(Scene(edit=drop([5, 6, 7], 13.0, 16.9))).session) == 0


def test_losing_service_away_from_any_share_change_is_no_matter_of_affinity():
    scene = Scene(shares=((19.0, 1.0),), edit=drop([5, 6, 7], 9.0, 17.5))
    assert len(dropped_in(scene).session) == 0


def test_random_loss_of_everything_is_no_drop():
    for ratio in (0.01, 0.1, 0.23, 0.4):
        chance = np.random.default_rng(int(ratio * 100))

        def edit(packets, chance=chance, ratio=ratio):
            packets.received &= chance.random(len(packets.number)) >= ratio

        assert len(dropped_in(Scene(edit=edit)).session) == 0


def test_an_overloaded_new_instance_drops_no_session():
    chance = np.random.default_rng(9)

    def edit(packets):
        new = packets.instance >= 2
        packets.received &= ~new | (chance.random(len(packets.number)) >= 0.4)

    assert len(dropped_in(Scene(edit=edit)).session) == 0


def test_an_outage_for_everybody_is_no_drop():
    assert len(dropped_in(Scene(losses=(Loss(13.2, 27.0, 1.0),))).session) == 0
    assert len(dropped_in(Scene(losses=(Loss(13.2, 21.0, 0.8),))).session) == 0


def test_an_outage_that_hides_the_share_change_and_ends_is_no_drop():
    assert len(dropped_in(Scene(losses=(Loss(12.8, 19.5, 1.0),))).session) == 0
    assert len(dropped_in(Scene(losses=(Loss(13.2, 20.0, 1.0),))).session) == 0


def test_drops_are_found_among_random_loss():
    chance = np.random.default_rng(4)
    cut = drop(list(range(50)), 13.0)

    def edit(packets):
        cut(packets)
        packets.received &= chance.random(len(packets.number)) >= 0.001

    found = dropped_in(Scene(edit=edit, long_until_s=26.0))
    assert set(np.unique(found.session & 0xFFFF).tolist()) == set(range(50))


def test_sessions_that_are_heard_of_too_seldom_may_be_dropped():
    assert len(dropped_in(Scene(edit=drop([5], 13.0)), timeout_s=2.0).session) == 0


def test_without_new_sessions_nothing_can_be_said():
    streams = timelines(Scene(edit=drop([5], 13.0)).history())
    changes = share_changes(openers(streams))
    long_only = tuple(stream for stream in streams if stream.group.name == "long-sessions")
    assert len(dropped_sessions(long_only, changes, 5.0).session) == 0
    assert len(dropped_sessions((), (), 5.0).session) == 0
