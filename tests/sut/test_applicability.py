"""Which requirements a declaration lets a tester judge, and what it means where it does not."""

from __future__ import annotations

from typing import get_args

import pytest

from hitless import applicability
from hitless.applicability import Answer, Support, answer, statement
from hitless.catalogue import CatalogueError, Need, load_catalogue
from hitless.sut import load, parse
from tests.sut.declarations import data, with_value, written
from tests.sut.test_declaration import SUTS

CATALOGUE = load_catalogue()
LAB = load(SUTS / "lab.yaml")


def row(*needs, status="M"):
    """A requirement of the catalogue with other needs and status."""
    condition = "made up" if status == "C" else ""
    changed = {"needs": needs, "status": status, "condition": condition}
    return CATALOGUE.requirement("RQ-CAP-01").model_copy(update=changed)


def declared(path, value):
    return parse(written(with_value(path, value)))


MARKS = {"versions": {"1.0": "ip", "2.0": "ip6"}, "instance": "source_mac"}
# what is needed: a declaration that has it, one that does not, a word of the reason
NEEDS = {
    "version_mark": (declared("vnf.marks", MARKS), parse(written(data())), "vnf.marks.versions"),
    "instance_mark": (declared("vnf.marks", MARKS), parse(written(data())), "vnf.marks.instance"),
    "unit_capacity": (declared("vnf.unit_capacity_pps", {"g": 1}), parse(written(data())), "vnf.unit_capacity_pps"),
    "failing_package": (
        declared("vnf.failing", {"vnfd_id": "d3", "software_version": "x"}),
        parse(written(data())),
        "vnf.failing",
    ),
    "disabled_package": (declared("vnf.disabled_vnfd_id", "d4"), parse(written(data())), "vnf.disabled_vnfd_id"),
    "sol003": (
        parse(written(data())),
        parse(written({**data(), "mano": {}, "upgrade": {"trigger": "manual"}})),
        "mano.sol003",
    ),
    "notifications": (parse(written(data())), declared("notifications", None), "notifications"),
    "tester_triggers": (parse(written(data())), declared("upgrade.trigger", "manual"), "upgrade.trigger"),
    "rollback": (parse(written(data())), declared("rollback.supported", value=False), "rollback.supported"),
    "cancel": (parse(written(data())), declared("rollback.cancel", value=False), "rollback.cancel"),
    "retry": (parse(written(data())), declared("rollback.retry", value=False), "rollback.retry"),
    "fail": (parse(written(data())), declared("rollback.fail", value=False), "rollback.fail"),
    "downgrade": (parse(written(data())), declared("rollback.downgrade", value=False), "rollback.downgrade"),
    "decider": (declared("decider", {"command": ["x"]}), parse(written(data())), "decider"),
}


def test_everything_that_a_requirement_may_need_is_looked_at_here():
    assert set(NEEDS) == set(get_args(Need)) == set(applicability._NEEDS)


@pytest.mark.parametrize("need", NEEDS)
def test_what_is_declared_applies(need):
    with_it, _, _ = NEEDS[need]
    assert answer(row(need), with_it) == Answer("RQ-CAP-01", "M", Support.APPLICABLE, ())


@pytest.mark.parametrize("need", NEEDS)
def test_what_is_not_declared_takes_a_mandatory_requirement_away_and_says_why(need):
    _, without, key = NEEDS[need]
    found = answer(row(need), without)
    assert found.support is Support.NOT_DEMONSTRATED
    assert found.reason.endswith(f"({key})")


@pytest.mark.parametrize("status", ["C", "O"])
def test_any_other_requirement_is_not_applicable(status):
    found = answer(row("decider", status=status), parse(written(data())))
    assert (found.status, found.support) == (status, Support.NOT_APPLICABLE)


def test_everything_that_is_lacking_is_told():
    found = answer(row("version_mark", "sol003", "decider"), parse(written(data())))
    assert len(found.lacking) == 2
    assert found.reason == "; ".join(found.lacking)


def test_a_requirement_without_needs_always_applies():
    bare = parse(written({**data(), "mano": {}, "upgrade": {"trigger": "manual"}, "notifications": None}))
    assert answer(row(), bare).support is Support.APPLICABLE


class TestStatement:
    def test_all_requirements_apply_to_the_lab(self):
        said = statement(LAB, CATALOGUE, "quick")
        assert set(said.answers) == set(CATALOGUE.by_id)
        assert {one.reason for one in said.answers.values()} == {""}
        assert said.replaced == ()
        assert not said.sign_off
        assert statement(LAB, CATALOGUE, "standard").sign_off

    def test_an_unknown_requirement_applies(self):
        assert statement(LAB, CATALOGUE, "quick").support("RQ-ZZZ-99") is Support.APPLICABLE

    def test_a_replaced_limit_is_told_beside_the_catalogues(self):
        limits = {"RQ-CAP-01": {"loss_ratio": {"value": 1e-3, "by": "J. Doe", "why": "contract"}}}
        (found,) = statement(declared("limits", limits), CATALOGUE, "quick").replaced
        assert (found.requirement, found.name, found.comparison, found.unit) == (
            "RQ-CAP-01",
            "loss_ratio",
            "<=",
            "ratio",
        )
        assert (found.value, found.catalogue_value, found.by, found.why) == (1e-3, 1e-4, "J. Doe", "contract")

    @pytest.mark.parametrize(
        ("requirement", "limit", "told"),
        [("RQ-ZZZ-99", "loss_ratio", "not in the catalogue"), ("RQ-CAP-01", "loss", "no such limit")],
    )
    def test_a_limit_that_replaces_nothing_is_wrong(self, requirement, limit, told):
        limits = {requirement: {limit: {"value": 1, "by": "J. Doe", "why": "contract"}}}
        with pytest.raises(CatalogueError, match=told):
            statement(declared("limits", limits), CATALOGUE, "quick")

    def test_an_unknown_profile_is_wrong(self):
        with pytest.raises(CatalogueError, match="profile slow"):
            statement(LAB, CATALOGUE, "slow")
