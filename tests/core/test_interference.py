from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Attempt, Event, Interval, OperationState, Snapshot
from hitless.measures.interference import foreign_operations
from hitless.measures.spans import Span
from tests.core.builders import Scene, at

WINDOW = Span(at(10.0), at(22.0))


def told(second, operation_id="op-7", operation="SCALE", instance="", state="PROCESSING"):
    body = {"vnfInstanceId": instance} if instance else {}
    return OperationState(operation_id, operation, state, Interval(0, at(second)), "notification", {"body": body})


def listed(label, second, *operations):
    items = [{"id": name, "operation": "HEAL", "operationState": state} for name, state in operations]
    return Snapshot("operations", "", label, Interval(at(second), at(second)), at(second), {"items": items})


def history(*states, lists=(), attempts=(), events=()):
    made = Scene().history()
    return replace(
        made,
        operations=(*made.operations, *states),
        snapshots=tuple(lists),
        attempts=tuple(attempts),
        events=(*made.events, *events),
    )


def found(*states, **more):
    return foreign_operations(history(*states, **more), WINDOW)


def test_the_operation_that_was_followed_is_not_foreign():
    assert found() == ()
    assert found(told(15.0, "op-1", "CHANGE_VNFPKG")) == ()


@pytest.mark.parametrize(("second", "foreign"), [(9.9, False), (10.1, True), (21.9, True), (22.1, False)])
def test_a_notification_of_another_one_within_the_window_is(second, foreign):
    assert found(told(second)) == (("SCALE op-7",) if foreign else ())


def test_each_is_told_once():
    assert found(told(12.0), told(13.0, state="COMPLETED"), told(14.0, "op-8", "")) == ("SCALE op-7", "op-8")


def test_operations_of_other_instances_do_not_matter():
    request = Event(at(9.9), "request", {"vnf_instance_id": "vnf-1"})
    made = history(told(15.0, instance="vnf-2"))
    made = replace(made, events=tuple(request if one.name == "request" else one for one in made.events))
    assert foreign_operations(made, WINDOW) == ()
    ours = replace(made, operations=(*made.operations, told(15.0, "op-9", instance="vnf-1")))
    assert foreign_operations(ours, WINDOW) == ("SCALE op-9",)


def test_who_does_not_say_which_instance_is_taken_for_ours():
    assert found(told(15.0, instance="vnf-2")) == ("SCALE op-7",)  # the request does not say either


def test_an_upgrade_that_somebody_else_starts_is_of_the_instance_that_was_read():
    """The request then says nothing; a VNFM that ignores the filter of a subscription tells of other instances."""
    read = Snapshot("vnf_instance", "vnf-1", "followed", Interval(at(9.0), at(9.1)), at(9.0), {"id": "vnf-1"})
    assert found(told(15.0, instance="vnf-2"), lists=(read,)) == ()
    assert found(told(15.0, instance="vnf-1"), lists=(read,)) == ("SCALE op-7",)
    assert found(told(15.0), lists=(read,)) == ("SCALE op-7",)


def test_a_list_at_the_end_shows_what_came_in_between():
    lists = (
        listed("start", 9.0, ("op-0", "COMPLETED")),
        listed("end", 27.0, ("op-0", "COMPLETED"), ("op-5", "COMPLETED")),
    )
    assert found(lists=lists) == ("HEAL op-5",)
    assert found(lists=lists[:1]) == ()
    assert found(lists=lists[1:]) == ()


@pytest.mark.parametrize("state", ["STARTING", "PROCESSING", "ROLLING_BACK"])
def test_an_operation_that_ran_when_everything_began_is_foreign(state):
    lists = (listed("start", 9.0, ("op-0", state)), listed("end", 27.0, ("op-0", "COMPLETED")))
    assert found(lists=lists) == ("HEAL op-0",)


def test_a_late_notification_of_one_that_was_over_is_no_interference():
    assert found(told(11.0, "op-0"), lists=(listed("start", 9.0, ("op-0", "COMPLETED")),)) == ()
    assert found(told(11.0, "op-0"), lists=(listed("start", 9.0, ("op-0", "PROCESSING")),)) == ("SCALE op-0",)


def test_one_that_had_failed_for_the_time_being_and_goes_on_is_foreign():
    """Somebody retries or rolls back what an earlier campaign has left."""
    start = listed("start", 9.0, ("op-0", "FAILED_TEMP"))
    assert found(lists=(start, listed("end", 27.0, ("op-0", "ROLLED_BACK")))) == ("HEAL op-0",)
    assert found(lists=(start, listed("end", 27.0, ("op-0", "FAILED_TEMP")))) == ()
    assert found(lists=(start, listed("end", 27.0))) == ()


def attempt(**more):
    return Attempt("x", "", "", at(12.0), at(12.1), "POST", "/x", 202, **more)


@pytest.mark.parametrize(
    "attempts",
    [
        (attempt(location="http://vnfm/vnflcm/v2/vnf_lcm_op_occs/op-7"),),
        (attempt(location="http://vnfm/vnflcm/v2/vnf_lcm_op_occs/op-7/"),),
        (attempt(body={"id": "op-7"}),),
        (replace(attempt(), operation_id="op-7"),),
    ],
)
def test_what_the_tester_asked_for_is_not_foreign(attempts):
    assert found(told(15.0), attempts=attempts) == ()


def test_what_the_tester_names_is_not_foreign():
    assert found(told(15.0), events=(Event(at(20.0), "operation-ended", {"operation_id": "op-7"}),)) == ()
    shown = Snapshot("operation", "op-7", "followed", Interval(at(12.0), at(12.1)), at(12.0), {})
    assert found(told(15.0), lists=(shown,)) == ()


def test_what_a_request_that_was_to_be_refused_has_left_behind_is_its_doing():
    """That is a violation of another requirement, and nobody else's work."""
    before, after = listed("before:3", 11.0), listed("after:3", 12.0, ("op-6", "PROCESSING"))
    end = listed("end", 27.0, ("op-6", "COMPLETED"))
    assert found(lists=(listed("start", 9.0), before, after, end)) == ()
    other = listed("before:3", 11.0, ("op-6", "PROCESSING"))
    assert found(lists=(listed("start", 9.0), other, after, end)) == ("HEAL op-6",)


@pytest.mark.parametrize("document", [{}, {"items": None}, {"items": ["x", {}, {"id": ""}]}])
def test_lists_that_show_nothing_tell_nothing(document):
    shown = Snapshot("operations", "", "end", Interval(at(27.0), at(27.0)), at(27.0), document)
    assert found(lists=(listed("start", 9.0), shown)) == ()


OUTSIDE = Event(at(10.0), "request", {"operation": "CHANGE_VNFPKG", "trigger": "outside", "operation_id": "op-1"})


def by_somebody(*states, lists=()):
    """The upgrade was started by a command or by somebody: the NFVO carries it out, not the tester."""
    made = history(*states, lists=lists)
    events = tuple(OUTSIDE if one.name == "request" else one for one in made.events)
    return foreign_operations(replace(made, events=events), WINDOW)


def modified(second, automatic=None):
    state = told(second, "op-7", "MODIFY_INFO", state="COMPLETED")
    return state if automatic is None else replace(state, detail={"body": {"isAutomaticInvocation": automatic}})


@pytest.mark.parametrize("automatic", [None, False])
def test_an_nfvo_that_carries_the_upgrade_out_may_write_into_the_instance(automatic):
    assert by_somebody(modified(15.0, automatic)) == ()


def test_where_the_tester_is_the_nfvo_nobody_else_may():
    assert found(modified(15.0, automatic=False)) == ("MODIFY_INFO op-7",)


def test_what_the_vnfm_begins_by_itself_is_no_part_of_the_upgrade():
    assert by_somebody(modified(15.0, automatic=True)) == ("MODIFY_INFO op-7",)


@pytest.mark.parametrize(
    "operation", ["SCALE", "SCALE_TO_LEVEL", "HEAL", "OPERATE", "CHANGE_EXT_CONN", "CHANGE_VNFPKG", "TERMINATE", ""]
)
@pytest.mark.parametrize("automatic", [False, True])
def test_whoever_carries_the_upgrade_out_what_touches_resources_is_interference(operation, automatic):
    other = replace(told(15.0, "op-9", operation), detail={"body": {"isAutomaticInvocation": automatic}})
    assert by_somebody(other) == (f"{operation} op-9".strip(),)
    assert found(other) == (f"{operation} op-9".strip(),)


def test_an_operation_of_two_kinds_is_not_taken_for_the_harmless_one():
    assert by_somebody(modified(15.0), told(16.0, "op-7", "SCALE")) == ("MODIFY_INFO op-7",)


def documents(label, second, *items):
    return Snapshot("operations", "", label, Interval(at(second), at(second)), at(second), {"items": list(items)})


def occurrence(name, kind="HEAL", state="COMPLETED", started="12:00:00", entered="12:00:09", **more):
    day = "2026-01-01T"
    dates = {"startTime": f"{day}{started}Z", "stateEnteredTime": f"{day}{entered}Z"}
    return {"id": name, "operation": kind, "operationState": state, **dates, **more}


def test_lists_tell_the_same_of_it():
    start = documents("start", 9.0)
    written = occurrence("op-7", "MODIFY_INFO", isAutomaticInvocation=False)
    assert by_somebody(lists=(start, documents("end", 27.0, written))) == ()
    by_itself = occurrence("op-7", "MODIFY_INFO", isAutomaticInvocation=True)
    assert by_somebody(lists=(start, documents("end", 27.0, by_itself))) == ("MODIFY_INFO op-7",)
    scaled = occurrence("op-8", "SCALE", isAutomaticInvocation=False)
    assert by_somebody(lists=(start, documents("end", 27.0, written, scaled))) == ("SCALE op-8",)


def test_one_that_ran_before_anybody_started_the_upgrade_is_not_a_part_of_it():
    start = documents("start", 9.0, occurrence("op-7", "MODIFY_INFO", "PROCESSING"))
    end = documents("end", 27.0, occurrence("op-7", "MODIFY_INFO"))
    assert by_somebody(lists=(start, end)) == ("MODIFY_INFO op-7",)


def polls_failed(*events):
    """Only notifications told of the operation; no reading of it succeeded."""
    made = history(told(12.0, "op-1", "CHANGE_VNFPKG"), told(15.0), events=events)
    return replace(made, operations=tuple(one for one in made.operations if one.source == "notification"))


def test_the_accepted_operation_is_the_testers_even_if_no_poll_of_it_succeeds():
    accepted = Event(at(10.1), "request-accepted", {"operation_id": "op-1"})
    assert foreign_operations(polls_failed(accepted), WINDOW) == ("SCALE op-7",)
    assert foreign_operations(polls_failed(OUTSIDE), WINDOW) == ("SCALE op-7",)


def test_an_upgrade_that_was_not_accepted_is_somebody_elses():
    """MANO refuses the tester's because another one runs."""
    assert foreign_operations(polls_failed(), WINDOW) == ("CHANGE_VNFPKG op-1", "SCALE op-7")


LAST = occurrence("op-2", started="12:00:10", entered="12:00:19")


def test_an_operation_that_the_first_list_missed_between_two_pages_is_not_new():
    """The VNFM dates its end before something that the list does show."""
    end = documents("end", 27.0, occurrence("op-0"), LAST)
    assert found(lists=(documents("start", 9.0, LAST), end)) == ()
    late = told(11.0, "op-0", "HEAL", state="COMPLETED")
    assert found(late, lists=(documents("start", 9.0, LAST), end)) == ()


@pytest.mark.parametrize(
    "times",
    [
        {"started": "12:00:19", "entered": "12:00:19"},  # it may have begun after what the list shows
        {"started": "12:00:25", "entered": "12:00:29"},
        {"started": "12:00:00", "entered": "12:00:29"},  # it was there and ran
    ],
)
def test_one_that_is_not_dated_before_it_is_new(times):
    end = documents("end", 27.0, occurrence("op-0", **times), LAST)
    assert found(lists=(documents("start", 9.0, LAST), end)) == ("HEAL op-0",)


@pytest.mark.parametrize("times", [{"started": "?"}, {"entered": "?"}, {"startTime": 7}, {"stateEnteredTime": None}])
def test_without_dates_nothing_is_excused(times):
    end = documents("end", 27.0, occurrence("op-0", **times), LAST)
    assert found(lists=(documents("start", 9.0, LAST), end)) == ("HEAL op-0",)


def test_dates_with_and_without_a_zone_can_be_held_against_each_other():
    start = documents("start", 9.0, {**LAST, "stateEnteredTime": "2026-01-01T12:00:19"})
    assert found(lists=(start, documents("end", 27.0, occurrence("op-0"), LAST))) == ()


def test_what_a_request_left_behind_while_the_list_after_it_was_read_is_its_doing():
    """The list shows what came after it, but not this one, which was put on a page that had been read."""
    left = occurrence("op-6", started="12:00:20", entered="12:00:40")
    moved = occurrence("op-2", state="FAILED_TEMP", started="12:00:10", entered="12:00:21")
    followed = Event(at(20.0), "operation-ended", {"operation_id": "op-2"})
    start, after = documents("start", 9.0, LAST), documents("after:3", 12.0, moved)
    end = documents("end", 27.0, moved, left)
    assert found(lists=(start, after, end), events=(followed,)) == ()
    before = documents("before:3", 11.0, moved)
    assert found(lists=(start, before, end), events=(followed,)) == ("HEAL op-6",)
