from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Ending, Interval
from hitless.verdict import Outcome
from tests.core.builders import at
from tests.core.judging import check, judged, outcomes
from tests.core.scenes import TARGET_VNFD, FailingScene, StepScene, attempt, instance, unit

RQ = "RQ-RBK-04"
VIEW, UNITS, ERROR = "managed view, rollback", "units, rollback", "error told, rollback"
ORPHAN = instance(unit("a"), unit("b"), unit("c"), unit("d"), unit("x", vnfd=TARGET_VNFD))


def test_the_same_view_as_before_passes():
    verdict = judged(RQ, FailingScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["view_differences_count"] == 0
    assert verdict.figures["left_over_units_count"] == 0
    assert any("order of lists" in one for one in verdict.evidence["not_compared"])


def test_other_units_in_another_order_pass():
    after = instance(unit("z"), unit("y"), unit("b"), unit("a"), metadata={"x": "y"})
    assert judged(RQ, FailingScene(after=after).history()).outcome is Outcome.PASS


def test_a_version_that_stays_is_a_failure():
    after = instance(vnfSoftwareVersion="2.0")
    verdict = judged(RQ, FailingScene(after=after).history())
    assert outcomes(verdict) == {VIEW: "FAIL"}
    assert "vnfSoftwareVersion: 1.0 became 2.0" in verdict.message
    assert verdict.evidence["differences"] == [
        {"rollback": "rollback", "path": "vnfSoftwareVersion", "before": "1.0", "after": "2.0"}
    ]


def test_a_unit_of_the_target_that_is_left_over_is_a_failure():
    verdict = judged(RQ, FailingScene(after=ORPHAN).history())
    assert outcomes(verdict) == {VIEW: "FAIL", UNITS: "FAIL"}
    assert verdict.figures["left_over_units_count"] == 1
    assert "1 (x)" in check(verdict, UNITS).message


def test_a_unit_that_is_missing_is_a_failure():
    verdict = judged(RQ, FailingScene(after=instance(unit("a"), unit("b"), unit("c"))).history())
    assert outcomes(verdict) == {VIEW: "FAIL"}


@pytest.mark.parametrize(("limit", "outcome"), [(0, Outcome.FAIL), (1, Outcome.PASS)])
def test_the_limit_is_a_number_of_places(limit, outcome):
    scene = FailingScene(after=instance(vnfSoftwareVersion="2.0"))
    assert judged(RQ, scene.history(), view_differences_count=limit).outcome is outcome


def test_a_notification_without_an_error_is_a_failure():
    verdict = judged(RQ, FailingScene(error=None).history())
    assert outcomes(verdict) == {ERROR: "FAIL"}
    assert verdict.figures["notifications_without_error_count"] == 1


def test_without_notifications_nothing_is_known_of_the_error():
    history = FailingScene().history()
    polled = tuple(one for one in history.operations if one.source == "poll")
    verdict = judged(RQ, replace(history, operations=polled))
    assert outcomes(verdict) == {ERROR: "INCONC"}
    assert verdict.reasons == ("I12",)


@pytest.mark.parametrize("missing", ["before", "after"])
def test_without_a_document_nothing_is_known(missing):
    verdict = judged(RQ, FailingScene(**{missing: None}).history())
    assert outcomes(verdict) == {VIEW: "INCONC", UNITS: "INCONC"}
    assert missing in check(verdict, VIEW).message


def test_a_document_that_was_read_before_the_rollback_was_over_does_not_count():
    history = FailingScene().history()
    early = tuple(
        replace(one, first=Interval(at(17.0), at(17.1))) if one.label == "after" else one for one in history.snapshots
    )
    assert outcomes(judged(RQ, replace(history, snapshots=early))) == {VIEW: "INCONC", UNITS: "INCONC"}


def test_a_rollback_that_did_not_happen_is_not_compared():
    verdict = judged(RQ, FailingScene(rolled_back=False, after=ORPHAN).history())
    assert outcomes(verdict) == {"operation": "FAIL"}
    refused = FailingScene(rolled_back=False, attempts=(attempt("rollback", 16.7, 500),))
    assert outcomes(judged(RQ, refused.history())) == {"operation": "FAIL"}
    never = FailingScene(rolled_back=False, attempts=())
    assert judged(RQ, never.history()).reasons == ("I8",)


def test_each_step_is_compared_for_itself():
    verdict = judged(RQ, StepScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["views_compared_count"] == 4
    one = judged(RQ, StepScene(after={"3": ORPHAN}).history())
    assert outcomes(one) == {"managed view, step 3": "FAIL", "units, step 3": "FAIL"}


def test_no_request_no_judgement():
    history = FailingScene(without_events=("request",), ending=Ending.STOPPED_BY_SUT, ending_reason="no VNF").history()
    assert judged(RQ, history).reasons == ("I8",)


def test_documents_without_units_compare_nothing():
    bare = instance(instantiatedVnfInfo={})
    verdict = judged(RQ, FailingScene(before=bare, after=bare).history())
    assert outcomes(verdict) == {"managed view, rollback": "INCONC"}
    assert verdict.reasons == ("I12",)


def test_steps_that_were_not_tried_are_not_shown():
    events = tuple(one for one in StepScene().history().events if one.detail.get("step") not in {"3", "4"})
    verdict = judged(RQ, replace(StepScene().history(), events=events))
    assert outcomes(verdict) == {"recording": "INCONC"}
    assert "Actual: none in 3 and 4" in verdict.message


def test_a_recording_that_the_tester_stopped_is_not_complete():
    verdict = judged(RQ, FailingScene(ending=Ending.STOPPED_BY_TESTER, ending_reason="generator failed").history())
    assert outcomes(verdict) == {"recording": "INCONC"}
    assert verdict.reasons == ("I12",)
