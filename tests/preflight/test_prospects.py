"""What a run would judge, and how long it would take."""

from __future__ import annotations

import pytest

from hitless.catalogue import load_catalogue
from hitless.preflight.findings import Level
from hitless.preflight.prospects import prescribed_s, prospects
from tests.preflight.fakes import declared

CATALOGUE = load_catalogue()


def told(sut, profile="quick"):
    return list(prospects(sut, CATALOGUE, profile))


def test_what_is_not_declared_is_told_row_by_row():
    findings = told(declared(vnf__marks={"versions": {}, "instance": "none"}))
    rows = {finding.name: finding for finding in findings}
    assert rows["RQ-TRF-01"].level is Level.WARNING
    assert "not demonstrated: packets do not show" in rows["RQ-TRF-01"].message
    assert "RQ-CAP-01" not in rows
    counted = rows["requirements"].message.split(" of ")
    assert int(counted[0]) < len(CATALOGUE.requirements)


def test_everything_declared_is_one_line_and_the_time():
    rows = [finding.name for finding in told(declared())]
    assert rows[-2:] == ["requirements", "time"]


@pytest.mark.parametrize(
    ("procedure", "quick_s"),
    [
        ("upgrade-under-load", 2 + 10 + 2 + 5),
        ("rollback-at-every-step", 2 + 10 + 2 + 5 + 4 * 2),
        ("selection-rules", 2 + 10 + 2 + 5 + 10 + 5 + 4 * 1.5 + 6),
    ],
)
def test_prescribed_time(procedure, quick_s):
    assert prescribed_s(procedure, CATALOGUE.profile("quick")) == quick_s


def test_the_time_grows_with_the_profile():
    def seconds(profile):
        return prescribed_s("upgrade-under-load", CATALOGUE.profile(profile))

    assert seconds("quick") < seconds("standard") < seconds("acceptance")


def test_the_longest_allowed_time_of_an_operation_is_named():
    time = told(declared(upgrade={"deadline_s": 77}))[-1]
    assert (time.level, time.name) == (Level.OK, "time")
    assert "at most 77 s each" in time.message
