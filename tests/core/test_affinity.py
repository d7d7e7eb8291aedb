from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from hitless.history import Interval
from hitless.measures.affinity import countable_sessions, session_moves
from hitless.measures.changes import ShareChange
from hitless.measures.timelines import timelines
from tests.core.builders import Loss, Scene, at, unmark

CHANGES = (
    ShareChange(Interval(at(13.0), at(13.1)), 0.0, 0.1),
    ShareChange(Interval(at(19.0), at(19.0)), 0.1, 1.0),
)


def per_session(streams):
    """Marked packets of each session, in the order of sending."""
    sessions = {}
    for stream in streams:
        names, users = stream.sessions, stream.users
        for number in np.flatnonzero(stream.version >= 0).tolist():
            mark = (int(stream.version[number]), int(stream.instance[number]))
            key = (int(names[number]), int(users[number]), stream.layout.session_step)
            sessions.setdefault(key, []).append((number, int(stream.sent_ns[number]), mark))
    return sessions


def scramble(seed):
    chance = np.random.default_rng(seed)

    def edit(packets):
        rows = chance.choice(len(packets.number), 60)
        packets.version[rows] = chance.integers(-2, 2, 60)
        packets.instance[chance.choice(len(packets.number), 60)] = chance.integers(-1, 4, 60)

    return edit


@pytest.mark.parametrize("seed", range(6))
def test_moves_are_those_of_a_walk_through_each_session(seed):
    chance = random.Random(seed)
    losses = tuple(Loss(start, start + 1.0, 0.4) for start in (chance.uniform(0, 25) for _ in range(3)))
    timeout_s = chance.choice([5.0, 1.0, 0.02])
    streams = timelines(Scene(losses=losses, edit=scramble(seed)).history())
    expected = set()
    for (session, _, step), packets in per_session(streams).items():
        for (first, before, old), (second, after, new) in itertools.pairwise(packets):
            moved = old[0] != new[0] or (old[1] >= 0 and new[1] >= 0 and old[1] != new[1])
            if moved and (after - before) / ((second - first) // step) <= timeout_s * 1e9:
                expected.add((session, before, after, *old, *new))
    moves = session_moves(streams, timeout_s)
    columns = (
        moves.session, moves.before_ns, moves.after_ns,
        moves.old_version, moves.old_instance, moves.new_version, moves.new_instance,
    )  # fmt: skip
    assert {tuple(map(int, row)) for row in zip(*columns, strict=True)} == expected
    assert len(moves) == len(expected)
    assert timeout_s == 0.02 or len(expected) > 0


@pytest.mark.parametrize("seed", range(6))
def test_countable_sessions_are_those_of_a_walk_through_each_session(seed):
    losses = (Loss(12.0, 14.0, 0.7), Loss(18.0, 21.0, 0.9))
    streams = timelines(Scene(losses=losses, edit=scramble(seed)).history())
    expected, users, by_change = set(), set(), [0, 0]
    for (session, user, _), packets in per_session(streams).items():
        for number, change in enumerate(CHANGES):
            if packets[0][1] < change.at.earliest_ns and packets[-1][1] > change.at.latest_ns:
                by_change[number] += 1
                expected.add(session)
                users.add(user)
    found = countable_sessions(streams, CHANGES)
    assert set(found.sessions.tolist()) == expected
    assert len(found.sessions) == len(expected)
    assert set(found.users.tolist()) == users
    assert list(found.by_change) == by_change


def test_a_clean_upgrade_moves_nobody():
    assert len(session_moves(timelines(Scene().history()), 5.0)) == 0


def test_a_session_that_was_idle_for_longer_than_the_timeout_may_move():
    def edit(packets):
        if packets.group.name == "long-sessions":
            packets.version[(packets.session == 7) & (packets.sent_s > 15)] = 1

    streams = timelines(Scene(edit=edit).history())
    assert len(session_moves(streams, 2.0)) == 0
    assert len(session_moves(streams, 2.048)) == 1
    assert len(session_moves(streams, 5.0)) == 1


def test_packets_lost_in_between_do_not_make_a_session_idle():
    def edit(packets):
        if packets.group.name == "long-sessions":
            mine = packets.session == 7
            packets.received[mine & (packets.sent_s > 8) & (packets.sent_s < 16)] = False
            packets.version[mine & (packets.sent_s > 15)] = 1

    moves = session_moves(timelines(Scene(edit=edit).history()), 5.0)
    assert len(moves) == 1
    assert int(moves.after_ns[0] - moves.before_ns[0]) > 8e9


def test_unmarked_packets_say_nothing():
    def edit(packets):
        unmark(packets, np.flatnonzero(packets.sent_s < 14))

    streams = timelines(Scene(edit=edit).history())
    assert len(session_moves(streams, 5.0)) == 0
    assert countable_sessions(streams, CHANGES[:1]).sessions.size == 0


def test_without_changes_nothing_is_countable():
    found = countable_sessions(timelines(Scene().history()), ())
    assert (len(found.sessions), len(found.users), found.by_change) == (0, 0, ())


def test_without_streams_nothing_moves():
    assert len(session_moves((), 5.0)) == 0
    assert len(countable_sessions((), CHANGES).sessions) == 0
