"""What judges say about a recording of every seeded defect: it kills its requirement and no stranger."""

from __future__ import annotations

import pytest

from hitless.catalogue import load_catalogue
from hitless.judging import judge_history, judged_by
from hitless.verdict import Outcome
from tests.stored import table
from tests.stored.histories import HERE, history_of, row_of, verdicts_of
from tests.stored.packing import pack, unpack
from tools import defects

pytestmark = pytest.mark.stored

CATALOGUE = load_catalogue()
TARGETS = defects.targets_of(CATALOGUE)
KEPT = sorted(path.name.removesuffix(".history.xz") for path in HERE.glob("*.history.xz"))


@pytest.mark.parametrize("name", TARGETS)
def test_judges_see_what_they_have_to(name):
    verdicts = verdicts_of(name)
    assert row_of(name, verdicts).problems == (), {one: verdict.message for one, verdict in verdicts.items()}


def test_the_table_in_the_docs_is_what_judges_say():
    """`python -m tests.stored.table` writes it."""
    assert table.DOCUMENT.read_text() == table.text(CATALOGUE)


def test_no_history_of_a_defect_that_is_gone():
    assert set(KEPT) == set(TARGETS)


def test_packing_keeps_what_judges_read():
    history = history_of(KEPT[0])
    again = unpack(pack(history))
    for one in judged_by(history.procedure, CATALOGUE):
        first, second = judge_history(history, one, CATALOGUE), judge_history(again, one, CATALOGUE)
        assert first == second
        assert first.outcome is not Outcome.ERROR
