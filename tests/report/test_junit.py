"""junit.xml as CI systems read it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from hitless.report.junit import junit_xml, write_junit
from hitless.verdict import Outcome
from tests.report.verdicts import partly_applicable, run, scenario


def suite_of(result):
    return ET.fromstring(junit_xml(result).split("\n", 1)[1]).find("testsuite")  # noqa: S314 - the text is our own


def only_case(result):
    (case,) = suite_of(result).findall("testcase")
    return case


def counts(suite):
    return {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}


def test_a_pass_has_neither_failure_nor_error():
    case = only_case(run(scenario(Outcome.PASS)))
    assert (case.get("classname"), case.get("name"), case.get("time")) == ("Capacity", "Full capacity", "1.500")
    assert [child.tag for child in case] == ["properties"]


@pytest.mark.parametrize(
    ("outcome", "tag", "kind"),
    [
        (Outcome.FAIL, "failure", "requirement-failed"),
        (Outcome.INCONC, "error", "inconclusive"),
        (Outcome.ERROR, "error", "tester-error"),
    ],
)
def test_other_verdicts_are_told_apart_by_their_type(outcome, tag, kind):
    result = run(scenario(outcome))
    found = only_case(result).find(tag)
    assert found is not None
    assert found.get("type") == kind
    assert found.get("message") == result.scenarios[0].message == found.text


def test_an_error_of_the_tester_is_no_failure_of_the_requirement():
    suite = suite_of(run(scenario(Outcome.FAIL, error="boom", phase="teardown")))
    assert counts(suite) == {"tests": 1, "failures": 0, "errors": 1, "skipped": 0}


def test_what_does_not_apply_is_skipped():
    case = only_case(run(scenario(not_applicable="no hash decider")))
    assert "no hash decider" in case.find("skipped").get("message")


def test_properties_tell_requirement_verdict_figures_and_recording():
    properties = {
        each.get("name"): each.get("value") for each in only_case(run(scenario(Outcome.FAIL))).iter("property")
    }
    assert properties == {
        "requirement": "RQ-CAP-01",
        "RQ-CAP-01.verdict": "fail",
        "RQ-CAP-01.loss_ratio": "1e-06",
        "RQ-CAP-01.lost_count": "3",
        "RQ-CAP-01.recording": "recordings/1",
    }


def test_what_never_ran_is_an_error_too():
    suite = suite_of(run(scenario(Outcome.PASS), selected=("RQ-CAP-01", "RQ-TRF-01"), errors=("interrupted",)))
    assert counts(suite) == {"tests": 3, "failures": 0, "errors": 2, "skipped": 0}
    assert {case.get("name") for case in suite} == {"Full capacity", "error 1", "RQ-TRF-01"}


def test_a_requirement_that_was_not_selected_is_not_mentioned():
    assert counts(suite_of(run(scenario(Outcome.PASS), catalogue=("RQ-TRF-01",))))["tests"] == 1


def test_texts_that_xml_cannot_hold_are_replaced():
    error = "bad \x00\x1b[31m <&> \ud800 end"
    case = only_case(run(scenario(error=error, name="odd \x0b name")))
    assert "\N{REPLACEMENT CHARACTER}[31m <&>" in case.find("error").get("message")
    assert case.get("name") == "odd \N{REPLACEMENT CHARACTER} name"


def test_the_file_is_utf_8_with_a_declaration(tmp_path):
    path = write_junit(run(scenario(Outcome.PASS, name="größer")), tmp_path)
    assert path.read_bytes().startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    assert "größer" in path.read_text(encoding="utf-8")


def test_what_is_declared_away_is_skipped_and_what_is_mandatory_among_it_is_an_error():
    suite = suite_of(partly_applicable())
    assert counts(suite) == {"tests": 4, "failures": 0, "errors": 1, "skipped": 2}
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert cases["RQ-TRF-01"].find("skipped").get("message") == "not demonstrated: no mark"
    assert cases["RQ-MAV-01"].find("skipped").get("message") == "not applicable: no hash"
    error = cases["every mandatory requirement is demonstrated"].find("error")
    assert error.get("type") == "inconclusive"
    assert error.get("message").startswith("mandatory, but not demonstrated: RQ-TRF-01")
