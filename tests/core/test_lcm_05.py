"""RQ-LCM-05: every task in every state, what follows from it, links, and ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Ending, Event, Interval
from hitless.judges import judge_lcm_05
from hitless.verdict import Outcome
from tests.core.builders import at
from tests.core.contract import Contract, limits, problem

ANSWERS, TARGETS, LINKS, ENDS = "answers", "target states", "links", "ends"
STATES = ("PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "COMPLETED", "FAILED", "ROLLED_BACK")
PERMITTED = {
    ("PROCESSING", "cancel"),
    ("ROLLING_BACK", "cancel"),
    ("FAILED_TEMP", "retry"),
    ("FAILED_TEMP", "rollback"),
    ("FAILED_TEMP", "fail"),
}
CELLS = [(state, task) for state in STATES for task in ("cancel", "retry", "rollback", "fail")]
REFUSED = [cell for cell in CELLS if cell not in PERMITTED]


def judge(scene, **changes):
    return judge_lcm_05(scene.history(), limits("RQ-LCM-05", **changes))


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def done(**options):
    scene = Contract(**options)
    scene.first_operation()
    scene.other_operations()
    return scene


def without(*features):
    scene = Contract()
    scene.declared["rollback"].update(dict.fromkeys(features, False))
    return scene


def test_right_tasks_pass():
    verdict = judge(done())
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert "24 of 24 pairs of state and task" in verdict.message
    assert "8 accepted tasks led to their states" in verdict.message
    assert "3 operations ended" in verdict.message
    assert {name.rsplit("_", 1)[1] for name in verdict.figures} <= {"ratio", "count", "pps", "ms", "s"}


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "task"), REFUSED)
@pytest.mark.parametrize("status", [200, 202, 404, 500])
def test_a_task_in_a_state_that_does_not_permit_it(state, task, status):
    verdict = judge(done().change_attempt(task, state, status=status, body=problem(status)))
    assert check(verdict, ANSWERS).outcome is Outcome.FAIL
    assert f"in {state}: {status} in place of 409" in verdict.message


@pytest.mark.parametrize(("state", "task"), sorted(PERMITTED))
@pytest.mark.parametrize("status", [201, 204, 409, 404, 500])
def test_a_task_in_a_state_that_permits_it(state, task, status):
    verdict = judge(done().change_attempt(task, state, status=status, body=problem(status)))
    assert check(verdict, ANSWERS).outcome is Outcome.FAIL


def test_fail_answers_200_and_the_operation_and_the_others_202():
    assert judge(done().change_attempt("fail", "FAILED_TEMP", status=202, body=None)).outcome is Outcome.FAIL
    assert judge(done().change_attempt("fail", "FAILED_TEMP", body=None)).outcome is Outcome.FAIL
    assert judge(done().change_attempt("fail", "FAILED_TEMP", body={"id": "another"})).outcome is Outcome.FAIL
    assert judge(done().change_attempt("retry", "FAILED_TEMP", status=200)).outcome is Outcome.FAIL


@pytest.mark.parametrize("body", [None, {}, {"detail": "no"}])
def test_a_refusal_without_its_reason_fails(body):
    assert judge(done().change_attempt("rollback", "COMPLETED", body=body)).outcome is Outcome.FAIL


def test_a_location_in_the_answer_is_not_demanded_and_not_forbidden():
    scene = done()
    for task in ("cancel", "retry", "rollback"):
        for state in STATES:
            scene.change_attempt(task, state, location="http://vnfm/vnf_lcm_op_occs/op-1")
    assert judge(scene).outcome is Outcome.PASS


@pytest.mark.parametrize(("state", "task"), CELLS)
def test_a_task_that_was_not_tried_is_inconclusive(state, task):
    verdict = judge(done().drop_attempts(task, state))
    assert (check(verdict, ANSWERS).outcome, check(verdict, ANSWERS).reasons) == (Outcome.INCONC, ("I12",))
    assert f"{task} in {state}" in verdict.message


def test_a_task_without_an_answer_is_inconclusive():
    verdict = judge(done().change_attempt("retry", "COMPLETED", status=None, body=None, problem="reset"))
    assert check(verdict, ANSWERS).outcome is Outcome.INCONC


@pytest.mark.parametrize(("mode", "other"), [("GRACEFUL", "FORCEFUL"), ("FORCEFUL", "GRACEFUL")])
def test_both_modes_of_cancel_are_demanded(mode, other):
    scene = done()
    scene.attempts = [
        replace(one, params={"cancelMode": other}) if (one.name, one.state) == ("cancel", "PROCESSING") else one
        for one in scene.attempts
    ]
    verdict = judge(scene)
    assert check(verdict, ANSWERS).outcome is Outcome.INCONC
    assert f"cancel ({mode}) in PROCESSING" in verdict.message


def test_an_operation_that_went_on_just_then_leaves_the_answer_in_doubt():
    # Retry in PROCESSING was accepted; but the operation may have failed by itself before the answer.
    scene = done().change_attempt("retry", "PROCESSING", status=202, body=None)
    asked = next(one for one in scene.attempts if (one.name, one.state) == ("retry", "PROCESSING"))
    row = next(n for n, one in enumerate(scene.states) if one.source == "poll" and one.state == "FAILED_TEMP")
    late = scene.states[row].entered.latest_ns
    scene.states[row] = replace(scene.states[row], entered=Interval(asked.asked_ns - 10, late))
    verdict = judge(scene)
    assert check(verdict, ANSWERS).outcome is Outcome.INCONC
    assert "whether retry in PROCESSING was still in that state (202)" in verdict.message


def test_a_final_state_leaves_no_doubt():
    verdict = judge(done().change_attempt("rollback", "COMPLETED", status=202, body=None))
    assert check(verdict, ANSWERS).outcome is Outcome.FAIL
    assert check(verdict, TARGETS).outcome is Outcome.PASS


# --- what is declared -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("feature", ["retry", "fail"])
def test_what_is_not_supported_is_not_asked_for(feature):
    scene = without(feature)
    scene.first_operation()
    scene.other_operations()
    if feature == "retry":  # then the second mode of cancel comes from the other operation
        assert not any(one.name == "retry" for one in scene.attempts)
    verdict = judge(scene)
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert f"NOT APPLICABLE as declared: {feature} (rollback.{feature})" in verdict.message


def test_without_cancel_only_two_states_can_be_looked_at():
    scene = without("cancel", "retry", "fail", "supported")
    scene.begin("op-1")
    scene.enter("op-1", "COMPLETED")
    verdict = judge(scene)
    assert check(verdict, ANSWERS).outcome is Outcome.PASS
    assert check(verdict, TARGETS).outcome is Outcome.INCONC  # no task was accepted at all, so nothing is shown


@pytest.mark.parametrize(("supported", "outcome"), [(True, Outcome.FAIL), (False, Outcome.PASS)])
def test_404_is_right_only_for_what_is_declared_unsupported(supported, outcome):
    scene = done().change_attempt("retry", "COMPLETED", status=404, body=problem(404))
    scene.declared["rollback"]["retry"] = supported
    assert check(judge(scene), ANSWERS).outcome is outcome


# --- target states ----------------------------------------------------------------------------------------------------


def route(*steps):
    """One operation; a step is a state, or (task, state in which it is asked for, mode)."""
    scene = Contract()
    scene.begin("op-1")
    for step in steps:
        if isinstance(step, str):
            scene.enter("op-1", step)
        else:
            task, state, *mode = step
            status = 200 if task == "fail" else 202
            scene.ask(task, "op-1", state, status, params={"cancelMode": mode[0]} if mode else {})
    return scene


CANCEL = ("cancel", "PROCESSING", "GRACEFUL")


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ((CANCEL, "COMPLETED"), "COMPLETED in place of FAILED_TEMP after cancel (GRACEFUL) in PROCESSING"),
        ((CANCEL, "FAILED_TEMP", ("retry", "FAILED_TEMP"), "ROLLING_BACK"), "ROLLING_BACK in place of PROCESSING"),
        ((CANCEL, "FAILED_TEMP", ("rollback", "FAILED_TEMP"), "PROCESSING"), "PROCESSING in place of ROLLING_BACK"),
        ((CANCEL, "FAILED_TEMP", ("fail", "FAILED_TEMP"), "PROCESSING"), "PROCESSING in place of FAILED after fail"),
        (
            (
                CANCEL,
                "FAILED_TEMP",
                ("rollback", "FAILED_TEMP"),
                "ROLLING_BACK",
                ("cancel", "ROLLING_BACK", "FORCEFUL"),
                "ROLLED_BACK",
            ),
            "ROLLED_BACK in place of FAILED_TEMP after cancel (FORCEFUL) in ROLLING_BACK",
        ),
    ],
)
def test_a_wrong_target_state_fails(steps, told):
    verdict = judge(route(*steps))
    assert check(verdict, TARGETS).outcome is Outcome.FAIL
    assert told in verdict.message


def test_a_rollback_that_polls_were_too_slow_for_has_led_where_it_should():
    scene = route(CANCEL, "FAILED_TEMP", ("rollback", "FAILED_TEMP"), "ROLLED_BACK")
    assert check(judge(scene), TARGETS).outcome is Outcome.PASS


def test_a_target_that_was_not_seen_is_inconclusive():
    verdict = judge(route(CANCEL))
    assert (check(verdict, TARGETS).outcome, check(verdict, TARGETS).reasons) == (Outcome.INCONC, ("I12",))
    assert "FAILED_TEMP after cancel (GRACEFUL) in PROCESSING" in verdict.message


@pytest.mark.parametrize("state", ["FAILED_TEMP", "FAILED"])
def test_a_failure_without_an_error_fails(state):
    def forget(document):
        if document["operationState"] == state:
            document.pop("error")

    verdict = judge(done().change_documents("operation", forget))
    assert check(verdict, TARGETS).outcome is Outcome.FAIL
    assert f"{state} of operation op-2 without an error" in verdict.message


def test_where_documents_are_missing_polls_tell_of_the_error():
    scene = done()
    scene.snapshots = [one for one in scene.snapshots if one.kind != "operation"]
    assert check(judge(scene), TARGETS).outcome is Outcome.PASS
    scene.states = [replace(one, detail={}) if one.source == "poll" else one for one in scene.states]
    assert check(judge(scene), TARGETS).outcome is Outcome.FAIL


# --- links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "task"), CELLS)
def test_links_that_tell_something_else_fail(state, task):
    def edit(document):
        if document["operationState"] == state:
            links = document["_links"]
            links.pop(task) if task in links else links.update({task: {"href": "x"}})

    verdict = judge(done().change_documents("operation", edit))
    assert check(verdict, LINKS).outcome is Outcome.FAIL
    assert f"{task} {'missing' if (state, task) in PERMITTED else 'offered'} in {state}" in verdict.message


def test_a_second_cancel_may_be_offered_or_not():
    def edit(document):
        if document["operationState"] == "PROCESSING":
            document["isCancelPending"] = True
            document["_links"].pop("cancel")

    assert judge(done().change_documents("operation", edit)).outcome is Outcome.PASS


def test_unsupported_tasks_may_be_left_out_of_the_links():
    def edit(document):
        document["_links"].pop("retry", None)

    scene = done().change_documents("operation", edit)
    assert check(judge(scene), LINKS).outcome is Outcome.FAIL
    scene.declared["rollback"]["retry"] = False
    assert check(judge(scene), LINKS).outcome is Outcome.PASS


def test_other_links_do_not_matter():
    def edit(document):
        document["_links"].update(grant={"href": "x"}, vnfInstance={"href": "y"}, custom={"href": "z"})

    assert judge(done().change_documents("operation", edit)).outcome is Outcome.PASS


@pytest.mark.parametrize("state", STATES)
def test_a_state_that_was_never_read_is_inconclusive(state):
    scene = done()
    scene.snapshots = [
        one for one in scene.snapshots if one.kind != "operation" or one.document["operationState"] != state
    ]
    verdict = judge(scene)
    assert (check(verdict, LINKS).outcome, check(verdict, LINKS).reasons) == (Outcome.INCONC, ("I12",))


def test_without_any_links_at_all_what_is_permitted_is_missing():
    verdict = judge(done().change_documents("operation", lambda one: one.pop("_links")))
    assert check(verdict, LINKS).outcome is Outcome.FAIL


# --- ends -------------------------------------------------------------------------------------------------------------


def stuck(scene, error="DeadlineError", operation_id="op-1"):
    detail = {"error": error, "request": f"operation {operation_id}", "problem": "not finished"}
    scene.events.append(Event(at(scene.now_s + 1.0), "operation-ended", detail))
    scene.ending = Ending.STOPPED_BY_SUT
    return scene


ROLLING = (CANCEL, "FAILED_TEMP", ("rollback", "FAILED_TEMP"), "ROLLING_BACK", ("cancel", "ROLLING_BACK", "GRACEFUL"))


def test_an_operation_that_is_rolled_back_for_ever_fails():
    verdict = judge(stuck(route(*ROLLING)))
    assert check(verdict, ENDS).outcome is Outcome.FAIL
    assert "operation op-1 still ROLLING_BACK at the deadline" in verdict.message


def test_a_cancellation_without_effect_fails():
    verdict = judge(stuck(route(CANCEL)))
    assert "operation op-1 still PROCESSING at the deadline" in check(verdict, ENDS).message


@pytest.mark.parametrize("error", ["UnreachableError", "RefusedError"])
def test_one_that_could_not_be_followed_is_inconclusive(error):
    verdict = judge(stuck(route(*ROLLING), error))
    assert (check(verdict, ENDS).outcome, check(verdict, ENDS).reasons) == (Outcome.INCONC, ("I12",))


def test_one_of_which_nobody_asked_anything_is_not_a_matter_of_tasks():
    scene = Contract()
    scene.begin("op-1")
    verdict = judge(stuck(scene))
    assert check(verdict, ENDS).outcome is Outcome.INCONC


def test_another_operation_at_its_deadline_is_another_operation():
    assert check(judge(stuck(route(*ROLLING), operation_id="op-7")), ENDS).outcome is Outcome.INCONC


def test_an_empty_recording_is_inconclusive_everywhere():
    verdict = judge(Contract())
    assert {one.outcome for one in verdict.checks if one.name != "recording"} == {Outcome.INCONC}


def test_a_recording_that_the_tester_stopped_is_inconclusive():
    assert judge(done(ending=Ending.STOPPED_BY_TESTER)).outcome is Outcome.INCONC


@pytest.mark.parametrize("limit", ["wrong_answers_count", "wrong_results_count", "wrong_links_count"])
def test_limits_are_applied(limit):
    scene = done().change_attempt("rollback", "COMPLETED", status=202, body=None)
    scene.change_documents("operation", lambda one: one["_links"].update(retry={"href": "x"}))
    names = {"wrong_answers_count": ANSWERS, "wrong_links_count": LINKS, "wrong_results_count": TARGETS}
    assert check(judge(scene, **{limit: 20}), names[limit]).outcome is Outcome.PASS


def test_tasks_in_a_state_that_nobody_read_prove_nothing():
    scene = Contract().perform()
    scene.attempts = [replace(one, state="") for one in scene.attempts]
    assert check(judge(scene), "answers").outcome is Outcome.INCONC


def test_a_fail_tells_when_the_first_wrong_answer_was_asked_for():
    scene = Contract().perform().change_attempt("retry", "PROCESSING", status=202)
    made = [one for one in scene.attempts if (one.name, one.state) == ("retry", "PROCESSING")]
    assert judge(scene).evidence["first_violation_ns"] == made[0].asked_ns
