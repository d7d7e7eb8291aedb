"""RQ-CAP-01: one case per outcome and reason, the meter's own failings, and what happens exactly at a limit."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending, Stall
from hitless.judges import judge_cap_01
from hitless.measures.confidence import samples_for_zero
from hitless.verdict import Outcome
from tests.core.builders import CAP_LIMITS, Loss, Scene, at


def judge(scene, **limits):
    return judge_cap_01(scene.history(), CAP_LIMITS | limits)


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


LOSS, GOODPUT, LATE = "loss ratio", "goodput in each second", "delivery within a second"
OFFERED, BASELINE, UPGRADE, OVERLAP = "offered load", "baseline", "upgrade operation", "overlap"


def test_a_clean_upgrade_passes_and_says_bound_and_resolution():
    verdict = judge(Scene())
    assert verdict.outcome is Outcome.PASS
    assert verdict.reasons == ()
    assert "0 of 191 000 lost (<= 1.6e-5 at 95 %)" in verdict.message
    assert "longest gap below 1 ms for the service" in verdict.message
    assert "2.1 s for a single session" in verdict.message
    assert "slowest second served 100.00 % of offered load" in verdict.message
    assert verdict.figures["loss_ratio"] == 0.0
    assert verdict.figures["min_bin_goodput_ratio"] == 1.0
    assert verdict.figures["upgrade_duration_s"] == 12.0
    assert verdict.limits == CAP_LIMITS


def test_every_figure_names_its_unit():
    units = {"ratio", "count", "pps", "ms", "s"}
    assert {name.rsplit("_", 1)[1] for name in judge(Scene()).figures} <= units


def test_the_same_history_gives_the_same_verdict_bit_for_bit():
    scene = Scene(losses=(Loss(13.0, 13.5, 0.3),), stalls=(Stall("x", at(13), at(13.1)),))
    assert repr(judge(scene)) == repr(judge(scene))


# --- FAIL -----------------------------------------------------------------------------------------------------------


def test_half_the_capacity_fails():
    verdict = judge(Scene(losses=(Loss(13.0, 19.0, 0.5),)))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.figures["min_bin_goodput_ratio"] == pytest.approx(0.5, abs=0.01)
    assert check(verdict, LOSS).outcome is check(verdict, GOODPUT).outcome is Outcome.FAIL
    assert re.search(r"Expected: <= 0\.0001, Actual: 0\.15\d", check(verdict, LOSS).message)
    assert "Expected: >= 99.00 % of offered load, Actual: 50." in check(verdict, GOODPUT).message


def test_a_small_steady_loss_over_the_limit_fails_by_its_ratio_alone():
    verdict = judge(Scene(losses=(Loss(11.0, 25.0, 0.002),)))
    assert check(verdict, LOSS).outcome is Outcome.FAIL
    assert check(verdict, GOODPUT).outcome is Outcome.PASS


def test_one_bad_second_fails_even_where_the_ratio_allows_it():
    verdict = judge(Scene(losses=(Loss(14.1, 14.4, 0.5),)), loss_ratio=0.1)
    assert check(verdict, LOSS).outcome is Outcome.PASS
    assert check(verdict, GOODPUT).outcome is Outcome.FAIL
    assert "slowest second 4.0 s after the request" in check(verdict, GOODPUT).message


def test_packets_that_are_held_for_seconds_are_not_served():
    verdict = judge(Scene(holds=((14.0, 17.0),)))
    assert check(verdict, LOSS).outcome is Outcome.PASS
    assert check(verdict, GOODPUT).outcome is Outcome.FAIL
    assert check(verdict, LATE).outcome is Outcome.FAIL


def test_some_packets_that_come_seconds_late_are_seen_by_the_probes():
    verdict = judge(Scene(delays=((14.0, 14.5, 2.0),)))
    assert check(verdict, LOSS).outcome is Outcome.PASS
    assert check(verdict, LATE).outcome is Outcome.FAIL
    assert re.search(r"packets sent 4\.0 s after .* Actual: 50\.\d+ %", check(verdict, LATE).message)


def test_a_longer_latency_of_the_new_version_is_no_missing_capacity():
    assert judge(Scene(delays=((13.0, 40.0, 0.08),))).outcome is Outcome.PASS


def test_a_long_outage_fails_although_the_baseline_was_lossy():
    scene = Scene(
        ended_s=52.0,
        stopped_s=57.1,
        states=(("COMPLETED", 52.0, {}),),
        losses=(Loss(0.0, 57.0, 0.02), Loss(15.0, 45.0)),
    )
    verdict = judge(scene)
    assert check(verdict, BASELINE).outcome is Outcome.INCONC
    assert check(verdict, LOSS).outcome is check(verdict, GOODPUT).outcome is Outcome.FAIL
    assert verdict.outcome is Outcome.FAIL
    assert "as in the baseline" in check(verdict, LOSS).message


def test_loss_in_the_tail_counts():
    assert judge(Scene(losses=(Loss(25.0, 25.2),))).outcome is Outcome.FAIL


def test_an_outage_that_is_open_at_the_end_counts():
    verdict = judge(Scene(losses=(Loss(26.0, 99.0),)))
    assert verdict.outcome is Outcome.FAIL
    assert verdict.figures["lost_packets_count"] == pytest.approx(10_000, abs=1500)


# --- what the system under test does wrong is FAIL, never ERROR -----------------------------------------------------


@pytest.mark.parametrize("state", ["FAILED_TEMP", "FAILED", "ROLLED_BACK", "ROLLING_BACK"])
def test_an_operation_that_fails_is_a_fail_with_its_error(state):
    states = (("PROCESSING", 10.3, {}), (state, 22.0, {"error": {"status": 500, "detail": "no flavour left"}}))
    verdict = judge(Scene(states=states))
    assert verdict.outcome is Outcome.FAIL
    assert f"Expected: COMPLETED, Actual: {state} (no flavour left) - see operation op-1" in verdict.message


def test_a_failure_on_the_way_is_not_healed_by_the_end():
    states = (("FAILED_TEMP", 15.0, {"error": {"title": "oops"}}), ("COMPLETED", 22.0, {}))
    assert "FAILED_TEMP (oops)" in judge(Scene(states=states)).message


@pytest.mark.parametrize(
    "reason", ["change_vnfpkg refused: 409 instance is locked", "management interface gone: connection refused"]
)
def test_a_refusal_or_a_vanished_management_interface_is_a_fail(reason):
    verdict = judge(Scene(states=(), ending=Ending.STOPPED_BY_SUT, ending_reason=reason))
    assert verdict.outcome is Outcome.FAIL
    assert f"Actual: {reason}" in verdict.message


def test_an_operation_that_never_finishes_is_a_fail():
    scene = Scene(
        states=(("PROCESSING", 10.3, {}),), ended_s=None, ending=Ending.STOPPED_BY_SUT, ending_reason="no end in 600 s"
    )
    verdict = judge(scene)
    assert verdict.outcome is Outcome.FAIL
    assert "no end in 600 s" in verdict.message
    assert verdict.figures["upgrade_duration_s"] is None
    assert "never finished, PROCESSING" in judge(replace(scene, ending=Ending.COMPLETE)).message


def test_loss_is_told_beside_a_failed_operation():
    scene = Scene(
        ended_s=None, ending=Ending.STOPPED_BY_SUT, ending_reason="gone", states=(), losses=(Loss(15.0, 20.0),)
    )
    verdict = judge(scene)
    assert check(verdict, LOSS).outcome is Outcome.FAIL
    assert check(verdict, UPGRADE).outcome is Outcome.FAIL


def test_operations_before_the_request_are_none_of_its_business():
    states = (("FAILED_TEMP", 1.0, {}), ("ROLLED_BACK", 2.0, {}), ("COMPLETED", 22.0, {}))
    assert judge(Scene(states=states)).outcome is Outcome.PASS


def test_packets_on_their_way_are_no_loss_of_the_baseline():
    verdict = judge(Scene(losses=(Loss(14.0, 14.5, 0.5),)))
    assert verdict.figures["baseline_lost_packets_count"] == 0
    assert check(verdict, BASELINE).outcome is Outcome.PASS


# --- INCONC: one case per reason -----------------------------------------------------------------------------------


def test_i1_a_lossy_baseline():
    verdict = judge(Scene(losses=(Loss(0.0, 8.0, 0.001),)))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I1",))
    assert "Baseline - not clean before the upgrade" in verdict.message


def test_i1_loss_as_in_the_baseline_does_not_survive():
    verdict = judge(Scene(losses=(Loss(0.0, 28.0, 0.001),)))
    assert check(verdict, LOSS).outcome is Outcome.INCONC
    assert check(verdict, LOSS).reasons == ("I1",)
    assert verdict.outcome is Outcome.INCONC


def test_i1_goodput_as_in_the_baseline_does_not_survive():
    verdict = judge(Scene(losses=(Loss(4.0, 5.0, 0.05), Loss(14.0, 15.0, 0.04))), loss_ratio=0.1)
    assert check(verdict, GOODPUT).outcome is Outcome.INCONC
    assert check(verdict, GOODPUT).reasons == ("I1",)


def test_i1_the_baseline_does_not_reach_rated_capacity():
    verdict = judge(Scene(pauses=((3.0, 5.0),)))
    assert check(verdict, BASELINE).reasons == ("I1",)
    assert "of 10000 pps offered" in verdict.message


def test_i2_too_little_offered():
    verdict = judge(Scene(load_factor=0.9))
    assert verdict.outcome is Outcome.INCONC
    assert "I2" in check(verdict, OFFERED).reasons
    assert "93.00 % on average" in check(verdict, OFFERED).message


def test_i2_a_dip_of_the_generator():
    verdict = judge(Scene(pauses=((15.0, 15.3),)))
    assert check(verdict, OFFERED).reasons == ("I2",)
    assert "in the slowest second" in check(verdict, OFFERED).message


def test_i2_a_busy_generator():
    assert check(judge(Scene(cpu_percent=85.0)), OFFERED).reasons == ("I2",)
    assert check(judge(Scene(cpu_percent=80.0)), OFFERED).outcome is Outcome.PASS
    assert check(judge(Scene(cpu_percent=float("nan"))), OFFERED).outcome is Outcome.PASS


def test_i2_the_excess_of_an_overload_is_not_the_fault_of_the_system():
    # 1.21 x rated capacity is offered; what is beyond it is lost and nothing else.
    verdict = judge(Scene(load_factor=1.3, losses=(Loss(0.0, 40.0, 0.17),)))
    assert check(verdict, LOSS).outcome is Outcome.INCONC
    assert "I2" in check(verdict, LOSS).reasons
    assert verdict.outcome is Outcome.INCONC


def test_more_than_the_excess_of_an_overload_is_a_fail():
    assert judge(Scene(load_factor=1.3, losses=(Loss(8.0, 40.0, 0.6),))).outcome is Outcome.FAIL


def test_i2_nothing_sent():
    verdict = judge(Scene(pauses=((5.0, 40.0),)))
    assert check(verdict, LOSS).reasons == ("I2",)
    assert verdict.outcome is Outcome.INCONC


def test_i3_loss_that_the_tester_may_have_caused():
    verdict = judge(Scene(losses=(Loss(14.0, 14.03),), ierrors=((14.1, 300),)))
    assert verdict.outcome is Outcome.INCONC
    assert check(verdict, LOSS).reasons == check(verdict, GOODPUT).reasons == ("I3",)
    assert "300 lost by the tester" in verdict.message


def test_a_large_loss_survives_a_small_one_of_the_tester():
    assert judge(Scene(losses=(Loss(14.0, 14.5),), ierrors=((14.1, 300),))).outcome is Outcome.FAIL


def test_losses_of_the_tester_that_do_not_matter_do_not_matter():
    assert judge(Scene(ierrors=((14.1, 300),))).outcome is Outcome.PASS


def test_i3_more_received_than_sent():
    verdict = judge(Scene(surplus={2: 40}))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I3",))
    assert "load-down 40 too many" in verdict.message


def doubled(history, count):
    """As many probes of new-sessions come once more, and are counted, as soon as the first was sampled missing."""
    probes, counters = history.probes, history.counters
    rows = np.flatnonzero(probes.pg_id == 21)[-count:]
    columns = {
        name: np.concatenate((getattr(probes, name), getattr(probes, name)[rows]))
        for name in type(probes).__dataclass_fields__
        if isinstance(getattr(probes, name), np.ndarray)
    }
    rx = counters.rx.copy()
    group = int(np.flatnonzero(counters.pg_ids == 21)[0])
    rx[:, group] += np.minimum(counters.tx[:, group] - rx[:, group], count)
    return replace(history, probes=replace(probes, **columns), counters=replace(counters, rx=rx))


def test_i3_probes_that_come_twice_do_not_make_up_for_lost_ones():
    lossy = Scene(losses=(Loss(14.0, 14.05, 1.0, (21,)),)).history()
    assert judge_cap_01(lossy, CAP_LIMITS).outcome is Outcome.FAIL
    lost = int((lossy.counters.tx[-1] - lossy.counters.rx[-1]).sum())
    assert lost > 40
    verdict = judge_cap_01(doubled(lossy, lost), CAP_LIMITS)
    assert verdict.figures["lost_packets_count"] == 0, "by the counters alone nothing is missing"
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I3",))
    assert f"{lost} probes that came once more" in verdict.message


def test_i4_counters_that_were_sampled_too_seldom():
    verdict = judge(Scene(sample_gaps=((15.0, 16.5),)))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I4",))
    assert "Expected: <= 1.0 s between samples, Actual: 1.6 s" in verdict.message


def test_i4_a_window_of_less_than_a_second():
    scene = Scene(request_s=10.0, ended_s=10.5, stopped_s=10.6, states=(("COMPLETED", 10.5, {}),), shares=())
    verdict = judge(scene, lead_in_s=0.1, tail_s=0.0)
    assert check(verdict, GOODPUT).reasons == ("I4",)


def test_i5_too_few_packets_for_the_bound():
    verdict = judge(Scene(), loss_ratio=1e-5)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I5",))
    assert "Expected: >= 299 572 packets for 1e-5 at 95 %, Actual: 191 000" in verdict.message


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (Scene(stopped_s=25.0), "traffic ended 2.0 s before the end of the tail"),
        (Scene(started_s=9.0), "traffic began 1.0 s before the request"),
        (Scene(started_s=5.0), "baseline of 3.0 s"),
    ],
)
def test_i7_traffic_that_does_not_cover_the_upgrade(scene, told):
    verdict = judge(scene)
    assert verdict.outcome is Outcome.INCONC
    assert check(verdict, OVERLAP).reasons == ("I7",)
    assert told in check(verdict, OVERLAP).message


def test_i7_without_events_the_counters_tell_when_there_was_traffic():
    verdict = judge(Scene(without_events=("traffic-stopped", "traffic-started")))
    assert check(verdict, OVERLAP).outcome is Outcome.PASS
    # The counters are read for a while after the last packet: that is no traffic.
    verdict = judge(Scene(stopped_s=25.0, without_events=("traffic-stopped", "traffic-started")))
    assert check(verdict, OVERLAP).reasons == ("I7",)
    history = Scene().history()
    cut = history.counters.asked_ns < at(24.0)
    names = ("asked_ns", "answered_ns", "tx", "rx", "ierrors", "oerrors", "generator_cpu_percent")
    counters = replace(history.counters, **{name: getattr(history.counters, name)[cut] for name in names})
    verdict = judge_cap_01(replace(history, counters=counters), CAP_LIMITS)
    assert check(verdict, OVERLAP).reasons == ("I7",)


def test_i7_an_acceptance_baseline_is_as_long_as_the_upgrade():
    verdict = judge(Scene(), baseline_as_upgrade=1.0)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I7",))
    assert "baseline >= 12.0 s" in verdict.message


def test_i8_the_initial_state_was_never_reached():
    scene = Scene(ending=Ending.STOPPED_BY_SUT, ending_reason="instantiate: FAILED", without_events=("request",))
    verdict = judge(scene)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I8",))
    assert "instantiate: FAILED" in verdict.message


def test_i12_no_counters():
    history = Scene().history()
    empty = replace(
        history.counters,
        **{name: getattr(history.counters, name)[:0] for name in ("asked_ns", "answered_ns", "tx", "rx")},
    )
    verdict = judge_cap_01(replace(history, counters=empty), CAP_LIMITS)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


def test_i12_no_state_of_the_operation_was_seen():
    verdict = judge(Scene(states=()))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


def test_an_upgrade_that_somebody_else_triggered_has_no_operation():
    assert judge(Scene(states=(), parameters={"profile": "quick", "trigger": "manual"})).outcome is Outcome.PASS


def test_i12_the_tester_stopped_after_the_request():
    verdict = judge(Scene(ending=Ending.STOPPED_BY_TESTER, ending_reason="KeyboardInterrupt"))
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))
    lossy = judge(Scene(ending=Ending.STOPPED_BY_TESTER, ending_reason="x", losses=(Loss(14.0, 16.0),)))
    assert lossy.outcome is Outcome.FAIL


def test_i14_loss_around_a_stall_of_the_tester():
    stalls = (Stall("traffic-worker", at(14.0), at(14.08)),)
    verdict = judge(Scene(losses=(Loss(14.0, 14.05),), stalls=stalls))
    assert verdict.outcome is Outcome.INCONC
    assert check(verdict, LOSS).reasons == check(verdict, GOODPUT).reasons == ("I14",)
    assert "around stalls of the tester" in verdict.message


@pytest.mark.parametrize("loss", [Loss(14.0, 14.5), Loss(17.0, 17.05)], ids=["longer than the stall", "elsewhere"])
def test_a_stall_excuses_no_more_than_itself(loss):
    stalls = (Stall("traffic-worker", at(14.0), at(14.08)),)
    assert judge(Scene(losses=(loss,), stalls=stalls)).outcome is Outcome.FAIL


def test_two_stalls_do_not_excuse_the_same_packets_twice():
    stalls = tuple(Stall("x", at(second), at(second + 0.03)) for second in (14.0, 14.1, 14.2))
    # 100 ms are lost, three times 30 ms are excused: the rest is over the limit.
    verdict = judge(Scene(losses=(Loss(14.05, 14.15),), stalls=stalls))
    assert check(verdict, LOSS).outcome is Outcome.FAIL


def test_a_stall_excuses_no_loss_far_from_it():
    stalls = (Stall("a", at(14.0), at(14.05)), Stall("b", at(14.1), at(14.15)))
    # What the first has excused already is no reserve of the second for the loss six seconds later.
    verdict = judge(Scene(losses=(Loss(14.02, 14.07), Loss(20.0, 20.01)), stalls=stalls))
    assert check(verdict, LOSS).outcome is Outcome.FAIL


def test_i14_late_probes_around_a_stall():
    stalls = (Stall("traffic-worker", at(14.0), at(16.0)),)
    verdict = judge(Scene(delays=((14.0, 14.5, 2.0),), stalls=stalls))
    assert check(verdict, LATE).reasons == ("I14",)


# --- ERROR ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [Ending.STOPPED_BY_TESTER, Ending.COMPLETE])
def test_the_tester_stopped_before_the_request(ending):
    verdict = judge(Scene(ending=ending, ending_reason="not finished", without_events=("request",)))
    assert verdict.outcome is Outcome.ERROR
    assert "not finished" in verdict.message


# --- exactly at the limits -----------------------------------------------------------------------------------------


def exact(lost_per_second, lost_in_total=None):
    """Traffic without anything on its way: 100 s, 10 000 pps, losses to the packet."""
    scene = Scene(started_s=0, request_s=40, ended_s=90, stopped_s=100, states=(("COMPLETED", 90.0, {}),), shares=())
    history = scene.history()
    second = np.arange(-5, 1031, dtype=np.int64)  # tenths of a second
    sent = np.clip(second, 0, 1000) * 1000
    lost = np.zeros(len(second), np.int64)
    for tenth, count in lost_per_second.items():
        lost += np.where(second > tenth, count, 0)
    at_ns = np.asarray([at(tenth / 10) for tenth in second.tolist()])
    counters = replace(
        history.counters,
        asked_ns=at_ns,
        answered_ns=at_ns,
        pg_ids=np.asarray([1], np.int32),
        tx=sent[:, None],
        rx=(sent - lost)[:, None],
        ierrors=np.zeros((len(second), 2), np.int64),
        oerrors=np.zeros((len(second), 2), np.int64),
        generator_cpu_percent=np.zeros(len(second)),
    )
    return replace(history, counters=counters)


LIMITS = CAP_LIMITS | {"lead_in_s": 10.0, "tail_s": 10.0}


@pytest.mark.parametrize(
    ("lost", "outcome"), [(69, Outcome.PASS), (70, Outcome.PASS), (71, Outcome.FAIL)], ids=["under", "at", "over"]
)
def test_a_loss_ratio_at_the_limit_passes_and_one_packet_more_fails(lost, outcome):
    verdict = judge_cap_01(exact({500: lost}), LIMITS)
    assert verdict.figures["sent_packets_count"] == 700_000
    assert verdict.figures["lost_packets_count"] == lost
    assert verdict.outcome is outcome


@pytest.mark.parametrize("limit", [1e-4, 1e-5, 3e-5, 7e-5])
def test_no_rounding_decides_at_the_limit(limit):
    lost = round(limit * 700_000)
    assert check(judge_cap_01(exact({500: lost}), LIMITS | {"loss_ratio": limit}), LOSS).outcome is Outcome.PASS
    assert check(judge_cap_01(exact({500: lost + 1}), LIMITS | {"loss_ratio": limit}), LOSS).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("lost", "outcome"), [(99, Outcome.PASS), (100, Outcome.PASS), (101, Outcome.FAIL)], ids=["under", "at", "over"]
)
def test_goodput_at_the_limit_passes_and_one_packet_less_fails(lost, outcome):
    verdict = judge_cap_01(exact({505: lost}), LIMITS | {"loss_ratio": 0.01})
    assert verdict.figures["min_bin_goodput_ratio"] == 1 - lost / 10_000
    assert check(verdict, GOODPUT).outcome is outcome


@pytest.mark.parametrize(("lost", "outcome"), [(150, Outcome.INCONC), (151, Outcome.FAIL)])
def test_what_is_left_of_a_bad_second_after_the_testers_loss_is_held_against_the_limit(lost, outcome):
    history = exact({505: lost})
    ierrors = np.where(np.arange(len(history.counters.ierrors)) > 511, 50, 0)[:, None] * np.asarray([0, 1])
    verdict = judge_cap_01(
        replace(history, counters=replace(history.counters, ierrors=ierrors)), LIMITS | {"loss_ratio": 0.01}
    )
    assert check(verdict, GOODPUT).outcome is outcome


@pytest.mark.parametrize(("until_s", "outcome"), [(14.01, Outcome.PASS), (14.012, Outcome.FAIL)])
def test_one_probe_in_a_hundred_may_be_late(until_s, outcome):
    scene = Scene(delays=((14.0, until_s, 1.5),))
    assert check(judge(scene), LATE).outcome is outcome


@pytest.mark.parametrize(("limit", "outcome"), [(0.0, Outcome.PASS), (1.0, Outcome.PASS)])
def test_limits_of_nothing_and_everything(limit, outcome):
    assert check(judge_cap_01(exact({}), LIMITS | {"loss_ratio": limit}), LOSS).outcome is outcome
    lossy = check(judge_cap_01(exact({500: 1}), LIMITS | {"loss_ratio": limit}), LOSS)
    assert lossy.outcome is (Outcome.FAIL if limit == 0.0 else Outcome.PASS)


@pytest.mark.parametrize(("needed", "outcome"), [(700_000, Outcome.PASS), (700_001, Outcome.INCONC)])
def test_the_sample_size_is_that_of_the_bound(needed, outcome):
    limit = -math.expm1(math.log(0.05) / (needed - 0.5))
    assert samples_for_zero(limit) == needed
    assert check(judge_cap_01(exact({}), LIMITS | {"loss_ratio": limit}), LOSS).outcome is outcome


def test_offered_load_at_its_limit():
    history = exact({})
    counters = history.counters
    for permille, outcome in ((999, Outcome.PASS), (998, Outcome.INCONC), (1010, Outcome.PASS), (1011, Outcome.INCONC)):
        scaled = replace(counters, tx=counters.tx * permille // 1000, rx=counters.rx * permille // 1000)
        verdict = judge_cap_01(replace(history, counters=scaled), LIMITS)
        assert check(verdict, OFFERED).outcome is outcome, permille


def test_evidence_tells_loss_by_group_and_rates_over_time():
    verdict = judge(Scene(losses=(Loss(14.0, 14.5, 1.0, (2,)),)))
    by_group = {row["group"]: row["lost"] for row in verdict.evidence["groups"]}
    assert by_group["load-down"] == pytest.approx(1750, abs=3)
    assert by_group["load-up"] <= 2
    times = [row["after_request_s"] for row in verdict.evidence["bins"]]
    assert times == sorted(times)
    assert times[0] < -9
    assert min(row["goodput_pps"] for row in verdict.evidence["bins"]) < 8500


@pytest.mark.parametrize("second", [5.0, 12.0, 20.0, 26.0])
@pytest.mark.parametrize("losses", [(), (Loss(3.0, 4.0, 0.2), Loss(12.5, 13.0, 0.2))])
def test_counters_that_were_set_to_zero_meanwhile_say_nothing(second, losses):
    history = Scene(losses=losses).history()
    row = int(np.searchsorted(history.counters.asked_ns, at(second)))
    tx, rx = history.counters.tx.copy(), history.counters.rx.copy()
    tx[row:] -= tx[row - 1].copy()
    rx[row:] -= rx[row - 1].copy()
    verdict = judge_cap_01(replace(history, counters=replace(history.counters, tx=tx, rx=rx)), CAP_LIMITS)
    assert verdict.outcome is not Outcome.PASS
    assert verdict.figures["sent_packets_count"] >= 0
