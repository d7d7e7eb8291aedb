"""VNFMs that do tasks where they must not, never end them, or take their time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from threading import Timer
from typing import Any, Final

from lab.vnfm.documents import Documents
from lab.vnfm.engine import Engine
from lab.vnfm.records import OperationRecord
from lab.vnfm.runner import Runner
from lab.vnfm.states import OperationState, Trigger

_CANCEL_AFTER_S: Final = 1.5

_log = logging.getLogger(__name__)


class ObligingEngine(Engine):
    """Accepts a rollback when there is nothing to undo any more."""

    def roll_back(self, operation_id: str) -> OperationRecord:
        """Say yes in COMPLETED, and do nothing."""
        record = self._journal.operation(operation_id)
        return record if record.state is OperationState.COMPLETED else super().roll_back(operation_id)


class OfferingDocuments(Documents):
    """Offers tasks that nobody may ask for any more."""

    def operation(self, record: OperationRecord) -> dict[str, Any]:
        """Make a ``VnfLcmOpOcc``; one that is COMPLETED has a link to its rollback."""
        document = super().operation(record)
        if record.state is not OperationState.COMPLETED:
            return document
        offered = {"rollback": {"href": f"{self.links.operation(record.id)}/rollback"}}
        return document | {"_links": document["_links"] | offered}


class StuckRunner(Runner):
    """Ends a cancelled rollback without writing it down."""

    def _end(self, operation_id: str, trigger: Trigger, detail: str) -> None:
        if trigger is Trigger.CANCEL and self._journal.operation(operation_id).state is OperationState.ROLLING_BACK:
            _log.warning("operation %s - the rollback has stopped", operation_id)
            return
        super()._end(operation_id, trigger, detail)


class SlowCancelRunner(Runner):
    """Lets an operation go on for a while after it was cancelled."""

    def cancel(self, operation: OperationRecord) -> None:
        """Cancel later, if the operation is still in the state in which that was asked for."""

        def take_effect() -> None:
            present = self._journal.operation(operation.id)
            if (present.state_entered, present.cancel_mode) == (operation.state_entered, operation.cancel_mode):
                super(SlowCancelRunner, self).cancel(present)

        timer = Timer(_CANCEL_AFTER_S, take_effect)
        timer.daemon = True
        timer.start()


class LocatingDocuments(Documents):
    """Answers tasks as it answers requests for operations."""

    def task_headers(self, record: OperationRecord) -> Mapping[str, str]:
        """Where the operation occurrence is."""
        return {"Location": self.links.operation(record.id)}
