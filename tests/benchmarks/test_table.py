from __future__ import annotations

import pytest

from benchmarks.table import Spread, markdown, ratio, spread, thousands


def test_the_median_is_the_one_in_the_middle_and_no_outlier_moves_it():
    assert spread([3.0, 1.0, 2.0, 1000.0, 2.5]) == Spread(2.5, 1.0, 1000.0, 5)
    assert spread([4.0, 2.0]) == Spread(3.0, 2.0, 4.0, 2)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0, 1)


def test_nothing_measured_has_no_median():
    with pytest.raises(ValueError, match=r"Expected: >= 1 measurement, Actual: 0"):
        spread([])


def test_medians_are_told_with_their_range():
    assert Spread(1.654, 1.5, 2.0, 5).told() == "1.65 (1.50..2.00)"
    assert Spread(1.654, 1.5, 2.0, 5).told(0) == "2 (2..2)"
    assert thousands(Spread(645_321.0, 600_000.0, 700_049.0, 5)) == "645.3 (600.0..700.0)"


def test_ratios_need_a_reference():
    assert ratio(3.0, 2.0) == "1.50"
    assert ratio(3.0, 0.0) == "-"


def test_tables_are_markdown_with_aligned_columns():
    text = markdown(("sender", "kpps"), [("generator", "645.3"), ("trafgen", "4.1")])
    assert text.splitlines() == [
        "| sender    |  kpps |",
        "| --------- | ----: |",
        "| generator | 645.3 |",
        "| trafgen   |   4.1 |",
    ]


@pytest.mark.parametrize("row", [("one",), ("one", "two", "three")])
def test_a_row_of_the_wrong_length_is_refused(row):
    with pytest.raises(ValueError, match="Expected: 2 cells"):
        markdown(("sender", "kpps"), [row])
