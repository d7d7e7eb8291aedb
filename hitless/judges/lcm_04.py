"""RQ-LCM-04: after a completed upgrade all documents tell the same: the instance is of the destination package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hitless.history import History
from hitless.judges import contract
from hitless.judges.common import UPGRADE_OPERATION, never_requested
from hitless.judges.evidence import violated_since
from hitless.measures import documents
from hitless.measures.operations import Course, courses
from hitless.measures.package_change import (
    PackageChange,
    instance_mismatches,
    note_mismatches,
    operation_mismatches,
)
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-LCM-04"


def judge_lcm_04(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge the documents after an upgrade.

    Expected results:
        * PASS: VNF instance, operation occurrence and last notification agree with the destination package.
        * FAIL: an attribute does not. Attributes that nobody knows do not matter.
        * INCONC: the upgrade did not complete, or one of the documents was not read.

    Args:
        history: an upgrade under load.
        limits: ``field_mismatches_count``.
    """
    if history.when("request") is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    course = next((one for one in reversed(courses(history)) if one.operation == UPGRADE_OPERATION), None)
    if course is None or course.last_state != "COMPLETED":
        unfit = (_not_completed(course), contract.recording_check(history))
        return Verdict(REQUIREMENT, unfit, limits=dict(limits))
    change, limit = _change(history, course), limits["field_mismatches_count"]
    found = {
        "VNF instance": list(instance_mismatches(change)),
        "operation occurrence": list(operation_mismatches(change)),
        "last notification": list(note_mismatches(change)),
    }
    checks = (
        *(_document_check(change, name, mismatches, limit) for name, mismatches in found.items()),
        _before_check(change),
        _package_check(history, change),
        contract.recording_check(history),
    )
    figures: dict[str, float | int | str | None] = {
        "field_mismatches_count": sum(len(mismatches) for mismatches in found.values()),
        "attributes_compared_count": len(change.expected),
        "instance_documents_count": len(change.after),
    }
    verdict = Verdict(REQUIREMENT, checks, figures, dict(limits), {"expected": dict(change.expected)})
    return violated_since(verdict, (course.entries[-1].entered.latest_ns,))


def _not_completed(course: Course | None) -> Check:
    actual = "no operation seen" if course is None else f"{course.last_state} of operation {course.operation_id}"
    message = f"Upgrade - did not complete, so there is no result to look at - Expected: COMPLETED, Actual: {actual}"
    return Check("upgrade operation", Outcome.INCONC, f"{message} - see operations.jsonl", ("I8",))


def _change(history: History, course: Course) -> PackageChange:
    completed = course.entries[-1]
    shown = documents.snapshots(history, "operation", subject=course.operation_id)
    done = [one for one in shown if one.document.get("operationState") == "COMPLETED"]
    instance_id = str(done[-1].document.get("vnfInstanceId", "")) if done else None
    read = [one for one in documents.snapshots(history, "vnf_instance") if instance_id in {None, one.subject}]
    before = [one for one in read if one.label == "before"]
    # What was current when the state began may be older than the state; what was asked for afterwards is not.
    after = [one for one in read if one.until_ns >= completed.entered.latest_ns]
    declared_id = contract.declared(history, "vnf", "source", "vnfd_id")
    return PackageChange(
        expected=_expected(history),
        source_vnfd_id=str(before[-1].document.get("vnfdId", "")) if before else str(declared_id or ""),
        operation=done[-1] if done else None,
        note=completed.note,
        before=before[-1] if before else None,
        after=tuple(after),
    )


def _expected(history: History) -> dict[str, Any]:
    """Return what the package of the destination says, or what is declared of it."""
    package = documents.one_snapshot(history, "package", "target")
    if package is not None:
        return {name: package.document[name] for name in documents.IDENTITY if package.document.get(name) is not None}
    declared = {
        "vnfdId": contract.declared(history, "vnf", "target", "vnfd_id"),
        "vnfSoftwareVersion": contract.declared(history, "vnf", "target", "software_version"),
    }
    return {name: value for name, value in declared.items() if value is not None}


def _document_check(change: PackageChange, name: str, mismatches: Sequence[str], limit: float) -> Check:
    where = {
        "VNF instance": (bool(change.after), contract.SNAPSHOTS_LOG, "the VNF instance after COMPLETED"),
        "operation occurrence": (change.operation is not None, contract.SNAPSHOTS_LOG, "the operation in COMPLETED"),
        "last notification": (_has_body(change), contract.OPERATIONS_LOG, "the notification of COMPLETED"),
    }
    there, log, what = where[name]
    subject = f"{name[0].upper()}{name[1:]}"
    if len(mismatches) > limit:
        return contract.violations(name, subject, mismatches, limit, where=log, passed="")
    if not there:
        return contract.blind(name, subject, [what], where=log)
    return Check(name, Outcome.PASS, f"{name} agrees with the destination package")


def _has_body(change: PackageChange) -> bool:
    return change.note is not None and isinstance(change.note.detail.get("body"), Mapping)


def _before_check(change: PackageChange) -> Check:
    """Tell whether it is known what the upgrade changed; without it, what changed and is not told goes unnoticed."""
    name = "VNF instance before"
    if change.before is not None and change.before.document:
        return Check(name, Outcome.PASS, "VNF instance known from before the upgrade")
    missing = ["the VNF instance before the request"]
    return contract.blind(name, "VNF instance", missing, where=contract.SNAPSHOTS_LOG)


def _package_check(history: History, change: PackageChange) -> Check:
    """Tell what the documents could be held against."""
    name, told = "destination package", ", ".join(change.expected)
    whole = documents.one_snapshot(history, "package", "target") is not None
    declared = contract.declared(history, "mano", "packages") is not None
    if not change.expected or (declared and not whole):
        missing = [one for one in documents.IDENTITY if one not in change.expected]
        return contract.blind(name, "Destination package", missing, where=contract.HTTP_LOG)
    apart = [one for one in documents.IDENTITY if one not in change.expected]
    return Check(name, Outcome.PASS, f"compared {told}{contract.not_applicable(apart)}")
