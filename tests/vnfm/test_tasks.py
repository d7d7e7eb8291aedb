"""Tasks on operation occurrences: what each state permits, where each task leads, and what is told of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from lab.vnfm.documents import Documents
from lab.vnfm.jobs import identity
from lab.vnfm.journal import Journal
from lab.vnfm.pace import wall_clock
from lab.vnfm.records import InstanceRecord, OperationRecord
from lab.vnfm.states import OperationState, Trigger
from lab.vnfm.tasks import can_be_rolled_back
from lab.vnfm.views import Links
from tests.vnfm.consumer import Subscriber
from tests.vnfm.fakes import OLD
from tests.vnfm.manager import Manager
from tests.vnfm.upgrades import CHANGE, links

TASKS = ("retry", "rollback", "fail", "cancel")
BODIES = {"cancel": {"cancelMode": "GRACEFUL"}}
PERMITTED = {
    "STARTING": {"cancel"},
    "PROCESSING": {"cancel"},
    "FAILED_TEMP": {"retry", "rollback", "fail"},
    "ROLLING_BACK": {"cancel"},
    "COMPLETED": set(),
    "FAILED": set(),
    "ROLLED_BACK": set(),
}
WAYS_THERE = {
    "STARTING": [],
    "PROCESSING": [Trigger.GRANTED],
    "FAILED_TEMP": [Trigger.GRANTED, Trigger.FAILURE],
    "ROLLING_BACK": [Trigger.GRANTED, Trigger.FAILURE, Trigger.ROLLBACK],
    "COMPLETED": [Trigger.GRANTED, Trigger.SUCCESS],
    "FAILED": [Trigger.GRANTED, Trigger.FAILURE, Trigger.FAIL],
    "ROLLED_BACK": [Trigger.GRANTED, Trigger.FAILURE, Trigger.ROLLBACK, Trigger.SUCCESS],
}
LEADS_TO = {
    ("STARTING", "cancel"): {"ROLLED_BACK"},
    ("FAILED_TEMP", "retry"): {"PROCESSING", "COMPLETED"},
    ("FAILED_TEMP", "rollback"): {"ROLLING_BACK", "ROLLED_BACK"},
    ("FAILED_TEMP", "fail"): {"FAILED"},
}


class Shop:
    """A VNFM with operations that nobody works on, one per state, each of an instance of its own."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.journal = Journal(
            manager.service.store, Documents(Links(manager.base)), manager.service.notifier.publish, wall_clock
        )

    def operation_in(self, state: str, kind: str = "CHANGE_VNFPKG", **params: Any) -> str:
        """URI of an operation that is left in a state."""
        number = len(self.manager.get("/vnf_instances"))
        instance = InstanceRecord(id=f"instance-{number}", instantiated=True, flavour_id="default", **identity(OLD))
        self.journal.create_instance(instance)
        operation = self.journal.begin(instance.id, kind, CHANGE | params, instantiated=True)
        for trigger in WAYS_THERE[state]:
            error = {"status": 500, "detail": "broken"} if trigger is Trigger.FAILURE else None
            self.journal.advance(operation.id, trigger, error=error)
        return f"{self.manager.api}/vnf_lcm_op_occs/{operation.id}"


@pytest.fixture
def shop(manager: Manager) -> Shop:
    return Shop(manager)


@pytest.mark.parametrize("state", PERMITTED)
def test_links_are_those_of_the_permitted_tasks(shop: Shop, state: str) -> None:
    operation = shop.operation_in(state)
    document = shop.manager.get(operation)
    assert document["operationState"] == state
    assert links(document) == PERMITTED[state]
    for task in links(document):
        assert document["_links"][task] == {"href": f"{operation}/{task}"}


@pytest.mark.parametrize(("state", "task"), list(itertools.product(PERMITTED, TASKS)))
def test_every_task_in_every_state(shop: Shop, state: str, task: str) -> None:
    operation = shop.operation_in(state)
    before = shop.manager.get(operation)
    answer = shop.manager.task(operation, task, BODIES.get(task))
    after = shop.manager.get(operation)
    if task not in PERMITTED[state]:
        assert answer.status_code == 409
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == 409
        assert state in answer.json()["detail"]
        assert after == before
        return
    assert answer.status_code == (200 if task == "fail" else 202)
    assert "Location" not in answer.headers
    assert (answer.json() if task == "fail" else answer.content) == (after if task == "fail" else b"")
    if (state, task) in LEADS_TO:
        assert after["operationState"] in LEADS_TO[state, task]
    else:  # nobody works on it, so it stays
        assert after == before | {"isCancelPending": True, "cancelMode": "GRACEFUL"}


@pytest.mark.parametrize(
    ("kind", "params", "supported"),
    [
        ("INSTANTIATE", {}, True),
        ("CHANGE_VNFPKG", {}, True),
        ("SCALE", {"type": "SCALE_OUT"}, True),
        ("SCALE", {"type": "SCALE_IN"}, False),
        ("HEAL", {}, False),
        ("OPERATE", {}, False),
        ("TERMINATE", {}, False),
    ],
)
def test_what_can_be_rolled_back(shop: Shop, kind: str, params: dict[str, str], supported: bool) -> None:  # noqa: FBT001 - a table
    operation = shop.operation_in("FAILED_TEMP", kind, **params)
    record = shop.journal.operation(operation.rpartition("/")[2])
    assert can_be_rolled_back(record) is supported
    assert ("rollback" in links(shop.manager.get(operation))) is supported
    if not supported:
        answer = shop.manager.task(operation, "rollback")
        assert answer.status_code == 404
        assert "not supported" in answer.json()["detail"]
        assert shop.manager.get(operation)["operationState"] == "FAILED_TEMP"


@pytest.mark.parametrize(
    ("state", "has_error"),
    [
        ("STARTING", False),
        ("PROCESSING", False),
        ("COMPLETED", False),
        ("FAILED_TEMP", True),
        ("ROLLING_BACK", True),
        ("FAILED", True),
        ("ROLLED_BACK", True),
    ],
)
def test_error_is_there_where_it_has_to_be(shop: Shop, state: str, has_error: bool) -> None:  # noqa: FBT001 - a table
    assert ("error" in shop.manager.get(shop.operation_in(state))) is has_error


def test_error_stays_in_a_retry_and_goes_when_it_succeeds(shop: Shop) -> None:
    operation = shop.operation_in("FAILED_TEMP")
    operation_id = operation.rpartition("/")[2]
    shop.journal.advance(operation_id, Trigger.RETRY)
    assert shop.manager.get(operation)["error"]["detail"] == "broken"
    shop.journal.advance(operation_id, Trigger.SUCCESS)
    assert "error" not in shop.manager.get(operation)


@pytest.mark.parametrize("mode", ["GRACEFUL", "FORCEFUL"])
def test_cancelled_before_it_began(shop: Shop, mode: str) -> None:
    operation = shop.operation_in("STARTING")
    assert shop.manager.task(operation, "cancel", {"cancelMode": mode}).status_code == 202
    document = shop.manager.get(operation)
    assert document["operationState"] == "ROLLED_BACK"
    assert "cancelled" in document["error"]["detail"]
    assert document["isCancelPending"] is False
    assert "cancelMode" not in document
    assert not shop.journal.grant(operation.rpartition("/")[2])


def test_forceful_cancellation_is_not_taken_back(shop: Shop) -> None:
    operation = shop.operation_in("PROCESSING")
    for mode, shown in (("GRACEFUL", "GRACEFUL"), ("FORCEFUL", "FORCEFUL"), ("GRACEFUL", "FORCEFUL")):
        assert shop.manager.task(operation, "cancel", {"cancelMode": mode}).status_code == 202
        assert shop.manager.get(operation)["cancelMode"] == shown


def test_state_is_stored_before_anybody_is_told(manager: Manager, subscriber: Subscriber) -> None:
    instance = InstanceRecord(id="i", instantiated=True, **identity(OLD))
    shown: list[tuple[str, str]] = []
    read: Callable[[str], Any] = lambda operation_id: manager.service.store.get(OperationRecord, operation_id)  # noqa: E731
    journal = Journal(
        manager.service.store,
        Documents(Links(manager.base)),
        lambda event: (
            shown.append((event.notification["operationState"], read(event.notification["vnfLcmOpOccId"]).state))
            if "operation" in event.notification
            else None
        ),
        wall_clock,
    )
    journal.create_instance(instance)
    operation = journal.begin("i", "CHANGE_VNFPKG", CHANGE, instantiated=True)
    for trigger in (Trigger.GRANTED, Trigger.FAILURE, Trigger.ROLLBACK, Trigger.SUCCESS):
        journal.advance(operation.id, trigger)
    states = [OperationState(name) for name in ["STARTING", "PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "ROLLED_BACK"]]
    assert shown == [(state, state) for state in states]
