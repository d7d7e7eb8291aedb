"""Hand-made histories of the life-cycle contract: a MANO that does everything right, and a tester that looks at it.

A scene is performed as the tester's procedure does it; a test changes what it is about, before or afterwards.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from hitless.catalogue import Catalogue, load_catalogue
from hitless.history import Attempt, Ending, Event, History, Interval, OperationState, Snapshot
from hitless.limits import applied_limits
from tests.core.builders import Scene, at

INSTANCE = "vnf-1"
SOURCE = {
    "vnfdId": "vnfd-1",
    "vnfProvider": "Example",
    "vnfProductName": "Gateway",
    "vnfSoftwareVersion": "1.0",
    "vnfdVersion": "1",
}
TARGET = {**SOURCE, "vnfdId": "vnfd-2", "vnfSoftwareVersion": "2.0", "vnfdVersion": "2"}
PERMITTED = {
    "STARTING": {"cancel"},
    "PROCESSING": {"cancel"},
    "ROLLING_BACK": {"cancel"},
    "FAILED_TEMP": {"retry", "rollback", "fail"},
}
TASKS = ("cancel", "retry", "rollback", "fail")
ERROR = {"status": 500, "detail": "cancelled"}
DECLARED: dict[str, Any] = {
    "vnf": {
        "source": {"vnfd_id": "vnfd-1", "software_version": "1.0"},
        "target": {"vnfd_id": "vnfd-2", "software_version": "2.0"},
        "disabled_vnfd_id": "vnfd-0",
    },
    "mano": {"sol003": {}, "packages": {"api_root": "http://nfvo"}},
    "notifications": {"bind": "127.0.0.1"},
    "rollback": {"supported": True, "cancel": True, "retry": True, "fail": True, "downgrade": True},
}


def limits(requirement: str, **changes: float) -> dict[str, float]:
    """Return the limits of a quick run, some of them changed."""
    return {**applied_limits(_catalogue(), requirement, "quick").numbers, **changes}


@cache
def _catalogue() -> Catalogue:
    return load_catalogue()


@cache
def traffic() -> History:
    """Return light traffic from second 0 to 40, all of it delivered."""
    return Scene(request_s=20.0, ended_s=35.0, stopped_s=40.0, load_factor=0.5, long_until_s=35.0).history()


def problem(status: int = 409) -> dict[str, Any]:
    return {"status": status, "detail": "no"}


@dataclass
class Contract:
    """What MANO does and the tester sees; seconds as in ``builders``.

    Attributes:
        notified: notifications arrive at all.
        answers: how MANO answers in place of what is right: changes of an attempt, by its name and state.
        declared: sut.yaml.
    """

    notified: bool = True
    answers: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(DECLARED))
    now_s: float = 14.0
    states: list[OperationState] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    operations: dict[str, dict[str, Any]] = field(default_factory=dict)
    instance: dict[str, Any] = field(default_factory=lambda: vnf_instance(SOURCE, "old-1"))
    ending: Ending = Ending.COMPLETE
    procedure: str = "requests-and-tasks"

    # --- what happens ------------------------------------------------------------------------------------------------

    def enter(self, operation_id: str, state: str, *, polled: bool = True, notified: bool = True, **more: Any) -> None:
        """Have an operation enter a state, half a second after what was before."""
        self.now_s += 0.5
        document = self.operations.setdefault(operation_id, occurrence(operation_id))
        links = {name: {"href": f"/{operation_id}/{name}"} for name in ("self", *PERMITTED.get(state, ()))}
        document |= {"operationState": state, "stateEnteredTime": str(self.now_s), "_links": links, **more}
        if state == "FAILED_TEMP":
            document["error"] = ERROR
        if state == "COMPLETED":
            self.instance |= TARGET
        if polled:
            self.poll(operation_id, state)
        if notified and self.notified:
            self.notify(operation_id, state)

    def poll(self, operation_id: str, state: str, *, second: float | None = None) -> None:
        """Have the tester see a state and the document."""
        second = self.now_s + 0.05 if second is None else second
        document = copy.deepcopy(self.operations[operation_id])
        detail = {"error": "500 cancelled"} if document.get("error") else {}
        entered = Interval(at(second - 0.1), at(second))
        self.states.append(OperationState(operation_id, "CHANGE_VNFPKG", state, entered, "poll", detail))
        self.snapshots.append(Snapshot("operation", operation_id, "followed", entered, at(second), document))

    def notify(self, operation_id: str, state: str, *, delay_s: float = 0.02, **changes: Any) -> None:
        """Have a notification arrive; the resource shows the state by then, unless ``shown_state`` says otherwise."""
        received = self.now_s + delay_s
        document = self.operations[operation_id]
        detail = {
            "id": f"n{len(self.states)}",
            "notificationStatus": "START" if state == "STARTING" else "RESULT",
            "body": notification(document, state),
            "shown_state": state,
            "shown_asked_ns": at(received + 0.001),
            "shown_answered_ns": at(received + 0.005),
            **changes,
        }
        entered = Interval(at(received - 0.1), at(received))
        self.states.append(OperationState(operation_id, "CHANGE_VNFPKG", state, entered, "notification", detail))

    def ask(self, name: str, operation_id: str, state: str, status: int, body: Any = None, **more: Any) -> Attempt:
        """Have the tester send a request and MANO answer it."""
        self.now_s += 0.02
        made = Attempt(
            name,
            operation_id,
            state,
            at(self.now_s),
            at(self.now_s + 0.005),
            "POST",
            f"/{name}",
            status,
            body=body,
            **more,
        )
        made = replace(made, **self.answers.get((name, state), {}))
        self.attempts.append(made)
        self.now_s += 0.01
        return made

    def look(self, label: str) -> None:
        """Have the tester read the list of operations and the VNF instance."""
        abridged = [
            {key: one[key] for key in ("id", "operation", "operationState", "vnfInstanceId")}
            for one in self.operations.values()
        ]
        first = Interval(at(self.now_s), at(self.now_s + 0.005))
        for kind, subject, document in (
            ("operations", "", {"items": abridged}),
            ("vnf_instance", INSTANCE, self.instance),
        ):
            self.snapshots.append(Snapshot(kind, subject, label, first, first.earliest_ns, copy.deepcopy(document)))

    def refused(self, name: str, status: int, operation_id: str = "", state: str = "") -> None:
        """Have a request refused, with a look before and after."""
        number = len(self.attempts)
        self.look(f"before:{number}")
        self.now_s += 0.01
        self.ask(name, operation_id, state, status, problem(status))
        self.look(f"after:{number}")

    # --- the tester's procedure --------------------------------------------------------------------------------------

    def bad_requests(self) -> None:
        for name, status in (("unknown-instance", 404), ("malformed", 400), ("unknown-vnfd", 422)):
            self.refused(f"change_vnfpkg-{name}", status)
        if self.declared["vnf"].get("disabled_vnfd_id"):
            self.refused("change_vnfpkg-disabled-vnfd", 422)
        self.refused("change_vnfpkg-not-instantiated", 409)

    def begin(self, operation_id: str) -> None:
        self.now_s += 1.0
        self.events.append(Event(at(self.now_s), "request"))
        self.ask("change_vnfpkg", operation_id, "", 202, location=f"http://vnfm/vnf_lcm_op_occs/{operation_id}")
        self.enter(operation_id, "STARTING")
        self.enter(operation_id, "PROCESSING")

    def second_operations(self, operation_id: str, state: str) -> None:
        for name in ("scale", "terminate", "change_vnfpkg"):
            self.refused(f"second-{name}", 409, operation_id, state)

    def wrong_tasks(self, operation_id: str, state: str) -> None:
        for task in TASKS:
            if task not in PERMITTED.get(state, ()) and self.able(task):
                params = {"cancelMode": "GRACEFUL"} if task == "cancel" else {}
                self.ask(task, operation_id, state, 409, problem(), params=params)

    def able(self, task: str) -> bool:
        return bool(self.declared["rollback"]["supported" if task == "rollback" else task])

    def cancel(self, operation_id: str, state: str, mode: str) -> None:
        self.ask("cancel", operation_id, state, 202, params={"cancelMode": mode})
        self.enter(operation_id, "FAILED_TEMP")

    def first_operation(self) -> None:
        """PROCESSING, FAILED_TEMP, PROCESSING, FAILED_TEMP, ROLLING_BACK, FAILED_TEMP, ROLLING_BACK, ROLLED_BACK."""
        self.begin("op-1")
        self.second_operations("op-1", "PROCESSING")
        self.wrong_tasks("op-1", "PROCESSING")
        if not self.able("cancel"):
            self.enter("op-1", "COMPLETED")
            return
        self.cancel("op-1", "PROCESSING", "GRACEFUL")
        self.second_operations("op-1", "FAILED_TEMP")
        self.wrong_tasks("op-1", "FAILED_TEMP")
        if self.able("retry"):
            self.ask("retry", "op-1", "FAILED_TEMP", 202)
            self.enter("op-1", "PROCESSING")
            self.cancel("op-1", "PROCESSING", "FORCEFUL")
        self.ask("rollback", "op-1", "FAILED_TEMP", 202)
        self.enter("op-1", "ROLLING_BACK")
        self.wrong_tasks("op-1", "ROLLING_BACK")
        self.cancel("op-1", "ROLLING_BACK", "GRACEFUL")
        self.ask("rollback", "op-1", "FAILED_TEMP", 202)
        self.enter("op-1", "ROLLING_BACK")
        self.enter("op-1", "ROLLED_BACK")
        self.wrong_tasks("op-1", "ROLLED_BACK")

    def other_operations(self) -> None:
        if self.able("fail") and self.able("cancel"):
            self.begin("op-2")
            self.cancel("op-2", "PROCESSING", "FORCEFUL")
            self.ask("fail", "op-2", "FAILED_TEMP", 200, {"id": "op-2", "operationState": "FAILED"})
            self.enter("op-2", "FAILED")
            self.wrong_tasks("op-2", "FAILED")
        self.begin("op-3")
        self.enter("op-3", "COMPLETED")
        self.wrong_tasks("op-3", "COMPLETED")

    def perform(self) -> Contract:
        """Do everything in the procedure's order."""
        self.bad_requests()
        self.first_operation()
        self.other_operations()
        return self

    # --- what is recorded --------------------------------------------------------------------------------------------

    def history(self, **changes: Any) -> History:
        """Return the recording, which goes on for ten seconds more."""
        marks = [Event(at(0.0), "traffic-started"), *self.events, Event(at(self.now_s + 10.0), "traffic-stopped")]
        recorded = replace(
            traffic(),
            procedure=self.procedure,
            ending=self.ending,
            ending_reason="" if self.ending is Ending.COMPLETE else "it was stopped",
            operations=tuple(self.states),
            attempts=tuple(self.attempts),
            snapshots=tuple(self.snapshots),
            events=tuple(marks),
            sut=self.declared,
        )
        return replace(recorded, **changes)

    def change_attempt(self, name: str, state: str = "", **changes: Any) -> Contract:
        """Change the answers to all attempts of a name in a state."""
        self.attempts = [
            replace(one, **changes) if (one.name, one.state) == (name, state) else one for one in self.attempts
        ]
        return self

    def drop_attempts(self, name: str, state: str = "") -> Contract:
        """Forget that something was tried, keeping the numbers of the others."""
        self.attempts = [
            replace(one, name="dropped") if (one.name, one.state) == (name, state) else one for one in self.attempts
        ]
        return self

    def change_documents(self, kind: str, edit: Any, *, label: str | None = None) -> Contract:
        """Edit documents in place."""
        for shown in self.snapshots:
            if shown.kind == kind and label in {None, shown.label}:
                edit(shown.document)
        return self


def occurrence(operation_id: str) -> dict[str, Any]:
    """Return a new operation occurrence."""
    return {
        "id": operation_id,
        "operation": "CHANGE_VNFPKG",
        "vnfInstanceId": INSTANCE,
        "startTime": "12:00",
        "operationParams": {"vnfdId": TARGET["vnfdId"]},
        "isAutomaticInvocation": False,
    }


def vnf_instance(package: Mapping[str, str], *vnfc_ids: str) -> dict[str, Any]:
    """Return a VNF instance of a package."""
    return {
        "id": INSTANCE,
        **package,
        "instantiationState": "INSTANTIATED",
        "instantiatedVnfInfo": {"vnfcResourceInfo": [{"id": one, "vduId": "gateway"} for one in vnfc_ids]},
    }


def notification(document: Mapping[str, Any], state: str) -> dict[str, Any]:
    """Return what is told of an operation."""
    changes = document.get("resourceChanges", {})
    kept = ("modificationsTriggeredByVnfPkgChange", "error")
    return {
        "vnfLcmOpOccId": document["id"],
        "vnfInstanceId": INSTANCE,
        "operation": "CHANGE_VNFPKG",
        "operationState": state,
        **{name: document[name] for name in kept if name in document},
        **({"affectedVnfcs": changes["affectedVnfcs"]} if "affectedVnfcs" in changes else {}),
    }


def upgraded(**more: Any) -> Contract:
    """Return a scene of one completed upgrade, with all documents that there are; ``more`` is said of it at its end."""
    scene = Contract(procedure="upgrade-under-load")
    first = Interval(at(12.0), at(12.01))
    for label, package in (("source", SOURCE), ("target", TARGET)):
        document = {"id": f"pkg-{label}", **package, "operationalState": "ENABLED"}
        scene.snapshots.append(Snapshot("package", package["vnfdId"], label, first, at(12.0), document))
    scene.look("before")
    scene.begin("op-1")
    affected = [
        {"id": "new-1", "vduId": "gateway", "vnfdId": "vnfd-2", "changeType": "ADDED"},
        {"id": "old-1", "vduId": "gateway", "vnfdId": "vnfd-1", "changeType": "REMOVED"},
    ]
    modified = {name: value for name, value in TARGET.items() if SOURCE[name] != value}
    scene.instance = vnf_instance(TARGET, "new-1")
    done = {"resourceChanges": {"affectedVnfcs": affected}, "modificationsTriggeredByVnfPkgChange": modified}
    scene.enter("op-1", "COMPLETED", **done, **more)
    scene.now_s += 0.5
    scene.events.append(Event(at(scene.now_s), "operation-ended"))
    scene.look("after")
    scene.now_s += 5.0
    scene.look("end")
    return scene
