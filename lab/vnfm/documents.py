"""What consumers get to see of the records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.vnfm import views
from lab.vnfm.records import InstanceRecord, OperationRecord, SubscriptionRecord


class Documents:
    """Makes SOL003 documents whose links lead to one VNFM."""

    def __init__(self, links: views.Links) -> None:
        self.links = links

    def instance(self, record: InstanceRecord) -> dict[str, Any]:
        """Make a ``VnfInstance``."""
        return views.instance_document(record, self.links)

    def operation(self, record: OperationRecord) -> dict[str, Any]:
        """Make a ``VnfLcmOpOcc``."""
        return views.operation_document(record, self.links)

    def subscription(self, record: SubscriptionRecord) -> dict[str, Any]:
        """Make an ``LccnSubscription``."""
        return views.subscription_document(record, self.links)

    def task_headers(self, _record: OperationRecord) -> Mapping[str, str]:
        """Headers of the answer to an accepted task; SOL003 defines none."""
        return {}

    def operation_notification(
        self, record: OperationRecord, *, notification_id: str, time_stamp: str
    ) -> dict[str, Any]:
        """Make a ``VnfLcmOperationOccurrenceNotification`` for nobody in particular yet."""
        return views.operation_notification(record, self.links, notification_id=notification_id, time_stamp=time_stamp)

    def identifier_notification(
        self, kind: str, instance_id: str, *, notification_id: str, time_stamp: str
    ) -> dict[str, Any]:
        """Make a notification of an identifier's creation or deletion."""
        return views.identifier_notification(
            kind, instance_id, self.links, notification_id=notification_id, time_stamp=time_stamp
        )

    def addressed(self, notification: Mapping[str, Any], subscription: SubscriptionRecord) -> dict[str, Any]:
        """Complete a notification for one subscription."""
        return views.addressed(dict(notification), subscription, self.links)
