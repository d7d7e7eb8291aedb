from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitless.measures import confidence
from tests.properties.reference_shares import at_most

LEVELS = st.sampled_from([0.9, 0.95, 0.975, 0.99])


@st.composite
def counts(draw):
    trials = draw(st.integers(1, 80))
    return draw(st.integers(0, trials)), trials


@given(counts(), LEVELS)
def test_bounds_are_those_of_exact_binomial_sums(count, level):
    """At the upper bound so few events, at the lower bound so many, are just as unlikely as allowed."""
    events, trials = count
    upper, lower = confidence.upper_bound(events, trials, level), confidence.lower_bound(events, trials, level)
    assert 0.0 <= lower <= events / trials <= upper <= 1.0
    if events == trials:
        assert upper == 1.0
    else:
        assert at_most(events, trials, upper) == pytest.approx(1 - level, rel=1e-7)
    if events == 0:
        assert lower == 0.0
    else:
        assert 1 - at_most(events - 1, trials, lower) == pytest.approx(1 - level, rel=1e-7)
    sides = confidence.interval(events, trials, level)
    half = 1 - (1 - level) / 2
    assert sides == (confidence.lower_bound(events, trials, half), confidence.upper_bound(events, trials, half))


@given(st.integers(1, 60), st.integers(1, 60), st.floats(0.001, 0.999))
def test_the_incomplete_beta_function_is_a_binomial_sum(a, b, x):
    trials = a + b - 1
    assert confidence.incomplete_beta(a, b, x) == pytest.approx(1 - at_most(a - 1, trials, x), rel=1e-7, abs=1e-12)


@given(st.floats(1e-4, 0.5), LEVELS)
def test_samples_without_an_event_that_show_a_limit(limit, level):
    needed = confidence.samples_for_zero(limit, level)
    assert (1 - limit) ** needed <= (1 - level) * (1 + 1e-9)
    assert (1 - limit) ** (needed - 1) > (1 - level) * (1 - 1e-9)
    assert confidence.upper_bound(0, needed, level) <= limit * (1 + 1e-9)


@given(st.integers(0, 3_000_000), st.integers(0, 3_000_000), LEVELS)
def test_large_counts_keep_the_order(one, other, level):
    events, trials = min(one, other), max(one, other, 1)
    lower, upper = confidence.interval(events, trials, level)
    assert 0.0 <= lower <= events / trials <= upper <= 1.0
    assert not math.isnan(lower + upper)
    if events < trials:
        more = confidence.interval(events + 1, trials, level)
        assert lower <= more[0]
        assert upper <= more[1]
