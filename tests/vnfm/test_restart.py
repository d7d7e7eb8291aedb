"""The VNFM stops or dies in the middle of something: what it finds when it comes back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lab.vnfm.documents import Documents
from lab.vnfm.journal import Journal
from lab.vnfm.pace import wall_clock
from lab.vnfm.records import InstanceRecord, OperationRecord
from lab.vnfm.states import OperationState, Trigger
from lab.vnfm.store import Store
from lab.vnfm.views import Links
from tests.vnfm.consumer import Subscriber
from tests.vnfm.fakes import NEW
from tests.vnfm.manager import Manager, wait_for
from tests.vnfm.test_store import instance

WAYS_THERE: dict[OperationState, list[Trigger]] = {
    OperationState.STARTING: [],
    OperationState.PROCESSING: [Trigger.GRANTED],
    OperationState.FAILED_TEMP: [Trigger.GRANTED, Trigger.FAILURE],
    OperationState.ROLLING_BACK: [Trigger.GRANTED, Trigger.FAILURE, Trigger.ROLLBACK],
    OperationState.COMPLETED: [Trigger.GRANTED, Trigger.SUCCESS],
    OperationState.FAILED: [Trigger.GRANTED, Trigger.FAILURE, Trigger.FAIL],
    OperationState.ROLLED_BACK: [Trigger.REFUSED],
}


def operation_left_in(path: Path, state: OperationState) -> str:
    """Leave a store behind whose only operation is in a state; returns the operation's id."""
    store = Store(path)
    journal = Journal(store, Documents(Links("http://vnfm")), lambda _event: None, wall_clock)
    journal.create_instance(instance("i1", instantiated=True))
    operation = journal.begin("i1", "CHANGE_VNFPKG", {}, instantiated=True)
    for trigger in WAYS_THERE[state]:
        journal.advance(operation.id, trigger)
    store.close()
    return operation.id


@pytest.mark.parametrize(
    ("left_in", "found_in"),
    [
        (OperationState.STARTING, "ROLLED_BACK"),
        (OperationState.PROCESSING, "FAILED_TEMP"),
        (OperationState.ROLLING_BACK, "FAILED_TEMP"),
    ],
)
def test_interrupted_operation_is_settled(tmp_path: Path, left_in: OperationState, found_in: str) -> None:
    operation = operation_left_in(tmp_path / "vnfm.sqlite", left_in)
    manager = Manager(tmp_path / "vnfm.sqlite")
    document = manager.get(f"/vnf_lcm_op_occs/{operation}")
    manager.close()
    assert document["operationState"] == found_in
    assert f"interrupted in {left_in} by a restart" in document["error"]["detail"]


@pytest.mark.parametrize(
    "state",
    [OperationState.FAILED_TEMP, OperationState.COMPLETED, OperationState.FAILED, OperationState.ROLLED_BACK],
)
def test_resting_operation_stays_as_it_is(tmp_path: Path, state: OperationState) -> None:
    operation = operation_left_in(tmp_path / "vnfm.sqlite", state)
    before = read_operation(tmp_path / "vnfm.sqlite", operation)
    Manager(tmp_path / "vnfm.sqlite").close()
    assert read_operation(tmp_path / "vnfm.sqlite", operation) == before


def read_operation(path: Path, operation: str) -> OperationRecord | None:
    store = Store(path)
    record = store.get(OperationRecord, operation)
    store.close()
    return record


def test_settled_operation_is_told(tmp_path: Path, subscriber: Subscriber) -> None:
    manager = Manager(tmp_path / "vnfm.sqlite")
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    manager.close()
    operation_left_in(tmp_path / "vnfm.sqlite", OperationState.PROCESSING)
    manager = Manager(tmp_path / "vnfm.sqlite")
    wait_for(lambda: subscriber.received, "a notification")
    manager.close()
    assert subscriber.states("CHANGE_VNFPKG") == ["FAILED_TEMP"]


def test_stop_in_the_middle_of_an_upgrade(tmp_path: Path) -> None:
    """What is stored stays in PROCESSING; the next start makes FAILED_TEMP of it, with every unit that exists."""
    manager = Manager(tmp_path / "vnfm.sqlite")
    instance_uri = manager.instantiated()
    manager.site.pins_of = lambda _name, _at_s: 1
    draining = threading.Event()

    def wait_in_drain(_argument: object) -> None:
        draining.set()
        manager.pace.stopped.wait(20)

    manager.site.hooks["pins"] = wait_in_drain
    operation = manager.start(instance_uri, "change_vnfpkg", {"vnfdId": NEW.vnfd_id})
    assert draining.wait(20)
    manager.close()
    record = read_operation(tmp_path / "vnfm.sqlite", operation.rpartition("/")[2])
    assert record is not None
    assert record.state is OperationState.PROCESSING
    again = Manager(tmp_path / "vnfm.sqlite")
    found = again.get(f"/vnf_lcm_op_occs/{record.id}")
    units = again.get(f"/vnf_instances/{record.instance_id}")["instantiatedVnfInfo"]["vnfcResourceInfo"]
    again.close()
    assert found["operationState"] == "FAILED_TEMP"
    assert len(units) == 8


def test_unit_that_was_being_made_is_listed_after_the_restart(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "vnfm.sqlite")
    instance_uri = manager.instantiated()
    booting = threading.Event()

    def wait_in_boot(_argument: object) -> None:
        booting.set()
        manager.pace.stopped.wait(20)

    manager.site.boot_s = 1e9
    manager.site.hooks["server"] = wait_in_boot
    operation = manager.start(instance_uri, "change_vnfpkg", {"vnfdId": NEW.vnfd_id}).rpartition("/")[2]
    assert booting.wait(20)
    manager.close()
    again = Manager(tmp_path / "vnfm.sqlite")
    affected = again.get(f"/vnf_lcm_op_occs/{operation}")["resourceChanges"]["affectedVnfcs"]
    again.close()
    assert [(one["vnfdId"], one["changeType"]) for one in affected] == [(NEW.vnfd_id, "ADDED")]


def test_everything_else_survives(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "vnfm.sqlite")
    instance_id = manager.instantiated().rpartition("/")[2]
    before = manager.get(f"/vnf_instances/{instance_id}")
    manager.close()
    again = Manager(tmp_path / "vnfm.sqlite")
    after = again.get(f"/vnf_instances/{instance_id}")
    again.close()
    assert {name: value for name, value in after.items() if name != "_links"} == {
        name: value for name, value in before.items() if name != "_links"
    }


def test_serial_numbers_go_on(tmp_path: Path) -> None:
    store = Store(tmp_path / "vnfm.sqlite")
    journal = Journal(store, Documents(Links("http://vnfm")), lambda _event: None, wall_clock)
    journal.create_instance(instance("i1"))
    assert [journal.take_serial("i1") for _ in range(3)] == [1, 2, 3]
    store.close()
    store = Store(tmp_path / "vnfm.sqlite")
    assert Journal(store, Documents(Links("http://vnfm")), lambda _event: None, wall_clock).take_serial("i1") == 4
    found = store.get(InstanceRecord, "i1")
    assert found is not None
    assert found.next_serial == 5
    store.close()
