"""RQ-UPG-01: the first step. What was in service when the first packet of the target version came, and not before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending
from hitless.judges import judge_upg_01
from hitless.verdict import Outcome
from tests.core.builders import at, unmark
from tests.core.management import DECLARED, NEW, OLD, UNITS, Lifeline, Management, StepScene, changed, quick
from tests.core.mutilations import only_probes

LIMITS = quick("RQ-UPG-01")
BASE = StepScene().history()
FIRST_S = 13.064
"""When the first packet of the target version is sent: the share rises at 13 s, its first user comes then."""
OLD_SIDE, NEW_SIDE, EARLY = "old units", "new units", "packets before readiness"


def judge(history=BASE, sut=DECLARED, limits=None, **options):
    shown = Management(**options).snapshots()
    return judge_upg_01(replace(history, snapshots=shown, sut=sut), limits or LIMITS)


def outcomes(verdict):
    return {one.name: one.outcome for one in verdict.checks if one.outcome is not Outcome.PASS}


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def test_the_first_packet_is_where_the_tests_think_it_is():
    mine = BASE.probes.version == 1
    assert BASE.probes.sent_ns[mine].min() == pytest.approx(at(FIRST_S), abs=2_000_000)


def test_a_clean_upgrade_passes_and_says_what_was_there():
    verdict = judge()
    assert verdict.outcome is Outcome.PASS
    assert "all 4 old units in service when the new version began" in verdict.message
    assert "1 new unit ready with 2500 of 10000 pps" in verdict.message
    assert "known within 110 ms" in verdict.message
    assert verdict.figures["old_in_service_ratio"] == 1.0
    assert verdict.figures["new_units_ready_count"] == 1
    assert verdict.figures["first_new_capacity_ratio"] == 0.25
    assert verdict.figures["early_packets_count"] == 0
    assert verdict.figures["first_target_packet_s"] == pytest.approx(FIRST_S - 10.0, abs=0.003)


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge().figures} <= {"ratio", "count", "ms", "s", "pps"}


def test_the_same_history_gives_the_same_verdict():
    assert repr(judge()) == repr(judge())


# --- the old side ---------------------------------------------------------------------------------------------------


def test_an_old_unit_that_goes_first_is_a_fail():
    verdict = judge(units=changed("old-1", removed_s=12.5))
    assert outcomes(verdict) == {OLD_SIDE: Outcome.FAIL}
    assert "Expected: >= 4 of 4 in service, Actual: 3" in verdict.message
    assert verdict.figures["old_in_service_ratio"] == 0.75


def test_an_old_unit_that_goes_just_after_is_none():
    assert judge(units=changed("old-1", removed_s=FIRST_S + 0.2)).outcome is Outcome.PASS


@pytest.mark.parametrize("shift_s", [-0.03, 0.03])
def test_an_old_unit_that_goes_at_that_time_leaves_it_open(shift_s):
    verdict = judge(units=changed("old-1", removed_s=FIRST_S + shift_s))
    assert outcomes(verdict) == {OLD_SIDE: Outcome.INCONC}
    assert check(verdict, OLD_SIDE).reasons == ("I4",)


def test_a_lower_limit_lets_one_go():
    verdict = judge(units=changed("old-1", removed_s=12.5), limits={**LIMITS, "old_in_service_ratio": 0.75})
    assert verdict.outcome is Outcome.PASS


# --- the new side ---------------------------------------------------------------------------------------------------


def test_two_ready_units_are_more_than_a_tenth_of_four():
    verdict = judge(units=changed("new-2", appeared_s=11.5, added_s=12.4))
    assert outcomes(verdict) == {NEW_SIDE: Outcome.FAIL}
    assert "Expected: 1 unit, or up to 2500 pps" in verdict.message
    assert "2 new units ready with 5000 to 5000 pps" in verdict.message


def test_a_second_unit_that_is_not_ready_yet_does_not_count():
    assert judge(units=changed("new-2", appeared_s=11.5, added_s=13.4)).outcome is Outcome.PASS


def test_a_second_unit_that_gets_ready_at_that_time_leaves_it_open():
    verdict = judge(units=changed("new-2", appeared_s=11.5, added_s=FIRST_S))
    assert outcomes(verdict) == {NEW_SIDE: Outcome.INCONC}
    assert check(verdict, NEW_SIDE).reasons == ("I4",)


@pytest.mark.parametrize(("old_count", "allowed"), [(4, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_a_tenth_is_counted_in_whole_units(old_count, allowed):
    old = tuple(Lifeline(f"old-{n}", removed_s=23.0) for n in range(old_count))
    early = [Lifeline(f"new-{n}", appeared_s=11.0, added_s=12.0) for n in range(allowed + 1)]
    later = [Lifeline(f"late-{n}", appeared_s=17.0, added_s=18.0) for n in range(old_count)]
    assert judge(units=(*old, *early[:-1], *later)).outcome is Outcome.PASS
    assert outcomes(judge(units=(*old, *early, *later))) == {NEW_SIDE: Outcome.FAIL}


def test_one_unit_of_the_smallest_kind_is_always_allowed():
    large = tuple(Lifeline(f"large-{n}", vdu="gateway-large", appeared_s=11.0, added_s=12.0 + 3 * n) for n in range(2))
    verdict = judge(units=(*OLD, *large))
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["first_new_capacity_ratio"] == 0.5


def test_a_large_unit_is_too_much_where_there_are_small_ones():
    verdict = judge(units=changed("new-1", vdu="gateway-large"))
    assert outcomes(verdict) == {NEW_SIDE: Outcome.FAIL}
    assert "5000 to 5000 pps" in verdict.message


def test_new_units_of_unknown_capacity_leave_it_open():
    verdict = judge(units=changed("new-1", vdu="other"))
    assert verdict.outcome is Outcome.INCONC
    assert "I5" in verdict.reasons


# --- early packets --------------------------------------------------------------------------------------------------


def test_packets_before_readiness_are_a_fail():
    verdict = judge(units=changed("new-1", added_s=13.6))
    assert outcomes(verdict) == {NEW_SIDE: Outcome.FAIL, EARLY: Outcome.FAIL}
    assert verdict.figures["early_packets_count"] > 10
    assert "served packets before one of its units was ready" in verdict.message


def test_admission_long_enough_after_readiness_passes():
    assert judge(units=changed("new-1", added_s=FIRST_S - 0.15)).outcome is Outcome.PASS


def test_admission_together_with_readiness_leaves_it_open():
    verdict = judge(units=changed("new-1", added_s=FIRST_S - 0.01))
    assert verdict.outcome is Outcome.INCONC
    assert set(verdict.reasons) == {"I4"}
    assert verdict.figures["early_packets_count"] == 0
    assert verdict.figures["possibly_early_packets_count"] > 0


def test_one_early_packet_is_a_fail():
    """A single packet of a user who comes before the first share."""

    def edit(packets):
        if packets.group.name == "new-sessions":
            first = np.flatnonzero(packets.sent_s >= 11.5)[0]
            packets.version[first], packets.instance[first] = 1, 4

    verdict = judge(StepScene(edit=edit).history())
    assert verdict.outcome is Outcome.FAIL
    assert verdict.figures["early_packets_count"] == 1


def test_a_limit_may_allow_early_packets():
    def edit(packets):
        if packets.group.name == "new-sessions":
            first = np.flatnonzero(packets.sent_s >= 11.5)[0]
            packets.version[first], packets.instance[first] = 1, 4

    verdict = judge(StepScene(edit=edit).history(), limits={**LIMITS, "early_packets_count": 1})
    assert check(verdict, EARLY).outcome is Outcome.PASS


def test_no_ready_unit_at_all_is_a_fail():
    units = tuple(replace(one, added_s=None) for one in UNITS)
    verdict = judge(units=units, completed_s=None)
    assert check(verdict, NEW_SIDE).outcome is Outcome.FAIL
    assert check(verdict, EARLY).outcome is Outcome.FAIL


def test_a_list_that_comes_with_the_end_is_no_clock():
    verdict = judge(listed_late=True)
    assert verdict.outcome is Outcome.INCONC
    assert verdict.figures["early_packets_count"] == 0


# --- blind ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [("before",), ("followed", "after", "end"), ("vnf_instance",)])
def test_without_documents_nothing_passes(without):
    verdict = judge(without=without)
    assert verdict.outcome is Outcome.INCONC
    assert "I12" in verdict.reasons


def test_without_packets_of_the_target_nothing_passes():
    verdict = judge(StepScene(shares=()).history())
    assert verdict.outcome is Outcome.INCONC
    assert "I9" in verdict.reasons
    assert "Actual: none - do the marks fit?" in verdict.message


def test_packets_of_the_target_before_the_request_are_wrong_marks():
    verdict = judge(StepScene(shares=((5.0, 0.1), (16.0, 1.0))).history())
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I9",)
    assert "the first 4.9 s before" in verdict.message


def test_unmarked_probes_leave_it_open():
    scene = StepScene(edit=lambda packets: unmark(packets, packets.number % 100 == 0))
    verdict = judge(scene.history())
    assert outcomes(verdict) == {"version marks": Outcome.INCONC}
    assert verdict.reasons == ("I9",)


@pytest.mark.parametrize("problem", ["unidentified_count", "capture_lost_count"])
def test_probes_that_cannot_be_relied_on_leave_it_open(problem):
    verdict = judge(StepScene(**{problem: 3}).history())
    assert outcomes(verdict) == {"receiver": Outcome.INCONC}
    assert verdict.reasons == ("I3",)


def test_an_upgrade_that_failed_is_a_fail():
    failed = StepScene(states=(("PROCESSING", 10.3, {}), ("FAILED_TEMP", 14.0, {}))).history()
    assert outcomes(judge(failed)) == {"upgrade operation": Outcome.FAIL}


def test_an_upgrade_that_was_never_requested():
    stopped = StepScene(without_events=("request",), ending=Ending.STOPPED_BY_TESTER, ending_reason="cable")
    assert judge(stopped.history()).outcome is Outcome.ERROR


def test_what_comes_later_does_not_matter():
    """All other units in one go, and old ones removed at once: other requirements look at that."""
    old = tuple(replace(one, removed_s=14.0) for one in OLD)
    new = (NEW[0], *(replace(one, appeared_s=13.5, added_s=14.5) for one in NEW[1:]))
    assert judge(units=(*old, *new)).outcome is Outcome.PASS


# --- what the meter did not see, and when it began ------------------------------------------------------------------


def test_the_first_packets_of_the_target_may_be_those_that_nobody_captured():
    blind = only_probes(BASE, lambda of: (of.probes.version != 1) | (of.probes.sent_ns > at(21.0)))
    verdict = judge(blind, units=changed("old-1", removed_s=20.0))
    assert verdict.outcome is Outcome.INCONC
    assert {check(verdict, OLD_SIDE).outcome, check(verdict, NEW_SIDE).outcome} == {Outcome.INCONC}


def test_an_operation_that_nobody_read_is_no_fail():
    verdict = judge(without=("operation",))
    assert verdict.outcome is Outcome.INCONC


def test_a_fail_tells_when_it_began():
    gone = judge(units=changed("old-1", removed_s=12.0))
    assert at(12.0) <= gone.evidence["first_violation_ns"] <= at(12.2)
    early = judge(units=changed("new-1", added_s=13.5))
    assert early.evidence["first_violation_ns"] == pytest.approx(at(FIRST_S), abs=10_000_000)
    assert "first_violation_ns" not in judge().evidence


def test_a_capture_that_no_counter_was_held_against_is_no_pass():
    counters = BASE.counters
    rows = {one: getattr(counters, one)[:0] for one in ("asked_ns", "answered_ns", "tx", "rx", "ierrors", "oerrors")}
    verdict = judge(replace(BASE, counters=replace(counters, **rows)))
    assert outcomes(verdict) == {"counters": Outcome.INCONC}


def test_units_that_serve_no_traffic_do_not_make_a_unit_that_does_too_large():
    apart = (
        Lifeline("oam-old", vdu="oam", removed_s=22.8),
        Lifeline("oam-new", vdu="oam", appeared_s=11.0, added_s=12.4),
    )
    verdict = judge(units=(*UNITS, *apart))
    assert verdict.outcome is Outcome.PASS
    assert "2500 of 10000 pps before its share" in verdict.message
