"""RQ-UPG-04: only idle units are removed. Which sessions an instance was serving when it stopped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending, Stall
from hitless.judges import judge_upg_04
from hitless.verdict import Outcome
from tests.core.builders import Loss, at, unmark
from tests.core.management import DECLARED, NEW, OLD, Management, StepScene, changed, quick
from tests.core.mutilations import only_probes
from tests.core.test_withdrawals import die

LIMITS = quick("RQ-UPG-04")
ACTIVE = "active sessions on removed units"
EARLY = changed("old-2", removed_s=18.1)
"""The second old unit, whose instance mark is 1, goes while its sessions are open."""


def judge(scene=None, sut=DECLARED, limits=None, **options):
    history = replace((scene or StepScene()).history(), snapshots=Management(**options).snapshots(), sut=sut)
    return judge_upg_04(history, limits or LIMITS)


def outcomes(verdict):
    return {one.name: one.outcome for one in verdict.checks if one.outcome is not Outcome.PASS}


def check(verdict, name=ACTIVE):
    return next(one for one in verdict.checks if one.name == name)


def one_session(*, lost=True, number=5):
    """The second old instance has nothing left but one long session when it is removed at 18 s."""

    def edit(packets):
        mine = packets.instance == 1
        if packets.group.name == "long-sessions":
            last = packets.session == number
            packets.instance[mine & ~last & (packets.sent_s >= 14.0)] = 2
            gone = mine & last & (packets.sent_s >= 18.0)
            if lost:
                packets.received[gone] = False
            else:
                packets.instance[gone] = 2
        else:
            packets.instance[mine & (packets.opened_s >= 14.0)] = 2

    return edit


def test_a_clean_upgrade_passes_and_says_the_bound():
    verdict = judge()
    assert verdict.outcome is Outcome.PASS
    assert "0 of 6 078 sessions active on one of 4 removed units (<= 5e-4 at 95 %)" in verdict.message
    assert verdict.figures["active_sessions_count"] == 0
    assert verdict.figures["units_removed_count"] == 4
    assert verdict.figures["instances_stopped_count"] == 4
    assert [row["active_sessions_count"] for row in verdict.evidence["stopped_instances"]] == [0, 0, 0, 0]


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge().figures} <= {"ratio", "count", "ms", "s", "pps"}


def test_the_same_history_gives_the_same_verdict():
    scene = StepScene(edit=die(1, 18.0))
    assert repr(judge(scene, units=EARLY)) == repr(judge(scene, units=EARLY))


# --- FAIL -----------------------------------------------------------------------------------------------------------


def test_a_unit_that_is_removed_with_its_sessions_is_a_fail():
    verdict = judge(StepScene(edit=die(1, 18.0)), units=EARLY)
    assert outcomes(verdict) == {ACTIVE: Outcome.FAIL}
    assert "units with active sessions stopped serving, old-2 8.0 s after the request" in verdict.message
    assert "0 sent elsewhere" in verdict.message
    assert verdict.figures["active_sessions_count"] >= 1024
    (row,) = [row for row in verdict.evidence["stopped_instances"] if row["active_sessions_count"]]
    assert row["instance"] == "old-2"
    assert row["last_served_after_request_s"] == pytest.approx(8.0, abs=0.02)
    assert len(row["examples"]) == 20


def test_sessions_that_somebody_else_takes_over_then_were_active_as_well():
    verdict = judge(StepScene(edit=die(1, 18.0, take_over=2)), units=EARLY)
    assert outcomes(verdict) == {ACTIVE: Outcome.FAIL}
    assert "(0 lost, 1 0" in verdict.message


@pytest.mark.parametrize("lost", [True, False])
def test_a_single_session_is_a_fail(lost):
    verdict = judge(StepScene(edit=one_session(lost=lost)), units=EARLY)
    assert check(verdict).outcome is Outcome.FAIL
    assert verdict.figures["active_sessions_count"] == 1
    assert "Expected: <= 0 active sessions, Actual: 1" in verdict.message


def test_a_limit_may_allow_some():
    limits = {**LIMITS, "active_sessions_count": 1}
    assert check(judge(StepScene(edit=one_session()), units=EARLY, limits=limits)).outcome is Outcome.PASS


def test_an_instance_that_stops_long_before_its_unit_is_shown_to_go():
    """VIMs take their time to remove a server, and MANO tells it when it is done."""
    verdict = judge(StepScene(edit=die(1, 18.0)))
    assert outcomes(verdict) == {ACTIVE: Outcome.FAIL}


def test_a_fail_needs_no_sample_size():
    limits = {**LIMITS, "observed_sessions_count": 1e9}
    assert check(judge(StepScene(edit=one_session()), units=EARLY, limits=limits)).outcome is Outcome.FAIL


# --- what is no violation -------------------------------------------------------------------------------------------


def test_a_unit_that_is_removed_as_soon_as_it_is_idle_passes():
    """Its last sessions have just ended; their users are still known."""

    def edit(packets):
        mine = packets.instance == 1
        if packets.group.name == "long-sessions":
            packets.instance[mine & (packets.sent_s >= 12.0)] = 2
        else:
            packets.instance[mine & (packets.opened_s >= 17.5)] = 2

    verdict = judge(StepScene(edit=edit), units=changed("old-2", removed_s=17.8))
    assert verdict.outcome is Outcome.PASS
    (row,) = [row for row in verdict.evidence["stopped_instances"] if row["instance"] == "old-2"]
    assert row["last_served_after_request_s"] < 7.8


def test_an_instance_that_stops_after_the_last_removal_is_no_removed_one():
    """A unit fails after the others were removed: not what this requirement is about."""
    old = tuple(replace(one, removed_s=15.0) if one.id != "old-2" else replace(one, removed_s=None) for one in OLD)

    def edit(packets):
        elsewhere = np.isin(packets.instance, (0, 2, 3)) & (packets.sent_s >= 14.0)
        packets.instance[elsewhere] = 1
        die(1, 18.0)(packets)

    verdict = judge(StepScene(edit=edit), units=(*old, *NEW))
    assert {row["instance"] for row in verdict.evidence["stopped_instances"]} == {"old-1", "old-3", "old-4"}


def test_new_units_that_stop_do_not_matter():
    verdict = judge(StepScene(edit=die(4, 21.0)))
    assert check(verdict).outcome is Outcome.PASS


def test_a_stall_of_the_tester_leaves_it_open():
    stall = Stall("receiver", at(17.9), at(20.5))
    verdict = judge(StepScene(edit=one_session(), stalls=(stall,)), units=EARLY)
    assert check(verdict).outcome is Outcome.INCONC
    assert check(verdict).reasons == ("I14",)


def test_a_stall_does_not_excuse_sessions_that_are_served_elsewhere():
    stall = Stall("receiver", at(17.9), at(20.5))
    verdict = judge(StepScene(edit=one_session(lost=False), stalls=(stall,)), units=EARLY)
    assert check(verdict).outcome is Outcome.FAIL


def test_loss_in_the_baseline_leaves_a_single_lost_session_open():
    scene = StepScene(edit=one_session(), losses=(Loss(2.0, 7.0, 0.01, (20, 21)),))
    verdict = judge(scene, units=EARLY)
    assert check(verdict).outcome is Outcome.INCONC
    assert check(verdict).reasons == ("I1",)


def test_loss_in_the_baseline_does_not_excuse_a_thousand():
    scene = StepScene(edit=die(1, 18.0), losses=(Loss(2.0, 7.0, 0.01, (20, 21)),))
    assert check(judge(scene, units=EARLY)).outcome is Outcome.FAIL


# --- blind ----------------------------------------------------------------------------------------------------------


def test_without_a_removal_nothing_passes():
    units = (*(replace(one, removed_s=None) for one in OLD), *NEW)
    verdict = judge(units=units)
    assert outcomes(verdict) == {ACTIVE: Outcome.INCONC}
    assert verdict.reasons == ("I8",)


def test_a_removal_of_which_traffic_shows_nothing_leaves_it_open():
    units = (replace(OLD[0], removed_s=15.0), *(replace(one, removed_s=None) for one in OLD[1:]), *NEW)
    verdict = judge(units=units)
    assert check(verdict).reasons == ("I8",)
    assert "1 disappeared, 0 stopped serving" in verdict.message


def test_too_few_sessions_leave_it_open():
    assert judge(limits={**LIMITS, "observed_sessions_count": 6078}).outcome is Outcome.PASS
    verdict = judge(limits={**LIMITS, "observed_sessions_count": 6079})
    assert outcomes(verdict) == {ACTIVE: Outcome.INCONC}
    assert verdict.reasons == ("I5",)


def test_without_instance_marks_nothing_passes():
    def edit(packets):
        packets.instance[:] = -1

    verdict = judge(StepScene(edit=edit))
    assert check(verdict, "instance marks").outcome is Outcome.INCONC
    assert "I9" in verdict.reasons
    assert check(verdict).outcome is Outcome.INCONC


def test_without_version_marks_nothing_passes():
    verdict = judge(StepScene(edit=lambda packets: unmark(packets, slice(None))))
    assert verdict.outcome is Outcome.INCONC
    assert "I9" in verdict.reasons


@pytest.mark.parametrize("without", [("before",), ("followed", "after", "end"), ("vnf_instance",)])
def test_without_documents_nothing_passes(without):
    verdict = judge(without=without)
    assert verdict.outcome is Outcome.INCONC
    assert set(verdict.reasons) == {"I12"}


def test_without_the_last_document_nothing_passes():
    assert outcomes(judge(end_s=None)) == {"documents": Outcome.INCONC}


def test_a_capture_that_saw_little_leaves_it_open():
    assert outcomes(judge(StepScene(unidentified_count=2))) == {"receiver": Outcome.INCONC}


def test_an_upgrade_that_failed_is_a_fail():
    failed = StepScene(states=(("PROCESSING", 10.3, {}), ("FAILED_TEMP", 23.0, {})))
    assert outcomes(judge(failed)) == {"upgrade operation": Outcome.FAIL}


def test_an_upgrade_that_was_never_requested():
    stopped = StepScene(without_events=("request",), ending=Ending.STOPPED_BY_TESTER, ending_reason="cable")
    assert judge(stopped).outcome is Outcome.ERROR


# --- what the meter did not see -------------------------------------------------------------------------------------


def test_sessions_whose_next_packets_nobody_captured_are_no_fail():
    history = StepScene().history()
    verdict = judge_upg_04(only_probes(history, lambda of: of.probes.sent_ns < at(12.0)), LIMITS)
    assert verdict.figures["active_sessions_count"] > 1000
    assert verdict.outcome is Outcome.INCONC
    assert "I3" in check(verdict).reasons


def test_sessions_whose_next_packets_the_testers_interface_dropped_are_no_fail():
    history = StepScene(edit=one_session()).history()
    history = replace(history, snapshots=Management(units=EARLY).snapshots())
    assert check(judge_upg_04(history, LIMITS)).outcome is Outcome.FAIL
    counters = history.counters
    dropped = counters.ierrors + (counters.asked_ns > at(18.0))[:, None]
    verdict = judge_upg_04(replace(history, counters=replace(counters, ierrors=dropped)), LIMITS)
    assert check(verdict).outcome is Outcome.INCONC
    assert check(verdict).reasons == ("I3",)


def test_sessions_that_went_elsewhere_are_a_fail_whatever_the_interface_dropped():
    history = StepScene(edit=one_session(lost=False)).history()
    history = replace(history, snapshots=Management(units=EARLY).snapshots())
    counters = history.counters
    dropped = counters.ierrors + 100 * (counters.asked_ns > at(18.0))[:, None]
    verdict = judge_upg_04(replace(history, counters=replace(counters, ierrors=dropped)), LIMITS)
    assert check(verdict).outcome is Outcome.FAIL


def test_fewer_marks_than_removed_units_are_no_pass():
    def shared(packets):
        packets.instance[packets.instance == 1] = 0

    verdict = judge(StepScene(edit=shared))
    assert outcomes(verdict) == {"marks of removed units": Outcome.INCONC}
    assert verdict.reasons == ("I9",)
    assert "Expected: >= 4, Actual: 3" in verdict.message


def test_sessions_whose_packets_are_as_far_apart_as_the_timeout_are_no_pass():
    verdict = judge_upg_04(replace(StepScene().history(), session_timeout_s=1.0), LIMITS)
    assert outcomes(verdict) == {"resolution": Outcome.INCONC}
    assert verdict.reasons == ("I4",)


def test_a_fail_tells_when_it_began():
    verdict = judge(StepScene(edit=die(1, 18.0)), units=EARLY)
    assert at(18.0) <= verdict.evidence["first_violation_ns"] < at(18.1)


def test_a_fail_of_the_operation_alone_does_not_tell_when():
    states = (("STARTING", 10.1, {}), ("PROCESSING", 10.3, {}), ("FAILED_TEMP", 24.05, {}))
    verdict = judge(StepScene(states=states))
    assert verdict.outcome is Outcome.FAIL
    assert "first_violation_ns" not in verdict.evidence
