"""The Allure results: none is missing, each is named, classified and without noise."""

from __future__ import annotations

import json

import pytest

from tests.report import suites

pytestmark = pytest.mark.processes

pytest_plugins = ["pytester"]

MANY = """
    @P1
    Feature: Upgrade without notice
      Background:
        Given a test bed

      @RQ-CAP-01 @TP-CAP-01-BV-01
      Scenario: Full capacity
        When it is upgraded
        Then RQ-CAP-01 is judged PASS

      @RQ-TRF-01
      Scenario: Undefined step
        When nobody has defined this
        Then RQ-TRF-01 is judged PASS
        And nothing more

      @RQ-TRF-02
      Scenario: Broken fixture of a step
        When a broken thing is used
        Then RQ-TRF-02 is judged PASS

      @RQ-TRF-03
      Scenario: Broken autouse fixture
        Then RQ-TRF-03 is judged PASS

      @RQ-TRF-04
      Scenario: Broken teardown
        When something breaks afterwards
        Then RQ-TRF-04 is judged PASS

      @RQ-TRF-05
      Scenario: Not applicable
        Then RQ-TRF-05 is judged PASS

      @RQ-TRF-06
      Scenario: Skipped by a step
        When a step skips
        Then RQ-TRF-06 is judged PASS

      @RQ-MAV-01
      Scenario Outline: Share of <percent> percent
        When the share is <percent>
        Then RQ-MAV-01 is judged <outcome>

        Examples:
          | percent | outcome |
          | 10      | PASS    |
          | 50      | INCONC  |

      @RQ-MAV-02
      Scenario: Tables and texts
        When there is a table
          | user | share |
          | a    | 0.1   |
        And there is a text
          \"\"\"
          some text
          \"\"\"
        Then RQ-MAV-02 is judged PASS
"""
STEPS = """
@pytest.fixture(scope="session")
def bed():
    yield "bed"

@pytest.fixture
def broken_thing(): raise RuntimeError("broken thing")

@pytest.fixture
def breaks_later():
    yield
    raise RuntimeError("broken teardown")

@pytest.fixture(autouse=True)
def now_and_then(request):
    if "autouse" in request.node.name: raise RuntimeError("broken autouse")

def pytest_hitless_not_applicable(item, requirements):
    return "not declared" if "RQ-TRF-05" in requirements else None

@given("a test bed", target_fixture="handed_on")
def a_test_bed(bed): return 5

@when("a broken thing is used")
def use(broken_thing): pass

@when("something breaks afterwards")
def later(breaks_later): pass

@when("a step skips")
def skips(): pytest.skip("no time")

@when(parsers.parse("the share is {percent:d}"))
def share(percent): pass

@when("there is a table")
def table(datatable, handed_on): pass

@when("there is a text")
def text(docstring): pass
"""
NAMES = [
    "Full capacity", "Undefined step", "Broken fixture of a step", "Broken autouse fixture", "Broken teardown",
    "Not applicable", "Skipped by a step", "Share of 10 percent", "Share of 50 percent", "Tables and texts",
]  # fmt: skip
IDS = [f"RQ-TRF-0{number}" for number in range(1, 7)] + ["RQ-CAP-01", "RQ-MAV-01", "RQ-MAV-02"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run for all tests that only look at it."""
    folder = tmp_path_factory.mktemp("suite")
    suites.write(folder, MANY, steps=STEPS, catalogue={name: f"Statement of {name} <&>." for name in IDS})
    return suites.run_apart(folder, "--hitless-no-html")


def labels(result, name):
    return sorted(label["value"] for label in result["labels"] if label["name"] == name)


def test_every_collected_scenario_has_exactly_one_result_in_every_file(ran):
    assert sorted(ran.results) == sorted(NAMES)
    assert len(list(ran.allure.glob("*-result.json"))) == len(NAMES)
    assert sorted(case.get("name") for case in ran.junit.iter("testcase")) == sorted(NAMES)
    told = [each["name"] for row in ran.verdict["requirements"].values() for each in row["scenarios"]]
    assert sorted(told) == sorted(NAMES)
    collected = suites.run_apart(ran.reports.parent, "--collect-only", "-v")
    assert collected.output.count("::test_") == len(NAMES)


def test_the_status_is_that_of_the_scenario(ran):
    assert {name: result["status"] for name, result in ran.results.items()} == {
        "Full capacity": "passed",
        "Undefined step": "broken",
        "Broken fixture of a step": "broken",
        "Broken autouse fixture": "broken",
        "Broken teardown": "broken",
        "Not applicable": "skipped",
        "Skipped by a step": "broken",
        "Share of 10 percent": "passed",
        "Share of 50 percent": "broken",
        "Tables and texts": "passed",
    }
    assert ran.code == 3


def test_an_undefined_step_is_broken_and_later_ones_are_skipped(ran):
    assert ran.steps("Undefined step") == [
        ("Given a test bed", "passed"),
        ("When nobody has defined this", "broken"),
        ("Then RQ-TRF-01 is judged PASS", "skipped"),
        ("And nothing more", "skipped"),
    ]


def test_a_broken_fixture_breaks_the_step_that_wanted_it(ran):
    assert ran.steps("Broken fixture of a step")[1:] == [
        ("When a broken thing is used", "broken"),
        ("Then RQ-TRF-02 is judged PASS", "skipped"),
    ]
    step = ran.results["Broken fixture of a step"]["steps"][1]
    assert "broken thing" in step["statusDetails"]["message"]


def test_a_skip_within_a_step_breaks_it(ran):
    assert ran.steps("Skipped by a step")[1:] == [
        ("When a step skips", "broken"),
        ("Then RQ-TRF-06 is judged PASS", "skipped"),
    ]


def test_steps_have_times(ran):
    for result in ran.results.values():
        for step in result.get("steps", []):
            assert result["start"] <= step["start"] <= step["stop"]


def test_what_was_never_reached_has_no_steps(ran):
    assert ran.steps("Broken autouse fixture") == []
    assert ran.steps("Not applicable") == []


def test_results_are_classified_by_feature_requirement_and_tags(ran):
    result = ran.results["Full capacity"]
    assert labels(result, "feature") == ["Upgrade without notice"]
    assert labels(result, "suite") == ["Upgrade without notice"]
    assert labels(result, "requirement") == labels(result, "story") == ["RQ-CAP-01"]
    assert labels(result, "tag") == ["P1", "RQ-CAP-01", "TP-CAP-01-BV-01"]
    assert labels(result, "severity") == ["critical"]
    assert not labels(result, "host")
    assert not labels(result, "parentSuite")


def test_even_a_scenario_that_never_began_is_named_and_classified(ran):
    for name in ("Broken autouse fixture", "Not applicable"):
        assert labels(ran.results[name], "feature") == ["Upgrade without notice"]
        assert labels(ran.results[name], "requirement")


def test_the_description_is_the_statement_of_the_catalogue(ran):
    result = ran.results["Full capacity"]
    assert "Statement of RQ-CAP-01" in result["description"]
    assert "Statement of RQ-CAP-01 &lt;&amp;&gt;." in result["descriptionHtml"]


def test_links_stay_beside_the_page(ran):
    for result in ran.results.values():
        assert [link["url"].split("#")[0] for link in result["links"]] == ["verdict.json"]


def test_rows_of_examples_are_parameters_of_results_of_their_own(ran):
    first, second = ran.results["Share of 10 percent"], ran.results["Share of 50 percent"]
    assert {each["name"]: each["value"] for each in first["parameters"]} == {"percent": "10", "outcome": "PASS"}
    assert first["historyId"] != second["historyId"]
    assert "_pytest_bdd_example" not in json.dumps([first, second])


def test_tables_and_texts_of_steps_are_attached_to_them(ran):
    steps = ran.results["Tables and texts"]["steps"]
    (table,), (text,) = steps[1]["attachments"], steps[2]["attachments"]
    assert (ran.allure / table["source"]).read_text() == "user,share\na,0.1\n"
    assert (ran.allure / text["source"]).read_text() == "some text"


def test_the_evidence_is_attached_to_the_step_that_judged(ran):
    result = ran.results["Full capacity"]
    names = [each["name"] for each in result["steps"][-1]["attachments"]]
    assert names == ["Verdict", "Statistics", "Verdict data"]
    assert not result.get("attachments")


def test_set_up_and_teardown_show_what_people_wrote_and_what_broke(ran):
    shown = {
        each["name"]: each["status"] for container in ran.containers for kind in ("befores", "afters")
        for each in container.get(kind, [])
    }  # fmt: skip
    assert shown == {
        "bed": "passed",
        "broken_thing": "broken",
        "breaks_later": "broken",
        "now_and_then": shown["now_and_then"],
    }
    assert any(
        each["status"] == "broken" for container in ran.containers for each in container.get("befores", [])
        if each["name"] == "now_and_then"
    )  # fmt: skip


def test_no_container_is_empty(ran):
    assert all(container.get("befores") or container.get("afters") for container in ran.containers)


def test_messages_say_outcome_first(ran):
    for result in ran.results.values():
        assert result["statusDetails"]["message"].split(":")[0] in {"PASS", "INCONC", "ERROR", "NONE"}
    assert (
        "ERROR: teardown: RuntimeError: broken teardown" in ran.results["Broken teardown"]["statusDetails"]["message"]
    )


def test_a_plain_test_is_reported_under_its_own_name(pytester):
    pytester.makepyfile(test_plain="def test_plain(): assert True\n")
    ran = suites.run_again(pytester, "test_plain.py")
    assert ran.code == 5
    assert ran.results["test_plain"]["status"] == "skipped"


def test_without_allure_the_verdict_is_the_same(pytester):
    feature = "Feature: F\n  @RQ-CAP-01\n  Scenario: S\n    Then RQ-CAP-01 is judged FAIL\n"
    ran = suites.run(pytester, feature, "-p", "no:allure_pytest", catalogue={"RQ-CAP-01": "x"})
    assert ran.code == 1
    assert not list(ran.allure.glob("*-result.json"))


def test_a_run_leaves_nothing_registered_with_allure(pytester):
    import allure_commons  # noqa: PLC0415 - its state is what is looked at

    before = {type(each).__name__ for each in allure_commons.plugin_manager.get_plugins()}
    suites.run(pytester, "Feature: F\n  @RQ-CAP-01\n  Scenario: S\n    Then RQ-CAP-01 is judged PASS\n")
    after = {type(each).__name__ for each in allure_commons.plugin_manager.get_plugins()}
    assert "AllureResults" not in after - before
    assert "AllureListener" not in after - before
