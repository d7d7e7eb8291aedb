"""What stands beside the single results of Allure."""

from __future__ import annotations

import json
import re

import pytest

from hitless.report.allure_files import CATEGORIES, complete, environment_properties, remove_empty_containers
from hitless.verdict import Outcome
from tests.report.verdicts import partly_applicable, run, scenario


def results_in(folder):
    return [json.loads(path.read_text()) for path in folder.glob("*-result.json")]


def properties(text):
    """Read Java properties as Allure does, as far as we write them."""
    pairs = [re.split(r"(?<!\\)=", line, maxsplit=1) for line in text.splitlines()]
    return {key.replace("\\", ""): value for key, value in pairs}


def test_the_first_page_tells_verdict_profile_system_and_versions():
    shown = properties(environment_properties(run(scenario(Outcome.FAIL))))
    # The page shows five of them at once.
    assert list(shown)[:5] == ["Verdict", "NOT DEMONSTRATED", "Not applicable", "Replaced limits", "Time"]
    assert shown["Verdict"] == "FAIL, complete; profile quick, not for sign-off; Hitless 0.1.0"
    assert shown["NOT DEMONSTRATED"] == shown["Not applicable"] == "none"
    assert shown["Replaced limits"] == "none: all as in the catalogue"
    assert shown["Time"] == "10 s of traffic, 2 s beside it (overhead 25.0 %)"
    assert shown["SUT name"] == "made up"
    assert shown["VNFM"] == "http://192.0.2.1:8001"


def test_the_first_page_has_every_answer_of_the_ics_and_every_limit_that_was_replaced():
    shown = properties(environment_properties(partly_applicable()))
    assert shown["Verdict"].startswith("INCONC, not complete")
    assert shown["NOT DEMONSTRATED"] == "RQ-TRF-01: no mark"
    assert shown["Not applicable"] == "RQ-MAV-01: no hash"
    assert shown["Replaced limits"] == "RQ-CAP-01 loss_ratio <= 0.001 in place of 0.0001, by J. Doe: contract 12"
    assert {name: value for name, value in shown.items() if name.startswith("ICS ")} == {
        "ICS RQ-CAP-01 (M)": "applicable",
        "ICS RQ-TRF-01 (M)": "NOT DEMONSTRATED: no mark",
        "ICS RQ-MAV-01 (C)": "NOT APPLICABLE: no hash",
    }


def test_an_incomplete_run_says_so_on_the_first_page():
    shown = properties(environment_properties(run(scenario(Outcome.PASS), catalogue=("RQ-CAP-01", "RQ-TRF-01"))))
    assert shown["Verdict"].startswith("PASS, not complete")


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        ("failed", "FAIL: INCONC and ERROR are words", ["Failed requirement"]),
        ("broken", "INCONC: too few\nsessions ERROR", ["Inconclusive"]),
        ("broken", "ERROR: steps: INCONC boom", ["Tester error"]),
        ("skipped", "NONE: not applicable", ["Not applicable"]),
        ("skipped", "NONE: not demonstrated: no mark", ["Not demonstrated, though mandatory"]),
        ("passed", "PASS: fine", []),
    ],
)
def test_each_outcome_falls_into_one_category(status, message, expected):
    found = [
        rule["name"]
        for rule in CATEGORIES
        if status in rule["matchedStatuses"] and re.fullmatch(rule.get("messageRegex", r"[\s\S]*"), message)
    ]
    assert found == expected


def test_what_never_ran_gets_a_result_of_its_own(tmp_path):
    complete(
        run(
            scenario(Outcome.PASS),
            scenario(phases=(), conclusions=(), name="never started"),
            selected=("RQ-CAP-01", "RQ-TRF-01"),
            errors=("features - could not be collected",),
        ),
        tmp_path,
    )
    found = {each["name"]: each for each in results_in(tmp_path)}
    assert set(found) == {"Run error 1", "RQ-TRF-01: no scenario", "never started"}
    assert {each["status"] for each in found.values()} == {"broken"}
    assert all(each["statusDetails"]["message"].startswith("ERROR: ") for each in found.values())


def test_a_run_without_gaps_gets_no_further_results(tmp_path):
    complete(run(scenario(Outcome.PASS)), tmp_path / "allure-results")
    assert results_in(tmp_path / "allure-results") == []
    assert json.loads((tmp_path / "allure-results" / "categories.json").read_text())[0]["name"] == "Failed requirement"


def test_only_set_up_records_with_nothing_to_show_are_removed(tmp_path):
    kept = {"uuid": "1", "befores": [{"name": "sut"}]}
    also_kept = {"uuid": "2", "afters": [{"name": "sut"}]}
    for number, container in enumerate([kept, also_kept, {"uuid": "3", "children": ["x"]}]):
        (tmp_path / f"{number}-container.json").write_text(json.dumps(container))
    remove_empty_containers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-container.json", "1-container.json"]
