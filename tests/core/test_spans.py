from __future__ import annotations

import itertools
import random

import pytest

from hitless.history import Interval
from hitless.measures.spans import (
    Span,
    maybe_before,
    merged,
    overlap_ns,
    possible_span,
    sure_span,
    surely_before,
)


@pytest.mark.parametrize("seed", range(30))
def test_merging_and_overlap_agree_with_counting_every_nanosecond(seed):
    chance = random.Random(seed)
    spans = [Span(start, start + chance.randrange(-2, 12)) for start in (chance.randrange(60) for _ in range(8))]
    covered = {instant for span in spans for instant in range(span.start_ns, span.end_ns)}
    together = merged(spans)
    assert {instant for span in together for instant in range(span.start_ns, span.end_ns)} == covered
    assert all(left.end_ns < right.start_ns for left, right in itertools.pairwise(together))
    window = Span(10, 40)
    assert overlap_ns(together, window) == len(covered & set(range(10, 40)))


def test_a_span_that_ends_before_it_starts_has_no_length():
    assert Span(5, 3).length_ns == 0
    assert Span(0, 4).common(Span(6, 9)).length_ns == 0
    assert Span(5, 9).widened(2) == Span(3, 11)


@pytest.mark.parametrize(
    ("first", "second", "sure", "maybe"),
    [
        (Interval(0, 5), Interval(6, 9), True, True),
        (Interval(0, 6), Interval(6, 9), False, True),
        (Interval(0, 8), Interval(6, 9), False, True),
        (Interval(8, 9), Interval(6, 9), False, True),
        (Interval(9, 12), Interval(6, 9), False, False),
    ],
)
def test_order_of_instants_that_are_only_known_as_intervals(first, second, sure, maybe):
    assert surely_before(first, second) is sure
    assert maybe_before(first, second) is maybe


def test_time_between_two_uncertain_instants():
    start, end = Interval(10, 12), Interval(20, 25)
    assert sure_span(start, end) == Span(12, 20)
    assert possible_span(start, end) == Span(10, 25)
    assert sure_span(end, start).length_ns == 0
