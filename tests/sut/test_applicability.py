"""Which requirements a declaration lets a tester judge, and what it means where it does not."""

from __future__ import annotations

from typing import get_args

import pytest

from hitless import applicability
from hitless.applicability import Answer, Support, answer, statement
from hitless.catalogue import DEFAULT_CATALOGUE, CatalogueError, Need, Procedure, load_catalogue
from hitless.procedures import failing_upgrade, requests_and_tasks, rollback_steps, selection_rules, upgrade
from hitless.sut import load, parse
from tests.hygiene import gherkin_rules
from tests.sut.declarations import data, with_value, written
from tests.sut.test_declaration import SUTS

CATALOGUE = load_catalogue()
LAB = load(SUTS / "lab.yaml")


def row(*needs, status="M"):
    """A requirement of the catalogue with other needs and status."""
    condition = "made up" if status == "C" else ""
    changed = {"needs": needs, "status": status, "condition": condition, "procedures": ("free",)}
    return CATALOGUE.requirement("RQ-CAP-01").model_copy(update=changed)


PROCEDURES = {
    "free": Procedure(step="it is upgraded", needs=()),
    "rules": Procedure(step="rules are set", needs=("decider", "sol003")),
    "fails": Procedure(step="it fails", needs=("failing_package",)),
}


def judged(requirement, sut):
    return answer(requirement, sut, PROCEDURES)


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
    "disruption": (
        parse(written({**with_value("vnf.instance_id", "i-1"), "disruptive_allowed": True})),
        declared("vnf.instance_id", "i-1"),
        "disruptive_allowed",
    ),
    "rollback": (parse(written(data())), declared("rollback.supported", value=False), "rollback.supported"),
    "cancel": (parse(written(data())), declared("rollback.cancel", value=False), "rollback.cancel"),
    "retry": (parse(written(data())), declared("rollback.retry", value=False), "rollback.retry"),
    "fail": (parse(written(data())), declared("rollback.fail", value=False), "rollback.fail"),
    "downgrade": (parse(written(data())), declared("rollback.downgrade", value=False), "rollback.downgrade"),
    "decider": (declared("decider", {"command": ["x"]}), parse(written(data())), "decider"),
}


def applicable(said):
    return {name for name, one in said.answers.items() if one.support is Support.APPLICABLE}


def test_everything_that_a_requirement_may_need_is_looked_at_here():
    assert set(NEEDS) == set(get_args(Need)) == set(applicability._NEEDS)


@pytest.mark.parametrize("need", NEEDS)
def test_what_is_declared_applies(need):
    with_it, _, _ = NEEDS[need]
    assert judged(row(need), with_it) == Answer("RQ-CAP-01", "M", Support.APPLICABLE, ())


@pytest.mark.parametrize("need", NEEDS)
def test_what_is_not_declared_takes_a_mandatory_requirement_away_and_says_why(need):
    _, without, key = NEEDS[need]
    found = judged(row(need), without)
    assert found.support is Support.NOT_DEMONSTRATED
    assert found.reason.endswith(f"({key})")


@pytest.mark.parametrize("status", ["C", "O"])
def test_any_other_requirement_is_not_applicable(status):
    found = judged(row("decider", status=status), parse(written(data())))
    assert (found.status, found.support) == (status, Support.NOT_APPLICABLE)


def test_everything_that_is_lacking_is_told():
    found = judged(row("version_mark", "sol003", "decider"), parse(written(data())))
    assert len(found.lacking) == 2
    assert found.reason == "; ".join(found.lacking)


def test_a_requirement_without_needs_always_applies():
    bare = parse(written({**data(), "mano": {}, "upgrade": {"trigger": "manual"}, "notifications": None}))
    assert judged(row(), bare).support is Support.APPLICABLE


class TestProcedures:
    BARE = parse(written(data()))

    def test_a_requirement_whose_procedures_cannot_be_done_does_not_apply(self):
        both = row("version_mark").model_copy(update={"procedures": ("rules", "fails")})
        found = judged(both, self.BARE)
        assert found.support is Support.NOT_DEMONSTRATED
        assert [sentence.rpartition("(")[2] for sentence in found.lacking] == [
            "vnf.marks.versions)",
            "decider)",
            "vnf.failing)",
        ]

    def test_one_that_can_be_done_is_enough_and_what_cannot_is_told(self):
        found = judged(row().model_copy(update={"procedures": ("rules", "free")}), self.BARE)
        assert (found.support, found.lacking, found.reason) == (Support.APPLICABLE, (), "")
        assert found.restriction.startswith("but not in rules: there is no adapter")

    def test_what_two_procedures_lack_is_told_once(self):
        twice = {"rules": PROCEDURES["rules"], "more": PROCEDURES["rules"]}
        found = answer(row().model_copy(update={"procedures": ("rules", "more")}), self.BARE, twice)
        assert len(found.lacking) == 1


class TestCatalogue:
    SCENARIOS = gherkin_rules.scenarios(DEFAULT_CATALOGUE.parent)

    def test_scenarios_ask_for_the_procedures_that_their_requirements_name(self):
        by_step = {procedure.step: name for name, procedure in CATALOGUE.procedures.items()}
        found = {name: set() for name in CATALOGUE.by_id}
        for scenario in self.SCENARIOS:
            asked = {by_step[line.text] for line in scenario.lines if line.kind == "when"}
            for tag in scenario.tags & set(found):
                found[tag] |= asked
        assert found == {row.id: set(row.procedures) for row in CATALOGUE.requirements}

    def test_every_procedure_is_asked_for(self):
        lines = {line.text for scenario in self.SCENARIOS for line in scenario.lines}
        assert {procedure.step for procedure in CATALOGUE.procedures.values()} <= lines

    def test_names_are_those_of_the_recordings(self):
        modules = (failing_upgrade, requests_and_tasks, rollback_steps, selection_rules, upgrade)
        assert set(CATALOGUE.procedures) == {module.PROCEDURE for module in modules}


class TestStatement:
    def test_steps_whose_procedure_cannot_be_done_are_told_with_the_reason(self):
        said = statement(declared("upgrade.trigger", "manual"), CATALOGUE, "quick")
        assert "the VNF is upgraded to its target software version" not in said.impossible
        assert said.impossible["MANO is sent requests that it has to refuse"].endswith("(upgrade.trigger)")
        assert statement(LAB, CATALOGUE, "quick").impossible == {}

    def test_a_system_that_somebody_else_upgrades_is_judged_by_what_users_see(self):
        bare = parse(written({**data(), "mano": {}, "upgrade": {"trigger": "manual"}}))
        said = statement(bare, CATALOGUE, "quick")
        marked = statement(
            parse(written({**with_value("vnf.marks", MARKS), "mano": {}, "upgrade": {"trigger": "manual"}})),
            CATALOGUE,
            "quick",
        )
        assert applicable(said) == {"RQ-CAP-01"}
        assert applicable(marked) == {"RQ-CAP-01", "RQ-TRF-01", "RQ-TRF-02"}

    def test_a_system_that_cannot_be_cancelled_is_rolled_back_when_it_fails(self):
        changed = SUTS.joinpath("lab.yaml").read_text(encoding="utf-8").replace("cancel: true", "cancel: false")
        said = statement(parse(changed), CATALOGUE, "quick")
        away = set(CATALOGUE.by_id) - applicable(said)
        assert away == {"RQ-TRF-03", "RQ-TRF-06", "RQ-RBK-05", "RQ-LCM-05"}
        assert said.answers["RQ-RBK-02"].restriction.startswith("but not in rollback-at-every-step: operations cannot")
        assert said.answers["RQ-RBK-01"].restriction == ""

    def test_without_a_failing_package_only_its_own_requirement_is_lost(self):
        lab = LAB.model_copy(update={"vnf": LAB.vnf.model_copy(update={"failing": None})})
        said = statement(lab, CATALOGUE, "quick")
        assert set(CATALOGUE.by_id) - applicable(said) == {"RQ-RBK-01"}
        assert "failing-upgrade" in said.answers["RQ-LCM-02"].restriction

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
