from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from hitless.measures import confidence


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(0, 300, 0.0, 0.01222), (3, 1_000_000, 6.19e-7, 8.77e-6), (100, 1000, 0.0821, 0.1203)],
)
def test_two_sided_interval_has_the_published_values(events, trials, low, high):
    found = confidence.interval(events, trials)
    assert found[0] == pytest.approx(low, rel=1e-3)
    assert found[1] == pytest.approx(high, rel=1e-3)


@pytest.mark.parametrize(
    ("limit", "at_95", "at_99"),
    [
        (0.05, 59, 90),
        (0.02, 149, 228),
        (0.01, 299, 459),
        (0.001, 2995, 4603),
        (1e-4, 29_956, 46_050),
        (1e-5, 299_572, 460_515),
        (1e-6, 2_995_731, 4_605_168),
    ],
)
def test_sample_sizes_are_those_of_the_table(limit, at_95, at_99):
    assert confidence.samples_for_zero(limit) == at_95
    assert abs(confidence.samples_for_zero(limit, 0.99) - at_99) <= 1
    assert confidence.upper_bound(0, at_95) <= limit * (1 + 1e-9)
    assert confidence.upper_bound(0, at_95 - 1) > limit


@pytest.mark.parametrize(("events", "poisson"), [(0, 3.00), (1, 4.74), (2, 6.30), (3, 7.75), (5, 10.5)])
def test_small_counts_in_many_trials_have_the_poisson_bounds(events, poisson):
    assert confidence.upper_bound(events, 10**7) * 10**7 == pytest.approx(poisson, rel=2e-3)


def binomial_at_most(events, trials, p):
    """Sum the probabilities exactly."""
    p = Fraction(p)
    return sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(events + 1))


@pytest.mark.parametrize("trials", [1, 2, 7, 30])
def test_bounds_are_where_the_binomial_sums_say(trials):
    for events in range(trials + 1):
        if events < trials:
            upper = confidence.upper_bound(events, trials)
            assert float(binomial_at_most(events, trials, upper)) == pytest.approx(0.05, abs=1e-10)
        if events:
            lower = confidence.lower_bound(events, trials)
            assert float(1 - binomial_at_most(events - 1, trials, lower)) == pytest.approx(0.05, abs=1e-10)
    assert confidence.upper_bound(trials, trials) == 1.0
    assert confidence.lower_bound(0, trials) == 0.0


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 3), (0.5, 0.5), (10, 1), (3, 400)])
def test_incomplete_beta_is_the_integral_of_its_density(a, b):
    steps = np.linspace(0, 1, 400_001)
    middle = (steps[1:] + steps[:-1]) / 2
    density = middle ** (a - 1) * (1 - middle) ** (b - 1)
    total = np.cumsum(density) / density.sum()
    for x in (0.001, 0.01, 0.3, 0.5, 0.9):
        assert confidence.incomplete_beta(a, b, x) == pytest.approx(float(total[int(x * 400_000) - 1]), abs=2e-3)
    assert confidence.incomplete_beta(a, b, 0.0) == 0.0
    assert confidence.incomplete_beta(a, b, 1.0) == 1.0


@pytest.mark.parametrize(
    ("events", "trials", "level"), [(-1, 5, 0.95), (6, 5, 0.95), (0, 0, 0.95), (1, 5, 1.0), (1, 5, 0.0)]
)
def test_counts_that_cannot_be_are_refused(events, trials, level):
    for bound in (confidence.upper_bound, confidence.lower_bound):
        with pytest.raises(ValueError, match="bound"):
            bound(events, trials, level)


@pytest.mark.parametrize("limit", [0.0, 1.0, -1.0])
def test_no_sample_size_shows_a_limit_of_nothing_or_everything(limit):
    with pytest.raises(ValueError, match="sample size"):
        confidence.samples_for_zero(limit)
