"""RQ-UPG-05: complete means complete, in traffic and in documents."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending, Interval, OperationState
from hitless.judges import judge_upg_05
from hitless.verdict import Outcome
from tests.core.builders import at, unmark
from tests.core.management import DECLARED, NEW, OLD, UNITS, Lifeline, Management, StepScene, changed, quick

LIMITS = quick("RQ-UPG-05")
SESSIONS, PACKETS, UNITS_LEFT, CAPACITY = (
    "source version at completion",
    "source version after completion",
    "units at the end",
    "capacity at the end",
)


def judge(scene=None, sut=DECLARED, limits=None, **options):
    scene = scene or StepScene()
    completed = next((second for state, second, _ in scene.states if state == "COMPLETED"), None)
    options = {"completed_s": completed, **options}
    history = replace(scene.history(), snapshots=Management(**options).snapshots(), sut=sut)
    return judge_upg_05(history, limits or LIMITS)


def outcomes(verdict):
    return {one.name: one.outcome for one in verdict.checks if one.outcome is not Outcome.PASS}


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def completed(second, **changes):
    """The operation says COMPLETED at that second; nothing else changes."""
    states = (("STARTING", 10.1, {}), ("PROCESSING", 10.3, {}), ("COMPLETED", second, {}))
    return StepScene(states=states, ended_s=second, **changes)


def stay(users, until_s):
    """Users of the sessions that come and go stay on the source version for longer than everybody else."""

    def edit(packets):
        if packets.group.name == "new-sessions":
            rows = np.isin(packets.user % 1024, users) & (packets.sent_s < until_s)
            packets.version[rows], packets.instance[rows] = 0, 0

    return edit


def test_a_clean_upgrade_passes_and_says_what_is_left():
    verdict = judge()
    assert verdict.outcome is Outcome.PASS
    assert "at completion 0 of " in verdict.message
    assert "0 of 7 898 packets after it" in verdict.message
    assert "4 of 4 units of the target package, none temporary" in verdict.message
    assert verdict.figures["source_sessions_ratio"] == 0.0
    assert verdict.figures["source_packets_count"] == 0
    assert verdict.figures["leftover_units_count"] == 0
    assert verdict.figures["last_source_packet_after_completion_s"] == pytest.approx(-2.05, abs=0.01)


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge().figures} <= {"ratio", "count", "ms", "s", "pps"}


def test_the_same_history_gives_the_same_verdict():
    assert repr(judge()) == repr(judge())


# --- traffic --------------------------------------------------------------------------------------------------------


def test_completion_while_sessions_are_served_by_the_old_side_is_a_fail():
    verdict = judge(completed(18.5))
    assert check(verdict, SESSIONS).outcome is Outcome.FAIL
    assert check(verdict, PACKETS).outcome is Outcome.FAIL
    assert "declared while the source version serves sessions" in verdict.message
    assert verdict.figures["source_sessions_ratio"] > 0.9
    assert verdict.figures["source_packets_count"] > 1000


def test_completion_within_a_second_of_the_last_packet_is_judged_by_sessions():
    verdict = judge(completed(21.5))
    assert outcomes(verdict)[SESSIONS] is Outcome.FAIL
    assert check(verdict, PACKETS).outcome is Outcome.PASS


def test_completion_just_after_the_last_session_passes():
    assert judge(completed(22.2)).outcome is Outcome.PASS


def test_completion_at_the_time_of_the_last_packets_leaves_it_open():
    """The poll that shows COMPLETED comes just after the last packets, the one before just before them."""
    verdict = judge(completed(22.05))
    assert outcomes(verdict) == {SESSIONS: Outcome.INCONC}
    assert check(verdict, SESSIONS).reasons == ("I4",)


def test_two_sessions_that_may_be_chance_leave_it_open():
    """One user's two sessions of those that are open then: more than a hundredth, but so few may be chance."""
    verdict = judge(StepScene(edit=stay([958], 24.9)))
    assert outcomes(verdict) == {SESSIONS: Outcome.INCONC}
    assert check(verdict, SESSIONS).reasons == ("I6",)
    assert verdict.figures["source_packets_count"] == 0


def test_sessions_of_several_users_are_a_fail():
    verdict = judge(StepScene(edit=stay(range(928, 992, 4), 24.9)))
    assert outcomes(verdict) == {SESSIONS: Outcome.FAIL}


def test_packets_of_the_source_in_the_tail_are_a_fail():
    def edit(packets):
        if packets.group.name == "new-sessions":
            row = np.flatnonzero(packets.sent_s >= 26.0)[0]
            packets.version[row], packets.instance[row] = 0, 0

    verdict = judge(StepScene(edit=edit))
    assert outcomes(verdict) == {PACKETS: Outcome.FAIL}
    assert "Expected: <= 0, Actual: 1 of 7 898" in verdict.message


def test_packets_within_the_second_are_none():
    def edit(packets):
        if packets.group.name == "new-sessions":
            row = np.flatnonzero(packets.sent_s >= 24.9)[0]
            packets.version[row], packets.instance[row] = 0, 0

    assert judge(StepScene(edit=edit)).outcome is Outcome.PASS


def test_packets_at_the_end_of_the_second_leave_it_open():
    def edit(packets):
        if packets.group.name == "new-sessions":
            row = np.flatnonzero(packets.sent_s >= 25.0)[0]
            packets.version[row], packets.instance[row] = 0, 0

    verdict = judge(StepScene(edit=edit))
    assert outcomes(verdict) == {PACKETS: Outcome.INCONC}
    assert verdict.reasons == ("I4",)


def test_a_limit_may_allow_packets():
    def edit(packets):
        if packets.group.name == "new-sessions":
            row = np.flatnonzero(packets.sent_s >= 26.0)[0]
            packets.version[row], packets.instance[row] = 0, 0

    assert judge(StepScene(edit=edit), limits={**LIMITS, "source_packets_count": 1}).outcome is Outcome.PASS


def test_too_few_sessions_leave_it_open():
    heard = judge().figures["heard_sessions_count"]
    assert judge(limits={**LIMITS, "heard_sessions_count": heard}).outcome is Outcome.PASS
    verdict = judge(limits={**LIMITS, "heard_sessions_count": heard + 1})
    assert outcomes(verdict) == {SESSIONS: Outcome.INCONC}
    assert verdict.reasons == ("I5",)


def test_poll_and_notification_together_tell_when_it_was():
    """A poll that took long to come says less than the notification that came meanwhile."""
    scene = completed(22.6)
    history = replace(scene.history(), snapshots=Management(completed_s=22.6).snapshots(), sut=DECLARED)
    *others, polled = history.operations
    late = replace(polled, entered=Interval(at(21.0), at(22.6)))
    told = OperationState("op-1", "CHANGE_VNFPKG", "COMPLETED", Interval(at(22.3), at(22.55)), "notification", {})
    alone = judge_upg_05(replace(history, operations=(*others, late)), LIMITS)
    both = judge_upg_05(replace(history, operations=(*others, late, told)), LIMITS)
    assert outcomes(alone)[SESSIONS] is Outcome.INCONC
    assert check(both, SESSIONS).outcome is Outcome.PASS
    assert both.evidence["completed_after_request_s"] == [12.3, 12.55]


# --- units ----------------------------------------------------------------------------------------------------------


def test_an_old_unit_that_is_left_over_is_a_fail():
    verdict = judge(units=changed("old-3", removed_s=None))
    assert outcomes(verdict) == {UNITS_LEFT: Outcome.FAIL}
    assert f"Expected: <= 0, Actual: 1 of 5: old-3 ({OLD[2].vnfd_at(0)})" in verdict.message
    assert verdict.figures["leftover_units_count"] == 1


def test_a_unit_that_is_left_over_is_seen_although_its_vnfd_is_not_named():
    verdict = judge(units=changed("old-3", removed_s=None), names_vnfd=False)
    assert outcomes(verdict) == {UNITS_LEFT: Outcome.FAIL}


def test_new_units_that_do_not_name_their_vnfd_are_of_the_instances_in_the_end():
    assert outcomes(judge(names_vnfd=False)) == {}


def test_a_temporary_unit_that_is_left_over_is_a_fail():
    extra = Lifeline("extra", appeared_s=11.0, added_s=12.0, temporary=True)
    verdict = judge(units=(*UNITS, extra))
    assert outcomes(verdict) == {UNITS_LEFT: Outcome.FAIL}
    assert "extra (temporary)" in verdict.message


def test_a_temporary_unit_that_is_gone_is_none():
    extra = Lifeline("extra", appeared_s=11.0, added_s=12.0, removed_s=20.0, temporary=True)
    assert judge(units=(*UNITS, extra)).outcome is Outcome.PASS


def test_a_new_unit_of_another_package_is_a_fail():
    verdict = judge(units=(*UNITS, Lifeline("other", appeared_s=12.0, added_s=13.0, vnfd="vnfd-3.0")))
    assert outcomes(verdict) == {UNITS_LEFT: Outcome.FAIL}
    assert "other (vnfd-3.0)" in verdict.message


def test_cleaning_up_after_completion_is_in_time():
    units = (*(replace(one, removed_s=26.0) for one in OLD), *NEW)
    assert judge(units=units).outcome is Outcome.PASS


def test_a_limit_may_allow_units():
    verdict = judge(units=changed("old-3", removed_s=None), limits={**LIMITS, "leftover_units_count": 1})
    assert verdict.outcome is Outcome.PASS


def test_fewer_units_than_before_are_a_fail():
    verdict = judge(units=(*OLD, *NEW[:3]))
    assert outcomes(verdict) == {CAPACITY: Outcome.FAIL}
    assert "Expected: >= 10000 pps of new units, Actual: 7500 pps" in verdict.message


def test_fewer_larger_units_are_as_good():
    units = (*OLD, *(replace(one, vdu="gateway-large") for one in NEW[:2]))
    assert judge(units=units).outcome is Outcome.PASS


def test_units_that_were_changed_in_place_are_of_the_target():
    units = tuple(replace(one, removed_s=None, modified_s=12.0 + n) for n, one in enumerate(OLD))
    verdict = judge(units=units)
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["units_at_the_end_count"] == 4


# --- blind ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [("before",), ("followed", "after", "end"), ("vnf_instance",)])
def test_without_documents_nothing_passes(without):
    verdict = judge(without=without)
    assert outcomes(verdict) == {"units": Outcome.INCONC}
    assert verdict.reasons == ("I12",)


def test_without_the_last_document_nothing_passes():
    verdict = judge(end_s=None)
    assert outcomes(verdict) == {UNITS_LEFT: Outcome.INCONC}
    assert verdict.reasons == ("I12",)


def test_new_units_of_unknown_capacity_leave_it_open():
    assert outcomes(judge(units=changed("new-1", vdu="other"))) == {"unit capacity": Outcome.INCONC}


def test_without_completion_nothing_passes():
    scene = StepScene(states=(("PROCESSING", 10.3, {}),), ending=Ending.STOPPED_BY_TESTER, ending_reason="cable")
    verdict = judge(scene, completed_s=24.0)
    assert check(verdict, SESSIONS).outcome is Outcome.INCONC
    assert "I12" in verdict.reasons


def test_an_upgrade_that_others_start_is_complete_when_they_say_so():
    scene = StepScene(states=(), parameters={"profile": "quick", "trigger": "command"}, ended_s=24.0)
    assert judge(scene, completed_s=24.0).outcome is Outcome.PASS


def test_unmarked_probes_leave_it_open():
    scene = StepScene(edit=lambda packets: unmark(packets, packets.number % 100 == 0))
    assert outcomes(judge(scene)) == {"version marks": Outcome.INCONC}


def test_a_tail_without_packets_leaves_it_open():
    verdict = judge(StepScene(stopped_s=24.5))
    assert check(verdict, PACKETS).reasons == ("I7",)
    assert check(verdict, "overlap").reasons == ("I7",)


def test_a_capture_that_saw_little_leaves_it_open():
    assert outcomes(judge(StepScene(capture_lost_count=2))) == {"receiver": Outcome.INCONC}


def test_an_upgrade_that_failed_is_a_fail():
    failed = StepScene(states=(("PROCESSING", 10.3, {}), ("FAILED_TEMP", 23.0, {}), ("COMPLETED", 24.05, {})))
    assert outcomes(judge(failed)) == {"upgrade operation": Outcome.FAIL}


def test_an_upgrade_that_was_never_requested():
    stopped = StepScene(without_events=("request",), ending=Ending.STOPPED_BY_TESTER, ending_reason="cable")
    assert judge(stopped).outcome is Outcome.ERROR


def test_temporary_units_are_not_known_without_the_operation():
    assert outcomes(judge(without=("operation",))) == {"temporary units": Outcome.INCONC}


def test_a_fail_tells_when_it_was_declared_complete():
    verdict = judge(scene=StepScene(shares=((13.0, 0.1), (16.0, 0.33))))
    assert verdict.outcome is Outcome.FAIL
    assert at(23.9) <= verdict.evidence["first_violation_ns"] <= at(24.2)
