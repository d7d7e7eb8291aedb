"""verdict.json: its shape is an interface."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hitless.report.verdict_file import (
    SCHEMA_VERSION,
    outcome_name,
    plain,
    run_object,
    verdict_object,
    write_verdict,
    write_whole,
)
from hitless.verdict import Outcome
from tests.report.verdicts import partly_applicable, run, scenario, verdict


def test_outcomes_are_spelt_in_small_letters():
    assert [outcome_name(each) for each in Outcome] == ["none", "pass", "inconc", "fail", "error"]


def test_the_file_holds_what_is_promised(tmp_path):
    path = write_verdict(run(scenario(Outcome.FAIL)), tmp_path)
    content = json.loads(path.read_text())
    assert path == tmp_path / "verdict.json"
    assert content["schema_version"] == SCHEMA_VERSION == 1
    assert (content["verdict"], content["complete"], content["exit_code"]) == ("fail", True, 1)
    assert content["started_utc"] == "2026-01-02T03:04:05+00:00"
    assert content["profile"] == "quick"
    assert content["sut"] == {"file": "sut.yaml", "name": "made up"}
    assert content["tester"]["version"] == "0.1.0"
    assert content["environment"] == {"VNFM": "http://192.0.2.1:8001"}
    assert content["errors"] == []


def test_a_requirement_has_verdict_message_figures_limits_checks_scenarios_and_recording():
    row = run_object(run(scenario(Outcome.INCONC)))["requirements"]["RQ-CAP-01"]
    assert row["verdict"] == "inconc"
    assert row["selected"] is True
    assert row["reasons"] == ["I5"]
    assert row["figures"] == {"loss_ratio": 1e-6, "lost_count": 3}
    assert row["limits"] == {"loss_ratio": 1e-5}
    assert [check["verdict"] for check in row["checks"]] == ["pass", "inconc"]
    assert row["recording"] == "recordings/1"
    (one,) = row["scenarios"]
    assert (one["name"], one["feature"], one["verdict"]) == ("Full capacity", "Capacity", "inconc")
    assert one["duration_s"] == pytest.approx(1.5)


def test_a_requirement_that_was_not_selected_is_there_with_none():
    rows = run_object(run(scenario(Outcome.PASS), catalogue=("RQ-CAP-01", "RQ-TRF-01")))["requirements"]
    assert rows["RQ-TRF-01"]["verdict"] == "none"
    assert rows["RQ-TRF-01"]["selected"] is False
    assert rows["RQ-TRF-01"]["recording"] is None


def test_errors_of_the_run_are_told(tmp_path):
    content = json.loads(write_verdict(run(errors=("interrupted",)), tmp_path).read_text())
    assert content["errors"] == ["interrupted"]
    assert content["verdict"] == "error"


def test_equal_verdicts_give_equal_objects_and_other_verdicts_others():
    assert verdict_object(verdict(Outcome.FAIL)) == verdict_object(verdict(Outcome.FAIL))
    assert verdict_object(verdict(Outcome.FAIL)) != verdict_object(verdict(Outcome.PASS))
    assert verdict_object(replace(verdict(Outcome.FAIL), figures={})) != verdict_object(verdict(Outcome.FAIL))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(5), 5),
        (np.float64(0.5), 0.5),
        (np.array([1, 2]), [1, 2]),
        (float("nan"), None),
        (np.float64("inf"), None),
        ((1, "a", None, True), [1, "a", None, True]),
        ({1: {"a": (2,)}}, {"1": {"a": [2]}}),
        (Outcome.PASS, 1),
    ],
)
def test_values_become_plain_json(value, expected):
    result = plain(value)
    assert result == expected
    assert json.loads(json.dumps(result, allow_nan=False)) == expected


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    target = tmp_path / "verdict.json"
    target.write_text("old")
    write_whole(target, "new")
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["verdict.json"]


def test_every_requirement_has_its_answer_of_the_ics(tmp_path):
    content = json.loads(write_verdict(partly_applicable(), tmp_path).read_text())
    assert {name: row["ics"] for name, row in content["requirements"].items()} == {
        "RQ-CAP-01": {"status": "M", "support": "applicable", "reason": ""},
        "RQ-MAV-01": {"status": "C", "support": "not applicable", "reason": "no hash"},
        "RQ-TRF-01": {"status": "M", "support": "not demonstrated", "reason": "no mark"},
    }
    assert content["not_demonstrated"] == ["RQ-TRF-01"]
    assert (content["verdict"], content["exit_code"], content["sign_off"]) == ("inconc", 2, False)
    assert content["replaced_limits"][0]["by"] == "J. Doe"
    assert content["figures"] == {"traffic_time_s": 10.0, "beside_traffic_s": 2.5, "overhead_ratio": 0.25}


def test_without_a_statement_there_is_no_answer():
    assert run_object(run(scenario(Outcome.PASS)))["requirements"]["RQ-CAP-01"]["ics"] is None
