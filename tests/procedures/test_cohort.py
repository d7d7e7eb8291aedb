from __future__ import annotations

import numpy as np
import pytest

from hitless.procedures.cohort import Cohort
from hitless.procedures.share import ShareWatch

SECOND = 1_000_000_000
PATIENCE_NS = 30 * SECOND


class FakeTraffic:
    def __init__(self, clock):
        self.clock = clock
        self.calls = []

    def start(self, part):
        self.calls.append(("start", part))
        return self.clock(), self.clock()

    def stop(self, part):
        self.calls.append(("stop", part))
        return self.clock(), self.clock()


class FakeProbes:
    """Sessions begin at 100 per second; which share goes to the target version is set by the test."""

    def __init__(self, clock):
        self.clock = clock
        self.seen_ns = 0
        self.target_share = 0.0

    def opened_sessions(self):
        opened = np.arange(self.seen_ns, self.clock(), SECOND // 100, dtype=np.int64)
        self.seen_ns = self.clock()
        number = opened // (SECOND // 100)
        version = (number * 37 % 100 < self.target_share * 100).astype(np.int16)
        return opened, version


class Scene:
    def __init__(self, *, with_marks=True):
        self.now_ns = 0
        self.traffic = FakeTraffic(lambda: self.now_ns)
        self.probes = FakeProbes(lambda: self.now_ns)
        self.events = []
        self.cohort = Cohort(
            self.traffic,
            self.probes,
            ShareWatch(1, hold_ns=3 * SECOND) if with_marks else None,
            patience_ns=PATIENCE_NS,
            note=self.events.append,
            clock_ns=lambda: self.now_ns,
        )

    def pass_time(self, seconds):
        for _ in range(int(seconds * 10)):
            self.now_ns += SECOND // 10
            self.cohort.look()


@pytest.fixture
def scene():
    return Scene()


def test_sessions_stay_while_the_share_grows(scene):
    for share in (0.0, 0.1, 0.3, 0.6):
        scene.probes.target_share = share
        scene.pass_time(20)
    assert scene.traffic.calls == []
    assert scene.cohort.target_share == pytest.approx(0.6, abs=0.05)


def test_sessions_end_when_every_new_session_goes_to_the_target_version(scene):
    scene.pass_time(5)
    scene.probes.target_share = 1.0
    scene.pass_time(2)
    assert scene.traffic.calls == []
    scene.pass_time(2)
    assert scene.traffic.calls == [("stop", "long"), ("start", "filler")]
    assert [event.name for event in scene.events] == ["cohort-stopped", "filler-started"]
    assert "every new session" in scene.events[0].detail["reason"]


def test_sessions_end_once(scene):
    scene.probes.target_share = 1.0
    scene.pass_time(20)
    scene.cohort.end("asked for")
    assert len(scene.traffic.calls) == 2


def test_a_share_that_stands_still_does_not_keep_them_for_ever(scene):
    scene.probes.target_share = 0.5
    scene.pass_time(29)
    assert not scene.cohort.ended
    scene.pass_time(6)
    assert scene.cohort.ended
    assert "stands still" in scene.events[0].detail["reason"]


def test_without_marks_only_patience_ends_them():
    scene = Scene(with_marks=False)
    scene.pass_time(29)
    assert not scene.cohort.ended
    assert scene.cohort.target_share is None
    scene.pass_time(2)
    assert scene.cohort.ended


def test_asked_for_directly_they_end_at_once(scene):
    scene.cohort.end("the operation has ended")
    assert scene.cohort.ended
    assert scene.events[0].detail["reason"] == "the operation has ended"


def test_a_source_mark_that_is_there_is_no_problem(scene):
    scene.now_ns += 2 * SECOND
    assert scene.cohort.problem_with_marks() == ""


def test_a_source_mark_that_never_appears_is_told(scene):
    scene.probes.target_share = 1.0
    scene.now_ns += 2 * SECOND
    assert "none of 200 sessions carries it" in scene.cohort.problem_with_marks()


def test_too_few_sessions_tell_nothing_about_marks(scene):
    scene.probes.target_share = 1.0
    scene.now_ns += SECOND // 4
    assert scene.cohort.problem_with_marks() == ""


def test_without_declared_marks_none_is_missed():
    scene = Scene(with_marks=False)
    scene.now_ns += 2 * SECOND
    assert scene.cohort.problem_with_marks() == ""
