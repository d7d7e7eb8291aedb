from __future__ import annotations

import numpy as np
import pytest

from hitless.procedures.share import ShareWatch

SECOND = 1_000_000_000
SOURCE, TARGET = 0, 1


def sessions(start_s, count, version, per_s=100):
    opened = (start_s * SECOND + np.arange(count) * SECOND // per_s).astype(np.int64)
    return opened, np.full(count, version, np.int16)


@pytest.fixture
def watch():
    return ShareWatch(TARGET, hold_ns=3 * SECOND, minimum_sessions=100)


def test_without_sessions_nothing_is_known(watch):
    assert watch.target_share is None
    assert not watch.complete


def test_all_on_source_is_not_complete(watch):
    watch.add(*sessions(0, 1000, SOURCE))
    assert watch.target_share == 0.0
    assert not watch.complete


def test_complete_only_after_the_whole_hold_time_on_target(watch):
    watch.add(*sessions(0, 500, SOURCE))
    watch.add(*sessions(5, 299, TARGET))
    assert not watch.complete
    watch.add(*sessions(8, 2, TARGET))
    assert watch.complete
    assert watch.target_share == 1.0


def test_one_session_on_source_within_the_hold_time_spoils_it(watch):
    watch.add(*sessions(0, 1000, TARGET))
    assert watch.complete
    watch.add(np.array([10 * SECOND], np.int64), np.array([SOURCE], np.int16))
    assert not watch.complete


def test_an_unmarked_session_is_not_a_target_session(watch):
    watch.add(*sessions(0, 1000, TARGET))
    watch.add(np.array([10 * SECOND], np.int64), np.array([-1], np.int16))
    assert not watch.complete


def test_too_few_sessions_say_nothing(watch):
    watch.add(*sessions(0, 40, TARGET, per_s=10))
    assert watch.target_share == 1.0
    assert not watch.complete


def test_a_watch_shorter_than_the_hold_time_says_nothing(watch):
    watch.add(*sessions(0, 250, TARGET))
    assert not watch.complete


def test_an_empty_addition_changes_nothing(watch):
    watch.add(np.empty(0, np.int64), np.empty(0, np.int16))
    assert watch.target_share is None


def test_sessions_may_arrive_in_any_order_within_an_addition(watch):
    opened, version = sessions(0, 1000, TARGET)
    order = np.random.default_rng(1).permutation(1000)
    watch.add(opened[order], version[order])
    assert watch.complete
