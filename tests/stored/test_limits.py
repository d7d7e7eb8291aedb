"""Every limit of the catalogue decides something: a defect breaks it, or too small a sample makes verdicts INCONC."""

from __future__ import annotations

import pytest

from hitless.catalogue import load_catalogue
from hitless.judges import JUDGES
from hitless.limits import limits_of_recording
from hitless.verdict import Outcome
from tests.stored.histories import history_of

pytestmark = pytest.mark.stored

CATALOGUE = load_catalogue()
BROKEN = [(row, limit) for row in CATALOGUE.requirements for limit in row.limits if limit.broken_by]
SAMPLES = [(row, limit) for row in CATALOGUE.requirements for limit in row.limits if not limit.broken_by]
OFF = {"<=": 1e18, ">=": 0.0}
OUT_OF_REACH = {"<=": 1e-9, ">=": 1e9}

# Ten minutes are more than a recording may take: judged as if the catalogue said 20 s.
SHORTER = {("RQ-RBK-02", "lcm_rollback_s"): 20.0}


def ids(pairs):
    return [f"{row.id}-{limit.name}" for row, limit in pairs]


def outcome(defect, row, **replaced):
    history = history_of(defect)
    limits = limits_of_recording(CATALOGUE, row.id, history.parameters, history.sut).numbers
    return JUDGES[row.id](history, limits | replaced).outcome


@pytest.mark.parametrize(("row", "limit"), BROKEN, ids=ids(BROKEN))
def test_a_defect_shows_that_the_limit_decides(row, limit):
    """The defect fails by this limit alone, or (a tolerance) does not fail without it."""
    shorter = {limit.name: SHORTER[row.id, limit.name]} if (row.id, limit.name) in SHORTER else {}
    others = {one.name: OFF[one.comparison] for one in row.limits if one.name != limit.name}
    assert outcome(limit.broken_by, row) is Outcome.FAIL
    by_this_alone = outcome(limit.broken_by, row, **others, **shorter) is Outcome.FAIL
    not_without_it = outcome(limit.broken_by, row, **{limit.name: OFF[limit.comparison]}) is not Outcome.FAIL
    assert by_this_alone or not_without_it


@pytest.mark.parametrize(("row", "limit"), SAMPLES, ids=ids(SAMPLES))
def test_a_sample_that_is_too_small_is_inconclusive(row, limit):
    good = row.defects.just_under[0]
    assert outcome(good, row) is Outcome.PASS
    assert outcome(good, row, **{limit.name: OUT_OF_REACH[limit.comparison]}) is Outcome.INCONC
