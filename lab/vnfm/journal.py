"""Every change to instances and operations: stored first, told afterwards, in one order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from lab.vnfm.documents import Documents
from lab.vnfm.notifications import Event
from lab.vnfm.pace import FORCEFUL
from lab.vnfm.problem import conflict, not_found
from lab.vnfm.procedure import Cancelled
from lab.vnfm.records import AffectedUnit, InstanceRecord, OperationRecord, UnitRecord
from lab.vnfm.states import FINAL_STATES, OperationState, Trigger, next_state
from lab.vnfm.store import Store


class Journal:
    """The only writer of instances and operations."""

    def __init__(
        self, store: Store, documents: Documents, publish: Callable[[Event], None], now: Callable[[], str]
    ) -> None:
        """Write to ``store``; ``publish`` must not block; ``now`` gives wall-clock time (RFC 3339)."""
        self._store = store
        self._documents = documents
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
        self._refuse_if_busy(instance_id)
        if record.instantiated is not instantiated:
            wanted = "INSTANTIATED" if instantiated else "NOT_INSTANTIATED"
            raise conflict(f"VNF instance {instance_id} - wrong instantiationState - Expected: {wanted}")
        return record

    def _refuse_if_busy(self, instance_id: str) -> None:
        for other in self.unfinished():
            if other.instance_id == instance_id:
                raise conflict(
                    f"VNF instance {instance_id} - operation {other.operation} {other.id} is in {other.state}"
                )

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
                before=instance,
            )
            self._store.put(record)
            self._tell_operation(record)
            return record

    def grant(self, operation_id: str) -> bool:
        """Move an operation from STARTING to PROCESSING; False if it has been cancelled before that."""
        with self._lock:
            if self.operation(operation_id).state is not OperationState.STARTING:
                return False
            self.advance(operation_id, Trigger.GRANTED)
            return True

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
            Cancelled: a success comes too late, the consumer has been told that it is being cancelled; nothing is
                changed.
        """
        with self._lock:
            record = self.operation(operation_id)
            state = self._next_state(record, trigger)
            if trigger is Trigger.SUCCESS and record.cancel_mode is not None:
                raise Cancelled
            reached = record.model_copy(
                update={
                    "state": state,
                    "state_entered": self._now(),
                    "cancel_mode": None,
                    "error": None if state is OperationState.COMPLETED else _first(error, record.error),
                    "modifications": _first(modifications, record.modifications),
                }
            )
            self._settle(reached, instance_changes or {})
            return reached

    def _next_state(self, record: OperationRecord, trigger: Trigger) -> OperationState:
        return next_state(record.state, trigger)

    def _settle(self, reached: OperationRecord, instance_changes: Mapping[str, Any]) -> None:
        """Store a state, then tell of it; called with the lock held."""
        self._write(reached, instance_changes)
        self._tell_operation(reached)

    def _write(self, reached: OperationRecord, instance_changes: Mapping[str, Any]) -> None:
        with self._store.transaction():
            self._store.put(reached)
            if instance_changes:
                self._store.put(self.instance(reached.instance_id).model_copy(update=dict(instance_changes)))

    def request_cancel(self, operation_id: str, mode: str, error: Mapping[str, Any]) -> OperationRecord:
        """Note that an operation is to be cancelled; one that has not begun is rolled back at once, with the error.

        Raises:
            IllegalTransitionError: its state does not permit it; nothing is changed.
        """
        with self._lock:
            record = self.operation(operation_id)
            self._next_state(record, Trigger.CANCEL)
            if record.state is OperationState.STARTING:
                return self.advance(operation_id, Trigger.CANCEL, error=error)
            # There is no way back from a forceful cancellation to a graceful one.
            pending = record.model_copy(
                update={"cancel_mode": record.cancel_mode if record.cancel_mode == FORCEFUL else mode}
            )
            self._store.put(pending)
            return pending

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

    def put_unit(self, operation_id: str, unit: UnitRecord, *, change: str | None = None) -> None:
        """Store a unit, new or known; the operation lists it with the change, if there is one."""
        with self._lock, self._store.transaction():
            operation = self.operation(operation_id)
            instance = self.instance(operation.instance_id)
            units = tuple(unit if known.id == unit.id else known for known in instance.units)
            if unit not in units:
                units = (*units, unit)
            self._store.put(instance.model_copy(update={"units": units}))
            if change is not None:
                self._store.put(_with_change(operation, unit, change))

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
            listed = {*(unit.id for unit in operation.before.units), *(entry.unit.id for entry in operation.affected)}
            for unit in self.instance(operation.instance_id).units:
                if unit.id not in listed:
                    operation = _with_change(operation, unit, "ADDED")
            self._store.put(operation)

    def _tell_operation(self, record: OperationRecord) -> None:
        notification = self._documents.operation_notification(
            record, notification_id=str(uuid4()), time_stamp=self._now()
        )
        self._publish(Event(notification, self.instance(record.instance_id)))

    def _tell_identifier(self, kind: str, record: InstanceRecord) -> None:
        notification = self._documents.identifier_notification(
            kind, record.id, notification_id=str(uuid4()), time_stamp=self._now()
        )
        self._publish(Event(notification, record))


def _with_change(operation: OperationRecord, unit: UnitRecord, change: str) -> OperationRecord:
    others = tuple(entry for entry in operation.affected if entry.unit.id != unit.id)
    return operation.model_copy(update={"affected": (*others, AffectedUnit(unit=unit, change=change))})


def _first(value: Mapping[str, Any] | None, otherwise: dict[str, Any] | None) -> dict[str, Any] | None:
    return otherwise if value is None else dict(value)
