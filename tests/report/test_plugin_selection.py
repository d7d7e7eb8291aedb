"""What is run, what is left out, and that nothing gets lost on the way."""

from __future__ import annotations

import pytest

from hitless.plugin import arguments
from tests.report import suites

pytestmark = pytest.mark.processes

pytest_plugins = ["pytester"]

TWO = """
    Feature: Upgrade
      @RQ-CAP-01 @P1
      Scenario: Full capacity
        Given a system
        Then RQ-CAP-01 is judged PASS

      @RQ-TRF-01 @TP-TRF-01-BV-01 @P2
      Scenario: Affinity
        Given a system
        Then RQ-TRF-01 is judged PASS
"""
NOT_APPLICABLE = """
def pytest_hitless_not_applicable(item, requirements):
    return "no sessions" if "RQ-TRF-01" in requirements else None
"""


def test_everything_in_the_catalogue_is_judged_by_default(pytester):
    ran = suites.run(pytester, TWO)
    assert ran.code == 0
    assert ran.requirements == {"RQ-CAP-01": "pass", "RQ-TRF-01": "pass"}
    assert ran.verdict["complete"] is True


def test_a_requirement_of_the_catalogue_without_a_scenario_is_an_error(pytester):
    ran = suites.run(pytester, TWO, catalogue={**suites.CATALOGUE, "RQ-ZZZ-01": "Nobody looks."})
    assert ran.code == 3
    assert ran.requirements["RQ-ZZZ-01"] == "error"
    assert "RQ-ZZZ-01: no scenario" in ran.results


def test_only_what_was_asked_for_is_run_and_the_rest_is_listed(pytester):
    ran = suites.run(pytester, TWO, "--hitless-only=RQ-TRF-01")
    assert ran.code == 0
    assert ran.requirements == {"RQ-CAP-01": "none", "RQ-TRF-01": "pass"}
    assert ran.verdict["complete"] is False
    assert set(ran.results) == {"Affinity"}
    assert "not complete" in ran.output


def test_a_test_purpose_can_be_asked_for(pytester):
    ran = suites.run(pytester, TWO, "--hitless-only=TP-TRF-01-BV-01")
    assert ran.code == 0
    assert ran.requirements == {"RQ-CAP-01": "none", "RQ-TRF-01": "pass"}
    assert set(ran.results) == {"Affinity"}
    assert ran.verdict["complete"] is False


def test_a_test_purpose_that_nobody_has_is_an_error(pytester):
    ran = suites.run(pytester, TWO, "--hitless-only=TP-CAP-01-BV-07")
    assert ran.code == 3
    assert ran.requirements["RQ-CAP-01"] == "error"


def test_several_requirements_can_be_asked_for(pytester):
    ran = suites.run(pytester, TWO, "--hitless-only=RQ-TRF-01", "--hitless-only=RQ-CAP-01")
    assert ran.requirements == {"RQ-CAP-01": "pass", "RQ-TRF-01": "pass"}


def test_an_unknown_requirement_is_refused(pytester):
    ran = suites.run(pytester, TWO, "--hitless-only=RQ-NON-01")
    assert ran.code == 4
    assert "RQ-NON-01 - not in the catalogue - known: RQ-CAP-01, RQ-TRF-01" in ran.output


def test_a_requirement_that_is_asked_for_but_has_no_scenario_is_an_error(pytester):
    ran = suites.run(pytester, TWO, "--hitless-only=RQ-ZZZ-01", catalogue={**suites.CATALOGUE, "RQ-ZZZ-01": "x"})
    assert ran.code == 3
    assert ran.requirements["RQ-ZZZ-01"] == "error"


def test_what_pytest_deselects_is_not_selected(pytester):
    ran = suites.run(pytester, TWO, "-k", "affinity")
    assert ran.requirements == {"RQ-CAP-01": "none", "RQ-TRF-01": "pass"}
    assert ran.verdict["complete"] is False


def test_deselecting_everything_is_no_pass(pytester):
    ran = suites.run(pytester, TWO, "-k", "nothing_is_called_like_this")
    assert ran.code == 5
    assert ran.verdict["verdict"] == "none"


def test_what_does_not_apply_is_skipped_with_its_reason(pytester):
    ran = suites.run(pytester, TWO, steps=NOT_APPLICABLE)
    assert ran.code == 0
    assert ran.requirements == {"RQ-CAP-01": "pass", "RQ-TRF-01": "none"}
    assert ran.verdict["complete"] is False
    assert ran.results["Affinity"]["status"] == "skipped"
    assert ran.results["Affinity"]["statusDetails"]["message"] == "NONE: not applicable: no sessions"
    assert "not applicable: no sessions" in ran.output


STATEMENT = """
from hitless.applicability import Answer, Statement, Support

def pytest_hitless_statement(config):
    away = Answer("RQ-TRF-01", STATUS, Support.SUPPORT, ("no mark",))
    return Statement({"RQ-CAP-01": Answer("RQ-CAP-01", "M", Support.APPLICABLE), "RQ-TRF-01": away})
"""
AWAY = STATEMENT.replace("STATUS", "'M'").replace("SUPPORT", "NOT_DEMONSTRATED")
CONDITIONAL = STATEMENT.replace("STATUS", "'C'").replace("SUPPORT", "NOT_APPLICABLE")


def test_what_is_declared_away_though_mandatory_keeps_the_run_from_passing(pytester):
    ran = suites.run(pytester, TWO, steps=AWAY)
    assert ran.code == 2
    assert ran.verdict["verdict"] == "inconc"
    assert ran.requirements == {"RQ-CAP-01": "pass", "RQ-TRF-01": "none"}
    assert ran.verdict["not_demonstrated"] == ["RQ-TRF-01"]
    assert ran.verdict["requirements"]["RQ-TRF-01"]["ics"]["reason"] == "no mark"
    assert ran.results["Affinity"]["status"] == "skipped"
    assert ran.results["Affinity"]["statusDetails"]["message"] == "NONE: not demonstrated: no mark"
    assert ran.junit.find("testsuite").get("skipped") == "1"
    assert ran.junit.find("testsuite").get("errors") == "1"
    assert "NOT DEMONSTRATED" in ran.output
    assert "not demonstrated: no mark" in ran.output
    assert "NOT\\ DEMONSTRATED=RQ-TRF-01: no mark" in (ran.allure / "environment.properties").read_text()


def test_what_is_declared_away_and_conditional_does_not(pytester):
    ran = suites.run(pytester, TWO, steps=CONDITIONAL)
    assert ran.code == 0
    assert ran.verdict["complete"] is True
    assert ran.results["Affinity"]["statusDetails"]["message"] == "NONE: not applicable: no mark"


def test_what_was_not_asked_for_does_not_keep_a_run_from_passing(pytester):
    ran = suites.run(pytester, TWO, "--hitless-only=RQ-CAP-01", steps=AWAY)
    assert ran.code == 0
    assert ran.verdict["not_demonstrated"] == []


def test_asking_for_what_is_not_demonstrated_alone_is_no_pass(pytester):
    ran = suites.run(pytester, TWO, "--hitless-only=RQ-TRF-01", steps=AWAY)
    assert ran.code == 2


IMPOSSIBLE = """
from hitless.applicability import Answer, Statement, Support

def pytest_hitless_statement(config):
    answers = {name: Answer(name, "M", Support.APPLICABLE) for name in ("RQ-CAP-01", "RQ-TRF-01")}
    return Statement(answers, {"it is upgraded": "no package"})
"""


def test_a_scenario_whose_procedure_cannot_be_done_is_left_out_and_others_judge_its_requirement(pytester):
    more = (
        TWO
        + """
      @RQ-CAP-01
      Scenario: Full capacity once more
        When it is upgraded
        Then RQ-CAP-01 is judged FAIL
    """
    )
    ran = suites.run(pytester, more, steps=IMPOSSIBLE)
    assert ran.requirements == {"RQ-CAP-01": "pass", "RQ-TRF-01": "pass"}
    assert ran.code == 0
    left_out = ran.results["Full capacity once more"]
    assert left_out["statusDetails"]["message"] == "NONE: not applicable: no package"


def test_a_scenario_is_run_while_one_of_its_requirements_can_be_judged(pytester):
    both = """
        Feature: Upgrade
          @RQ-CAP-01 @RQ-TRF-01
          Scenario: Both
            Then RQ-CAP-01 is judged PASS
            And RQ-TRF-01 is judged PASS
    """
    ran = suites.run(pytester, both, steps=AWAY)
    assert ran.requirements == {"RQ-CAP-01": "pass", "RQ-TRF-01": "pass"}
    assert ran.code == 0


@pytest.mark.parametrize(
    "skip",
    [
        "@pytest.fixture(autouse=True)\ndef skips(): pytest.skip('just so')",
        "def pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.skip(reason='just so'))",
    ],
)
def test_nobody_else_may_skip(pytester, skip):
    ran = suites.run(pytester, TWO, "--hitless-only=RQ-CAP-01", steps=skip)
    assert ran.code == 3
    assert "only the selector may skip" in ran.verdict["requirements"]["RQ-CAP-01"]["message"]
    assert ran.results["Full capacity"]["status"] == "broken"


def test_a_module_that_skips_itself_is_an_error(pytester):
    pytester.makepyfile(test_other="import pytest\npytest.skip('just so', allow_module_level=True)\n")
    ran = suites.run(pytester, TWO)
    assert ran.code == 3
    assert "only the selector may skip" in ran.verdict["errors"][0]


def test_a_file_that_cannot_be_read_is_an_error_of_the_run(pytester):
    ran = suites.run(pytester, TWO.replace("Given a system", "And a system"))
    assert ran.code == 3
    assert "could not be collected" in ran.verdict["errors"][0]
    assert set(ran.requirements.values()) == {"error"}
    assert "Run error 1" in ran.results


def test_an_interruption_leaves_results_and_no_pass(pytester):
    steps = """
    @given("an impatient user")
    def impatient(): raise KeyboardInterrupt
    """
    feature = TWO.replace("Given a system\n        Then RQ-TRF-01", "Given an impatient user\n        Then RQ-TRF-01")
    ran = suites.run(pytester, feature, steps=steps)
    assert ran.code == 3
    assert ran.verdict["errors"][0].startswith("run - interrupted before its end")
    assert ran.requirements == {"RQ-CAP-01": "pass", "RQ-TRF-01": "error"}


def test_scenarios_that_were_not_reached_are_errors(pytester):
    ran = suites.run(pytester, TWO.replace("RQ-CAP-01 is judged PASS", "RQ-CAP-01 is judged FAIL"), "-x")
    assert ran.requirements == {"RQ-CAP-01": "fail", "RQ-TRF-01": "error"}
    assert set(ran.results) == {"Full capacity", "Affinity"}


def test_a_wrong_path_is_a_usage_error(pytester):
    ran = suites.run(pytester, TWO, "no/such/folder")
    assert ran.code == 4


def test_collecting_alone_writes_nothing(pytester):
    ran = suites.run(pytester, TWO, "--collect-only")
    assert ran.code == 0
    assert not ran.reports.exists()


def test_the_arguments_for_a_run_make_pytest_run_it(pytester, monkeypatch):
    suites.run(pytester, TWO)
    given = arguments(
        pytester.path, sut=pytester.path / "sut.yaml", profile="quick", reports=pytester.path / "other",
        only=("RQ-CAP-01",), html=False,
    )  # fmt: skip
    done = pytester.runpytest_subprocess(*given)
    assert done.ret == 0
    ran = suites.Ran(int(done.ret), done.stdout.str(), pytester.path / "other")
    assert ran.requirements == {"RQ-CAP-01": "pass", "RQ-TRF-01": "none"}
    assert "warnings" not in ran.output
