"""Requests that MANO has to refuse, second operations, and every task in every state, under light load."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from hitless.history import Attempt
from hitless.mano.errors import ManoError
from hitless.mano.resources import FINAL_STATES, SETTLED_STATES
from hitless.procedures.bench import Bench
from hitless.procedures.rig import Rig, StoppedBySutError, upgrade_request
from hitless.procedures.script import Script, record
from hitless.procedures.withdrawing import cancel, demand_accepted, roll_back

PROCEDURE = "requests-and-tasks"
TASKS = ("cancel", "retry", "rollback", "fail")
PERMITTED: Mapping[str, frozenset[str]] = {
    "PROCESSING": frozenset({"cancel"}),
    "ROLLING_BACK": frozenset({"cancel"}),
    "FAILED_TEMP": frozenset({"retry", "rollback", "fail"}),
}
"""Tasks that an operation permits in a state (SOL003, VNF LCM operation occurrence); none in its final states."""
PAUSE_S = 1.0
WRONG_TASK_PATIENCE_S = 10.0
"""For how long a task that should have been refused is watched."""
NO_DESCRIPTOR = "00000000-0000-4000-8000-00000000dead"


def record_requests_and_tasks(bench: Bench, folder: Path, *, load_percent: float) -> None:
    """Record how MANO answers requests that it has to refuse, and tasks in every state of an operation.

    Args:
        bench: what the tester brings along.
        folder: takes the recording.
        load_percent: offered load in percent of the declared rated capacity.

    Raises:
        InitialStateError, TrafficError: as ``rig.record``.
    """
    record(bench, folder, Script(PROCEDURE, load_percent, _perform))


def _perform(rig: Rig) -> None:
    rig.settle_in()
    _bad_requests(rig)
    rig.following.collect(PAUSE_S)
    _cancel_retry_rollback(rig)
    if rig.bench.sut.rollback.fail:
        _give_up(rig)
    rig.cohort.end("the last operation is about to begin")
    _complete(rig)
    rig.tail()


def _bad_requests(rig: Rig) -> None:
    """Send what has to be refused while nothing goes on."""
    vnf, vnfm = rig.bench.sut.vnf, rig.vnfm
    good = upgrade_request(rig.bench.sut.upgrade, vnf.target.vnfd_id)

    def change(name: str, request: Mapping[str, Any], instance_id: str = rig.instance_id) -> None:
        _refused(rig, lambda: vnfm.try_change_vnfpkg(instance_id, request, name=f"change_vnfpkg-{name}"))

    change("unknown-instance", good, str(uuid4()))
    change("malformed", {"vnfdID": vnf.target.vnfd_id})
    change("unknown-vnfd", {**good, "vnfdId": NO_DESCRIPTOR})
    if vnf.disabled_vnfd_id is not None:
        change("disabled-vnfd", {**good, "vnfdId": vnf.disabled_vnfd_id})
    idle = vnfm.create(vnf.source.vnfd_id, name=f"hitless-{rig.bench.sut.name}", description="never instantiated")
    try:
        change("not-instantiated", good, idle.id)
    finally:
        vnfm.delete(idle.id)


def _cancel_retry_rollback(rig: Rig) -> None:
    """One operation: PROCESSING, FAILED_TEMP, retried, FAILED_TEMP, ROLLING_BACK, FAILED_TEMP, ROLLED_BACK."""
    operation_id = _begin(rig)
    declared = rig.bench.sut.rollback
    _second_operations(rig, operation_id)
    _wrong_tasks(rig, operation_id)
    if not declared.cancel:
        return
    _demand("FAILED_TEMP", cancel(rig, operation_id, "GRACEFUL"), operation_id)
    _second_operations(rig, operation_id)
    _wrong_tasks(rig, operation_id)
    if declared.retry:
        made = rig.attempt(rig.vnfm.try_task(operation_id, "retry", state="FAILED_TEMP"))
        demand_accepted(made)
        _until(rig, operation_id, "PROCESSING", made.asked_ns, leaving="FAILED_TEMP")
        _demand("FAILED_TEMP", cancel(rig, operation_id, "FORCEFUL"), operation_id)
    if declared.supported:
        _cancelled_rollback(rig, operation_id)
        _demand("ROLLED_BACK", roll_back(rig, operation_id), operation_id)
        rig.event("operation-ended", operation_id=operation_id, state="ROLLED_BACK")
        _wrong_tasks(rig, operation_id)


def _cancelled_rollback(rig: Rig, operation_id: str) -> None:
    """Begin to roll back, try what is not permitted meanwhile, and cancel."""
    made = rig.attempt(rig.vnfm.try_task(operation_id, "rollback", state="FAILED_TEMP"))
    demand_accepted(made)
    _until(rig, operation_id, "ROLLING_BACK", made.asked_ns, leaving="FAILED_TEMP")
    if rig.following.state != "ROLLING_BACK":
        return  # it was over before anybody could look
    _wrong_tasks(rig, operation_id)
    _demand("FAILED_TEMP", cancel(rig, operation_id, "GRACEFUL"), operation_id)


def _give_up(rig: Rig) -> None:
    """Another operation: PROCESSING, FAILED_TEMP, FAILED."""
    operation_id = _begin(rig)
    if not rig.bench.sut.rollback.cancel:
        return
    _demand("FAILED_TEMP", cancel(rig, operation_id, "FORCEFUL"), operation_id)
    made = rig.attempt(rig.vnfm.try_task(operation_id, "fail", state="FAILED_TEMP"))
    demand_accepted(made)
    state = rig.following.follow(operation_id, made.asked_ns, leaving=frozenset({"FAILED_TEMP"}), settled=FINAL_STATES)
    rig.event("operation-ended", operation_id=operation_id, state=state)
    _wrong_tasks(rig, operation_id)


def _complete(rig: Rig) -> None:
    """A third one that nobody disturbs: COMPLETED, after which nothing is permitted."""
    sut = rig.bench.sut
    rig.event("request", operation="CHANGE_VNFPKG", purpose="upgrade", vnf_instance_id=rig.instance_id)
    made = rig.attempt(
        rig.vnfm.try_change_vnfpkg(
            rig.instance_id, upgrade_request(sut.upgrade, sut.vnf.target.vnfd_id, sut.upgrade.step_params)
        )
    )
    _demand_accepted(made)
    state = rig.following.follow(made.operation_id, made.asked_ns)
    rig.event("operation-ended", operation_id=made.operation_id, state=state)
    if state == "COMPLETED":
        _wrong_tasks(rig, made.operation_id)


def _begin(rig: Rig) -> str:
    """Start an upgrade that stays in PROCESSING; return its operation."""
    sut = rig.bench.sut
    held = sut.decider.hold_params if sut.decider is not None else sut.upgrade.step_params
    rig.event("request", operation="CHANGE_VNFPKG", purpose="upgrade to be held", vnf_instance_id=rig.instance_id)
    made = rig.attempt(
        rig.vnfm.try_change_vnfpkg(rig.instance_id, upgrade_request(sut.upgrade, sut.vnf.target.vnfd_id, held))
    )
    _demand_accepted(made)
    _until(rig, made.operation_id, "PROCESSING", made.asked_ns)
    return made.operation_id


def _second_operations(rig: Rig, operation_id: str) -> None:
    """Ask for further operations of the same instance."""
    state, vnfm = rig.following.state, rig.vnfm
    upgrade = upgrade_request(rig.bench.sut.upgrade, rig.bench.sut.vnf.target.vnfd_id)
    scale = {"type": "SCALE_OUT", "aspectId": _aspect(rig), "numberOfSteps": 1}
    _refused(rig, lambda: vnfm.try_scale(rig.instance_id, scale, operation_id=operation_id, state=state))
    _refused(rig, lambda: vnfm.try_terminate(rig.instance_id, operation_id=operation_id, state=state))
    name = "second-change_vnfpkg"
    _refused(
        rig,
        lambda: vnfm.try_change_vnfpkg(rig.instance_id, upgrade, name=name, operation_id=operation_id, state=state),
    )


def _wrong_tasks(rig: Rig, operation_id: str) -> None:
    """Ask for every task that the present state does not permit."""
    state = rig.following.state
    declared = rig.bench.sut.rollback
    supported = {
        "cancel": declared.cancel,
        "retry": declared.retry,
        "rollback": declared.supported,
        "fail": declared.fail,
    }
    for task in TASKS:
        if task in PERMITTED.get(state, frozenset()) or not supported[task]:
            continue
        body = {"cancelMode": "GRACEFUL"} if task == "cancel" else None
        made = rig.attempt(rig.vnfm.try_task(operation_id, task, body, state=state))
        if made.status is not None and made.status < 300:
            # What must not be may have begun. Whatever comes after it would be another experiment.
            with contextlib.suppress(ManoError):
                rig.following.follow(
                    operation_id, made.asked_ns, leaving=frozenset({state}), deadline_s=WRONG_TASK_PATIENCE_S
                )
            raise StoppedBySutError(
                f"{made.method} {made.path} in {state} - accepted - Expected: 409 Actual: {made.status}"
            )


def _refused(rig: Rig, send: Callable[[], Attempt]) -> None:
    """Send what has to be refused, with a look at MANO before and after it.

    Raises:
        StoppedBySutError: it was accepted; what follows would be another experiment.
    """
    number = rig.attempt_count
    _look(rig, f"before:{number}")
    made = rig.attempt(send())
    _look(rig, f"after:{number}")
    if made.status is not None and made.status < 300:
        raise StoppedBySutError(
            f"{made.name} - accepted - Expected: a refusal Actual: {made.status} - see {made.method} {made.path}"
        )


def _look(rig: Rig, label: str) -> None:
    rig.read_operations(label)
    rig.read_instance(label)


def _until(rig: Rig, operation_id: str, wanted: str, since_ns: int, *, leaving: str = "") -> None:
    """Follow an operation until it is in a state, or has settled."""
    rig.following.follow(
        operation_id,
        since_ns,
        leaving=frozenset({leaving}) if leaving else frozenset(),
        until=lambda: rig.following.state == wanted,
    )


def _aspect(rig: Rig) -> str:
    """Return the first scaling aspect that the VNF instance shows."""
    info = rig.vnfm.instance(rig.instance_id).document.get("instantiatedVnfInfo")
    shown = info.get("scaleStatus", []) if isinstance(info, dict) else []
    return next((str(one["aspectId"]) for one in shown if isinstance(one, dict) and "aspectId" in one), "default")


def _demand_accepted(made: Attempt) -> None:
    if made.status is None or made.status >= 300 or not made.operation_id:
        raise StoppedBySutError(
            f"{made.method} {made.path} - not accepted - Expected: 202 and a Location Actual: "
            f"{made.status if made.status is not None else made.problem}"
        )


def _demand(wanted: str, state: str, operation_id: str) -> None:
    if state != wanted:
        settled = " (settled)" if state in SETTLED_STATES else ""
        raise StoppedBySutError(f"operation {operation_id} - Expected: {wanted} Actual: {state}{settled}")
