"""What a count of events says about the probability behind it: exact binomial bounds (Clopper and Pearson, 1934)."""

from __future__ import annotations

import math
from collections.abc import Callable

DEFAULT_CONFIDENCE = 0.95
_BISECTIONS = 200
_FRACTION_TERMS = 10_000
_SMALLEST = 1e-300
_PRECISION = 1e-15


def upper_bound(events: int, trials: int, confidence: float = DEFAULT_CONFIDENCE) -> float:
    """Return the one-sided upper bound of the probability of an event: ``BetaInv(confidence; k + 1, n - k)``.

    Raises:
        ValueError: not 0 <= events <= trials, or confidence not between 0 and 1.
    """
    _require_count(events, trials, confidence)
    if events == trials:
        return 1.0
    if events == 0:
        return -math.expm1(math.log1p(-confidence) / trials)
    return _solve(lambda p: incomplete_beta(events + 1, trials - events, p) - confidence)


def lower_bound(events: int, trials: int, confidence: float = DEFAULT_CONFIDENCE) -> float:
    """Return the one-sided lower bound of the probability of an event: ``BetaInv(1 - confidence; k, n - k + 1)``.

    Raises:
        ValueError: not 0 <= events <= trials, or confidence not between 0 and 1.
    """
    _require_count(events, trials, confidence)
    if events == 0:
        return 0.0
    return _solve(lambda p: incomplete_beta(events, trials - events + 1, p) - (1.0 - confidence))


def interval(events: int, trials: int, confidence: float = DEFAULT_CONFIDENCE) -> tuple[float, float]:
    """Return the two-sided interval: each side may be missed with half of ``1 - confidence``."""
    one_sided = 1.0 - (1.0 - confidence) / 2
    return lower_bound(events, trials, one_sided), upper_bound(events, trials, one_sided)


def samples_for_zero(limit_ratio: float, confidence: float = DEFAULT_CONFIDENCE) -> int:
    """Return how many trials without an event show that its probability is below the limit.

    Raises:
        ValueError: the limit is not between 0 and 1.
    """
    if not 0.0 < limit_ratio < 1.0:
        raise ValueError(f"sample size - limit - Expected: between 0 and 1, Actual: {limit_ratio}")
    return math.ceil(math.log1p(-confidence) / math.log1p(-limit_ratio))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b), by its continued fraction.

    Source: NIST Digital Library of Mathematical Functions, 8.17.22, evaluated by the modified Lentz method.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):  # there the fraction of the mirrored function converges faster
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(logarithm) * _continued_fraction(a, b, x) / a


def _continued_fraction(a: float, b: float, x: float) -> float:
    numerator = 1.0
    denominator = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = denominator
    for m in range(1, _FRACTION_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for coefficient in (even, odd):
            denominator = 1.0 / _away_from_zero(1.0 + coefficient * denominator)
            numerator = _away_from_zero(1.0 + coefficient / numerator)
            value *= denominator * numerator
        if abs(denominator * numerator - 1.0) < _PRECISION:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST


def _solve(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        if rising(middle) < 0.0:
            low = middle
        else:
            high = middle
    return high


def _require_count(events: int, trials: int, confidence: float) -> None:
    if not 0 <= events <= trials or trials == 0:
        raise ValueError(f"bound - Expected: 0 <= events <= trials, trials > 0, Actual: {events} of {trials}")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"bound - confidence - Expected: between 0 and 1, Actual: {confidence}")
