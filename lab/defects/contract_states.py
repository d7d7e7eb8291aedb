"""VNFMs whose states and notifications do not fit together."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any, ClassVar, Final

from lab.vnfm.documents import Documents
from lab.vnfm.journal import Journal
from lab.vnfm.notifications import Event
from lab.vnfm.records import OperationRecord
from lab.vnfm.states import OperationState, Trigger, next_state
from lab.vnfm.store import Store

_AHEAD_S: Final = 0.3


class NotifyingFirstJournal(Journal):
    """Tells of PROCESSING a little before it can be read."""

    def _settle(self, reached: OperationRecord, instance_changes: Mapping[str, Any]) -> None:
        # The first time only: in a retry and in the states that a consumer waits for it would do more than confuse.
        if reached.state is not OperationState.PROCESSING or reached.error is not None:
            super()._settle(reached, instance_changes)
            return
        self._tell_operation(reached)
        sleep(_AHEAD_S)
        self._write(reached, instance_changes)


class SilentJournal(Journal):
    """Tells of everything but the first time that an operation is in PROCESSING."""

    def _settle(self, reached: OperationRecord, instance_changes: Mapping[str, Any]) -> None:
        if reached.state is not OperationState.PROCESSING or reached.error is not None:
            super()._settle(reached, instance_changes)
            return
        self._write(reached, instance_changes)


class RepeatingJournal(Journal):
    """Tells of PROCESSING twice, as if it were two changes of state."""

    def _settle(self, reached: OperationRecord, instance_changes: Mapping[str, Any]) -> None:
        super()._settle(reached, instance_changes)
        if reached.state is OperationState.PROCESSING:
            self._tell_operation(reached)


class SkippingJournal(Journal):
    """An upgrade is in STARTING until it is COMPLETED. What fails or is cancelled has been in PROCESSING before."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._begun: set[str] = set()

    def grant(self, operation_id: str) -> bool:
        """Let the operation begin without a word."""
        with self._lock:
            if self.operation(operation_id).operation != "CHANGE_VNFPKG":
                return super().grant(operation_id)
            if self.operation(operation_id).state is not OperationState.STARTING:
                return False
            self._begun.add(operation_id)
            return True

    def advance(self, operation_id: str, trigger: Trigger, **changes: Any) -> OperationRecord:
        """Move on; anything but a success comes from PROCESSING."""
        with self._lock:
            if trigger is not Trigger.SUCCESS:
                self._show(operation_id)
            return super().advance(operation_id, trigger, **changes)

    def request_cancel(self, operation_id: str, mode: str, error: Mapping[str, Any]) -> OperationRecord:
        """Cancel what is under way, which is in PROCESSING at the latest from now on."""
        with self._lock:
            self._show(operation_id)
            return super().request_cancel(operation_id, mode, error)

    def _show(self, operation_id: str) -> None:
        if operation_id in self._begun:
            self._begun.remove(operation_id)
            super().advance(operation_id, Trigger.GRANTED)

    def _next_state(self, record: OperationRecord, trigger: Trigger) -> OperationState:
        if record.id in self._begun and trigger is Trigger.SUCCESS:
            return next_state(OperationState.PROCESSING, trigger)
        return super()._next_state(record, trigger)


class SlowJournal(Journal):
    """Tells everything in order and too late.

    Attributes:
        delay_s: time from the storing of a state to its notification.
    """

    delay_s: ClassVar[float] = 6.5

    def __init__(
        self, store: Store, documents: Documents, publish: Callable[[Event], None], now: Callable[[], str]
    ) -> None:
        super().__init__(store, documents, DelayLine(publish, self.delay_s).put, now)


class LeisurelyJournal(SlowJournal):
    """Tells everything in order, late, and early enough."""

    delay_s: ClassVar[float] = 3.0


class DelayLine:
    """Passes events on in their order, each after the same time; ends with the process."""

    def __init__(self, publish: Callable[[Event], None], delay_s: float) -> None:
        self._publish = publish
        self._delay_s = delay_s
        self._waiting: queue.SimpleQueue[tuple[float, Event]] = queue.SimpleQueue()
        threading.Thread(target=self._pass_on, name="delay line", daemon=True).start()

    def put(self, event: Event) -> None:
        """Take an event; returns at once."""
        self._waiting.put((monotonic() + self._delay_s, event))

    def _pass_on(self) -> None:
        while True:
            due_s, event = self._waiting.get()
            sleep(max(0.0, due_s - monotonic()))
            self._publish(event)
