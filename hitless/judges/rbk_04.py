"""RQ-RBK-04: after a rollback MANO shows the VNF as it was before the upgrade was requested, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hitless.history import History, OperationState, Snapshot
from hitless.judges import wording
from hitless.judges.common import never_requested
from hitless.judges.rollbacks import Withdrawn, complete_check, nothing_withdrawn, rolled_back_check, withdrawn
from hitless.measures.sightings import views
from hitless.measures.views import IGNORED, Difference, differences, left_over, units_by_kind
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-RBK-04"
_EXAMPLES = 20
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Views:
    """What was read before and after one upgrade that was taken back.

    Attributes:
        before, after: the VNF instance; None where it was not read.
        found: where they differ.
        left_over: VNFCs that are still on another VNFD than the instance.
        notified: notifications of ROLLED_BACK.
    """

    withdrawn: Withdrawn
    before: Snapshot | None
    after: Snapshot | None
    found: tuple[Difference, ...]
    left_over: tuple[str, ...]
    notified: tuple[OperationState, ...]


def judge_rbk_04(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether the managed view after a rollback equals the one before the request.

    Expected results:
        * PASS: apart from what may differ, the VNF instance was shown unchanged after each rollback, and the
          notification of ROLLED_BACK carried an error.
        * FAIL: something else differs, a unit of the target is left over, the error is missing, or a rollback was
          refused or did not complete.
        * INCONC: a document or every notification is missing, or nothing was rolled back.

    Args:
        history: an upgrade to failing software, or rollbacks in every step.
        limits: ``view_differences_count``, ``left_over_units_count``.
    """
    if history.when("request") is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    operations = withdrawn(history)
    if not operations:
        return Verdict(REQUIREMENT, (nothing_withdrawn(history),), limits=dict(limits))
    measured = tuple(_measure(history, one) for one in operations)
    checks = [check for one in measured for check in _checks(history, one, limits)]
    checks.append(complete_check(history, operations))
    return Verdict(REQUIREMENT, tuple(checks), _figures(measured), dict(limits), _evidence(measured))


def _measure(history: History, one: Withdrawn) -> Views:
    before, after = _read(history, one, "before"), _read(history, one, "after")
    if one.rolled_back is not None and after is not None and after.first.latest_ns < one.rolled_back.earliest_ns:
        after = None
    found = differences(before.document, after.document) if before is not None and after is not None else ()
    notified = tuple(state for state in one.states if state.state == "ROLLED_BACK" and state.source == "notification")
    return Views(one, before, after, found, left_over(after.document) if after is not None else (), notified)


def _read(history: History, one: Withdrawn, when: str) -> Snapshot | None:
    label = f"{when}-step-{one.step}" if one.step else when
    return next((view for view in views(history, "vnf_instance") if view.label == label), None)


def _checks(history: History, one: Views, limits: Mapping[str, float]) -> tuple[Check, ...]:
    ended = rolled_back_check(history, one.withdrawn)
    if one.withdrawn.rolled_back is None:
        return (ended,)
    return (_view_check(one, limits["view_differences_count"]), _units_check(one, limits), _error_check(one), ended)


def _view_check(one: Views, limit: float) -> Check:
    name, subject = f"managed view, {one.withdrawn.name}", one.withdrawn.name
    missing = [when for when, read in (("before", one.before), ("after", one.after)) if read is None]
    if missing:
        return Check(
            name,
            Outcome.INCONC,
            f"Managed view, {subject} - not read {' and '.join(missing)} - Expected: a VnfInstance read before the "
            f"request and one after ROLLED_BACK, Actual: missing - see snapshots.jsonl",
            ("I12",),
        )
    if one.before is not None and not units_by_kind(one.before.document):
        text = f"Managed view, {subject} - shows no units before the request - Expected: vnfcResourceInfo, Actual: none"
        return Check(name, Outcome.INCONC, f"{text} - see snapshots.jsonl", ("I12",))
    if len(one.found) <= limit:
        return Check(name, Outcome.PASS, f"{subject}: VnfInstance as before ({len(one.found)} differences)")
    places = ", ".join(dict.fromkeys(different.path for different in one.found))
    first = "; ".join(f"{place.path}: {place.before} became {place.after}" for place in one.found[:_NAMED])
    return Check(
        name,
        Outcome.FAIL,
        f"Managed view, {subject} - VnfInstance is not as it was before the request - "
        f"Expected: <= {limit:g} differences, Actual: {len(one.found)} at {places} ({first}) - see snapshots.jsonl",
    )


def _units_check(one: Views, limits: Mapping[str, float]) -> Check:
    name, limit, subject = f"units, {one.withdrawn.name}", limits["left_over_units_count"], one.withdrawn.name
    if one.before is None or one.after is None:
        text = f"Units, {subject} - not known - Expected: VnfInstance before and after, Actual: not read"
        return Check(name, Outcome.INCONC, text, ("I12",))
    if len(one.left_over) <= limit:
        return Check(name, Outcome.PASS, f"{subject}: {_kinds(one.after)} as before, none left over")
    return Check(
        name,
        Outcome.FAIL,
        f"Units, {subject} - of the target version left over - Expected: <= {limit:g} VNFCs, "
        f"Actual: {len(one.left_over)} ({', '.join(one.left_over)}); before {_kinds(one.before)}, "
        f"after {_kinds(one.after)}",
    )


def _kinds(view: Snapshot) -> str:
    kinds = sorted(units_by_kind(view.document).items())
    return ", ".join(f"{count} {vdu}" for (vdu, _), count in kinds) or "no units"


def _error_check(one: Views) -> Check:
    name, subject = f"error told, {one.withdrawn.name}", one.withdrawn.name
    if not one.notified:
        return Check(
            name,
            Outcome.INCONC,
            f"Notification, {subject} - of ROLLED_BACK not received - Expected: >= 1, Actual: 0 - is there a way for "
            f"notifications to the tester?",
            ("I12",),
        )
    silent = [state for state in one.notified if not _has_error(state)]
    if not silent:
        return Check(name, Outcome.PASS, f"{subject}: the notification of ROLLED_BACK carries an error")
    return Check(
        name,
        Outcome.FAIL,
        f"Notification, {subject} - of ROLLED_BACK says no reason - Expected: error in the notification, "
        f"Actual: none - see operation {one.withdrawn.operation_id}, http.jsonl",
    )


def _has_error(state: OperationState) -> bool:
    body = state.detail.get("body")
    return bool(state.detail.get("error")) or (isinstance(body, Mapping) and bool(body.get("error")))


def _figures(measured: tuple[Views, ...]) -> dict[str, float | int | str | None]:
    compared = [one for one in measured if one.before is not None and one.after is not None]
    return {
        "view_differences_count": sum(len(one.found) for one in compared) if compared else None,
        "left_over_units_count": sum(len(one.left_over) for one in compared) if compared else None,
        "views_compared_count": len(compared),
        "notifications_without_error_count": sum(not _has_error(state) for one in measured for state in one.notified),
    }


def _evidence(measured: tuple[Views, ...]) -> dict[str, Any]:
    return {
        "not_compared": list(IGNORED),
        "differences": [
            {"rollback": one.withdrawn.name, "path": place.path, "before": place.before, "after": place.after}
            for one in measured
            for place in one.found[:_EXAMPLES]
        ],
        "read": [
            {
                "rollback": one.withdrawn.name,
                "units_before": _kinds(one.before) if one.before else "not read",
                "units_after": _kinds(one.after) if one.after else "not read",
                "after_rolled_back": wording.seconds(one.after.first.latest_ns - one.withdrawn.requested_ns)
                if one.after
                else "not read",
            }
            for one in measured
        ],
    }
