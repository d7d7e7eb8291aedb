from __future__ import annotations

import pytest

from hitless.judges import wording


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (999, "999"), (1000, "1 000"), (2_995_731, "2 995 731")])
def test_counts(number, text):
    assert wording.count(number) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (1e-5, "1e-5"), (0.0677, "0.0677"), (1.234e-6, "1.23e-6"), (1.0, "1")]
)
def test_ratios(value, text):
    assert wording.ratio(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1e-5, "1e-5"),
        (9.999e-6, "1e-5"),
        (1.01e-5, "1.1e-5"),
        (7.31e-4, "7.4e-4"),
        (0.0121, "0.013"),
        (1.0, "1"),
    ],
)
def test_bounds_are_never_rounded_down(value, text):
    assert wording.bound(value) == text
    assert float(text) >= value * (1 - 1e-9)


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "100.00 %"), (0.99, "99.00 %"), (0.98999, "98.99 %"), (0.0, "0.00 %")]
)
def test_percentages_are_never_rounded_up(value, text):
    assert wording.percent(value) == text


@pytest.mark.parametrize(
    ("gap_ns", "text"),
    [
        (1, "1 ms"),
        (1_000_000, "1 ms"),
        (1_000_001, "2 ms"),
        (1_000_000_000, "1000 ms"),
        (1_000_000_001, "1.1 s"),
        (2_048_000_000, "2.1 s"),
    ],
)
def test_gaps_are_never_rounded_down(gap_ns, text):
    assert wording.below(gap_ns) == text


def test_seconds():
    assert wording.seconds(12_340_000_000) == "12.3 s"
