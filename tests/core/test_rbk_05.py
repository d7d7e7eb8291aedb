from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending, Stall
from hitless.verdict import Outcome
from tests.core.builders import Loss, at, unmark
from tests.core.judging import check, judged, outcomes
from tests.core.mutilations import only_probes
from tests.core.scenes import STAGES, StepScene

RQ = "RQ-RBK-05"
OLD = "sessions of the old version"
LOADS = (1, 2, 3)


def test_a_rollback_in_every_step_and_a_downgrade_pass():
    verdict = judged(RQ, StepScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["rolled_back_steps_count"] == 4
    assert verdict.figures["min_bin_goodput_ratio"] == 1.0
    assert [one.name for one in verdict.checks][:5] == ["step 1", "step 2", "step 3", "step 4", "downgrade"]
    assert {row["stage"] for row in verdict.evidence["bins"]} == {f"step {n}" for n in "1234"} | {
        "upgrade",
        "downgrade",
    }


@pytest.mark.parametrize(("ratio", "failed"), [(0.012, False), (0.02, True), (0.5, True)])
@pytest.mark.parametrize(("begun_s", "stage"), [(14.0, "step 2"), (22.0, "step 4"), (30.0, "downgrade")])
def test_load_has_to_be_served_in_each_second_of_each_stage(ratio, failed, begun_s, stage):
    """Load makes up 60 % of the packets."""
    scene = StepScene(losses=(Loss(begun_s + 1.0, begun_s + 2.0, ratio, LOADS),))
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == ({f"goodput, {stage}": "FAIL"} if failed else {})


def test_between_the_stages_nothing_is_asked_of_the_load():
    assert judged(RQ, StepScene(losses=(Loss(13.2, 13.8, 0.1, LOADS),)).history()).outcome is Outcome.PASS


def test_a_slow_second_around_a_stall_leaves_doubt():
    scene = StepScene(losses=(Loss(15.0, 15.4, 0.1, LOADS),), stalls=(Stall("generator", at(15.0), at(15.4)),))
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == {"goodput, step 2": "INCONC"}
    assert verdict.reasons == ("I14",)


def test_a_baseline_that_serves_no_more_leaves_doubt():
    scene = StepScene(losses=(Loss(2.0, 4.0, 0.1, LOADS), Loss(15.0, 16.0, 0.05, LOADS)))
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict)["goodput, step 2"] == "INCONC"
    assert "I1" in verdict.reasons


def test_half_the_load_on_purpose_is_half_the_load_that_has_to_be_served():
    parameters = {"profile": "quick", "load_percent": 60.0}
    scene = StepScene(load_factor=1.0 / 3.0, parameters=parameters, losses=(Loss(15.0, 16.0, 0.05, LOADS),))
    assert outcomes(judged(RQ, scene.history())) == {"goodput, step 2": "FAIL"}
    clean = replace(scene, losses=())
    assert judged(RQ, clean.history()).outcome is Outcome.PASS


@pytest.mark.parametrize(("factor", "outcome"), [(0.99, Outcome.PASS), (0.97, Outcome.INCONC)])
def test_less_load_than_planned_shows_nothing(factor, outcome):
    """Load makes up 60 % of the packets."""
    verdict = judged(RQ, StepScene(load_factor=factor).history())
    assert verdict.outcome is outcome
    assert verdict.reasons == (() if outcome is Outcome.PASS else ("I2",))


@pytest.mark.parametrize("second", [11.5, 15.5, 19.5, 23.5])
def test_a_packet_of_an_old_session_in_any_stage_is_a_failure(second):
    def edit(packets):
        if packets.group.name == "long-sessions":
            row = int((packets.sent_s >= second).argmax())
            packets.received[row] = False

    verdict = judged(RQ, StepScene(edit=edit).history())
    assert outcomes(verdict) == {OLD: "FAIL"}
    assert verdict.figures["old_sessions_lost_packets_count"] == 1


def test_a_packet_of_a_new_session_is_not_what_this_row_is_about():
    def edit(packets):
        if packets.group.name == "new-sessions":
            rows = (packets.version == 1) & (packets.sent_s >= 19.5)
            first = packets.session[rows][0]
            packets.received[(packets.session == first).nonzero()[0][3]] = False

    assert judged(RQ, StepScene(edit=edit).history()).outcome is Outcome.PASS


@pytest.mark.parametrize("task", ["cancel", "rollback"])
def test_a_task_that_is_refused_is_a_failure(task):
    scene = StepScene(statuses={("3", task): 409}, final_states={"3": "PROCESSING"})
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == {"step 3": "FAIL"}
    assert f"{task} not accepted" in verdict.message


def test_a_rollback_that_fails_is_a_failure():
    verdict = judged(RQ, StepScene(final_states={"2": "FAILED_TEMP"}).history())
    assert outcomes(verdict) == {"step 2": "FAIL"}


def test_stages_that_never_came_are_not_demonstrated():
    scene = StepScene(stages=STAGES[:2], ending=Ending.STOPPED_BY_SUT, ending_reason="operation ended early")
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == {"step 3": "INCONC", "step 4": "INCONC", "downgrade": "INCONC", "recording": "INCONC"}
    assert verdict.reasons == ("I8",)
    assert "operation ended early" in verdict.message


def test_an_upgrade_that_was_over_before_it_could_be_cancelled_is_not_demonstrated():
    scene = StepScene(ending=Ending.STOPPED_BY_SUT, ending_reason="ended before it was to be cancelled")
    history = scene.history()
    attempts = tuple(one for one in history.attempts if one.operation_id != "op-4")
    operations = tuple(one for one in history.operations if one.operation_id != "op-4" or one.state == "PROCESSING")
    verdict = judged(RQ, replace(history, attempts=attempts, operations=operations))
    assert check(verdict, "step 4").outcome is Outcome.INCONC


def test_an_upgrade_that_fails_before_it_could_be_cancelled_is_a_failure():
    history = StepScene().history()
    attempts = tuple(one for one in history.attempts if one.operation_id != "op-4")
    verdict = judged(RQ, replace(history, attempts=attempts))
    assert outcomes(verdict) == {"step 4": "FAIL"}
    assert "Actual: FAILED_TEMP" in verdict.message


def test_a_request_that_is_refused_is_a_failure():
    scene = StepScene(ending=Ending.STOPPED_BY_SUT, ending_reason="change_vnfpkg - 409")
    history = scene.history()
    attempts = tuple(one for one in history.attempts if one.operation_id != "op-2")
    operations = tuple(one for one in history.operations if one.operation_id != "op-2")
    verdict = judged(RQ, replace(history, attempts=attempts, operations=operations))
    assert outcomes(verdict)["step 2"] == "FAIL"
    assert "not accepted, change_vnfpkg - 409" in verdict.message


def test_a_downgrade_that_does_not_complete_is_a_failure():
    verdict = judged(RQ, StepScene(final_states={"downgrade": "FAILED_TEMP"}).history())
    assert outcomes(verdict) == {"downgrade": "FAIL"}


def test_a_downgrade_that_is_not_declared_is_not_asked_for():
    history = StepScene(stages=STAGES[:5]).history()
    assert outcomes(judged(RQ, history)) == {"downgrade": "INCONC"}
    declared = replace(history, sut={"rollback": {"downgrade": False}})
    assert judged(RQ, declared).outcome is Outcome.PASS


def test_counters_have_to_be_sampled():
    verdict = judged(RQ, StepScene(sample_gaps=((14.5, 16.5),)).history())
    assert check(verdict, "goodput, step 2").outcome is Outcome.INCONC
    assert check(verdict, "goodput, step 2").reasons == ("I4",)


def test_traffic_has_to_cover_all_of_it():
    verdict = judged(RQ, StepScene(stopped_s=34.0).history())
    assert outcomes(verdict) == {"overlap": "INCONC"}


def test_a_meter_that_sees_no_marks_passes_nothing():
    verdict = judged(RQ, StepScene(edit=lambda packets: unmark(packets, packets.number >= 0)).history())
    assert verdict.outcome is Outcome.INCONC
    assert "I9" in verdict.reasons


def test_no_request_no_judgement():
    history = replace(StepScene().history(), events=(), ending=Ending.STOPPED_BY_SUT, ending_reason="no VNF")
    assert judged(RQ, history).reasons == ("I8",)


def test_no_stages_at_all_are_not_demonstrated():
    history = StepScene().history()
    verdict = judged(RQ, replace(history, events=tuple(one for one in history.events if one.name != "stage")))
    assert verdict.outcome is Outcome.INCONC
    assert {f"step {step}" for step in "1234"} < set(outcomes(verdict))


def test_a_step_that_was_not_seen_to_be_reached_is_not_demonstrated():
    history = StepScene().history()
    events = tuple(one for one in history.events if one.name != "step-reached" or one.detail["step"] != "3")
    verdict = judged(RQ, replace(history, events=events))
    assert outcomes(verdict) == {"step 3": "INCONC"}
    assert verdict.reasons == ("I8",)


def test_steps_in_which_nobody_was_on_the_new_version_are_not_demonstrated():
    """The first one alone is taken back before the new version serves."""
    history = StepScene().history()
    none = replace(history.probes, version=np.zeros_like(history.probes.version))
    verdict = judged(RQ, replace(history, probes=none))
    assert outcomes(verdict) == {f"step {step}": "INCONC" for step in "234"}
    assert "no packet that the target version served" in verdict.message


def test_a_recording_that_the_tester_stopped_is_not_complete():
    verdict = judged(RQ, StepScene(ending=Ending.STOPPED_BY_TESTER, ending_reason="generator failed").history())
    assert outcomes(verdict) == {"recording": "INCONC"}


def doubled(history, start_s, stop_s, count, lost=0):
    """Some probes of a time come once more and others not at all; nothing of it is in the counters."""
    probes = history.probes
    inside = np.flatnonzero((probes.sent_ns >= at(start_s)) & (probes.sent_ns < at(stop_s)))
    keep = np.setdiff1d(np.arange(len(probes.number)), inside[:lost])
    rows = np.sort(np.concatenate((keep, inside[len(inside) - count :])))
    return only_probes(history, lambda _: rows)


def test_probes_that_come_twice_leave_doubt():
    """Load, which is only counted, may come twice as well."""
    verdict = judged(RQ, doubled(StepScene().history(), 15.0, 16.0, 7))
    assert outcomes(verdict) == {"counters": "INCONC"}
    assert verdict.reasons == ("I3",)
    assert "7 probes that came once more" in verdict.message


def test_probes_that_come_twice_do_not_serve_others():
    verdict = judged(RQ, doubled(StepScene().history(), 15.1, 15.9, 400, lost=400))
    assert outcomes(verdict)["goodput, step 2"] == "FAIL"
    assert verdict.figures["step_2_min_bin_goodput_ratio"] < 0.97


def test_load_that_comes_twice_leaves_doubt():
    verdict = judged(RQ, StepScene(surplus={2: 40}).history())
    assert check(verdict, "counters").outcome is verdict.outcome is Outcome.INCONC
    assert "40 of load-down too many" in check(verdict, "counters").message
