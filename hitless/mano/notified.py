"""What a notification says about an operation, read tolerantly, and as a state of the history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hitless.history import Interval, OperationState
from hitless.mano.notifications import Notification
from hitless.mano.resources import Operation
from hitless.redaction import Redactor

_OCCURRENCE = "VnfLcmOperationOccurrenceNotification"
_KEPT = ("id", "notificationStatus", "timeStamp", "error")


@dataclass(frozen=True, slots=True)
class Told:
    """What a notification says about an operation.

    Attributes:
        operation_id, operation, state: as it says.
        identity: the same for copies of one notification.
        received_ns: when it arrived.
        body: the whole of it, without secrets.
    """

    operation_id: str
    operation: str
    state: str
    identity: str
    received_ns: int
    body: Mapping[str, Any] = field(repr=False)

    def as_state(self, entered: Interval, operation: str, read: Operation | None) -> OperationState:
        """Return it as a state of the history.

        Args:
            entered: between which instants the state began.
            operation: what the operation does, where the notification does not say.
            read: the operation as the resource showed it right after the arrival; None when it could not be read.
        """
        detail = {name: self.body[name] for name in _KEPT if name in self.body} | {"body": dict(self.body)}
        if read is not None:
            detail |= {
                "shown_state": read.state,
                "shown_asked_ns": read.asked_ns,
                "shown_answered_ns": read.answered_ns,
            }
        name = self.operation or operation
        return OperationState(self.operation_id, name, self.state, entered, "notification", detail)


def read_notification(notification: Notification) -> Told | None:
    """Return what a notification says about an operation; None when it is about something else, or unusable."""
    body = notification.body
    state, operation_id = body.get("operationState"), body.get("vnfLcmOpOccId")
    if body.get("notificationType") != _OCCURRENCE or not isinstance(state, str) or not isinstance(operation_id, str):
        return None
    recorded = notification.exchange.get("request_body")
    return Told(
        operation_id=operation_id,
        operation=str(body.get("operation") or ""),
        state=state,
        identity=str(body.get("id") or f"{state} at {notification.received_ns}"),
        received_ns=notification.received_ns,
        body=recorded if isinstance(recorded, Mapping) else Redactor().data(dict(body)),
    )
