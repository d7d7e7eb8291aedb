from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending, Stall
from hitless.verdict import Outcome
from tests.core.builders import Loss, at, unmark
from tests.core.judging import check, judged, outcomes
from tests.core.scenes import FailingScene, attempt, state

RQ = "RQ-RBK-01"
OLD = "sessions of the old version"


def test_a_failure_that_users_of_the_old_version_do_not_notice_passes():
    verdict = judged(RQ, FailingScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    figures = verdict.figures
    assert figures["old_sessions_lost_packets_count"] == 0
    assert 0.9 < figures["recovery_s"] < 1.3
    assert figures["recovery_s"] == pytest.approx(figures["failure_outage_s"] + figures["rollback_outage_s"])
    assert figures["failure_outage_s"] == pytest.approx(0.6, abs=0.15)
    assert figures["rollback_outage_s"] == pytest.approx(0.5, abs=0.1)
    assert figures["other_sessions_lost_packets_count"] > 10
    assert "served again after" in verdict.message


def lose_one_old_packet(packets):
    if packets.group.name == "long-sessions":
        packets.received[(packets.session == 9) & (packets.sent_s > 17.0) & (packets.sent_s < 19.1)] = False


def test_a_single_packet_of_an_old_session_is_a_failure():
    verdict = judged(RQ, FailingScene(edit=lose_one_old_packet).history())
    assert outcomes(verdict) == {OLD: "FAIL"}
    assert verdict.figures["old_sessions_lost_packets_count"] == 1
    assert "sessions that 1.0 serves lost" in verdict.message


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ierrors": ((17.5, 1),)}, "I3"),
        ({"stalls": (Stall("generator", at(16.9), at(19.1)),)}, "I14"),
        ({"load_factor": 1.1}, "I2"),
        ({"losses": (Loss(1.0, 7.0, 0.01, (20,)),)}, "I1"),
    ],
)
def test_loss_that_may_be_the_testers_or_the_paths_leaves_doubt(change, reason):
    verdict = judged(RQ, FailingScene(edit=lose_one_old_packet, **change).history())
    assert check(verdict, OLD).outcome is verdict.outcome is Outcome.INCONC
    assert reason in verdict.reasons


def test_a_loss_beyond_what_the_tester_lost_is_a_failure():
    def edit(packets):
        if packets.group.name == "long-sessions":
            packets.received[(packets.sent_s > 17.0) & (packets.sent_s < 17.1)] = False

    verdict = judged(RQ, FailingScene(edit=edit, ierrors=((17.5, 1),)).history())
    assert outcomes(verdict) == {OLD: "FAIL"}


@pytest.mark.parametrize(("switched_s", "failed"), [(21.8, False), (22.3, True), (24.0, True)])
def test_the_others_are_served_again_within_six_seconds(switched_s, failed):
    half = ((13.0, 0.5),)
    scene = FailingScene(shares=half, switched_s=switched_s, ended_s=25.0, stopped_s=30.1, long_until_s=30.1)
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == ({"recovery": "FAIL"} if failed else {})
    assert verdict.figures["recovery_s"] == pytest.approx(switched_s - 16.0, abs=0.3)


def test_units_that_are_torn_down_before_the_decider_is_switched_back():
    """Everybody on the new version is out for some seconds after the rollback was asked for."""

    def edit(packets):
        packets.received[(packets.version == 1) & (packets.sent_s >= 17.0) & (packets.sent_s < 23.5)] = False

    scene = FailingScene(edit=edit, switched_s=23.5, ended_s=25.0, stopped_s=30.1, long_until_s=30.1)
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == {"recovery": "FAIL"}
    assert verdict.figures["rollback_outage_s"] > 6.0


def test_a_long_outage_that_the_tester_may_have_prolonged_leaves_doubt():
    """The last packet that was lost makes it too long, and one packet was lost by the tester."""
    times = {"switched_s": 20.0, "ended_s": 25.0, "stopped_s": 30.1, "long_until_s": 30.1}
    limit_s = judged(RQ, FailingScene(**times).history()).figures["recovery_s"] - 1e-6
    assert outcomes(judged(RQ, FailingScene(**times).history(), recovery_s=limit_s)) == {"recovery": "FAIL"}
    verdict = judged(RQ, FailingScene(ierrors=((20.0, 1),), **times).history(), recovery_s=limit_s)
    assert outcomes(verdict) == {"recovery": "INCONC"}
    assert verdict.reasons == ("I3",)


def test_a_packet_that_the_tester_lost_does_not_explain_a_long_outage():
    scene = FailingScene(switched_s=23.0, ended_s=25.0, stopped_s=30.1, long_until_s=30.1, ierrors=((20.0, 1),))
    assert outcomes(judged(RQ, scene.history())) == {"recovery": "FAIL"}


def test_a_service_that_never_comes_back():
    def edit(packets):
        packets.received[packets.sent_s >= 16.5] = False

    verdict = judged(RQ, FailingScene(edit=edit).history())
    assert outcomes(verdict)[OLD] == "FAIL"
    assert "no service at the end" in check(verdict, "recovery").message


FAILURE = "failure of the new version"


def test_a_failure_that_nobody_noticed_shows_no_recovery():
    """What made the operation fail is anybody's guess."""
    verdict = judged(RQ, FailingScene(failing_s=40.0).history())
    assert outcomes(verdict) == {FAILURE: "INCONC"}
    assert verdict.reasons == ("I4",)
    assert "see vnf.failing in sut.yaml" in verdict.message
    assert verdict.figures["failure_outage_s"] == 0.0


def test_probes_may_be_the_last_to_notice_what_mano_has_reported():
    """Load has lost packets before; the first probe is lost a tenth of a second after the rollback was asked for."""
    verdict = judged(RQ, FailingScene(failing_s=16.8).history())
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["failure_outage_s"] == 0.0
    assert verdict.figures["rollback_outage_s"] > 0.02


@pytest.mark.parametrize("failing_s", [16.1, 40.0])
def test_a_cancellation_by_the_tester_is_no_failure_of_the_software(failing_s):
    attempts = (attempt("cancel", 16.0), attempt("rollback", 16.7))
    verdict = judged(RQ, FailingScene(failing_s=failing_s, attempts=attempts).history())
    assert outcomes(verdict) == {FAILURE: "INCONC"}
    assert verdict.reasons == ("I8",)


def test_loss_around_a_stall_of_the_tester_shows_no_failure():
    stalls = (Stall("generator", at(15.9), at(17.3)),)
    verdict = judged(RQ, FailingScene(stalls=stalls).history())
    assert outcomes(verdict) == {FAILURE: "INCONC"}


def test_a_failure_that_mano_never_reported():
    history = FailingScene().history()
    kept = tuple(one for one in history.operations if one.state != "FAILED_TEMP")
    verdict = judged(RQ, replace(history, operations=kept))
    assert outcomes(verdict) == {FAILURE: "INCONC"}


def test_a_recording_that_the_tester_stopped():
    scene = FailingScene(ending=Ending.STOPPED_BY_TESTER, ending_reason="generator failed")
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == {"recording": "INCONC"}
    assert verdict.reasons == ("I12",)


def test_probes_that_nobody_captured_are_not_lost():
    """They came back by the counters: what looks like a total outage is the meter's blindness."""
    history = FailingScene().history()
    names = ("sent_ns", "received_ns", "pg_id", "number", "user", "session", "index", "version", "instance")
    kept = history.probes.received_ns < at(18.0)
    columns = {name: getattr(history.probes, name)[kept] for name in names}
    verdict = judged(RQ, replace(history, probes=replace(history.probes, **columns)))
    assert verdict.outcome is Outcome.INCONC
    assert "I3" in verdict.reasons


def test_a_recording_without_marks_of_two_versions():
    assert judged(RQ, replace(FailingScene().history(), versions=())).outcome is Outcome.INCONC


def test_a_new_version_that_never_served_shows_nothing():
    verdict = judged(RQ, FailingScene(shares=()).history())
    assert outcomes(verdict) == {"new version in service": "INCONC", FAILURE: "INCONC"}
    assert verdict.reasons == ("I8", "I4")


def test_software_that_did_not_fail_shows_nothing():
    history = FailingScene().history()
    ended = (state("PROCESSING", 10.3), state("COMPLETED", 18.0))
    verdict = judged(RQ, replace(history, operations=ended, attempts=()))
    assert check(verdict, "operation").outcome is Outcome.INCONC
    assert check(verdict, "operation").reasons == ("I8",)


def test_a_rollback_that_is_refused_is_a_failure():
    refused = attempt("rollback", 16.7, 409, body={"detail": "not now"})
    history = FailingScene(attempts=(refused,), rolled_back=False).history()
    verdict = judged(RQ, history)
    assert outcomes(verdict)["operation"] == "FAIL"
    assert "rollback not accepted - Expected: 202, Actual: 409 (not now)" in verdict.message


def test_a_rollback_that_never_ends_is_a_failure():
    verdict = judged(RQ, FailingScene(rolled_back=False).history())
    assert outcomes(verdict) == {"operation": "FAIL"}
    assert "Expected: ROLLED_BACK, Actual: ROLLING_BACK" in verdict.message


def test_a_rollback_that_the_tester_did_not_wait_for_is_inconclusive():
    scene = FailingScene(rolled_back=False, ending=Ending.STOPPED_BY_TESTER, ending_reason="generator failed")
    verdict = judged(RQ, scene.history())
    assert check(verdict, "operation").reasons == ("I12",)


def test_a_meter_that_sees_no_marks_passes_nothing():
    verdict = judged(RQ, FailingScene(edit=lambda packets: unmark(packets, packets.number >= 0)).history())
    assert verdict.outcome is not Outcome.PASS
    assert "I9" in verdict.reasons


def test_a_capture_that_ended_early_is_seen():
    history = FailingScene().history()
    kept = history.probes.received_ns < np.quantile(history.probes.received_ns, 0.8)
    names = ("sent_ns", "received_ns", "pg_id", "number", "user", "session", "index", "version", "instance")
    columns = {name: getattr(history.probes, name)[kept] for name in names}
    verdict = judged(RQ, replace(history, probes=replace(history.probes, **columns)))
    assert check(verdict, "receiver").outcome is Outcome.INCONC


def test_no_request_no_judgement():
    history = FailingScene(without_events=("request",), ending=Ending.STOPPED_BY_SUT, ending_reason="no VNF").history()
    assert judged(RQ, history).reasons == ("I8",)


def test_the_timeline_of_the_operation_is_shown():
    rows = judged(RQ, FailingScene().history()).evidence["operation"]
    assert [row["what"] for row in rows] == [
        "STARTING (poll)",
        "PROCESSING (poll)",
        "FAILED_TEMP (poll)",
        "rollback: 202",
        "ROLLING_BACK (poll)",
        "ROLLED_BACK (poll)",
        "ROLLED_BACK (notification)",
    ]
