from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending
from hitless.verdict import Outcome
from tests.core.builders import at, unmark
from tests.core.judging import check, judged, outcomes
from tests.core.scenes import FailingScene, StepScene, attempt, state

RQ = "RQ-RBK-02"


def test_a_fast_rollback_passes():
    verdict = judged(RQ, FailingScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["traffic_rollback_s"] == pytest.approx(0.5, abs=0.1)
    assert verdict.figures["lcm_rollback_s"] == pytest.approx(1.3, abs=0.01)


@pytest.mark.parametrize(
    ("switched_s", "outcome"), [(22.5, Outcome.PASS), (22.6, Outcome.PASS), (22.9, Outcome.FAIL), (24.0, Outcome.FAIL)]
)
def test_traffic_has_to_be_back_in_six_seconds(switched_s, outcome):
    scene = FailingScene(switched_s=switched_s, ended_s=25.0, stopped_s=30.1, long_until_s=30.1)
    verdict = judged(RQ, scene.history())
    assert check(verdict, "traffic, rollback").outcome is outcome
    assert verdict.outcome is outcome


def test_time_of_traffic_counts_from_the_cancellation_that_came_before():
    """Cancelled at 14.0, rolled back from 16.7 on; at 20.5 the target version still serves."""
    attempts = (attempt("cancel", 14.0), attempt("rollback", 16.7))
    scene = FailingScene(attempts=attempts, switched_s=20.5, ended_s=22.0, stopped_s=27.1, long_until_s=27.1)
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == {"traffic, rollback": "FAIL"}
    assert verdict.figures["traffic_rollback_s"] == pytest.approx(6.5, abs=0.1)
    without = replace(scene.history(), attempts=attempts[1:])
    assert judged(RQ, without).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("rolled_back_s", "outcome"),
    [
        (26.69, Outcome.PASS),
        (26.75, Outcome.INCONC),
        (26.85, Outcome.FAIL),
    ],
)
def test_a_rollback_may_take_ten_seconds_however_early_the_upgrade_failed(rolled_back_s, outcome):
    """Accepted at 16.7; that it is rolled back is known to a tenth of a second."""
    scene = FailingScene(ended_s=rolled_back_s, stopped_s=32.0, long_until_s=32.0)
    verdict = judged(RQ, scene.history())
    assert check(verdict, "operation time, rollback").outcome is outcome
    assert verdict.reasons == (("I4",) if outcome is Outcome.INCONC else ())


@pytest.mark.parametrize(
    ("failed_s", "rolled_back_s", "outcome"),
    [
        (40.0, 70.2, Outcome.PASS),  # 30 s since the request, 29.9 to 30 s taken
        (40.0, 70.32, Outcome.INCONC),
        (40.0, 70.5, Outcome.FAIL),
    ],
)
def test_a_late_failure_grants_as_much_time_as_the_upgrade_had_taken(failed_s, rolled_back_s, outcome):
    scene = FailingScene(
        failing_s=99.0,
        failed_s=failed_s,
        rollback_s=40.3,
        switched_s=41.0,
        ended_s=rolled_back_s,
        stopped_s=71.0,
        long_until_s=71.0,
    )
    assert check(judged(RQ, scene.history()), "operation time, rollback").outcome is outcome


def test_no_rollback_may_take_longer_than_the_absolute_limit():
    verdict = judged(RQ, FailingScene().history(), lcm_rollback_s=1.0)
    assert check(verdict, "operation time, rollback").outcome is Outcome.FAIL
    assert "Expected: <= 1.0 s" in verdict.message


def test_a_notification_narrows_the_instant_down():
    history = FailingScene(ended_s=26.75, stopped_s=32.0, long_until_s=32.0).history()
    told = state("ROLLED_BACK", 26.68, source="notification")
    operations = tuple(one for one in history.operations if one.source == "poll")
    verdict = judged(RQ, replace(history, operations=(*operations, told)))
    assert check(verdict, "operation time, rollback").outcome is Outcome.PASS


def test_a_rollback_in_each_step_is_judged():
    verdict = judged(RQ, StepScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["rollbacks_count"] == 4
    assert verdict.figures["step_1_traffic_rollback_s"] == 0.0, "nothing had gone there yet"
    assert 0.3 < verdict.figures["step_3_traffic_rollback_s"] < 0.8
    assert "upgrade_traffic_rollback_s" not in verdict.figures


def test_one_slow_step_fails():
    verdict = judged(RQ, StepScene().history(), traffic_rollback_s=0.6)
    assert outcomes(verdict).get("traffic, step 3") == "FAIL"
    assert check(verdict, "traffic, step 1").outcome is Outcome.PASS


def test_a_step_whose_rollback_does_not_end_fails():
    verdict = judged(RQ, StepScene(final_states={"3": "FAILED_TEMP"}).history())
    assert outcomes(verdict) == {"operation, step 3": "FAIL"}


def test_a_refused_rollback_fails():
    verdict = judged(RQ, FailingScene(attempts=(attempt("rollback", 16.7, 409),), rolled_back=False).history())
    assert outcomes(verdict) == {"operation": "FAIL"}


def test_no_answer_is_no_acceptance():
    none = attempt("rollback", 16.7, None, problem="connection refused")
    verdict = judged(RQ, FailingScene(attempts=(none,), rolled_back=False).history())
    assert "no answer (connection refused)" in verdict.message
    assert verdict.outcome is Outcome.FAIL


def test_an_upgrade_that_was_not_taken_back_shows_nothing():
    history = replace(FailingScene().history(), operations=(state("COMPLETED", 18.0),), attempts=())
    assert judged(RQ, history).outcome is Outcome.INCONC


def test_a_new_version_that_never_served_shows_nothing():
    verdict = judged(RQ, FailingScene(shares=()).history())
    assert outcomes(verdict) == {"new version in service": "INCONC"}


def test_a_meter_that_sees_no_marks_passes_nothing():
    verdict = judged(RQ, FailingScene(edit=lambda packets: unmark(packets, packets.number >= 0)).history())
    assert verdict.outcome is Outcome.INCONC
    assert {"I8", "I9"} <= set(verdict.reasons)


def test_no_request_no_judgement():
    history = FailingScene(without_events=("request",), ending=Ending.STOPPED_BY_SUT, ending_reason="no VNF").history()
    assert judged(RQ, history).reasons == ("I8",)


def test_a_rollback_whose_acceptance_is_not_recorded_took_an_unknown_time():
    verdict = judged(RQ, FailingScene(attempts=()).history())
    assert outcomes(verdict) == {"acceptance": "INCONC"}
    assert verdict.reasons == ("I12",)


def test_a_target_version_that_served_in_some_steps_only_shows_nothing_of_the_others():
    history = StepScene().history()
    third = (history.probes.sent_ns >= at(18.0)) & (history.probes.sent_ns < at(22.0))
    version = np.where(third, 0, history.probes.version).astype(np.int16)
    verdict = judged(RQ, replace(history, probes=replace(history.probes, version=version)))
    assert outcomes(verdict) == {"new version in service": "INCONC"}
    assert "Actual: none for step 3" in verdict.message


def test_probes_have_to_come_back_until_the_rollback_is_over():
    """From a second after the acceptance on nothing comes back: nobody sees whether the target version serves on."""

    def edit(packets):
        packets.received[packets.sent_s >= 17.7] = False

    verdict = judged(RQ, FailingScene(edit=edit).history())
    assert outcomes(verdict) == {"probes after the acceptance": "INCONC"}
    assert verdict.reasons == ("I7",)


def test_without_counters_nobody_knows_what_the_capture_misses():
    history = FailingScene(sample_gaps=((-1.0, 99.0),)).history()
    verdict = judged(RQ, history)
    assert outcomes(verdict) == {"counters": "INCONC"}
    assert verdict.reasons == ("I12",)


def test_steps_that_were_not_tried_are_not_shown():
    events = tuple(one for one in StepScene().history().events if one.detail.get("step") in {None, "1", "2"})
    scene = replace(StepScene().history(), events=events, ending=Ending.STOPPED_BY_SUT, ending_reason="MANO is gone")
    verdict = judged(RQ, scene)
    assert check(verdict, "recording").outcome is Outcome.INCONC
    assert "Actual: none in 3 and 4 (MANO is gone)" in check(verdict, "recording").message


def test_a_failure_of_unknown_time_grants_what_it_may_have_taken():
    """Requested at 10, rolled back from 26.7 to 41: only if the upgrade had failed late, that is as fast as it."""
    scene = FailingScene(failed_s=26.6, rollback_s=26.7, switched_s=27.2, failing_s=26.0, ended_s=41.0)
    history = replace(scene, stopped_s=47.0, long_until_s=47.0).history()
    assert judged(RQ, history).outcome is Outcome.PASS
    kept = tuple(one for one in history.operations if one.state != "FAILED_TEMP")
    verdict = judged(RQ, replace(history, operations=kept))
    assert outcomes(verdict) == {"operation time, rollback": "INCONC"}
