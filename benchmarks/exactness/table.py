"""Tables of figures in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.table import markdown


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table; the first column is text, the others are figures."""
    return markdown(head, [[_cell(cell) for cell in row] for row in rows])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else str(value)
