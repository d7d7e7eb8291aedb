from __future__ import annotations

from lab.generator.chains import Runner
from lab.generator.counters import NO_GROUP
from lab.generator.courses import Course
from lab.generator.field_engine import Program
from lab.generator.lanes import lanes_of
from lab.generator.messages import Start, StreamPlan
from lab.generator.schedule import Lane
from tests.generator import packets

SECOND = 1_000_000_000


def plan(course=None, *, pps=1000.0, gap_ns=0):
    total = None if course is None else course.total
    return StreamPlan(packets.udp(), Program(course=course), pps, gap_ns, total, NO_GROUP, None, scaled=True)


def lanes(*plans, duration_ns=None):
    return lanes_of(Start((0, "_"), 1, plans, 7 * SECOND, duration_ns))


def test_even_rows_are_lanes_of_their_own():
    plans = [plan(), plan(Course(1), gap_ns=5), plan(Course(2, 30))]
    made, chain = lanes(*plans)
    assert chain is None
    assert [each for each, _ in made] == [
        Lane(1e6, 7 * SECOND),
        Lane(1e6, 7 * SECOND + 5),
        Lane(1e6, 7 * SECOND, end=30),
    ]
    assert [own for _, own in made] == plans


def test_a_duration_cuts_lanes():
    ((lane, _),), _ = lanes(plan(Course(1)), duration_ns=2 * SECOND)
    assert lane.end == 2000


def test_whoever_follows_or_is_followed_is_in_the_chain():
    plans = [plan(Course(1, 3, next_id=2)), plan(Course(2, 3)), plan(Course(3)), plan(Course(4, 2, 2)), plan()]
    made, chain = lanes(*plans)
    assert [type(lane) for lane, _ in made] == [Lane, Lane, Runner, Runner, Runner]
    assert [own for _, own in made] == [plans[2], plans[4], plans[0], plans[1], plans[3]]
    assert [lane for lane, _ in made[2:]] == chain.runners
    assert chain.runners[0].interval_ns == 1e6
