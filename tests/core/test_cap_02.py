"""RQ-CAP-02: first add, then remove; in order of events that are known as intervals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Ending, Interval
from hitless.judges import judge_cap_02
from hitless.verdict import Outcome
from tests.core.builders import at
from tests.core.management import DECLARED, NEW, OLD, UNITS, Lifeline, Management, StepScene, changed, quick

BASE = StepScene().history()
LIMITS = quick("RQ-CAP-02")
CAPACITY = "capacity in service"


def judge(history=BASE, sut=DECLARED, limits=None, **options):
    shown = Management(**options).snapshots()
    return judge_cap_02(replace(history, snapshots=shown, sut=sut), limits or LIMITS)


def check(verdict, name=CAPACITY):
    return next(one for one in verdict.checks if one.name == name)


def replaced_one_by_one(gap_s, *, completed_s=24.0):
    """Four units are replaced one after the other; the substitute is ready ``gap_s`` after its unit has gone."""
    old = tuple(Lifeline(f"old-{n}", removed_s=12.0 + 2 * n) for n in range(4))
    new = tuple(Lifeline(f"new-{n}", appeared_s=11.0 + 2 * n, added_s=12.0 + 2 * n + gap_s) for n in range(4))
    return (*old, *new)


def test_a_clean_upgrade_passes_and_says_how_well_it_is_known():
    verdict = judge()
    assert verdict.outcome is Outcome.PASS
    assert "never below 100.00 % of 10000 pps; events known within 110 ms" in verdict.message
    assert verdict.figures["in_service_capacity_ratio"] == 1.0
    assert verdict.figures["units_before_count"] == 4
    assert verdict.figures["units_added_count"] == 4
    assert verdict.figures["units_removed_count"] == 4
    assert [row["unit"] for row in verdict.evidence["units"]] == [one.id for one in UNITS]


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge().figures} <= {"ratio", "count", "ms", "s", "pps"}


def test_the_same_history_gives_the_same_verdict():
    assert repr(judge()) == repr(judge())


def test_removal_before_the_substitute_is_ready_is_a_fail():
    verdict = judge(units=replaced_one_by_one(0.5))
    assert verdict.outcome is Outcome.FAIL
    assert "Expected: >= 100.00 % of 10000 pps, Actual: 7500 pps" in verdict.message
    assert "2.0 s after the request" in verdict.message
    assert verdict.figures["highest_possible_minimum_ratio"] == 0.75


def test_addition_before_removal_is_a_pass():
    assert judge(units=replaced_one_by_one(-0.3)).outcome is Outcome.PASS


@pytest.mark.parametrize("gap_s", [0.05, -0.05])
def test_removal_and_addition_between_two_reads_cannot_be_told_apart(gap_s):
    verdict = judge(units=replaced_one_by_one(gap_s), poll_s=0.5)
    assert check(verdict).outcome is Outcome.INCONC
    assert verdict.reasons == ("I4",)
    assert "Actual: 7500 pps at least, up to" in verdict.message


def test_slow_reads_do_not_hide_a_long_dip():
    assert judge(units=replaced_one_by_one(1.5), poll_s=0.5).outcome is Outcome.FAIL


def test_a_unit_that_is_not_replaced_is_a_fail_although_all_of_the_load_is_served():
    verdict = judge(units=(*OLD, *NEW[:3]))
    assert verdict.outcome is Outcome.FAIL
    assert "Actual: 7500 pps" in verdict.message


def test_a_substitute_that_never_becomes_ready_does_not_count():
    verdict = judge(units=changed("new-4", added_s=None), completed_s=None)
    assert check(verdict).outcome is Outcome.FAIL


def test_capacity_counts_and_not_the_number_of_units():
    large = tuple(Lifeline(f"large-{n}", vdu="gateway-large", appeared_s=12.0, added_s=12.5 + n) for n in range(2))
    verdict = judge(units=(*OLD, *large))
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["units_added_count"] == 2


def test_as_many_smaller_units_are_not_enough():
    small = {"vnf": {**DECLARED["vnf"], "unit_capacity_pps": {"gateway": 2500, "gateway-small": 2400}}}
    units = tuple(replace(one, vdu="gateway-small") if one in NEW else one for one in UNITS)
    verdict = judge(units=units, sut=small)
    assert verdict.outcome is Outcome.FAIL
    assert "Actual: 9600 pps" in verdict.message


def test_without_declared_capacities_units_share_the_rated_capacity():
    assert judge(sut={}).outcome is Outcome.PASS
    assert judge(sut={}, units=(*OLD, *NEW[:3])).outcome is Outcome.FAIL


def test_new_units_of_unknown_capacity_leave_it_open():
    verdict = judge(units=changed("new-1", vdu="other"))
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I5",)
    assert "vnf.unit_capacity_pps for other" in verdict.message


def test_units_without_capacity_leave_it_open():
    sut = {"vnf": {**DECLARED["vnf"], "unit_capacity_pps": {"something": 1}}}
    units = tuple(replace(one, vdu="om") for one in UNITS)
    verdict = judge(units=units, sut=sut)
    assert verdict.outcome is Outcome.INCONC
    assert "Expected: > 0 pps" in verdict.message


def test_a_lower_limit_allows_a_dip():
    limits = {**LIMITS, "in_service_capacity_ratio": 0.75}
    assert judge(units=replaced_one_by_one(0.5), limits=limits).outcome is Outcome.PASS
    limits["in_service_capacity_ratio"] = 0.76
    assert judge(units=replaced_one_by_one(0.5), limits=limits).outcome is Outcome.FAIL


def test_units_that_are_changed_in_place_may_or_may_not_be_missing():
    units = tuple(replace(one, removed_s=None, modified_s=12.0 + n) for n, one in enumerate(OLD))
    verdict = judge(units=units)
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I4",)


# --- blind ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [("before",), ("followed", "after", "end"), ("vnf_instance",)])
def test_without_documents_nothing_passes(without):
    verdict = judge(without=without)
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I12",)
    assert "read before the request and again after it" in verdict.message


def test_without_the_last_document_nothing_passes():
    verdict = judge(end_s=None)
    assert verdict.outcome is Outcome.INCONC
    assert check(verdict, "documents").reasons == ("I12",)


def test_without_operation_documents_it_is_not_known_when_units_were_ready():
    verdict = judge(without=("operation",))
    assert verdict.outcome is not Outcome.PASS


def test_a_list_that_comes_with_the_end_leaves_it_open():
    verdict = judge(listed_late=True)
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I4",)


def test_a_dip_is_a_fail_although_the_last_document_is_missing():
    assert judge(units=(*OLD, *NEW[:2]), end_s=None).outcome is Outcome.FAIL


def test_an_upgrade_that_failed_is_a_fail():
    failed = StepScene(states=(("PROCESSING", 10.3, {}), ("FAILED_TEMP", 14.0, {"error": "no room"}))).history()
    verdict = judge(failed)
    assert verdict.outcome is Outcome.FAIL
    assert "FAILED_TEMP (no room)" in verdict.message


def test_an_upgrade_that_was_never_requested():
    stopped = StepScene(without_events=("request",), ending=Ending.STOPPED_BY_TESTER, ending_reason="cable")
    assert judge(stopped.history()).outcome is Outcome.ERROR
    refused = StepScene(without_events=("request",), ending=Ending.STOPPED_BY_SUT, ending_reason="busy")
    assert judge(refused.history()).reasons == ("I8",)


def test_an_operation_that_nobody_read_is_no_fail():
    verdict = judge(without=("operation",))
    assert verdict.outcome is Outcome.INCONC


def test_a_fail_tells_when_it_began():
    verdict = judge(units=changed("old-2", removed_s=12.0))
    assert verdict.outcome is Outcome.FAIL
    assert at(12.0) <= verdict.evidence["first_violation_ns"] <= at(12.3)
    assert "first_violation_ns" not in judge().evidence


def test_an_instance_that_nobody_asked_for_after_the_request_is_no_pass():
    shown = [one for one in Management(without=("followed", "after", "end")).snapshots() if one.kind == "vnf_instance"]
    late = replace(shown[0], label="end", first=Interval(at(9.98), at(10.01)), until_ns=at(9.98))
    verdict = judge_cap_02(replace(BASE, snapshots=(*shown, late), sut=DECLARED), LIMITS)
    assert check(verdict).outcome is Outcome.INCONC
    assert check(verdict).reasons == ("I12",)
