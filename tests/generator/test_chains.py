"""Streams that follow each other, held against a scheduler that handles one packet after the other, as TRex's does."""

from __future__ import annotations

import heapq

import numpy as np
import pytest

from lab.generator.chains import Chain
from lab.generator.courses import Course
from lab.generator.schedule import HORIZON_NS, Timeline

MS = 1_000_000
START = 5_000 * MS
SECOND = 1000 * MS


class Slow:
    """A queue of streams, each with the time of its next packet."""

    def __init__(self, courses):
        self.by_id = {course.stream_id: (course, interval, gap) for course, interval, gap in courses}
        self.queue, self.pushed = [], 0
        self.left, self.active = {}, set()
        self.ends = dict.fromkeys(self.by_id, 0)
        for stream_id, (course, _, _) in self.by_id.items():
            if course.starts:
                self.begin(stream_id, START)

    def push(self, at, stream_id):
        heapq.heappush(self.queue, (at, self.pushed, stream_id))
        self.pushed += 1

    def begin(self, stream_id, at):
        course, _, gap = self.by_id[stream_id]
        self.active.add(stream_id)
        self.left[stream_id] = [course.burst_packets, course.bursts]
        self.push(at + gap, stream_id)

    def hand_over(self, course, at):
        self.active.discard(course.stream_id)
        if course.next_id in self.by_id and course.next_id not in self.active:
            self.ends[course.stream_id] += 1
            if course.loops == 0 or self.ends[course.stream_id] < course.loops:
                self.begin(course.next_id, at)

    def go_on(self, course, interval, at):
        """After a packet of a stream."""
        left = self.left[course.stream_id]
        if course.burst_packets is None or left[0] > 1:
            left[0] = None if left[0] is None else left[0] - 1
            self.push(at + interval, course.stream_id)
            return
        left[0], left[1] = course.burst_packets, left[1] - 1
        if left[1] == 0:
            self.hand_over(course, at)
        else:
            self.push(at + course.burst_gap_ns, course.stream_id)


def slow(courses, until_ns, duration_ns=None):
    """[(time, stream)] by TRex's rules."""
    end = until_ns if duration_ns is None else min(until_ns, START + duration_ns)
    scheduler, sent = Slow(courses), []
    while scheduler.queue and scheduler.queue[0][0] < end:
        at, _, stream_id = heapq.heappop(scheduler.queue)
        course, interval, _ = scheduler.by_id[stream_id]
        if not course.silent:
            sent.append((at, stream_id))
        scheduler.go_on(course, interval, at)
    return sent


def play(chain, until_ns, step_ns=7 * MS):
    """[(time, stream)] in the order in which they would be sent, planned in small steps."""
    timeline = Timeline(chain.runners)
    found, now = [], START
    while now < until_ns:
        while timeline.plan(now):
            window = timeline.window
            found += [
                (int(at), chain.runners[lane].course.stream_id)
                for at, lane in zip(window.times_ns, window.lanes, strict=True)
            ]
            timeline.position = len(window.times_ns)
        now += step_ns
    return [each for each in found if each[0] < until_ns]


def same(found, expected):
    """Equal up to two nanoseconds, which packets of two streams may be apart that are due at once."""
    assert len(found) == len(expected)
    for stream in {stream for _, stream in expected}:
        ours = np.array([at for at, each in found if each == stream])
        theirs = np.array([at for at, each in expected if each == stream])
        assert len(ours) == len(theirs)
        assert np.abs(ours - theirs).max() <= 100  # a nanosecond at each of up to 100 changes


def check(courses, seconds=3.0, duration_s=None):
    until = START + round(seconds * SECOND)
    duration_ns = None if duration_s is None else duration_s * SECOND
    found = play(Chain(courses, START, duration_ns), until)
    same(found, slow(courses, until, duration_ns))
    return found


def course(stream_id, packets=None, bursts=1, gap_ms=0.0, **more):
    return Course(stream_id, packets, bursts, gap_ms * MS, **more)


def test_bursts_are_a_gap_apart_counted_from_their_last_packet():
    found = check([(course(1, 5, 3, 200.0), 10.0 * MS, 30.0 * MS)])
    times = [round((at - START) / MS) for at, _ in found]
    assert times == [burst * 240 + packet * 10 + 30 for burst in range(3) for packet in range(5)]


def test_bursts_for_ever_have_no_end():
    chain = Chain([(course(1, 2, 0, 100.0), MS, 0.0)], START, None)
    assert len(play(chain, START + 101 * 100 * MS)) == 2 * 100
    assert not chain.over
    assert not chain.runners[0].finished


def test_a_stream_begins_its_gap_after_the_last_packet_of_the_one_before():
    courses = [
        (course(1, 3, next_id=2), 10.0 * MS, 0.0),
        (course(2, 2, starts=False), 5.0 * MS, 50.0 * MS),
    ]
    found = check(courses)
    assert [(round((at - START) / MS), stream) for at, stream in found] == [(0, 1), (10, 1), (20, 1), (70, 2), (75, 2)]


def test_a_loop_ends_after_so_many_rounds():
    courses = [
        (course(1, 3, next_id=2), 10.0 * MS, 0.0),
        (course(2, 2, starts=False, next_id=1, loops=4), 10.0 * MS, 10.0 * MS),
    ]
    found = check(courses)
    assert sum(stream == 1 for _, stream in found) == 4 * 3
    assert sum(stream == 2 for _, stream in found) == 4 * 2


def test_a_loop_without_a_count_goes_on():
    courses = [(course(1, 3, next_id=1), 10.0 * MS, 10.0 * MS)]
    assert len(check(courses, seconds=3)) == 299  # every 10 ms from 10 ms on


def test_a_stream_that_runs_is_not_started_again():
    courses = [(course(1, 3, next_id=2), 10.0 * MS, 0.0), (course(2), 300.0 * MS, 0.0)]
    found = check(courses, seconds=1)
    assert [round((at - START) / MS) for at, stream in found if stream == 2] == [0, 300, 600, 900]


def test_two_streams_may_start_the_same_one():
    courses = [
        (course(1, 3, next_id=3), 10.0 * MS, 0.0),
        (course(2, 9, next_id=3), 10.0 * MS, 0.0),
        (course(3, 2, starts=False), 10.0 * MS, 5.0 * MS),
    ]
    assert sum(stream == 3 for _, stream in check(courses)) == 4


def test_a_continuous_stream_may_come_last():
    courses = [(course(1, 10, next_id=2), 10.0 * MS, 0.0), (course(2, starts=False), 20.0 * MS, 0.0)]
    assert sum(stream == 2 for _, stream in check(courses, seconds=2)) == pytest.approx(95, abs=1)


def test_a_silent_stream_takes_its_time():
    courses = [(course(1, 11, silent=True, next_id=2), 10.0 * MS, 0.0), (course(2, 1, starts=False), MS, 0.0)]
    found = check(courses)
    assert [(round((at - START) / MS), stream) for at, stream in found] == [(100, 2)]


def test_a_silent_stream_alone_is_over_when_it_has_had_its_time():
    chain = Chain([(course(1, 11, silent=True), 10.0 * MS, 0.0)], START, None)
    chain.advance(START + SECOND)
    assert chain.over
    assert not chain.over_by(START + 99 * MS)
    assert chain.over_by(START + 101 * MS)


@pytest.mark.parametrize("duration_s", [0.5, 0.75, 2])
def test_a_duration_ends_everything(duration_s):
    courses = [(course(1, 5, 0, 50.0, next_id=2), 10.0 * MS, 0.0), (course(2, starts=False), 10.0 * MS, 0.0)]
    found = check(courses, seconds=3, duration_s=duration_s)
    assert found[-1][0] < START + duration_s * SECOND
    chain = Chain(courses, START, duration_s * SECOND)
    play(chain, START + 3 * SECOND)
    assert chain.over
    assert all(runner.finished for runner in chain.runners)


@pytest.mark.parametrize("seed", range(60))
def test_any_graph_of_streams_sends_as_one_by_one(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 6))
    courses = []
    for stream_id in range(count):
        following = int(random.integers(-1, count))
        bursts = int(random.integers(1, 4))
        each = Course(
            stream_id,
            int(random.integers(1, 30)),
            bursts,
            float(random.integers(1, 40)) * MS + 0.25 if bursts > 1 else 0.0,
            next_id=following,
            loops=int(random.integers(0, 4)),
            starts=stream_id == 0 or bool(random.integers(2)),
            silent=bool(random.integers(4) == 0),
        )
        # Distances that do not add up to the same instants: order at one instant is nobody's promise.
        courses.append((each, float(random.integers(1, 9)) * MS + 1_237 * stream_id, (10 + stream_id) * MS + 331.0))
    check(courses, seconds=2.0)


def test_packets_that_are_taken_back_come_again_with_the_same_numbers():
    courses = [(course(1, 40, next_id=2), MS, 0.0), (course(2, 40, starts=False, next_id=1), MS, MS)]
    whole = play(Chain(courses, START, None), START + SECOND)
    chain = Chain(courses, START, None)
    timeline = Timeline(chain.runners)
    sent = []
    for now in range(START, START + SECOND, 3 * MS):
        timeline.plan(now)
        due = timeline.due(now)
        part = slice(timeline.position, timeline.position + due)
        lanes = timeline.window.lanes[part]
        sent += [
            (int(at), chain.runners[lane].course.stream_id)
            for at, lane in zip(timeline.window.times_ns[part], lanes, strict=True)
        ]
        timeline.position += due
        timeline.rewind()
    assert sent == whole[: len(sent)]
    assert len(sent) > 900
    assert [runner.planned for runner in chain.runners] == [
        sum(each == stream for _, each in sent) for stream in (1, 2)
    ]


def test_a_new_rate_leaves_the_next_packet_in_its_place():
    chain = Chain([(course(1, 5, 0, 100.0), 10.0 * MS, 0.0)], START, None)
    (runner,) = chain.runners
    assert len(runner.take(START + 25 * MS)) == 3
    runner.change_rate(MS, START + 25 * MS)
    times = (runner.take(START + 300 * MS) - START) // MS
    assert times[:8].tolist() == [30, 31, 131, 132, 133, 134, 135, 235]


def test_a_pause_moves_everything_to_later():
    courses = [(course(1, 3, next_id=2), 10.0 * MS, 0.0), (course(2, 3, starts=False), 10.0 * MS, 0.0)]
    chain = Chain(courses, START, SECOND)
    first = [runner.take(START + 15 * MS) for runner in chain.runners]
    for runner in chain.runners:
        runner.shift(500 * MS)
    rest = [runner.take(START + SECOND) for runner in chain.runners]
    assert [len(each) for each in first] == [2, 0]
    assert (np.concatenate(rest) - START).tolist() == [520 * MS, 520 * MS + 1, 530 * MS + 1, 540 * MS + 1]


@pytest.mark.parametrize(
    "courses",
    [
        [(course(1, 1, next_id=1), MS, 0.0)],
        [(course(1, 1, 0, 0.0), MS, 0.0)],
        [
            (course(1, 1, next_id=2, silent=True), MS, 0.0),
            (course(2, 1, starts=False, next_id=1, silent=True), MS, 0.0),
        ],
    ],
)
def test_chains_without_any_time_in_them_do_not_hang(courses):
    chain = Chain(courses, START, None)
    timeline = Timeline(chain.runners)
    for window in range(4):
        timeline.plan(START + window * HORIZON_NS)
        timeline.position = len(timeline.window.times_ns)
        assert timeline.position <= 200_000
    assert not chain.over


def test_a_burst_too_fast_for_one_window_is_not_cut_short():
    chain = Chain([(course(1, 250_000, next_id=2), 10.0, 0.0), (course(2, 1, starts=False), MS, 0.0)], START, None)
    found = [runner.take(START + number * HORIZON_NS) for number in range(1, 9) for runner in chain.runners]
    assert sum(len(each) for each in found[0::2]) == 250_000
    assert sum(len(each) for each in found[1::2]) == 1


def test_what_is_due_next_is_known():
    chain = Chain([(course(1, 2, 2, 100.0), 10.0 * MS, 0.0)], START, None)
    (runner,) = chain.runners
    assert runner.next_ns() == START
    runner.take(START + 5 * MS)
    assert runner.next_ns() == START + 10 * MS
    timeline = Timeline(chain.runners)
    assert timeline.late_ns(START + 30 * MS) == 20 * MS
