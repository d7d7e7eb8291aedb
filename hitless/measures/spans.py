"""Stretches of time and instants that are only known to lie in an interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hitless.history import Interval


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From ``start_ns`` up to, not including, ``end_ns``."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """Duration, 0 when the end lies before the start."""
        return max(0, self.end_ns - self.start_ns)

    def widened(self, margin_ns: int) -> Span:
        """Return the span with a margin on both sides."""
        return Span(self.start_ns - margin_ns, self.end_ns + margin_ns)

    def common(self, other: Span) -> Span:
        """Return what both have in common; of length 0 when there is nothing."""
        return Span(max(self.start_ns, other.start_ns), min(self.end_ns, other.end_ns))


def merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same time as spans that neither touch nor overlap, in order."""
    result: list[Span] = []
    for span in sorted(spans):
        if span.length_ns == 0:
            continue
        if result and span.start_ns <= result[-1].end_ns:
            result[-1] = Span(result[-1].start_ns, max(result[-1].end_ns, span.end_ns))
        else:
            result.append(span)
    return tuple(result)


def overlap_ns(disjoint: Sequence[Span], span: Span) -> int:
    """Return how much of ``span`` the disjoint spans cover."""
    return sum(one.common(span).length_ns for one in disjoint)


def surely_before(first: Interval, second: Interval) -> bool:
    """True when the first instant is before the second wherever both lie in their intervals."""
    return first.latest_ns < second.earliest_ns


def maybe_before(first: Interval, second: Interval) -> bool:
    """True when the first instant can be before the second."""
    return first.earliest_ns < second.latest_ns


def sure_span(start: Interval, end: Interval) -> Span:
    """Return the time that lies between the two instants in any case; of length 0 when there is none."""
    return Span(start.latest_ns, end.earliest_ns)


def possible_span(start: Interval, end: Interval) -> Span:
    """Return the time that can lie between the two instants."""
    return Span(start.earliest_ns, end.latest_ns)
