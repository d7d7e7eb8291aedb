"""RQ-LCM-01: what is accepted, what is refused, what is left behind, and what is not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import CounterSeries, Ending, Event
from hitless.judges import judge_lcm_01
from hitless.verdict import Outcome
from tests.core.builders import Loss, Scene, at
from tests.core.contract import Contract, limits, problem, traffic
from tests.core.mutilations import only_probes

VALID, REFUSALS, TRACES, TRAFFIC = "valid request", "refusals", "traces", "traffic meanwhile"
BAD = ("unknown-instance", "malformed", "unknown-vnfd", "disabled-vnfd", "not-instantiated")


def judge(scene, **changes):
    return judge_lcm_01(scene.history(**changes), limits("RQ-LCM-01"))


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def done():
    return Contract().perform()


def test_right_answers_pass_and_say_what_was_seen():
    verdict = judge(done())
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert verdict.reasons == ()
    assert "3 of 3 valid requests answered 202" in verdict.message
    assert "5 bad requests refused (unknown-instance 404, malformed 400, unknown-vnfd 422" in verdict.message
    assert "10 documents the same before and after" in verdict.message
    assert "packets lost meanwhile (<= " in check(verdict, TRAFFIC).message
    assert verdict.figures["bad_requests_count"] == 5
    assert verdict.figures["valid_requests_count"] == 3


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge(done()).figures} <= {"ratio", "count", "pps", "ms", "s"}


# --- valid requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"status": 200}, "200 in place of 202"),
        ({"status": 500, "body": problem(500)}, "500 in place of 202"),
        ({"status": 409, "body": problem()}, "409 in place of 202"),
        ({"body": {"id": "op-1"}}, "202 with a body"),
        ({"location": ""}, "202 with no Location"),
        ({"location": "http://vnfm/"}, "202 with http://vnfm/ in place of"),
    ],
)
def test_a_valid_request_with_a_wrong_answer(changes, told):
    verdict = judge(done().change_attempt("change_vnfpkg", **changes))
    assert check(verdict, VALID).outcome is Outcome.FAIL
    assert told in check(verdict, VALID).message


@pytest.mark.parametrize("where", ["/vnf_lcm_op_occs/{}", "http://other:1/a/vnf_lcm_op_occs/{}/", "{}"])
def test_a_location_in_any_form_names_its_operation(where):
    scene = done()
    scene.attempts = [
        replace(one, location=where.format(one.operation_id)) if one.name == "change_vnfpkg" else one
        for one in scene.attempts
    ]
    assert judge(scene).outcome is Outcome.PASS


def test_a_location_of_an_operation_that_is_not_there_fails():
    scene = done().change_attempt("change_vnfpkg", location="/vnf_lcm_op_occs/nowhere")
    detail = {"status": 404, "request": "GET http://vnfm/vnflcm/v2/vnf_lcm_op_occs/nowhere"}
    scene.events.append(Event(at(scene.now_s), "management-outage", detail))
    verdict = judge(scene)
    assert check(verdict, VALID).outcome is Outcome.FAIL
    assert "operation nowhere, which is not there (404)" in verdict.message


@pytest.mark.parametrize(
    "detail",
    [
        {"status": 404, "request": "GET http://vnfm/vnflcm/v2/vnf_lcm_op_occs/other"},
        {"status": 500, "request": "GET http://vnfm/vnflcm/v2/vnf_lcm_op_occs/nowhere"},
        {},
    ],
)
def test_an_operation_that_was_never_read_is_unknown_and_no_violation(detail):
    scene = done().change_attempt("change_vnfpkg", location="/vnf_lcm_op_occs/nowhere")
    scene.events.append(Event(at(scene.now_s), "management-outage", detail))
    verdict = judge(scene)
    assert (check(verdict, VALID).outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


def test_an_operation_that_was_missing_for_a_moment_and_then_read_is_there():
    scene = done()
    detail = {"status": 404, "request": "GET http://vnfm/vnflcm/v2/vnf_lcm_op_occs/op-1"}
    scene.events.append(Event(at(scene.now_s), "management-outage", detail))
    assert judge(scene).outcome is Outcome.PASS


def test_no_valid_request_or_no_answer_is_inconclusive():
    verdict = judge(done().drop_attempts("change_vnfpkg"))
    assert (check(verdict, VALID).outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))
    verdict = judge(done().change_attempt("change_vnfpkg", status=None, location="", problem="connection broke"))
    assert check(verdict, VALID).outcome is Outcome.INCONC
    assert "connection broke" in verdict.message


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_that_is_accepted_fails(name):
    scene = done().change_attempt(f"change_vnfpkg-{name}", status=202, body=None, location="/vnf_lcm_op_occs/op-9")
    verdict = judge(scene)
    assert check(verdict, REFUSALS).outcome is Outcome.FAIL
    assert f"change_vnfpkg-{name}: 202 in place of" in verdict.message


@pytest.mark.parametrize("name", ["unknown-vnfd", "disabled-vnfd"])
@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_several_refusals_are_right_for_a_descriptor_that_cannot_be_used(name, status):
    scene = done().change_attempt(f"change_vnfpkg-{name}", status=status, body=problem(status))
    assert judge(scene).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("not-instantiated", 400),
        ("not-instantiated", 422),
        ("unknown-instance", 400),
        ("unknown-instance", 409),
        ("malformed", 404),
        ("malformed", 500),
        ("unknown-vnfd", 500),
        ("disabled-vnfd", 403),
    ],
)
def test_a_wrong_refusal_fails(name, status):
    verdict = judge(done().change_attempt(f"change_vnfpkg-{name}", status=status, body=problem(status)))
    assert check(verdict, REFUSALS).outcome is Outcome.FAIL
    assert f"change_vnfpkg-{name}: {status} in place of" in verdict.message


@pytest.mark.parametrize("body", [None, "no", [], {"detail": "no"}, {"status": 409}, {"status": "409", "detail": "no"}])
def test_a_refusal_without_its_reason_fails(body):
    verdict = judge(done().change_attempt("change_vnfpkg-not-instantiated", body=body))
    assert check(verdict, REFUSALS).outcome is Outcome.FAIL
    assert "409 without ProblemDetails" in verdict.message


def test_a_404_needs_no_body_but_when_there_is_one_it_gives_the_reason():
    assert judge(done().change_attempt("change_vnfpkg-unknown-instance", body=None)).outcome is Outcome.PASS
    assert judge(done().change_attempt("change_vnfpkg-unknown-instance", body={"message": "?"})).outcome is Outcome.FAIL


@pytest.mark.parametrize("name", BAD)
def test_a_request_that_was_not_tried_is_inconclusive(name):
    verdict = judge(done().drop_attempts(f"change_vnfpkg-{name}"))
    assert (check(verdict, REFUSALS).outcome, check(verdict, REFUSALS).reasons) == (Outcome.INCONC, ("I12",))
    assert f"not seen: change_vnfpkg-{name} - Expected: all, Actual: 1 missing" in verdict.message


def test_a_request_without_an_answer_is_inconclusive():
    verdict = judge(done().change_attempt("change_vnfpkg-malformed", status=None, body=None, problem="reset"))
    assert check(verdict, REFUSALS).outcome is Outcome.INCONC


def test_a_violation_counts_although_another_request_was_not_tried():
    scene = done().drop_attempts("change_vnfpkg-malformed")
    assert judge(scene.change_attempt("change_vnfpkg-unknown-vnfd", status=202)).outcome is Outcome.FAIL


def test_without_a_disabled_package_the_part_does_not_apply():
    scene = Contract()
    del scene.declared["vnf"]["disabled_vnfd_id"]
    verdict = judge(scene.perform())
    assert verdict.outcome is Outcome.PASS
    assert "NOT APPLICABLE as declared: change_vnfpkg-disabled-vnfd" in verdict.message


# --- traces -----------------------------------------------------------------------------------------------------------


def test_an_operation_that_is_left_behind_fails():
    scene = done()
    trace = {"id": "op-9", "operation": "CHANGE_VNFPKG", "operationState": "ROLLED_BACK", "vnfInstanceId": "vnf-1"}
    scene.change_documents("operations", lambda one: one["items"].append(trace), label="after:2")
    verdict = judge(scene)
    assert check(verdict, TRACES).outcome is Outcome.FAIL
    assert "change_vnfpkg-unknown-vnfd changed the list of operations: items" in verdict.message


@pytest.mark.parametrize(
    "edit",
    [
        lambda one: one.update(vnfSoftwareVersion="2.0"),
        lambda one: one.pop("vnfProvider"),
        lambda one: one.update(metadata={"touched": "yes"}),
        lambda one: one["instantiatedVnfInfo"]["vnfcResourceInfo"].append({"id": "c9"}),
        lambda one: one["instantiatedVnfInfo"]["vnfcResourceInfo"][0].update(vduId="other"),
    ],
)
def test_a_vnf_instance_that_was_touched_fails(edit):
    assert check(judge(done().change_documents("vnf_instance", edit, label="after:1")), TRACES).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "edit",
    [
        lambda one: one.update(updatedAt="12:00:01"),
        lambda one: one.update(lastUpdateTime="12:00:01"),
        lambda one: one["instantiatedVnfInfo"].update(monitoringParameters=[{"id": "load"}]),
    ],
)
def test_what_changes_by_itself_is_no_trace(edit):
    assert judge(done().change_documents("vnf_instance", edit, label="after:1")).outcome is Outcome.PASS


def test_the_order_of_a_list_is_no_trace():
    scene = Contract()
    scene.instance["instantiatedVnfInfo"]["vnfcResourceInfo"].append({"id": "c2", "vduId": "gateway"})
    scene.perform()
    scene.change_documents(
        "vnf_instance", lambda one: one["instantiatedVnfInfo"]["vnfcResourceInfo"].reverse(), label="after:1"
    )
    assert judge(scene).outcome is Outcome.PASS


@pytest.mark.parametrize("label", ["before:0", "after:3"])
def test_without_a_look_before_or_after_it_is_inconclusive(label):
    scene = done()
    scene.snapshots = [one for one in scene.snapshots if one.label != label]
    verdict = judge(scene)
    assert (check(verdict, TRACES).outcome, check(verdict, TRACES).reasons) == (Outcome.INCONC, ("I12",))


# --- traffic ----------------------------------------------------------------------------------------------------------


def lossy(*losses, **more):
    return Scene(
        request_s=20.0, ended_s=35.0, stopped_s=40.0, load_factor=0.5, long_until_s=35.0, losses=losses, **more
    ).history()


def test_packets_lost_during_the_requests_fail():
    broken = lossy(Loss(14.1, 14.15))
    verdict = judge(done(), counters=broken.counters, probes=broken.probes)
    assert check(verdict, TRAFFIC).outcome is Outcome.FAIL
    assert "packets lost during refused requests - Expected: 0" in verdict.message


def test_packets_lost_long_after_leave_those_in_doubt_that_were_on_their_way():
    # Counters cannot tell a packet that is on its way from one that is lost, if some are lost for good later.
    broken = lossy(Loss(25.0, 26.0))
    verdict = judge(done(), counters=broken.counters, probes=broken.probes)
    assert (check(verdict, TRAFFIC).outcome, check(verdict, TRAFFIC).reasons) == (Outcome.INCONC, ("I4",))
    assert verdict.figures["lost_packets_count"] == 0


def test_what_the_tester_itself_lost_is_inconclusive():
    broken = lossy(Loss(14.1, 14.11), ierrors=((14.15, 200),))
    verdict = judge(done(), counters=broken.counters, probes=broken.probes)
    assert (check(verdict, TRAFFIC).outcome, check(verdict, TRAFFIC).reasons) == (Outcome.INCONC, ("I3",))


def test_without_counters_it_is_inconclusive():
    whole = traffic().counters
    nothing = {name: getattr(whole, name)[:0] for name in CounterSeries.__dataclass_fields__ if name[-4:] != "_ids"}
    verdict = judge(done(), counters=replace(whole, **nothing))
    assert check(verdict, "counters").outcome is Outcome.INCONC


def test_counters_that_end_too_early_are_inconclusive():
    whole = traffic().counters
    rows = np.flatnonzero(whole.answered_ns < at(14.05))
    cut = {name: getattr(whole, name)[rows] for name in CounterSeries.__dataclass_fields__ if name[-4:] != "_ids"}
    verdict = judge(done(), counters=replace(whole, **cut))
    assert (check(verdict, TRAFFIC).outcome, check(verdict, TRAFFIC).reasons) == (Outcome.INCONC, ("I7",))


def test_nothing_sent_is_inconclusive():
    whole = traffic().counters
    verdict = judge(done(), counters=replace(whole, tx=whole.tx * 0, rx=whole.rx * 0))
    assert (check(verdict, TRAFFIC).outcome, check(verdict, TRAFFIC).reasons) == (Outcome.INCONC, ("I2",))


@pytest.mark.parametrize("lost", [0, 30])
def test_probes_that_come_twice_make_up_for_nothing(lost):
    """Nothing of it is in the counters."""
    whole = done().history()
    inside = np.flatnonzero((whole.probes.sent_ns > at(14.05)) & (whole.probes.sent_ns < at(14.25)))
    keep = np.setdiff1d(np.arange(len(whole.probes.number)), inside[:lost])
    twice = only_probes(whole, lambda _: np.sort(np.concatenate((keep, inside[-30:]))))
    found = check(judge(done(), probes=twice.probes), TRAFFIC)
    assert found.outcome is (Outcome.FAIL if lost else Outcome.INCONC)
    if not lost:
        assert found.reasons == ("I3",)
        assert "30 probes that came once more" in found.message


def test_more_load_than_was_sent_is_inconclusive():
    counters = traffic().counters
    rx = counters.rx.copy()
    rx[-1, int(np.flatnonzero(counters.pg_ids == 2)[0])] += 40
    found = check(judge(done(), counters=replace(counters, rx=rx)), TRAFFIC)
    assert (found.outcome, found.reasons) == (Outcome.INCONC, ("I3",))
    assert "40 of load-down too many" in found.message


# --- the whole --------------------------------------------------------------------------------------------------------


def test_an_empty_recording_is_inconclusive_everywhere():
    verdict = judge(Contract())
    assert verdict.outcome is Outcome.INCONC
    assert {one.outcome for one in verdict.checks if one.name != "recording"} == {Outcome.INCONC}


def test_a_recording_that_the_tester_stopped_is_inconclusive():
    verdict = judge(Contract(ending=Ending.STOPPED_BY_TESTER).perform())
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


def test_limits_are_applied():
    scene = done().change_attempt("change_vnfpkg-malformed", status=422, body=problem(422))
    history = scene.history()
    assert judge_lcm_01(history, limits("RQ-LCM-01")).outcome is Outcome.FAIL
    assert judge_lcm_01(history, limits("RQ-LCM-01", wrong_answers_count=1)).outcome is Outcome.PASS


@pytest.mark.parametrize("kind", ["operations", "vnf_instance"])
def test_empty_documents_are_no_comparison(kind):
    scene = Contract().perform().change_documents(kind, dict.clear)
    verdict = judge(scene)
    assert verdict.outcome is Outcome.INCONC
    assert check(verdict, "traces").reasons == ("I12",)


def test_a_fail_tells_when_the_first_wrong_answer_was_asked_for():
    name = "change_vnfpkg-malformed"
    scene = Contract().perform().change_attempt(name, status=202)
    (made,) = [one for one in scene.attempts if one.name == name]
    assert judge(scene).evidence["first_violation_ns"] == made.asked_ns
