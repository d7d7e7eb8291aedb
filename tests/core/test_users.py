from __future__ import annotations

import numpy as np
import pytest

from hitless.history import Interval
from hitless.measures.changes import ShareChange
from hitless.measures.timelines import timelines
from hitless.measures.users import (
    Stretches,
    back_switches,
    countable_users,
    mixed_users,
    parallel_users,
    served_stretches,
)
from tests.core.builders import at
from tests.core.scenes import PairScene


def stretches(*rows):
    """Rows of user, session, version, first, last."""
    ordered = sorted(rows, key=lambda row: (row[0], row[3]))
    columns = [np.asarray(column, np.int64) for column in zip(*ordered, strict=True)] or [np.zeros(0, np.int64)] * 5
    return Stretches(columns[0], columns[1], columns[2].astype(np.int16), columns[3], columns[4])


def naive_mixed(made):
    """Every pair of stretches, one by one."""
    users = set()
    for i in range(len(made)):
        for j in range(len(made)):
            same = made.user[i] == made.user[j] and made.version[i] != made.version[j]
            if same and made.first_ns[i] <= made.first_ns[j] < made.last_ns[i]:
                users.add(int(made.user[i]))
    return users


def naive_back(made):
    users = set()
    for i in range(len(made)):
        for j in range(len(made)):
            same = made.user[i] == made.user[j] and made.version[i] == 1 and made.version[j] == 0
            if same and made.first_ns[i] < made.first_ns[j]:
                users.add(int(made.user[i]))
    return users


@pytest.mark.parametrize(
    ("rows", "mixed", "back"),
    [
        ([(1, 1, 0, 10, 20), (1, 2, 1, 15, 25)], {1}, set()),
        ([(1, 1, 1, 10, 20), (1, 2, 0, 15, 25)], {1}, {1}),
        ([(1, 1, 0, 10, 20), (1, 2, 1, 20, 25)], set(), set()),
        ([(1, 1, 0, 10, 20), (1, 2, 1, 21, 25), (1, 3, 0, 30, 40)], set(), {1}),
        ([(1, 1, 0, 10, 20), (2, 2, 1, 15, 25)], set(), set()),
        ([(1, 1, 0, 10, 90), (1, 2, 0, 20, 30), (1, 3, 1, 80, 99)], {1}, set()),
        ([(1, 1, 0, 10, 20), (1, 2, 1, 15, 15)], {1}, set()),
        ([(1, 1, 1, 10, 20), (2, 2, 0, 30, 40), (2, 3, 0, 35, 50)], set(), set()),
        ([], set(), set()),
    ],
)
def test_mixed_users_and_those_who_go_back(rows, mixed, back):
    made = stretches(*rows)
    assert set(mixed_users(made).user.tolist()) == mixed == naive_mixed(made)
    assert set(back_switches(made).user.tolist()) == back == naive_back(made)


@pytest.mark.parametrize("seed", range(20))
def test_both_agree_with_looking_at_every_pair(seed):
    chance = np.random.default_rng(seed)
    begin = chance.permutation(4000)[:300] + 1  # no two begin at the same instant
    rows = zip(
        chance.integers(0, 80, 300),
        range(300),
        chance.integers(0, 2, 300),
        begin,
        begin + chance.integers(0, 150, 300),
        strict=True,
    )
    made = stretches(*rows)
    assert set(mixed_users(made).user.tolist()) == naive_mixed(made)
    assert set(back_switches(made).user.tolist()) == naive_back(made)


def test_events_say_when_and_who():
    mixed = mixed_users(stretches((7, 1, 0, 10, 20), (7, 2, 1, 15, 25)))
    assert (mixed.user.tolist(), mixed.session.tolist(), mixed.version.tolist()) == ([7], [2], [1])
    assert mixed.at_ns.tolist() == [15]
    assert mixed.users(15).tolist() == [7]
    assert mixed.users(16).tolist() == []
    assert mixed.users(0, 15).tolist() == []


def test_times_far_from_zero_do_not_overflow():
    late = 2**60
    made = stretches(*((user, user, 0, late, late + 10) for user in range(1000)), (999, 5000, 1, late + 5, late + 6))
    assert mixed_users(made).user.tolist() == [999]


@pytest.mark.parametrize(
    ("rows", "counted"),
    [
        ([(1, 1, 0, 10, 20), (1, 2, 0, 30, 40)], [1]),
        ([(1, 1, 0, 10, 40)], []),
        ([(1, 1, 0, 10, 40), (1, 2, 0, 12, 14)], [1]),
        ([(1, 1, 0, 10, 20), (1, 2, 0, 21, 24)], []),
        ([(1, 1, 0, 10, 27), (1, 2, 0, 21, 27)], []),
        ([(1, 1, 0, 26, 30), (1, 2, 0, 27, 40)], []),
        ([(1, 1, 0, 10, 40), (1, 1, 1, 41, 50)], []),
        ([], []),
    ],
)
def test_a_user_counts_who_has_two_sessions_and_was_seen_before_and_after_a_change(rows, counted):
    change = ShareChange(Interval(26, 28), 0.0, 0.1)
    assert countable_users(stretches(*rows), [change]).tolist() == counted


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([(1, 1, 0, 10, 20), (1, 2, 0, 19, 30)], [1]),
        ([(1, 1, 0, 10, 20), (1, 2, 0, 20, 30)], []),
        ([(1, 1, 0, 10, 20), (2, 2, 0, 12, 30)], []),
        ([(1, 1, 0, 10, 90), (1, 2, 0, 20, 30), (1, 3, 1, 40, 50), (2, 4, 0, 1, 2)], [1]),
        ([], []),
    ],
)
def test_users_with_two_sessions_at_one_instant(rows, found):
    assert parallel_users(stretches(*rows)).tolist() == found


def test_without_a_change_nobody_counts():
    assert countable_users(stretches((1, 1, 0, 10, 20), (1, 2, 0, 30, 40)), []).tolist() == []


def test_stretches_of_a_clean_upgrade_are_its_sessions():
    streams = timelines(PairScene().history())
    made = served_stretches(streams, 5.0)
    assert len(made) == sum(len(np.unique(stream.sessions)) for stream in streams)
    assert np.array_equal(np.sort(made.session), np.unique(made.session))


def test_a_session_that_changes_its_version_has_two_stretches():
    def edit(packets):
        if packets.group.name == "long-sessions":
            packets.version[(packets.session == 17) & (packets.sent_s >= 15.0)] = 1

    made = served_stretches(timelines(PairScene(edit=edit).history()), 5.0)
    mine = made.where(made.session == (20 << 40) + 17)
    assert mine.version.tolist() == [0, 1]
    assert mine.last_ns[0] < at(15.0) <= mine.first_ns[1]


def test_a_session_that_was_idle_for_longer_than_the_timeout_begins_anew():
    streams = timelines(PairScene().history())
    short = served_stretches(streams, 1.0)  # long-lived sessions have a packet every 2 s
    long = served_stretches(streams, 5.0)
    assert len(short) > len(long)
    assert len(served_stretches([], 5.0)) == 0
