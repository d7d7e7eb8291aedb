"""How much capacity is in service from instant to instant, in the order of events.

Each event is only known to lie in an interval, so each stretch between two ends of intervals has two figures: what was
in service there in any case, and what can have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hitless.measures.units import Unit, UnitTimeline, capacity_pps


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time without a known event inside.

    Attributes:
        sure_pps: capacity that was in service all the time.
        possible_pps: capacity that can have been in service at some instant of it.
    """

    start_ns: int
    end_ns: int
    sure_pps: float
    possible_pps: float


def stretches(timeline: UnitTimeline) -> tuple[Stretch, ...]:
    """Cut the time from the request to the last look at all ends of intervals, and tell what was in service in each."""
    start_ns, end_ns = timeline.request_ns, timeline.seen_until_ns
    edges = {start_ns, end_ns, *(at for unit in timeline.units for at in _edges(unit))}
    inside = sorted(at for at in edges if start_ns <= at <= end_ns)
    return tuple(_stretch(timeline, first, second) for first, second in pairwise(inside))


def lowest_sure(found: tuple[Stretch, ...]) -> Stretch | None:
    """Return the first of the stretches in which least was in service in any case; None if there is none."""
    return min(found, key=lambda one: (one.sure_pps, one.start_ns), default=None)


def lowest_possible(found: tuple[Stretch, ...]) -> Stretch | None:
    """Return the first of the stretches in which least can have been in service; None if there is none."""
    return min(found, key=lambda one: (one.possible_pps, one.start_ns), default=None)


def _stretch(timeline: UnitTimeline, start_ns: int, end_ns: int) -> Stretch:
    # The instants of the ends themselves belong to the neighbours: only what lies between them counts.
    return Stretch(
        start_ns,
        end_ns,
        capacity_pps(unit for unit in timeline.units if unit.surely_in_service(start_ns, end_ns)),
        capacity_pps(unit for unit in timeline.units if unit.maybe_in_service(start_ns + 1, end_ns - 1)),
    )


def _edges(unit: Unit) -> tuple[int, ...]:
    known = (instant for instant in (unit.ready, unit.gone) if instant is not None)
    return tuple(at for instant in known for at in (instant.earliest_ns, instant.latest_ns))
