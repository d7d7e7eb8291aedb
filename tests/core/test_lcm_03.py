"""RQ-LCM-03: second operations are refused and leave the first one alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Ending, Interval
from hitless.judges import judge_lcm_03
from hitless.verdict import Outcome
from tests.core.contract import Contract, limits, problem

REFUSALS, FIRST, DOCUMENTS = "refusals", "first operation", "documents of the first operation"
SECOND = ("second-change_vnfpkg", "second-scale", "second-terminate")
CELLS = [(name, state) for name in SECOND for state in ("PROCESSING", "FAILED_TEMP")]


def judge(scene, **changes):
    return judge_lcm_03(scene.history(), limits("RQ-LCM-03", **changes))


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def done(**options):
    scene = Contract(**options)
    scene.first_operation()
    return scene


def label_of(scene, name, state, when):
    """The label of the look before or after a second operation."""
    index = next(n for n, one in enumerate(scene.attempts) if (one.name, one.state) == (name, state))
    return f"{when}:{index}"


def test_refusals_that_disturb_nothing_pass():
    verdict = judge(done())
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert "6 second operations refused with 409" in verdict.message
    assert "none was disturbed by 6 second ones" in verdict.message
    assert verdict.figures["second_operations_count"] == 6
    assert verdict.figures["second_operations_accepted_count"] == 0
    assert {name.rsplit("_", 1)[1] for name in verdict.figures} <= {"ratio", "count", "pps", "ms", "s"}


@pytest.mark.parametrize(("name", "state"), CELLS)
@pytest.mark.parametrize("status", [200, 202, 403, 500, 503])
def test_any_other_answer_fails(name, state, status):
    verdict = judge(done().change_attempt(name, state, status=status, body=problem(status)))
    assert check(verdict, REFUSALS).outcome is Outcome.FAIL
    assert f"{name} in {state}: {status} in place of 409" in verdict.message


@pytest.mark.parametrize("body", [None, {}, "busy", {"status": 409}])
def test_a_refusal_without_its_reason_fails(body):
    verdict = judge(done().change_attempt("second-terminate", "PROCESSING", body=body))
    assert check(verdict, REFUSALS).outcome is Outcome.FAIL
    assert "409 without ProblemDetails" in verdict.message


@pytest.mark.parametrize(("name", "state"), CELLS)
def test_what_was_not_tried_is_inconclusive(name, state):
    verdict = judge(done().drop_attempts(name, state))
    assert (check(verdict, REFUSALS).outcome, check(verdict, REFUSALS).reasons) == (Outcome.INCONC, ("I12",))
    assert f"{name} in {state}" in verdict.message


def test_no_answer_is_inconclusive():
    verdict = judge(done().change_attempt("second-scale", "PROCESSING", status=None, body=None, problem="reset"))
    assert check(verdict, REFUSALS).outcome is Outcome.INCONC


def test_scaling_that_is_not_supported_does_not_apply():
    scene = done()
    for state in ("PROCESSING", "FAILED_TEMP"):
        scene.change_attempt("second-scale", state, status=404, body=problem(404))
    verdict = judge(scene)
    assert verdict.outcome is Outcome.PASS
    assert (
        "NOT APPLICABLE as declared: second-scale in PROCESSING (404), second-scale in FAILED_TEMP (404)"
        in verdict.message
    )


@pytest.mark.parametrize("name", ["second-terminate", "second-change_vnfpkg"])
def test_a_404_for_what_every_vnfm_supports_fails(name):
    assert judge(done().change_attempt(name, "PROCESSING", status=404, body=problem(404))).outcome is Outcome.FAIL


@pytest.mark.parametrize("status", [400, 422])
def test_a_scaling_that_is_refused_for_its_content_proves_nothing(status):
    verdict = judge(done().change_attempt("second-scale", "PROCESSING", status=status, body=problem(status)))
    assert check(verdict, REFUSALS).outcome is Outcome.INCONC
    assert f"refused for its content ({status})" in verdict.message


def test_without_cancel_nothing_can_be_tried_in_failed_temp():
    scene = Contract()
    scene.declared["rollback"]["cancel"] = False
    scene.first_operation()
    verdict = judge(scene)
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert "NOT APPLICABLE as declared: second operations in FAILED_TEMP (rollback.cancel)" in verdict.message


@pytest.mark.parametrize(("name", "state"), CELLS)
def test_a_new_operation_fails(name, state):
    scene = done()
    new = {"id": "op-9", "operation": "SCALE", "operationState": "STARTING", "vnfInstanceId": "vnf-1"}
    scene.change_documents(
        "operations", lambda one: one["items"].append(new), label=label_of(scene, name, state, "after")
    )
    verdict = judge(scene)
    assert check(verdict, FIRST).outcome is Outcome.FAIL
    assert f"{name} in {state}: new operation op-9 (SCALE)" in verdict.message


@pytest.mark.parametrize(
    ("state", "now", "outcome"),
    [
        ("PROCESSING", "FAILED_TEMP", Outcome.FAIL),
        ("PROCESSING", "COMPLETED", Outcome.PASS),
        ("FAILED_TEMP", "PROCESSING", Outcome.FAIL),
        ("FAILED_TEMP", "FAILED", Outcome.FAIL),
    ],
)
def test_a_first_operation_that_leaves_its_state(state, now, outcome):
    scene = done()
    label = label_of(scene, "second-terminate", state, "after")
    scene.change_documents("operations", lambda one: one["items"][0].update(operationState=now), label=label)
    assert check(judge(scene), FIRST).outcome is outcome


def test_a_first_operation_that_is_gone_fails():
    scene = done()
    label = label_of(scene, "second-scale", "PROCESSING", "after")
    scene.change_documents("operations", lambda one: one["items"].clear(), label=label)
    assert "went from PROCESSING to gone" in check(judge(scene), FIRST).message


@pytest.mark.parametrize(("state", "outcome"), [("FAILED_TEMP", Outcome.FAIL), ("PROCESSING", Outcome.PASS)])
def test_an_instance_may_change_only_while_the_first_operation_runs(state, outcome):
    scene = done()
    label = label_of(scene, "second-scale", state, "after")
    more = {"id": "c9", "vduId": "gateway"}
    scene.change_documents(
        "vnf_instance", lambda one: one["instantiatedVnfInfo"]["vnfcResourceInfo"].append(more), label=label
    )
    assert check(judge(scene), FIRST).outcome is outcome


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["operations", "vnf_instance"])
def test_without_a_look_it_is_inconclusive(when, kind):
    scene = done()
    label = label_of(scene, "second-scale", "FAILED_TEMP", when)
    scene.snapshots = [one for one in scene.snapshots if (one.kind, one.label) != (kind, label)]
    verdict = judge(scene)
    assert (check(verdict, FIRST).outcome, check(verdict, FIRST).reasons) == (Outcome.INCONC, ("I12",))


@pytest.mark.parametrize("attribute", ["operationParams", "startTime", "operation", "vnfInstanceId"])
def test_what_the_first_operation_was_asked_to_do_does_not_change(attribute):
    scene = done()
    last = [one for one in scene.snapshots if one.kind == "operation"][-1]
    last.document[attribute] = {"vnfdId": "another"}
    verdict = judge(scene)
    assert check(verdict, DOCUMENTS).outcome is Outcome.FAIL
    assert f"{attribute} of operation op-1" in verdict.message


def test_without_documents_of_the_first_operation_it_is_inconclusive():
    scene = done()
    scene.snapshots = [one for one in scene.snapshots if one.kind != "operation"]
    verdict = judge(scene)
    assert (check(verdict, DOCUMENTS).outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


def test_an_empty_recording_is_inconclusive_everywhere():
    verdict = judge(Contract())
    assert {one.outcome for one in verdict.checks if one.name != "recording"} == {Outcome.INCONC}


def test_a_recording_that_the_tester_stopped_is_inconclusive():
    assert judge(done(ending=Ending.STOPPED_BY_TESTER)).outcome is Outcome.INCONC


def test_limits_are_applied():
    scene = done().change_attempt("second-terminate", "PROCESSING", status=500, body=problem(500))
    assert judge(scene, wrong_answers_count=1).outcome is Outcome.PASS


@pytest.mark.parametrize("kind", ["operations", "vnf_instance", "operation"])
def test_empty_documents_are_no_comparison(kind):
    verdict = judge(Contract().perform().change_documents(kind, dict.clear))
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I12",)


def test_a_list_without_the_first_operation_says_nothing_about_it():
    scene = Contract().perform().change_documents("operations", lambda document: document.update({"items": []}))
    assert check(judge(scene), "first operation").reasons == ("I12",)


def test_documents_of_the_first_operation_from_before_second_ones_alone_say_nothing():
    scene = Contract().perform()
    second_ns = min(one.asked_ns for one in scene.attempts if one.name.startswith("second-"))
    scene.snapshots = [one for one in scene.snapshots if one.kind != "operation" or one.until_ns < second_ns]
    assert check(judge(scene), "documents of the first operation").reasons == ("I12",)


def ended_meanwhile(*, ended_s):
    """A second operation is accepted, and the first one, PROCESSING when it was read, has ended by itself."""
    scene = Contract().perform().change_attempt("second-scale", "PROCESSING", status=202, body=None)
    (made,) = [one for one in scene.attempts if (one.name, one.state) == ("second-scale", "PROCESSING")]
    begun = [one for one in scene.states if one.operation_id == "op-1"][:4]
    ended_ns = made.answered_ns + round(ended_s * 1e9)
    done = replace(begun[-1], state="COMPLETED", source="poll", entered=Interval(ended_ns - 100_000_000, ended_ns))
    scene.states = [*begun, done]
    return scene


def test_a_second_operation_that_is_accepted_when_the_first_may_have_ended_is_undecided():
    verdict = judge(ended_meanwhile(ended_s=0.05))
    assert check(verdict, "refusals").outcome is Outcome.INCONC
    assert "whether the first operation was over" in verdict.message


def test_a_second_operation_that_is_accepted_before_the_first_has_ended_is_a_fail():
    assert check(judge(ended_meanwhile(ended_s=0.15)), "refusals").outcome is Outcome.FAIL


def test_a_fail_tells_when_the_first_wrong_answer_was_asked_for():
    scene = Contract().perform().change_attempt("second-scale", "FAILED_TEMP", status=202)
    (made,) = [one for one in scene.attempts if (one.name, one.state) == ("second-scale", "FAILED_TEMP")]
    assert judge(scene).evidence["first_violation_ns"] == made.asked_ns
