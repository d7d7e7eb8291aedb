"""From the streams of a start order to the lanes that a timeline plans."""

from __future__ import annotations

from lab.generator.chains import Chain, Runner
from lab.generator.courses import Course
from lab.generator.messages import Start, StreamPlan
from lab.generator.schedule import Lane

Lanes = list[tuple[Lane | Runner, StreamPlan]]


def lanes_of(start: Start) -> tuple[Lanes, Chain | None]:
    """A lane for each stream of a profile, and the chain of those that are more than one even row of packets.

    Args:
        start: The order to begin with the profile.
    """
    started = {plan.program.course.next_id for plan in start.streams if plan.program.course is not None}
    plain: Lanes = []
    chained: list[tuple[StreamPlan, Course]] = []
    for plan in start.streams:
        course = plan.program.course
        if course is None or (course.plain and course.stream_id not in started):
            plain.append((_lane(plan, start), plan))
        else:
            chained.append((plan, course))
    if not chained:
        return plain, None
    courses = [(course, 1e9 / plan.rate_pps, float(plan.gap_ns)) for plan, course in chained]
    chain = Chain(courses, start.at_ns, start.duration_ns)
    return [*plain, *zip(chain.runners, (plan for plan, _ in chained), strict=True)], chain


def _lane(plan: StreamPlan, start: Start) -> Lane:
    lane = Lane(1e9 / plan.rate_pps, start.at_ns + plan.gap_ns, end=plan.total)
    if start.duration_ns is not None:
        lane.stop_after(start.duration_ns, start.at_ns)
    return lane
