"""Seeded defects on the living system: three of them, others every day, so that all are seen again in time.

All of them at once: `make defects`. What judges say about each is tested every time, in tests/stored.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import pytest

from hitless.catalogue import load_catalogue
from tests.live import runs
from tools import defects

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]
CATALOGUE = load_catalogue()
TARGETS = defects.targets_of(CATALOGUE)
PER_DAY = 3


def of_the_day(day: dt.date) -> list[str]:
    """Return three defects, one of each third of the list; after as many days as a third is long all had their turn."""
    names = sorted(TARGETS)
    third = -(-len(names) // PER_DAY)
    parts = [names[start : start + third] for start in range(0, len(names), third)]
    return [part[day.toordinal() % len(part)] for part in parts]


def judged_again(reports):
    """Judge every recording of the run again, without the system under test."""
    return subprocess.run(
        [sys.executable, "-m", "hitless", "judge", str(reports), "--against", str(reports / "verdict.json")],
        cwd=runs.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("name", of_the_day(dt.datetime.now(dt.UTC).date()))
def test_a_defect_is_seen_as_it_has_to_be(name, tmp_path):
    target, just_over = TARGETS[name]
    options = defects.parse(["--reports", str(tmp_path), "--only", name])
    outcomes = defects.outcomes_of(name, target, CATALOGUE, options)
    row = defects.Row(name, target, just_over, outcomes, CATALOGUE.companions(target))
    assert row.problems == (), (tmp_path / name / "output.txt").read_text()
    requirements = json.loads((tmp_path / name / "verdict.json").read_text())["requirements"]
    assert requirements[target]["verdict"] == ("fail" if just_over else "pass")


def test_every_defect_has_its_day():
    first = dt.date(2026, 1, 1)
    seen = {name for day in range(60) for name in of_the_day(first + dt.timedelta(days=day))}
    assert seen == set(TARGETS)


def test_the_traditional_way_halves_the_capacity(tmp_path):
    finished = runs.run_to_the_end(tmp_path, defect="traditional-halves", only=("RQ-CAP-01",))
    again = judged_again(tmp_path)
    assert "RQ-CAP-01: identical" in again.stdout, again.stdout + again.stderr
    row = finished.requirements["RQ-CAP-01"]
    assert row["verdict"] == "fail", finished.output
    assert 0.40 <= row["figures"]["min_bin_goodput_ratio"] <= 0.60
