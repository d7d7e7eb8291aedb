"""docs/defects.md: every seeded defect, what it is, who fails by it, and the limit that it shows.

Usage: python -m tests.stored.table
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hitless.catalogue import Catalogue, load_catalogue
from lab.defects import REGISTRY
from tests.stored.histories import row_of, verdicts_of
from tools import defects

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "docs" / "defects.md"

HEAD: Final = """\
# The seeded defects

For each requirement the lab can be wrong in ways that make exactly it fail, and in a way that stays just within its
limits. `make defects` runs the suite against each of them; tests/stored holds a history of each, and judges are tested
on these. This page is written from them by `python -m tests.stored.table`; a test compares it.

## Who fails

"""
LIMITS_HEAD: Final = """
## What each limit decides

Either the defect fails by this limit alone, all others of the requirement being switched off, or (a tolerance) it does
not fail without it. A sample size is no limit of the system under test: where it is not reached the verdict is INCONC.
The ten minutes of `lcm_rollback_s` are shown by the same history as if they were 20 s.

| requirement | limit | quick | shown by |
|---|---|---|---|
"""
DEFECTS_HEAD: Final = """
## What they are

| defect | about | what is different |
|---|---|---|
"""


def text(catalogue: Catalogue) -> str:
    """Return the page."""
    targets = defects.targets_of(catalogue)
    rows = [row_of(name, verdicts_of(name)) for name in targets]
    matrix = defects.matrix(rows, [row.id for row in catalogue.requirements])
    described = "".join(
        f"| {name} | {target}, {'over' if over else 'within'} | {REGISTRY[name].description} |\n"
        for name, (target, over) in targets.items()
    )
    return HEAD + matrix + LIMITS_HEAD + _limits(catalogue) + DEFECTS_HEAD + described


def _limits(catalogue: Catalogue) -> str:
    return "".join(
        f"| {row.id} | {limit.name} | {limit.comparison} {limit.values['quick']:g} | "
        f"{limit.broken_by or 'sample size: INCONC'} |\n"
        for row in catalogue.requirements
        for limit in row.limits
    )


if __name__ == "__main__":
    DOCUMENT.write_text(text(load_catalogue()))
