"""RQ-LCM-04: what the documents say after an upgrade, attribute by attribute."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from hitless.history import Ending
from hitless.judges import judge_lcm_04
from hitless.verdict import Outcome
from tests.core.contract import Contract, limits, upgraded

INSTANCE, OPERATION, NOTE, PACKAGE = "VNF instance", "operation occurrence", "last notification", "destination package"
MODIFICATIONS = "modificationsTriggeredByVnfPkgChange"


def judge(scene, **changes):
    return judge_lcm_04(scene.history(), limits("RQ-LCM-04", **changes))


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def failed(verdict):
    return [one.name for one in verdict.checks if one.outcome is Outcome.FAIL]


def edit_operation(scene, edit):
    """Edit the operation occurrence in COMPLETED."""
    for shown in scene.snapshots:
        if shown.kind == "operation" and shown.document["operationState"] == "COMPLETED":
            edit(shown.document)
    return scene


def edit_note(scene, edit):
    """Edit the notification of COMPLETED."""
    for state in scene.states:
        if state.source == "notification" and state.state == "COMPLETED":
            edit(state.detail["body"])
    return scene


def edit_both(scene, edit):
    return edit_note(edit_operation(scene, edit), edit)


def test_documents_that_agree_pass():
    verdict = judge(upgraded())
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert "compared vnfdId, vnfProvider, vnfProductName, vnfSoftwareVersion, vnfdVersion" in verdict.message
    assert verdict.figures == {
        "field_mismatches_count": 0,
        "attributes_compared_count": 5,
        "instance_documents_count": 2,
    }


# --- the instance -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vnfdId", "vnfProvider", "vnfProductName", "vnfSoftwareVersion", "vnfdVersion"])
@pytest.mark.parametrize("label", ["after", "end"])
@pytest.mark.parametrize("value", ["stale", None])
def test_an_attribute_of_the_instance_that_differs_fails(name, label, value):
    verdict = judge(upgraded().change_documents("vnf_instance", lambda one: one.update({name: value}), label=label))
    assert failed(verdict) == [INSTANCE]
    assert f"{name} {value or 'missing'} in place of" in verdict.message
    assert f"({label})" in verdict.message


def test_what_the_instance_was_before_does_not_matter():
    scene = upgraded().change_documents("vnf_instance", lambda one: one.update(vnfProvider="Former"), label="before")
    assert check(judge(scene), INSTANCE).outcome is Outcome.PASS


def test_a_vnfc_of_the_source_fails():
    def old(document):
        document["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["vnfdId"] = "vnfd-1"

    verdict = judge(upgraded().change_documents("vnf_instance", old, label="end"))
    assert failed(verdict) == [INSTANCE]
    assert "vnfdId vnfd-1 of VNFC new-1 (end)" in verdict.message


def test_a_vnfc_that_names_the_destination_is_right():
    def named(document):
        document["instantiatedVnfInfo"]["vnfcResourceInfo"][0]["vnfdId"] = "vnfd-2"

    assert judge(upgraded().change_documents("vnf_instance", named, label="end")).outcome is Outcome.PASS


def test_an_instance_read_before_completion_is_not_held_against_it():
    scene = upgraded()
    early = next(one for one in scene.snapshots if one.kind == "vnf_instance" and one.label == "before")
    scene.snapshots.append(early)
    assert judge(scene).figures["instance_documents_count"] == 2


def test_without_an_instance_after_completion_it_is_inconclusive():
    scene = upgraded()
    scene.snapshots = [one for one in scene.snapshots if one.label not in {"after", "end"}]
    verdict = judge(scene)
    assert (check(verdict, INSTANCE).outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


# --- the operation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, {}, "yes", []])
def test_missing_modifications_fail(value):
    verdict = judge(edit_operation(upgraded(), lambda one: one.update({MODIFICATIONS: value})))
    assert OPERATION in failed(verdict)
    assert f"{MODIFICATIONS} missing" in verdict.message


@pytest.mark.parametrize("name", ["vnfdId", "vnfSoftwareVersion", "vnfdVersion"])
def test_a_changed_attribute_that_is_not_among_the_modifications_fails(name):
    verdict = judge(edit_both(upgraded(), lambda one: one[MODIFICATIONS].pop(name, None)))
    assert failed(verdict) == [OPERATION]
    assert f"{name} missing in place of" in verdict.message


def test_an_unchanged_attribute_may_be_among_the_modifications_if_it_is_right():
    right = edit_both(upgraded(), lambda one: one[MODIFICATIONS].update(vnfProvider="Example"))
    assert judge(right).outcome is Outcome.PASS
    wrong = edit_both(upgraded(), lambda one: one[MODIFICATIONS].update(vnfProvider="Somebody"))
    assert failed(judge(wrong)) == [OPERATION]


def test_both_kinds_of_changes_fail_and_neither_of_the_two_alone_is_demanded():
    verdict = judge(edit_operation(upgraded(), lambda one: one.update(changedInfo={"vnfInstanceName": "x"})))
    assert failed(verdict) == [OPERATION]
    assert f"both changedInfo and {MODIFICATIONS}" in verdict.message


def test_an_error_in_a_completed_operation_fails():
    verdict = judge(upgraded(error={"status": 500, "detail": "left over"}))
    assert failed(verdict) == [OPERATION, NOTE]
    assert "error, although it is COMPLETED" in verdict.message


@pytest.mark.parametrize(
    ("row", "value", "told"),
    [
        (0, None, "vnfdId missing in affectedVnfcs new-1"),
        (0, "vnfd-1", "vnfdId vnfd-1 in affectedVnfcs new-1 (ADDED)"),
        (1, "vnfd-2", "vnfdId vnfd-2 in affectedVnfcs old-1 (REMOVED)"),
        (1, "vnfd-7", "vnfdId vnfd-7 in affectedVnfcs old-1 (REMOVED)"),
    ],
)
def test_a_wrong_descriptor_of_an_affected_vnfc_fails(row, value, told):
    def edit(document):
        document["resourceChanges"]["affectedVnfcs"][row]["vnfdId"] = value

    verdict = judge(edit_operation(upgraded(), edit))
    assert OPERATION in failed(verdict)
    assert told in verdict.message


@pytest.mark.parametrize("kind", ["MODIFIED", "TEMPORARY"])
@pytest.mark.parametrize("value", ["vnfd-1", "vnfd-2"])
def test_what_was_modified_or_temporary_may_be_of_either_package(kind, value):
    def edit(document):
        for one in document.get("resourceChanges", document)["affectedVnfcs"][:1]:
            one.update(changeType=kind, vnfdId=value)

    assert judge(edit_both(upgraded(), edit)).outcome is Outcome.PASS


def test_missing_affected_vnfcs_fail_if_vnfcs_have_changed():
    scene = edit_note(upgraded(), lambda one: one.pop("affectedVnfcs"))
    verdict = judge(edit_operation(scene, lambda one: one.pop("resourceChanges")))
    assert failed(verdict) == [OPERATION]
    assert "affectedVnfcs missing" in verdict.message


def test_without_a_document_of_the_operation_it_is_inconclusive():
    scene = upgraded()
    scene.snapshots = [one for one in scene.snapshots if one.kind != "operation"]
    verdict = judge(scene)
    assert (check(verdict, OPERATION).outcome, check(verdict, OPERATION).reasons) == (Outcome.INCONC, ("I12",))


# --- the notification -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda one: one.update(vnfInstanceId="vnf-9"), "vnfInstanceId vnf-9 in place of vnf-1"),
        (lambda one: one.update(operation="SCALE"), "operation SCALE in place of CHANGE_VNFPKG"),
        (lambda one: one[MODIFICATIONS].update(vnfSoftwareVersion="1.0"), "vnfSoftwareVersion 1.0 in place of 2.0"),
        (lambda one: one.pop(MODIFICATIONS), "vnfdId missing in place of vnfd-2"),
        (lambda one: one.pop("affectedVnfcs"), "affectedVnfcs 0 in place of 2"),
        (lambda one: one["affectedVnfcs"].pop(), "affectedVnfcs 1 in place of 2"),
        (lambda one: one.update(error={"status": 500}), "error, although it is COMPLETED"),
    ],
)
def test_a_notification_that_says_something_else_fails(edit, told):
    scene = upgraded()
    for state in scene.states:  # the scene shares documents with its notifications
        state.detail.update(copy.deepcopy(dict(state.detail)))
    verdict = judge(edit_note(scene, edit))
    assert failed(verdict) == [NOTE]
    assert told in verdict.message


def test_a_short_notification_need_not_say_everything():
    def shorten(body):
        del body[MODIFICATIONS], body["affectedVnfcs"]
        body["verbosity"] = "SHORT"

    assert judge(edit_note(upgraded(), shorten)).outcome is Outcome.PASS


def test_without_the_notification_it_is_inconclusive():
    scene = upgraded()
    scene.states = [one for one in scene.states if one.source == "poll"]
    verdict = judge(scene)
    assert (check(verdict, NOTE).outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


# --- tolerance, the package, the whole --------------------------------------------------------------------------------


def test_attributes_that_nobody_knows_do_not_matter():
    scene = upgraded(customData={"colour": "green"}, changeReason=None)
    scene.change_documents("vnf_instance", lambda one: one.update(hypervisorHint="none", customData=[1, 2]))
    edit_both(scene, lambda one: one[MODIFICATIONS].update(vnfConfigurableProperties={"a": "b"}, vendor=7))
    edit_note(scene, lambda one: one.update(more={"even": "more"}))
    assert judge(scene).outcome is Outcome.PASS


def test_without_an_nfvo_the_declared_values_count_and_the_rest_does_not_apply():
    scene = upgraded()
    scene.snapshots = [one for one in scene.snapshots if one.kind != "package"]
    del scene.declared["mano"]["packages"]
    verdict = judge(scene)
    assert verdict.outcome is Outcome.PASS, verdict.message
    assert "compared vnfdId, vnfSoftwareVersion; NOT APPLICABLE as declared: vnfProvider" in verdict.message
    scene.change_documents("vnf_instance", lambda one: one.update(vnfSoftwareVersion="1.0"), label="end")
    assert judge(scene).outcome is Outcome.FAIL


def test_a_declared_nfvo_that_did_not_tell_is_inconclusive():
    scene = upgraded()
    scene.snapshots = [one for one in scene.snapshots if one.kind != "package"]
    verdict = judge(scene)
    assert (check(verdict, PACKAGE).outcome, verdict.reasons) == (Outcome.INCONC, ("I12",))


def test_nothing_to_compare_with_is_inconclusive():
    scene = upgraded()
    scene.snapshots = [one for one in scene.snapshots if one.kind != "package"]
    scene.declared = {}
    assert check(judge(scene), PACKAGE).outcome is Outcome.INCONC


def test_an_upgrade_that_did_not_complete_has_no_result_to_look_at():
    scene = Contract(procedure="upgrade-under-load")
    scene.begin("op-1")
    scene.enter("op-1", "FAILED_TEMP")
    verdict = judge(scene)
    assert (verdict.outcome, verdict.reasons) == (Outcome.INCONC, ("I8",))
    assert "FAILED_TEMP of operation op-1" in verdict.message


def test_no_operation_at_all_is_inconclusive():
    scene = Contract()
    scene.begin("op-1")
    scene.states.clear()
    assert (judge(scene).outcome, judge(scene).reasons) == (Outcome.INCONC, ("I8",))


def test_without_a_request_nothing_is_judged():
    assert judge(Contract(ending=Ending.STOPPED_BY_SUT)).outcome is Outcome.INCONC


def test_a_recording_that_the_tester_stopped_is_inconclusive():
    scene = upgraded()
    scene.ending = Ending.STOPPED_BY_TESTER
    assert (judge(scene).outcome, judge(scene).reasons) == (Outcome.INCONC, ("I12",))


def test_the_limit_is_applied():
    scene = upgraded().change_documents("vnf_instance", lambda one: one.update(vnfProvider="x"), label="end")
    assert judge(scene, field_mismatches_count=1).outcome is Outcome.PASS


def test_an_instance_that_was_not_read_before_does_not_tell_what_changed():
    scene = upgraded()
    scene.snapshots = [one for one in scene.snapshots if one.label != "before"]
    verdict = judge(scene)
    assert verdict.outcome is Outcome.INCONC
    assert "the VNF instance before the request" in verdict.message


def test_a_notification_whose_body_was_not_kept_is_no_contradiction():
    scene = upgraded()
    scene.states = [
        replace(one, detail={name: value for name, value in one.detail.items() if name != "body"})
        for one in scene.states
    ]
    verdict = judge(scene)
    assert verdict.outcome is Outcome.INCONC
    assert "the notification of COMPLETED" in verdict.message


def test_a_fail_tells_when_it_was_declared_complete():
    scene = upgraded(error={"status": 500, "detail": "oh"})
    verdict = judge(scene)
    assert verdict.outcome is Outcome.FAIL
    done = [one.entered.latest_ns for one in scene.states if (one.state, one.source) == ("COMPLETED", "poll")]
    assert [verdict.evidence["first_violation_ns"]] == done


def test_a_unit_from_before_that_is_still_there_is_truly_told():
    def keep(document):
        document["instantiatedVnfInfo"]["vnfcResourceInfo"].append({"id": "old-1", "vnfdId": "vnfd-1"})

    scene = upgraded().change_documents("vnf_instance", keep, label="after")
    assert judge(scene).outcome is Outcome.PASS
