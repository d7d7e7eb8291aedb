"""Instances that stop for good: which sessions were active on them."""

from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.timelines import timelines
from hitless.measures.withdrawals import withdrawals
from hitless.sessions import of_group
from tests.core.builders import EPOCH_NS, at
from tests.core.management import StepScene


def stopped(scene, *, version=0, since_s=10.0, timeout_s=5.0):
    return withdrawals(timelines(scene.history()), timeout_s, version=version, since_ns=at(since_s))


def die(instance, from_s, *, keep=None, take_over=None):
    """An instance stops; its sessions are lost, or go to another one. ``keep``: sessions that it goes on serving."""

    def edit(packets):
        rows = (packets.instance == instance) & (packets.sent_s >= from_s)
        if keep is not None:
            rows &= ~np.isin(packets.session, keep)
        if take_over is None:
            packets.received[rows] = False
        else:
            packets.instance[rows] = take_over

    return edit


def test_idle_instances_stop_without_sessions():
    found = stopped(StepScene())
    assert [one.last_served_ns for one in found] == sorted(one.last_served_ns for one in found)
    assert sorted(one.instance for one in found) == [0, 1, 2, 3]
    assert [len(one.sessions) for one in found] == [0, 0, 0, 0]
    assert all(at(21.9) <= one.last_served_ns < at(22.0) for one in found)
    assert all(one.session_count > 1000 for one in found)


def test_instances_that_serve_to_the_end_have_not_stopped():
    assert stopped(StepScene(), version=1) == ()


def test_an_instance_that_stopped_before_is_left_out():
    assert stopped(StepScene(), since_s=25.0) == ()


def test_sessions_that_are_lost_were_active():
    (first, *rest) = stopped(StepScene(edit=die(1, 18.0)))
    assert first.instance == 1
    assert first.last_served_ns == pytest.approx(at(18.0), abs=20_000_000)
    # 1 024 of 4 096 long sessions, and a quarter of the 64 short ones, the old side's third.
    assert 1024 <= len(first.sessions) <= 1024 + 16
    assert not first.elsewhere.any()
    assert np.all(first.next_ns >= at(18.0))
    assert np.all(first.next_ns <= at(18.0 + 2.1))
    assert [len(one.sessions) for one in rest] == [0, 0, 0]


def test_sessions_that_are_taken_over_were_active_as_well():
    (first, *_) = stopped(StepScene(edit=die(1, 18.0, take_over=2)))
    assert len(first.sessions) >= 1024
    assert first.elsewhere.all()


def test_a_single_session_is_enough():
    """Everything else has ended; one long session goes on for a while and is lost."""

    def edit(packets):
        if packets.group.name == "long-sessions":
            mine = packets.session == 5
            gone = (packets.user & 3 == 1) & ~mine & (packets.sent_s >= 14.0)
            packets.instance[gone] = 2
            packets.received[mine & (packets.sent_s >= 17.0)] = False
        else:
            packets.instance[(packets.instance == 1) & (packets.opened_s >= 14.0)] = 2

    (first, *_) = stopped(StepScene(edit=edit))
    assert first.instance == 1
    assert first.sessions.tolist() == [int(of_group(20, np.asarray([5]))[0])]
    assert at(14.9) < first.last_served_ns < at(17.0)


def test_a_session_that_moved_before_was_not_active_then():
    """All sessions leave the instance but one, which ends there in its own time."""

    def edit(packets):
        if packets.group.name == "long-sessions":
            packets.instance[(packets.instance == 1) & (packets.sent_s >= 16.0)] = 2
        else:
            packets.instance[(packets.instance == 1) & (packets.opened_s >= 18.2)] = 2

    (first, *_) = stopped(StepScene(edit=edit))
    assert first.instance == 1
    assert first.last_served_ns > at(18.2)
    assert len(first.sessions) == 0


def test_a_session_whose_last_but_one_packet_was_lost_was_active_all_the_same():
    def edit(packets):
        die(1, 18.0)(packets)
        if packets.group.name == "long-sessions":
            packets.received[(packets.session == 5) & (packets.sent_s >= 15.9)] = False

    (first, *_) = stopped(StepScene(edit=edit))
    assert int(of_group(20, np.asarray([5]))[0]) in first.sessions.tolist()


def test_a_session_that_pauses_for_longer_than_the_timeout_is_over():
    assert len(stopped(StepScene(edit=die(1, 18.0)))[0].sessions) > 1000
    short = stopped(StepScene(edit=die(1, 18.0)), timeout_s=1.0)[0]
    assert len(short.sessions) <= 16  # packets of long sessions are 2 s apart


def test_instances_without_a_mark_cannot_be_seen():
    def edit(packets):
        packets.instance[:] = -1

    assert stopped(StepScene(edit=edit)) == ()


def test_no_streams_no_instances():
    assert withdrawals((), 5.0, version=0, since_ns=EPOCH_NS) == ()


def test_an_instance_that_nobody_hears_of_shortly_before_the_end_goes_on():
    assert 1 not in {one.instance for one in stopped(StepScene(long_until_s=28.9, shares=(), edit=die(1, 28.4)))}
