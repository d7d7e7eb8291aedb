"""Medians with their spread, and tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """What repeated measurements of one thing gave.

    Attributes:
        median: the one in the middle.
        low, high: the smallest and the largest.
        count: how many there were.
    """

    median: float
    low: float
    high: float
    count: int

    def told(self, digits: int = 2) -> str:
        """Return it as "median (smallest..largest)"."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}..{self.high:.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the range of repeated measurements.

    Raises:
        ValueError: there are none.
    """
    if not values:
        raise ValueError("benchmark - spread - Expected: >= 1 measurement, Actual: 0")
    return Spread(statistics.median(values), min(values), max(values), len(values))


def thousands(value: Spread) -> str:
    """Return a rate in thousands, with its spread."""
    return Spread(value.median / 1e3, value.low / 1e3, value.high / 1e3, value.count).told(1)


def ratio(value: float, reference: float) -> str:
    """Return how many times the reference a value is, "-" where there is no reference."""
    return f"{value / reference:.2f}" if reference > 0 else "-"


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]], *, texts: int = 1) -> str:
    """Return a table.

    Args:
        headers: names of the columns.
        rows: cells.
        texts: so many columns at the left are text, all others numbers.

    Raises:
        ValueError: a row has not as many cells as there are columns.
    """
    for row in rows:
        if len(row) != len(headers):
            raise ValueError(f"table - row {row[:1]} - Expected: {len(headers)} cells, Actual: {len(row)}")
    widths = [max(len(row[place]) for row in [headers, *rows]) for place in range(len(headers))]
    ruler = ["-" * (width - 1) + ("-" if place < texts else ":") for place, width in enumerate(widths)]
    lines = [_line(row, widths, texts) for row in (headers, ruler, *rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str], widths: Sequence[int], texts: int) -> str:
    aligned = (
        cell.ljust(width) if place < texts else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "| " + " | ".join(aligned) + " |"
