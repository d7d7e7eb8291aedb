"""VNFMs that show a wrong result of an upgrade or of a rollback, or the right one in another dress."""

from __future__ import annotations

from typing import Any, Final

from lab.vnfm.documents import Documents
from lab.vnfm.journal import Journal
from lab.vnfm.records import InstanceRecord, OperationRecord
from lab.vnfm.runner import Runner
from lab.vnfm.states import Trigger

_MORE: Final = {"hypervisorHint": "none", "customData": {"colour": "green", "levels": [1, 2, 3]}}


class StaleVersionJournal(Journal):
    """Takes over everything from the new package but the software version."""

    def advance(self, operation_id: str, trigger: Trigger, **changes: Any) -> OperationRecord:
        """Move on, with a little less to change."""
        instance_changes = changes.get("instance_changes")
        if instance_changes and changes.get("modifications") is not None:
            kept = {name: value for name, value in instance_changes.items() if name != "software_version"}
            changes["instance_changes"] = kept
        return super().advance(operation_id, trigger, **changes)


class TalkativeDocuments(Documents):
    """Says more than anybody understands, always the same."""

    def instance(self, record: InstanceRecord) -> dict[str, Any]:
        """Make a ``VnfInstance``, and more."""
        return super().instance(record) | _MORE

    def operation(self, record: OperationRecord) -> dict[str, Any]:
        """Make a ``VnfLcmOpOcc``, and more."""
        return super().operation(record) | _MORE

    def operation_notification(
        self, record: OperationRecord, *, notification_id: str, time_stamp: str
    ) -> dict[str, Any]:
        """Make a notification, and more."""
        told = super().operation_notification(record, notification_id=notification_id, time_stamp=time_stamp)
        return told | _MORE


class StaleIdentityRunner(Runner):
    """Puts the units back and leaves the destination's name on the instance."""

    def restored(self, operation: OperationRecord) -> dict[str, Any]:
        """The former state, with what the package was to bring."""
        former = super().restored(operation)
        if operation.operation != "CHANGE_VNFPKG":
            return former
        destination = self._package(str(operation.params["vnfdId"]))
        return former | {"vnfd_id": destination.vnfd_id, "software_version": destination.software_version}


class ReorderingRunner(Runner):
    """Puts the units back and lists them from the last to the first."""

    def restored(self, operation: OperationRecord) -> dict[str, Any]:
        """The former state, with the units as they are now the other way round."""
        units = self._journal.instance(operation.instance_id).units
        return super().restored(operation) | {"units": tuple(reversed(units))}
