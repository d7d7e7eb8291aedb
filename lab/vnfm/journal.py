"""Every change to instances and operations: stored first, told afterwards, in one order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from lab.vnfm import views
from lab.vnfm.notifications import Event
from lab.vnfm.problem import conflict, not_found
from lab.vnfm.records import AffectedUnit, InstanceRecord, OperationRecord, UnitRecord
from lab.vnfm.states import FINAL_STATES, OperationState, Trigger, next_state
from lab.vnfm.store import Store


class Journal:
    """The only writer of instances and operations."""

    def __init__(
        self, store: Store, links: views.Links, publish: Callable[[Event], None], now: Callable[[], str]
    ) -> None:
        """Write to ``store``; ``publish`` must not block; ``now`` gives wall-clock time (RFC 3339)."""
        self._store = store
        self._links = links
        self._publish = publish
        self._now = now
        # Held over storing and publishing: notifications leave in the order in which states were stored.
        self._lock = threading.RLock()

    def instance(self, instance_id: str) -> InstanceRecord:
        """Return an instance; a ``ProblemError`` 404 if there is none."""
        found = self._store.get(InstanceRecord, instance_id)
        if found is None:
            raise not_found(f"VNF instance {instance_id} - not found")
        return found

    def operation(self, operation_id: str) -> OperationRecord:
        """Return an operation; a ``ProblemError`` 404 if there is none."""
        found = self._store.get(OperationRecord, operation_id)
        if found is None:
            raise not_found(f"VNF LCM operation occurrence {operation_id} - not found")
        return found

    def unfinished(self) -> list[OperationRecord]:
        """Return the operations that are not in a final state."""
        return [record for record in self._store.all(OperationRecord) if record.state not in FINAL_STATES]

    def create_instance(self, record: InstanceRecord) -> None:
        """Store a new instance and tell of its identifier."""
        with self._lock:
            self._store.put(record)
            self._tell_identifier("VnfIdentifierCreationNotification", record)

    def delete_instance(self, instance_id: str) -> None:
        """Forget an instance and tell of it.

        Raises:
            ProblemError: 404 there is none, 409 it is instantiated or an operation is not finished.
        """
        with self._lock:
            record = self.idle_instance(instance_id, instantiated=False)
            self._store.delete(InstanceRecord, instance_id)
            self._tell_identifier("VnfIdentifierDeletionNotification", record)

    def idle_instance(self, instance_id: str, *, instantiated: bool) -> InstanceRecord:
        """Return an instance that is in the wanted instantiation state and has no unfinished operation.

        Raises:
            ProblemError: 404 there is none, 409 one of these conditions does not hold.
        """
        record = self.instance(instance_id)
        for other in self.unfinished():
            if other.instance_id == instance_id:
                raise conflict(
                    f"VNF instance {instance_id} - operation {other.operation} {other.id} is in {other.state}"
                )
        if record.instantiated is not instantiated:
            wanted = "INSTANTIATED" if instantiated else "NOT_INSTANTIATED"
            raise conflict(f"VNF instance {instance_id} - wrong instantiationState - Expected: {wanted}")
        return record

    def begin(
        self, instance_id: str, operation: str, params: Mapping[str, Any], *, instantiated: bool
    ) -> OperationRecord:
        """Start an operation in STARTING; of two requests at the same time, one gets it.

        Raises:
            ProblemError: as ``idle_instance``.
        """
        with self._lock:
            instance = self.idle_instance(instance_id, instantiated=instantiated)
            now = self._now()
            record = OperationRecord(
                id=str(uuid4()),
                state=OperationState.STARTING,
                state_entered=now,
                started=now,
                instance_id=instance_id,
                operation=operation,
                params=dict(params),
                units_before=tuple(unit.id for unit in instance.units),
            )
            self._store.put(record)
            self._tell_operation(record)
            return record

    def advance(
        self,
        operation_id: str,
        trigger: Trigger,
        *,
        error: Mapping[str, Any] | None = None,
        modifications: Mapping[str, Any] | None = None,
        instance_changes: Mapping[str, Any] | None = None,
    ) -> OperationRecord:
        """Move an operation along the state machine, together with what that means for its instance.

        Raises:
            IllegalTransitionError: the state machine has no such edge; nothing is changed.
        """
        with self._lock:
            with self._store.transaction():
                record = self.operation(operation_id)
                changes: dict[str, Any] = {
                    "state": next_state(record.state, trigger),
                    "state_entered": self._now(),
                    "error": record.error if error is None else dict(error),
                    "modifications": record.modifications if modifications is None else dict(modifications),
                }
                record = record.model_copy(update=changes)
                self._store.put(record)
                if instance_changes:
                    self._store.put(self.instance(record.instance_id).model_copy(update=dict(instance_changes)))
            self._tell_operation(record)
            return record

    def set_step(self, operation_id: str, step: str) -> None:
        """Note what an operation is doing."""
        with self._lock, self._store.transaction():
            self._store.put(self.operation(operation_id).model_copy(update={"step": step}))

    def take_serial(self, instance_id: str) -> int:
        """Return a serial number that no unit of the instance has had."""
        with self._lock, self._store.transaction():
            record = self.instance(instance_id)
            self._store.put(record.model_copy(update={"next_serial": record.next_serial + 1}))
            return record.next_serial

    def put_unit(self, operation_id: str, unit: UnitRecord, *, affected: bool) -> None:
        """Store a unit, new or known; with ``affected`` the operation lists it as ADDED."""
        with self._lock, self._store.transaction():
            operation = self.operation(operation_id)
            instance = self.instance(operation.instance_id)
            units = tuple(unit if known.id == unit.id else known for known in instance.units)
            if unit not in units:
                units = (*units, unit)
            self._store.put(instance.model_copy(update={"units": units}))
            if affected:
                self._store.put(_with_change(operation, unit, "ADDED"))

    def drop_unit(self, operation_id: str, unit: UnitRecord) -> None:
        """Forget a unit; the operation lists it as REMOVED, or TEMPORARY if it has added it as well."""
        with self._lock, self._store.transaction():
            operation = self.operation(operation_id)
            instance = self.instance(operation.instance_id)
            units = tuple(known for known in instance.units if known.id != unit.id)
            self._store.put(instance.model_copy(update={"units": units}))
            added_here = any(entry.unit.id == unit.id for entry in operation.affected)
            self._store.put(_with_change(operation, unit, "TEMPORARY" if added_here else "REMOVED"))

    def list_allocated(self, operation_id: str) -> None:
        """After a failure: list units that were created but never became ready, so that nobody overlooks them."""
        with self._lock, self._store.transaction():
            operation = self.operation(operation_id)
            listed = {*operation.units_before, *(entry.unit.id for entry in operation.affected)}
            for unit in self.instance(operation.instance_id).units:
                if unit.id not in listed:
                    operation = _with_change(operation, unit, "ADDED")
            self._store.put(operation)

    def _tell_operation(self, record: OperationRecord) -> None:
        notification = views.operation_notification(
            record, self._links, notification_id=str(uuid4()), time_stamp=self._now()
        )
        self._publish(Event(notification, self.instance(record.instance_id)))

    def _tell_identifier(self, kind: str, record: InstanceRecord) -> None:
        notification = views.identifier_notification(
            kind, record.id, self._links, notification_id=str(uuid4()), time_stamp=self._now()
        )
        self._publish(Event(notification, record))


def _with_change(operation: OperationRecord, unit: UnitRecord, change: str) -> OperationRecord:
    others = tuple(entry for entry in operation.affected if entry.unit.id != unit.id)
    return operation.model_copy(update={"affected": (*others, AffectedUnit(unit=unit, change=change))})
