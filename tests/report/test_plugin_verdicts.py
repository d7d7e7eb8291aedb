"""From what happens in a scenario to verdict.json, junit.xml, Allure status and exit code."""

from __future__ import annotations

import json

import pytest

from tests.report import suites

pytestmark = pytest.mark.processes

pytest_plugins = ["pytester"]

ONE = """
    Feature: Capacity
      @RQ-CAP-01
      Scenario: Full capacity
        Given a system
        When it is upgraded
        Then RQ-CAP-01 is judged {outcome}
        And nothing more
"""
ONLY_CAP = {"RQ-CAP-01": "The capacity is served."}


def broken(step):
    """A feature whose second step is the given one."""
    return ONE.format(outcome="PASS").replace("it is upgraded", step)


@pytest.mark.parametrize(
    ("outcome", "code", "allure", "step"),
    [
        ("PASS", 0, "passed", "passed"),
        ("FAIL", 1, "failed", "failed"),
        ("INCONC", 2, "broken", "broken"),
        ("ERROR", 3, "broken", "broken"),
    ],
)
def test_a_verdict_decides_everything(pytester, outcome, code, allure, step):
    ran = suites.run(pytester, ONE.format(outcome=outcome), catalogue=ONLY_CAP)
    assert ran.code == code == ran.verdict["exit_code"]
    assert ran.verdict["verdict"] == outcome.lower()
    assert ran.verdict["complete"] is True
    assert ran.requirements == {"RQ-CAP-01": outcome.lower()}
    assert ran.verdict["requirements"]["RQ-CAP-01"]["figures"] == {"lost_count": 3}
    result = ran.results["Full capacity"]
    assert result["status"] == allure
    assert result["statusDetails"]["message"] == f"{outcome}: made up"
    assert dict(ran.steps("Full capacity"))["Then RQ-CAP-01 is judged " + outcome] == step
    assert f"RQ-CAP-01   {outcome:<7} made up" in ran.output


@pytest.mark.parametrize(("outcome", "tags"), [("PASS", []), ("FAIL", ["failure"]), ("INCONC", ["error"])])
def test_junit_says_the_same(pytester, outcome, tags):
    ran = suites.run(pytester, ONE.format(outcome=outcome))
    cases = ran.junit.iter("testcase")
    case = next(each for each in cases if each.get("name") == "Full capacity")
    assert [child.tag for child in case if child.tag != "properties"] == tags


def test_a_verdict_leaves_no_traceback_and_no_list_of_failures(pytester):
    ran = suites.run(pytester, ONE.format(outcome="FAIL"), catalogue=ONLY_CAP)
    assert "Traceback" not in ran.output
    assert "FAILURES" not in ran.output
    assert "conftest.py" not in ran.output


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("assert 1 == 2, 'wrong suite'", "AssertionError: wrong suite"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("pytest.fail('pytest says so')", "Failed: pytest says so"),
        ("pytest.skip('no time')", "only the selector may skip"),
        ("pytest.xfail('known')", "XFailed"),
        ("from hitless.conclude import RequirementFailed; raise RequirementFailed(a_verdict('RQ-CAP-01', 'FAIL'))",
         "RequirementFailed"),
    ],
)  # fmt: skip
def test_only_conclude_may_fail_a_requirement_everything_else_is_an_error(pytester, code, told):
    steps = f"@when('it breaks')\ndef breaks(): {code}\n"
    ran = suites.run(pytester, broken("it breaks"), steps=steps, catalogue=ONLY_CAP)
    assert ran.code == 3
    assert ran.requirements == {"RQ-CAP-01": "error"}
    assert told in ran.verdict["requirements"]["RQ-CAP-01"]["message"]
    assert ran.results["Full capacity"]["status"] == "broken"
    assert ran.steps("Full capacity") == [
        ("Given a system", "passed"),
        ("When it breaks", "broken"),
        ("Then RQ-CAP-01 is judged PASS", "skipped"),
        ("And nothing more", "skipped"),
    ]


def test_a_step_that_swallows_a_failure_does_not_make_it_undone(pytester):
    steps = """
    @when("a step hides what is wrong")
    def hides(conclude):
        try:
            conclude(a_verdict("RQ-CAP-01", "FAIL"))
        except AssertionError:
            pass
    """
    ran = suites.run(pytester, broken("a step hides what is wrong"), steps=steps, catalogue=ONLY_CAP)
    assert ran.code == 1
    assert ran.requirements == {"RQ-CAP-01": "fail"}
    assert ran.results["Full capacity"]["status"] == "failed"


def test_a_judge_without_checks_is_an_error(pytester):
    steps = """
    @when("nothing is checked")
    def nothing_checked(conclude):
        conclude(Verdict("RQ-CAP-01", ()))
    """
    ran = suites.run(pytester, broken("nothing is checked"), steps=steps, catalogue=ONLY_CAP)
    assert ran.requirements == {"RQ-CAP-01": "error"}


def test_a_scenario_may_only_judge_what_it_is_tagged_with(pytester):
    feature = ONE.format(outcome="PASS").replace("@RQ-CAP-01", "@RQ-TRF-01")
    ran = suites.run(pytester, feature, catalogue={"RQ-TRF-01": "x"})
    assert ran.requirements == {"RQ-TRF-01": "error"}
    assert "judged a requirement it is not for" in ran.output


def test_a_scenario_that_concludes_nothing_is_an_error(pytester):
    feature = ONE.format(outcome="PASS").replace("Then RQ-CAP-01 is judged PASS", "Then nothing more")
    ran = suites.run(pytester, feature, catalogue=ONLY_CAP)
    assert ran.code == 3
    assert "no verdict was reached" in ran.verdict["requirements"]["RQ-CAP-01"]["message"]
    assert ran.results["Full capacity"]["status"] == "broken"


@pytest.mark.parametrize(("outcome", "expected"), [("FAIL", "fail"), ("PASS", "pass"), ("INCONC", "inconc")])
def test_a_mark_for_an_expected_failure_changes_nothing(pytester, outcome, expected):
    pytester.makeini("[pytest]\nxfail_strict = false\n")
    steps = """
    def pytest_collection_modifyitems(items):
        for item in items:
            item.add_marker(pytest.mark.xfail(reason="known"))
    """
    ran = suites.run(pytester, ONE.format(outcome=outcome), steps=steps, catalogue=ONLY_CAP)
    assert ran.requirements == {"RQ-CAP-01": expected}
    assert (ran.code == 0) == (expected == "pass")


def test_the_recording_of_a_verdict_is_told(pytester):
    steps = """
    from pathlib import Path

    @when("it is recorded")
    def recorded(conclude):
        conclude(a_verdict("RQ-CAP-01", "PASS"), recording=Path("recordings") / "1")
    """
    ran = suites.run(pytester, broken("it is recorded"), steps=steps, catalogue=ONLY_CAP)
    assert ran.verdict["requirements"]["RQ-CAP-01"]["recording"] == "recordings/1"
    assert "recording: recordings/1" in ran.output


def test_facts_about_the_system_reach_the_files_and_the_first_page(pytester):
    steps = """
    @given("a described system")
    def described(hitless_run, hitless_progress):
        hitless_run.describe_sut(name="made up")
        hitless_run.describe_environment(VNFM_version="1.2")
        hitless_progress.event("system described")
    """
    feature = ONE.format(outcome="PASS").replace("a system", "a described system")
    ran = suites.run(
        pytester, feature, "--hitless-sut=sut.yaml", "--hitless-profile=standard", steps=steps, catalogue=ONLY_CAP
    )
    assert ran.verdict["sut"] == {"file": "sut.yaml", "name": "made up"}
    assert ran.verdict["profile"] == "standard"
    assert ran.verdict["environment"] == {"VNFM version": "1.2"}
    shown = (ran.allure / "environment.properties").read_text()
    assert "VNFM\\ version=1.2" in shown
    assert "SUT\\ name=made up" in shown
    assert "system described" in ran.output


def test_progress_is_seen_while_output_is_captured(pytester):
    steps = """
    @when("somebody prints")
    def prints(): print("captured noise")
    """
    ran = suites.run(pytester, broken("somebody prints"), steps=steps, catalogue=ONLY_CAP)
    assert "captured noise" not in ran.output
    lines = [line.split("] ")[1] for line in ran.output.splitlines() if line.startswith("[")]
    assert lines == [
        "Scenario: Full capacity (RQ-CAP-01)",
        "  Given a system",
        "  When somebody prints",
        "  Then RQ-CAP-01 is judged PASS",
        "  RQ-CAP-01 PASS: made up",
        "  And nothing more",
    ]


def test_progress_is_seen_in_a_process_of_its_own_too(pytester):
    suites.run(pytester, ONE.format(outcome="PASS"), catalogue=ONLY_CAP)
    done = pytester.runpytest_subprocess("-p", "hitless.plugin", "-qq", "--hitless-no-html", "-p", "no:cacheprovider")
    assert done.ret == 0
    done.stdout.fnmatch_lines(
        ["[[]*[]] Scenario: Full capacity (RQ-CAP-01)", "*", "Verdict:  PASS (complete, exit code 0)"]
    )


def test_the_page_is_generated_and_named_at_the_end(pytester):
    ran = suites.run(pytester, ONE.format(outcome="PASS"), catalogue=ONLY_CAP, html=True)
    assert "<title>Hitless: PASS" in (ran.reports / "report.html").read_text(encoding="utf-8")
    assert "Report:   reports/report.html" in ran.output


def test_a_page_that_cannot_be_generated_changes_no_verdict(pytester, monkeypatch):
    monkeypatch.setattr("hitless.plugin.run.html.generate", lambda _: suites_problem())
    ran = suites.run(pytester, ONE.format(outcome="PASS"), catalogue=ONLY_CAP, html=True)
    assert ran.code == 0
    assert "not generated: no generator" in ran.output
    assert ran.verdict["verdict"] == "pass"


def suites_problem():
    from hitless.report.html import Outcome  # noqa: PLC0415 - beside the plugin's own import, which is patched

    return Outcome(None, "no generator")


def test_a_chart_that_cannot_be_drawn_changes_no_verdict_but_is_seen(pytester):
    steps = """
    @when("the recording is odd")
    def odd(conclude):
        conclude(a_verdict("RQ-CAP-01", "PASS"), history="no history at all")
    """
    ran = suites.run(pytester, broken("the recording is odd"), steps=steps, catalogue=ONLY_CAP)
    assert ran.code == 0
    assert "the evidence of this verdict could not be prepared" in ran.output
    (attachment,) = ran.results["Full capacity"]["steps"][1]["attachments"]
    assert "Traceback" in (ran.allure / attachment["source"]).read_text()


def test_results_of_an_earlier_run_are_replaced(pytester):
    suites.run(pytester, ONE.format(outcome="FAIL"), catalogue=ONLY_CAP)
    # pytest-bdd remembers features by path, so the changed one needs a process of its own.
    suites.write(pytester.path, ONE.format(outcome="PASS"), catalogue=ONLY_CAP)
    ran = suites.run_apart(pytester.path, "--hitless-no-html")
    assert len(ran.results) == 1
    assert json.loads((ran.reports / "verdict.json").read_text())["verdict"] == "pass"
