"""RQ-TRF-01: one case per outcome and reason, sessions that are dropped instead of moved, and what is permitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import AMBIGUOUS, UNMARKED, Ending
from hitless.judges import JUDGES, judge_cap_01, judge_trf_01
from hitless.verdict import Outcome
from tests.core.builders import TRF_LIMITS, Loss, Scene, unmark


def judge(scene, **limits):
    return judge_trf_01(scene.history(), TRF_LIMITS | limits)


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


AFFINITY, CHANGE, MARKS, RECEIVER, RESOLUTION = (
    "session affinity",
    "share change",
    "version marks",
    "receiver",
    "resolution",
)


def on_long(edit):
    return lambda packets: edit(packets) if packets.group.name == "long-sessions" else None


def move(session, from_s, *, version=1, instance=2):
    def edit(packets):
        rows = (packets.session == session) & (packets.sent_s >= from_s)
        packets.version[rows] = version
        packets.instance[rows] = instance

    return on_long(edit)


def drop_bucket(*sessions):
    """A bucket's sessions go to a unit that does not know them."""

    def edit(packets):
        packets.received[np.isin(packets.session, sessions) & (packets.sent_s >= 13.0)] = False

    return on_long(edit)


def test_a_clean_upgrade_passes_and_says_bounds():
    verdict = judge(Scene())
    assert verdict.outcome is Outcome.PASS
    assert "0 of 4 096 sessions moved (<= 7.4e-4 at 95 %), of 2 048 users (<= 0.0015)" in verdict.message
    assert "3 of 3 share changes seen while sessions were open" in verdict.message
    assert "2.1 s for a single session" in verdict.message
    assert verdict.figures["countable_sessions_count"] == 4096
    assert verdict.figures["countable_users_count"] == 2048
    assert [change["share_after_ratio"] for change in verdict.evidence["share_changes"]] == pytest.approx(
        [0.1, 0.5, 1.0], abs=0.03
    )


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge(Scene()).figures} <= {"ratio", "count", "ms"}


def test_the_same_history_gives_the_same_verdict_bit_for_bit():
    scene = Scene(edit=move(9, 14.0), losses=(Loss(13.0, 14.0, 0.2),))
    assert repr(judge(scene)) == repr(judge(scene))


# --- FAIL -----------------------------------------------------------------------------------------------------------


def test_one_session_that_goes_to_the_new_version_is_a_fail():
    verdict = judge(Scene(edit=move(9, 13.5)))
    assert verdict.outcome is Outcome.FAIL
    assert "1 to the new version" in verdict.message
    assert "Expected: <= 0, Actual: 1" in verdict.message
    assert verdict.figures["sessions_old_to_new_count"] == 1
    assert verdict.figures["users_with_violation_count"] == 1
    (row,) = verdict.evidence["moves"]
    assert (row["from"], row["to"]) == ("1.0 on old-2", "2.0 on new-1")
    assert 3.4 < row["after_request_s"] < 6.0


def test_one_session_that_changes_its_instance_is_a_fail():
    verdict = judge(Scene(edit=move(8, 13.5, version=0, instance=1)))
    assert verdict.outcome is Outcome.FAIL
    assert "1 to another instance of their version" in verdict.message


def test_going_back_is_counted_apart():
    def edit(packets):
        if packets.group.name == "new-sessions":
            first = packets.session[packets.version == 1][0]
            rows = (packets.session == first) & (packets.layout.position(packets.number) >= 4)
            packets.version[rows] = 0

    verdict = judge(Scene(edit=edit))
    assert verdict.figures["sessions_new_to_old_count"] == 1
    assert "1 back to the old version" in verdict.message


def test_a_violation_is_a_fail_however_few_sessions_there_are():
    scene = Scene(edit=lambda packets: (only(packets, 20), move(9, 13.5)(packets)))
    verdict = judge(scene)
    assert verdict.figures["countable_sessions_count"] < 299
    assert verdict.outcome is Outcome.FAIL


def only(packets, count):
    if packets.group.name == "long-sessions":
        unmark(packets, packets.session >= count)


def test_sessions_of_one_bucket_that_are_dropped_are_a_fail():
    verdict = judge(Scene(edit=drop_bucket(100, 101, 2148, 2149)))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.figures["sessions_dropped_count"] == 4
    assert verdict.figures["users_with_violation_count"] == 2
    assert "4 dropped at a share change" in verdict.message


def test_all_sessions_dropped_is_a_fail():
    verdict = judge(Scene(edit=drop_bucket(*range(4096))))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.figures["sessions_dropped_count"] == 4096


def test_a_violation_is_a_fail_although_probes_could_not_be_identified():
    assert judge(Scene(edit=move(9, 13.5), unidentified_count=7)).outcome is Outcome.FAIL


def test_an_operation_that_fails_is_a_fail():
    verdict = judge(Scene(states=(("FAILED_TEMP", 15.0, {"error": "no room"}),)))
    assert verdict.outcome is Outcome.FAIL
    assert "FAILED_TEMP (no room)" in verdict.message


# --- permitted -----------------------------------------------------------------------------------------------------


def test_sessions_that_were_idle_for_longer_than_the_timeout_may_move():
    scene = Scene(edit=move(9, 13.5), session_timeout_s=2.0)
    assert check(judge(scene), AFFINITY).outcome is Outcome.PASS


def test_random_loss_is_no_matter_of_affinity():
    assert judge(Scene(losses=(Loss(13.0, 20.0, 0.3),))).outcome is Outcome.PASS


def test_an_outage_is_no_matter_of_affinity():
    assert check(judge(Scene(losses=(Loss(13.2, 20.0),))), AFFINITY).outcome is not Outcome.FAIL


# --- INCONC --------------------------------------------------------------------------------------------------------


def test_i1_sessions_that_move_without_any_upgrade():
    def edit(packets):
        for session, second in ((3, 3.0), (4, 4.0), (5, 6.0), (9, 14.0)):
            rows = (packets.session == session) & (packets.sent_s >= second)
            packets.instance[rows] = 1 - packets.instance[rows]

    verdict = judge(Scene(edit=on_long(edit)))
    assert check(verdict, AFFINITY).outcome is Outcome.INCONC
    assert check(verdict, AFFINITY).reasons == ("I1",)
    assert verdict.figures["violations_before_request_count"] == 3


def test_many_violations_survive_a_few_in_the_baseline():
    def edit(packets):
        for session, second in ((3, 3.0), *((number, 14.0) for number in range(100, 200))):
            rows = (packets.session == session) & (packets.sent_s >= second)
            packets.instance[rows] = 1 - packets.instance[rows]

    assert judge(Scene(edit=on_long(edit))).outcome is Outcome.FAIL


def test_i3_probes_that_could_not_be_identified():
    verdict = judge(Scene(unidentified_count=1))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I3",))
    assert "1 probes could not be identified" in verdict.message


def test_i3_captured_probes_that_were_lost():
    verdict = judge(Scene(capture_lost_count=2500))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I3",))
    assert "2 500 captured probes were lost by the tester" in verdict.message


def test_i3_more_probes_received_than_sent():
    assert check(judge(Scene(surplus={21: 2})), RECEIVER).reasons == ("I3",)
    assert check(judge(Scene(surplus={1: 2})), RECEIVER).outcome is Outcome.PASS


@pytest.mark.parametrize(("timeout_s", "outcome"), [(4.096, Outcome.PASS), (4.09, Outcome.INCONC)])
def test_i4_sessions_have_to_be_heard_of_twice_within_their_timeout(timeout_s, outcome):
    verdict = judge(Scene(session_timeout_s=timeout_s))
    assert check(verdict, RESOLUTION).outcome is outcome
    assert verdict.reasons == (() if outcome is Outcome.PASS else ("I4",))


def test_i5_too_few_sessions():
    verdict = judge(Scene(edit=lambda packets: only(packets, 20)))
    assert check(verdict, AFFINITY).reasons == ("I5",)
    assert "Expected: >= 299, Actual: " in check(verdict, AFFINITY).message


def test_i5_no_long_sessions():
    verdict = judge(Scene(without_groups=("long-sessions",)))
    assert "I5" in verdict.reasons
    assert verdict.outcome is Outcome.INCONC


def test_i7_no_share_change():
    verdict = judge(Scene(shares=()))
    assert verdict.outcome is Outcome.INCONC
    assert check(verdict, CHANGE).reasons == ("I7",)
    assert "sessions opened on 2.0 after sessions opened on 1.0" in check(verdict, CHANGE).message


def test_i7_sessions_ended_before_the_share_changed():
    verdict = judge(Scene(long_until_s=12.0, shares=((14.0, 1.0),)))
    assert verdict.outcome is Outcome.INCONC
    assert verdict.figures["countable_sessions_count"] < 299


def test_i7_traffic_that_does_not_cover_the_upgrade():
    assert "I7" in judge(Scene(stopped_s=25.0)).reasons


def test_i9_packets_without_a_mark():
    verdict = judge(Scene(edit=lambda packets: unmark(packets, np.flatnonzero(packets.number % 500 == 0))))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I9",))


@pytest.mark.parametrize(("unmarked", "outcome"), [(67, Outcome.PASS), (68, Outcome.INCONC)])
@pytest.mark.parametrize("mark", [UNMARKED, AMBIGUOUS])
def test_i9_one_packet_in_a_thousand_may_be_unmarked(unmarked, outcome, mark):
    history = Scene().history()
    assert len(history.probes.version) == 67_100
    version = history.probes.version.copy()
    version[:unmarked] = mark
    verdict = judge_trf_01(replace(history, probes=replace(history.probes, version=version)), TRF_LIMITS)
    assert check(verdict, MARKS).outcome is outcome


def test_i9_exactly_one_packet_in_a_thousand_may_be_unmarked():
    history = Scene(stopped_s=27.0).history()
    assert len(history.probes.version) == 67_000
    version = history.probes.version.copy()
    version[:67] = UNMARKED
    verdict = judge_trf_01(replace(history, probes=replace(history.probes, version=version)), TRF_LIMITS)
    assert check(verdict, MARKS).outcome is Outcome.PASS


def test_i9_only_one_version_is_declared():
    history = replace(Scene(shares=()).history(), versions=("1.0",))
    assert check(judge_trf_01(history, TRF_LIMITS), MARKS).reasons == ("I9",)


def test_no_probes_at_all():
    verdict = judge(Scene(without_groups=("long-sessions", "new-sessions")))
    assert verdict.outcome is Outcome.INCONC
    assert {"I5", "I7", "I9"} <= set(verdict.reasons)


def test_i8_and_error_as_for_every_upgrade():
    stopped = Scene(ending=Ending.STOPPED_BY_SUT, ending_reason="no", without_events=("request",))
    assert judge(stopped).reasons == ("I8",)
    stopped.ending = Ending.STOPPED_BY_TESTER
    assert judge(stopped).outcome is Outcome.ERROR


def test_i12_the_tester_stopped_it():
    verdict = judge(Scene(ending=Ending.STOPPED_BY_TESTER, ending_reason="KeyboardInterrupt"))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


def test_a_run_that_was_killed_early_has_a_verdict_too():
    history = Scene().history()
    probes = history.probes
    columns = ("sent_ns", "received_ns", "pg_id", "number", "user", "session", "index", "version", "instance")
    probes = replace(probes, **{name: getattr(probes, name)[:0] for name in columns})
    names = ("asked_ns", "answered_ns", "tx", "rx", "ierrors", "oerrors", "generator_cpu_percent")
    counters = replace(history.counters, **{name: getattr(history.counters, name)[:0] for name in names})
    killed = replace(
        history, ending=Ending.STOPPED_BY_TESTER, ending_reason="not finished", probes=probes, counters=counters
    )
    assert judge_trf_01(killed, TRF_LIMITS).outcome is Outcome.INCONC


# --- exactly at the limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("needed", "outcome"), [(4096, Outcome.PASS), (4097, Outcome.INCONC)])
def test_as_many_sessions_as_needed_are_enough(needed, outcome):
    assert judge(Scene(), countable_sessions_count=needed).outcome is outcome


@pytest.mark.parametrize(("limit", "outcome"), [(2, Outcome.PASS), (1, Outcome.FAIL)])
def test_as_many_violations_as_allowed_pass(limit, outcome):
    def edit(packets):
        packets.version[np.isin(packets.session, (9, 10)) & (packets.sent_s >= 13.5)] = 1

    verdict = judge(Scene(edit=on_long(edit)), affinity_violations_count=limit)
    assert check(verdict, AFFINITY).outcome is outcome


def test_judges_are_found_by_the_id_of_the_requirement_and_cannot_be_replaced():
    found = [JUDGES[name].__wrapped__ for name in ("RQ-CAP-01", "RQ-TRF-01")]
    assert found == [judge_cap_01, judge_trf_01]
    with pytest.raises(TypeError):
        JUDGES["RQ-CAP-01"] = judge_trf_01  # type: ignore[index]


def test_sessions_that_only_seem_to_be_dropped_as_the_capture_misses_packets():
    """They came back by the counters; the same loss that the counters confirm is a failure."""
    edit = drop_bucket(100, 101, 2148, 2149)
    dropped, whole = Scene(edit=edit).history(), Scene().history()
    assert judge_trf_01(dropped, TRF_LIMITS).outcome is Outcome.FAIL
    missing = len(whole.probes.number) // 500
    unseen = replace(whole.counters, rx=whole.counters.rx + missing * (whole.counters.tx > missing))
    verdict = judge_trf_01(replace(dropped, counters=unseen), TRF_LIMITS)
    assert check(verdict, "session affinity").outcome is Outcome.INCONC
    assert "I3" in verdict.reasons
