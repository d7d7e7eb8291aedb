"""RQ-LCM-02: legal states, one notification for each, in time, and none before the state can be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Ending, Event, Interval
from hitless.judges import judge_lcm_02
from hitless.measures.operations import course_of
from hitless.verdict import Outcome
from tests.core.builders import at
from tests.core.contract import Contract, limits

TRANSITIONS, NOTES, STATUS = "transitions", "notifications", "status"
LATENCY, STALE, ENDS = "notification latency", "state before notification", "ends"


def judge(scene, **changes):
    return judge_lcm_02(scene.history(), limits("RQ-LCM-02", **changes))


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def upgrade(*states, operation_id="op-1", **options):
    """One operation through these states; one in brackets was not polled, one with a minus not notified."""
    scene = Contract(procedure="upgrade-under-load", **options)
    scene.events.append(Event(at(scene.now_s), "request"))
    for state in states:
        name = state.strip("[]-")
        scene.enter(operation_id, name, polled="[" not in state, notified="-" not in state)
    return scene


GOOD = ("STARTING", "PROCESSING", "COMPLETED")


def edit_note(scene, state, nth=0, **changes):
    """Change the nth notification of a state: attributes of the detail, ``received_s``, ``state``."""
    rows = [n for n, one in enumerate(scene.states) if one.source == "notification" and one.state == state]
    row = rows[nth]
    note = scene.states[row]
    if "received_s" in changes:
        received = changes.pop("received_s")
        note = replace(note, entered=Interval(at(received - 0.1), at(received)))
    note = replace(note, state=changes.pop("state", note.state), detail={**note.detail, **changes})
    scene.states[row] = note
    return scene


def polled_s(scene, state):
    """When the tester had seen a state first, in nanoseconds."""
    return next(one.entered for one in scene.states if one.source == "poll" and one.state == state)


# --- PASS -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "states",
    [
        GOOD,
        ("STARTING", "ROLLED_BACK"),
        ("STARTING", "PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "ROLLED_BACK"),
        ("STARTING", "PROCESSING", "FAILED_TEMP", "PROCESSING", "COMPLETED"),
        ("STARTING", "PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "FAILED_TEMP", "FAILED"),
        ("[STARTING]", "PROCESSING", "COMPLETED"),
        ("STARTING", "[PROCESSING]", "COMPLETED"),
        ("[STARTING]", "[PROCESSING]", "COMPLETED"),
        ("STARTING", "PROCESSING", "FAILED_TEMP", "[ROLLING_BACK]", "ROLLED_BACK"),
        ("STARTING", "PROCESSING", "[FAILED_TEMP]", "[ROLLING_BACK]", "ROLLED_BACK"),
    ],
)
def test_legal_states_pass_also_those_that_only_notifications_showed(states):
    verdict = judge(upgrade(*states))
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert f"{len(states)} states of 1 operations entered by legal transitions" in verdict.message
    assert f"{len(states)} of {len(states)} states that were seen are notified, each once" in verdict.message
    assert verdict.figures["notifications_count"] == len(states)
    assert verdict.figures["states_not_polled_count"] == sum("[" in state for state in states)


def test_every_operation_of_a_long_procedure_is_looked_at():
    verdict = judge(Contract().perform())
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert verdict.figures["operations_count"] == 3
    assert verdict.figures["states_count"] == 9 + 4 + 3
    assert "every notification within 70 ms" in check(verdict, LATENCY).message


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge(upgrade(*GOOD)).figures} <= {"ratio", "count", "pps", "ms", "s"}


def test_copies_of_a_notification_are_one_notification():
    scene = upgrade(*GOOD)
    scene.states += [one for one in scene.states if one.source == "notification"]
    assert judge(scene).outcome is Outcome.PASS


def test_arrival_out_of_order_alone_is_no_violation():
    scene = upgrade(*GOOD)
    last = (polled_s(scene, "COMPLETED").latest_ns - at(0)) / 1e9
    edit_note(scene, "STARTING", received_s=last + 0.3, shown_state="COMPLETED")
    edit_note(scene, "PROCESSING", received_s=last + 0.2, shown_state="COMPLETED")
    assert judge(scene).outcome is Outcome.PASS


@pytest.mark.parametrize("status", ["START", "RESULT", None])
def test_the_status_of_a_state_in_between_is_free(status):
    assert judge(edit_note(upgrade(*GOOD), "PROCESSING", notificationStatus=status)).outcome is Outcome.PASS


def test_the_last_notifications_may_come_after_the_last_poll():
    verdict = judge(upgrade("STARTING", "PROCESSING", "[COMPLETED]"))
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["states_count"] == 3


def test_a_failure_between_two_polls_is_told_by_its_notifications():
    # Retried, processed and failed again within a poll interval: polls show FAILED_TEMP only once.
    scene = upgrade("STARTING", "PROCESSING", "FAILED_TEMP")
    scene.ask("retry", "op-1", "FAILED_TEMP", 202)
    scene.enter("op-1", "PROCESSING", polled=False)
    scene.enter("op-1", "FAILED_TEMP", polled=False)
    scene.ask("rollback", "op-1", "FAILED_TEMP", 202)
    scene.enter("op-1", "ROLLING_BACK")
    scene.enter("op-1", "ROLLED_BACK")
    verdict = judge(scene)
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert verdict.figures["states_count"] == 7


def test_a_retry_between_two_polls_is_told_by_its_notifications_although_the_operation_is_given_up_then():
    scene = upgrade("STARTING", "PROCESSING", "FAILED_TEMP")
    scene.ask("retry", "op-1", "FAILED_TEMP", 202)
    scene.enter("op-1", "PROCESSING", polled=False)
    scene.enter("op-1", "FAILED_TEMP", polled=False)
    scene.ask("fail", "op-1", "FAILED_TEMP", 200)
    scene.enter("op-1", "FAILED")
    course = course_of(scene.history(), "op-1")
    assert course.surplus == ()
    assert course.states[-4:] == ("FAILED_TEMP", "PROCESSING", "FAILED_TEMP", "FAILED")


# --- transitions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (("STARTING", "PROCESSING", "COMPLETED", "ROLLING_BACK", "ROLLED_BACK"), "COMPLETED to ROLLING_BACK"),
        (("STARTING", "PROCESSING", "STARTING", "PROCESSING", "COMPLETED"), "PROCESSING to STARTING"),
        (("STARTING", "PROCESSING", "FAILED_TEMP", "FAILED", "PROCESSING", "COMPLETED"), "FAILED to PROCESSING"),
        (("STARTING", "PROCESSING", "DREAMING", "COMPLETED"), "PROCESSING to DREAMING"),
        (("STARTING", "ROLLED_BACK", "PROCESSING", "COMPLETED"), "ROLLED_BACK to PROCESSING"),
    ],
)
def test_an_illegal_transition_fails(states, told):
    verdict = judge(upgrade(*states))
    assert check(verdict, TRANSITIONS).outcome is Outcome.FAIL
    assert f"{told} in operation op-1" in verdict.message


@pytest.mark.parametrize(
    ("states", "told"),
    [
        (("STARTING", "COMPLETED"), "PROCESSING skipped"),
        (("PROCESSING", "COMPLETED"), "STARTING skipped"),
        (("STARTING", "PROCESSING", "FAILED_TEMP", "ROLLED_BACK"), "ROLLING_BACK skipped"),
        (("STARTING", "PROCESSING", "ROLLED_BACK"), "FAILED_TEMP skipped"),
        (("STARTING", "PROCESSING", "ROLLING_BACK", "ROLLED_BACK"), "FAILED_TEMP skipped"),
    ],
)
def test_a_state_that_nobody_saw_is_skipped_if_its_neighbours_were_notified(states, told):
    verdict = judge(upgrade(*states))
    assert check(verdict, TRANSITIONS).outcome is Outcome.FAIL
    assert f"{told} in operation op-1" in verdict.message


def test_it_is_not_known_to_be_skipped_if_notifications_of_its_neighbours_are_missing_as_well():
    scene = upgrade("STARTING", "COMPLETED-")
    scene.events.append(Event(at(scene.now_s + 1.0), "traffic-stopped"))
    verdict = judge_lcm_02(replace(scene.history(), events=tuple(scene.events)), limits("RQ-LCM-02"))
    assert check(verdict, TRANSITIONS).outcome is Outcome.PASS
    assert (check(verdict, NOTES).outcome, check(verdict, NOTES).reasons) == (Outcome.INCONC, ("I12",))


def test_polls_alone_may_be_too_slow_for_a_state():
    verdict = judge(upgrade("STARTING", "COMPLETED", notified=False))
    assert check(verdict, TRANSITIONS).outcome is Outcome.PASS
    assert verdict.outcome is Outcome.INCONC


# --- pairing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", GOOD)
def test_a_missing_notification_fails(missing):
    verdict = judge(upgrade(*(f"{state}-" if state == missing else state for state in GOOD)))
    assert check(verdict, NOTES).outcome is Outcome.FAIL
    assert f"none for {missing} of operation op-1" in verdict.message


def test_a_missing_notification_of_a_state_that_comes_twice_fails():
    scene = upgrade(
        "STARTING", "PROCESSING", "FAILED_TEMP-", "PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "ROLLED_BACK"
    )
    verdict = judge(scene)
    assert "none for FAILED_TEMP" in check(verdict, NOTES).message
    assert check(verdict, LATENCY).outcome is Outcome.PASS  # the second is not taken for that of the first


@pytest.mark.parametrize("state", GOOD)
def test_a_second_notification_with_an_id_of_its_own_fails(state):
    scene = upgrade(*GOOD)
    note = next(one for one in scene.states if one.source == "notification" and one.state == state)
    scene.states.append(replace(note, detail={**note.detail, "id": "again"}))
    verdict = judge(scene)
    assert check(verdict, NOTES).outcome is Outcome.FAIL
    assert f"one too many for {state} of operation op-1" in verdict.message


def test_a_notification_of_a_state_that_the_operation_was_not_in_fails():
    scene = upgrade("STARTING", "PROCESSING", "[FAILED_TEMP]", "COMPLETED")
    verdict = judge(scene)
    assert check(verdict, NOTES).outcome is Outcome.FAIL
    assert "one too many for FAILED_TEMP" in verdict.message


@pytest.mark.parametrize(("heard_s", "outcome"), [(5.2, Outcome.FAIL), (4.8, Outcome.INCONC)])
def test_a_notification_is_missing_only_if_it_was_waited_for_long_enough(heard_s, outcome):
    scene = upgrade("STARTING", "PROCESSING", "COMPLETED-")
    stopped = Event(polled_s(scene, "COMPLETED").latest_ns + round(heard_s * 1e9), "traffic-stopped")
    history = replace(scene.history(), events=(*scene.events, stopped))
    assert check(judge_lcm_02(history, limits("RQ-LCM-02")), NOTES).outcome is outcome


@pytest.mark.parametrize(
    ("state", "status"), [("STARTING", "RESULT"), ("COMPLETED", "START"), ("STARTING", None), ("COMPLETED", "DONE")]
)
def test_a_wrong_status_fails(state, status):
    verdict = judge(edit_note(upgrade(*GOOD), state, notificationStatus=status))
    assert check(verdict, STATUS).outcome is Outcome.FAIL
    assert f"{status or 'none'} in place of" in verdict.message


# --- latency ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late_s", "outcome"),
    [(5.05, Outcome.FAIL), (4.85, Outcome.PASS), (4.95, Outcome.INCONC), (6.5, Outcome.FAIL), (3.0, Outcome.PASS)],
)
def test_latency_around_its_limit(late_s, outcome):
    scene = upgrade(*GOOD)
    seen_s = (polled_s(scene, "COMPLETED").latest_ns - at(0)) / 1e9  # it began up to 0.1 s before
    edit_note(scene, "COMPLETED", received_s=seen_s + late_s)
    verdict = judge(scene)
    assert check(verdict, LATENCY).outcome is outcome
    assert verdict.outcome is outcome
    if outcome is Outcome.FAIL:
        assert f"Expected: <= 5 s, Actual: {late_s:.1f} s at least" in verdict.message
    if outcome is Outcome.INCONC:
        assert verdict.reasons == ("I4",)


def test_the_limit_is_applied():
    scene = upgrade(*GOOD)
    edit_note(scene, "COMPLETED", received_s=(polled_s(scene, "COMPLETED").latest_ns - at(0)) / 1e9 + 6.5)
    assert judge(scene, notification_latency_s=7.0).outcome is Outcome.PASS


def test_late_notifications_in_order_are_late_all_of_them():
    scene = upgrade(*GOOD)
    for state in GOOD:
        edit_note(scene, state, received_s=(polled_s(scene, state).latest_ns - at(0)) / 1e9 + 6.5, shown_state=GOOD[-1])
    verdict = judge(scene)
    assert check(verdict, LATENCY).outcome is Outcome.FAIL
    assert [one.name for one in verdict.checks if one.outcome is Outcome.FAIL] == [LATENCY]


# --- stale reads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "shown"), [("PROCESSING", "STARTING"), ("COMPLETED", "PROCESSING"), ("COMPLETED", "STARTING")]
)
def test_an_earlier_state_after_a_notification_fails(state, shown):
    verdict = judge(edit_note(upgrade(*GOOD), state, shown_state=shown))
    assert check(verdict, STALE).outcome is Outcome.FAIL
    assert f"{shown} after {state} was notified" in verdict.message


def test_a_notification_before_the_state_is_stored_fails_by_that_alone():
    scene = upgrade(*GOOD)
    begun_s = (polled_s(scene, "PROCESSING").latest_ns - at(0)) / 1e9
    edit_note(scene, "PROCESSING", received_s=begun_s - 0.35, shown_state="STARTING")
    assert [one.name for one in judge(scene).checks if one.outcome is not Outcome.PASS] == [STALE]


def test_a_later_state_after_a_notification_is_no_violation():
    scene = edit_note(upgrade(*GOOD), "STARTING", shown_state="PROCESSING")
    later = polled_s(scene, "PROCESSING").latest_ns
    assert judge(edit_note(scene, "STARTING", shown_answered_ns=later)).outcome is Outcome.PASS


def test_a_state_that_comes_back_is_earlier_until_it_has_come_back():
    states = ("STARTING", "PROCESSING", "FAILED_TEMP", "PROCESSING", "COMPLETED")
    early = edit_note(upgrade(*states), "FAILED_TEMP", shown_state="PROCESSING")
    assert check(judge(early), STALE).outcome is Outcome.FAIL
    back = polled_s(second_time(early), "PROCESSING").latest_ns
    late = edit_note(early, "FAILED_TEMP", shown_answered_ns=back)
    assert check(judge(late), STALE).outcome is Outcome.PASS


def second_time(scene):
    """Return a scene without its first PROCESSING."""
    rows = [one for one in scene.states if one.source == "poll" and one.state == "PROCESSING"]
    return replace(scene, states=[one for one in scene.states if one is not rows[0]])


def test_without_readings_it_is_inconclusive():
    scene = upgrade(*GOOD)
    for state in GOOD:
        edit_note(scene, state, shown_state=None)
    verdict = judge(scene)
    assert (check(verdict, STALE).outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


def test_one_reading_that_failed_does_not_matter():
    assert judge(edit_note(upgrade(*GOOD), "PROCESSING", shown_state=None)).outcome is Outcome.PASS


# --- no way to know ---------------------------------------------------------------------------------------------------


def test_a_refused_subscription_is_inconclusive_and_said():
    scene = upgrade(*GOOD, notified=False)
    scene.events.append(Event(at(1.0), "subscription-refused", {"message": "422 callback not reachable"}))
    verdict = judge(scene)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))
    assert "subscription refused, 422 callback not reachable" in verdict.message
    assert check(verdict, TRANSITIONS).outcome is Outcome.PASS


def test_without_notifications_in_sut_yaml_it_is_inconclusive():
    scene = upgrade(*GOOD, notified=False)
    del scene.declared["notifications"]
    verdict = judge(scene)
    assert verdict.outcome is Outcome.INCONC
    assert "none declared" in verdict.message


def test_a_subscription_by_which_nothing_ever_came_proves_no_path_back():
    verdict = judge(upgrade(*GOOD, notified=False))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))
    assert "none arrived" in verdict.message


def test_an_illegal_transition_counts_without_notifications_too():
    scene = upgrade("STARTING", "PROCESSING", "COMPLETED", "PROCESSING", "COMPLETED", notified=False)
    assert judge(scene).outcome is Outcome.FAIL


def test_an_operation_that_was_not_followed_to_its_end_is_inconclusive():
    verdict = judge(upgrade("STARTING", "PROCESSING", ending=Ending.STOPPED_BY_SUT))
    assert (check(verdict, ENDS).outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))
    assert "operation op-1 in PROCESSING" in verdict.message


def test_no_operation_at_all_is_inconclusive():
    verdict = judge(upgrade())
    assert (check(verdict, TRANSITIONS).outcome, verdict.outcome) == (Outcome.INCONC, Outcome.INCONC)


def test_notifications_of_operations_that_nobody_followed_do_not_matter():
    scene = upgrade(*GOOD)
    scene.enter("op-9", "ROLLED_BACK", polled=False)
    assert judge(scene).outcome is Outcome.PASS


def test_without_a_request_nothing_is_judged():
    verdict = judge(Contract(ending=Ending.STOPPED_BY_SUT))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I8",))


def test_a_recording_that_the_tester_stopped_is_inconclusive():
    assert judge(upgrade(*GOOD, ending=Ending.STOPPED_BY_TESTER)).outcome is Outcome.INCONC


# --- the course -------------------------------------------------------------------------------------------------------


def test_a_rollback_that_never_began_is_not_made_up():
    scene = upgrade("STARTING", "PROCESSING", "FAILED_TEMP")
    scene.ask("rollback", "op-1", "FAILED_TEMP", 202)
    course = course_of(scene.history(), "op-1")
    assert course is not None
    assert course.states == ("STARTING", "PROCESSING", "FAILED_TEMP")
    assert course_of(scene.history(), "op-2") is None


def test_states_between_polls_lie_between_their_times():
    course = course_of(upgrade("STARTING", "[PROCESSING]", "COMPLETED").history(), "op-1")
    assert course is not None
    first, middle, last = course.entries
    assert middle.entered == Interval(first.entered.earliest_ns, last.entered.latest_ns)
    assert (middle.polled, middle.seen) == (False, True)


def test_a_flood_of_notifications_is_counted_and_does_not_take_for_ever():
    scene = upgrade(*GOOD)
    note = next(one for one in scene.states if one.source == "notification" and one.state == "PROCESSING")
    scene.states += [replace(note, detail={**note.detail, "id": f"more-{n}"}) for n in range(500)]
    verdict = judge(scene)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.figures["surplus_notifications_count"] == 500


def not_read(state, *events):
    scene = edit_note(upgrade(*GOOD), state, shown_state=None)
    scene.events += events
    return scene


def outage(second, *, status=404, operation_id="op-1", ended_s=None):
    ended_ns = None if ended_s is None else at(ended_s)
    detail = {"status": status, "request": f"GET /vnf_lcm_op_occs/{operation_id}", "ended_ns": ended_ns}
    return Event(at(second), "management-outage", detail)


def noted_s(state):
    (note,) = [one for one in upgrade(*GOOD).states if one.source == "notification" and one.state == state]
    return (note.entered.latest_ns - at(0)) / 1e9


def test_an_operation_that_is_not_there_when_it_is_notified_is_a_fail():
    second = noted_s("STARTING")
    verdict = judge(not_read("STARTING", outage(second + 0.01, ended_s=second + 0.1)))
    assert verdict.outcome is Outcome.FAIL
    assert "404 after STARTING was notified" in verdict.message


@pytest.mark.parametrize(
    "other",
    [{"status": 503}, {"operation_id": "op-9"}, {"ended_s": 1.0}],
    ids=["another status", "another operation", "over before"],
)
def test_other_outages_are_no_reading_at_all(other):
    verdict = judge(not_read("STARTING", outage(noted_s("STARTING") - 0.01, **other)))
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I12",)


def test_a_reading_that_failed_is_told():
    verdict = judge(not_read("PROCESSING"))
    assert verdict.outcome is Outcome.PASS
    assert "2 readings right after a notification show its state or a later one, 1 failed" in verdict.message


def test_a_fail_tells_when_it_began():
    scene = upgrade("STARTING", "COMPLETED", "PROCESSING")
    verdict = judge(scene)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.evidence["first_violation_ns"] <= max(one.entered.latest_ns for one in scene.states)
