"""What judges say about a recording of every seeded defect: it kills its requirement and no stranger."""

from __future__ import annotations

from pathlib import Path

import pytest

from hitless.catalogue import load_catalogue
from hitless.judging import judge_history, judged_by
from hitless.verdict import Outcome
from tests.stored.packing import pack, unpack
from tools import defects

HERE = Path(__file__).parent
CATALOGUE = load_catalogue()
TARGETS = defects.targets_of(CATALOGUE)


def file_of(name):
    return HERE / f"{name}.history.xz"


KEPT = sorted(path.name.removesuffix(".history.xz") for path in HERE.glob("*.history.xz"))


@pytest.mark.parametrize("name", KEPT)
def test_judges_see_what_they_have_to(name):
    target, just_over = TARGETS[name]
    history = unpack(file_of(name).read_bytes())
    verdicts = {one: judge_history(history, one, CATALOGUE) for one in judged_by(history.procedure, CATALOGUE)}
    outcomes = {one: verdict.outcome.name.lower() for one, verdict in verdicts.items()}
    row = defects.Row(name, target, just_over, outcomes, CATALOGUE.companions(target))
    assert row.problems == (), {one: verdict.message for one, verdict in verdicts.items()}


def test_no_history_of_a_defect_that_is_gone():
    assert KEPT
    assert set(KEPT) <= set(TARGETS)


def test_packing_keeps_what_judges_read():
    history = unpack(file_of(KEPT[0]).read_bytes())
    again = unpack(pack(history))
    for one in judged_by(history.procedure, CATALOGUE):
        first, second = judge_history(history, one, CATALOGUE), judge_history(again, one, CATALOGUE)
        assert first == second
        assert first.outcome is not Outcome.ERROR
