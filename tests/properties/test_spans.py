from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hitless.history import Interval
from hitless.measures import sightings
from hitless.measures.spans import (
    Span,
    maybe_before,
    merged,
    overlap_ns,
    possible_span,
    sure_span,
    surely_before,
)

SMALL = st.integers(0, 20)
SPANS = st.builds(Span, SMALL, SMALL)
INTERVALS = st.tuples(SMALL, SMALL).map(lambda ends: Interval(min(ends), max(ends)))


def covered(span):
    """Return every nanosecond of a span."""
    return set(range(span.start_ns, span.end_ns))


def instants(interval):
    """Return every instant that an interval allows."""
    return range(interval.earliest_ns, interval.latest_ns + 1)


@given(st.lists(SPANS, max_size=6), SPANS)
def test_merged_spans_cover_the_same_time(spans, other):
    found = merged(spans)
    time = set().union(*map(covered, spans))
    assert set().union(*map(covered, found)) == time
    assert sum(span.length_ns for span in found) == len(time)
    assert all(first.end_ns < second.start_ns for first, second in pairwise(found))
    assert overlap_ns(found, other) == len(time & covered(other))


@given(SPANS, SPANS, SMALL)
def test_lengths_and_common_time(one, other, margin):
    assert one.length_ns == len(covered(one))
    assert one.common(other).length_ns == len(covered(one) & covered(other))
    assert one.widened(margin) == Span(one.start_ns - margin, one.end_ns + margin)


@given(INTERVALS, INTERVALS)
def test_order_of_instants_that_are_not_known_exactly(first, second):
    orders = {one < other for one in instants(first) for other in instants(second)}
    assert surely_before(first, second) == (orders == {True})
    assert maybe_before(first, second) == (True in orders)


@given(INTERVALS, INTERVALS)
def test_time_between_two_instants(start, end):
    every = [covered(Span(one, other)) for one in instants(start) for other in instants(end)]
    assert covered(sure_span(start, end)) == set.intersection(*every)
    assert covered(possible_span(start, end)) == set.union(*every)


@given(INTERVALS, INTERVALS)
def test_two_sightings_of_one_event(one, other):
    both = set(instants(one)) & set(instants(other))
    found = sightings.same_event(one, other)
    if both:
        assert set(instants(found)) == both
    else:
        assert set(instants(found)) >= set(instants(one)) | set(instants(other))
        assert {found.earliest_ns, found.latest_ns} <= {*instants(one), *instants(other)}
