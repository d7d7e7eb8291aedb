"""Notifications: whom to tell, in order, without ever waiting for anybody."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

from lab.vnfm.records import InstanceRecord, SubscriptionRecord

ATTEMPTS: Final = 3
RETRY_AFTER_S: Final = 0.3
SEND_TIMEOUT_S: Final = 3.0

_log = logging.getLogger(__name__)

Send = Callable[[str, Mapping[str, Any]], None]


class DeliveryError(Exception):
    """A subscriber did not take a notification."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell.

    Attributes:
        notification: the SOL003 document, not yet addressed to a subscription.
        instance: the VNF instance that it is about, as stored before the event was published.
    """

    notification: Mapping[str, Any]
    instance: InstanceRecord


def matches(subscription: SubscriptionRecord, event: Event) -> bool:
    """Tell whether the subscription's filter lets an event through: AND between attributes, OR among values."""
    wanted = subscription.filter or {}
    instance = wanted.get("vnfInstanceSubscriptionFilter") or {}
    conditions = [
        (wanted.get("notificationTypes"), event.notification["notificationType"]),
        (instance.get("vnfdIds"), event.instance.vnfd_id),
        (instance.get("vnfInstanceIds"), event.instance.id),
        (instance.get("vnfInstanceNames"), event.instance.name),
    ]
    if "operation" in event.notification:  # one about an identifier has none; conditions on it do not concern it
        conditions.append((wanted.get("operationTypes"), event.notification["operation"]))
        conditions.append((wanted.get("operationStates"), event.notification["operationState"]))
    return all(not values or actual in values for values, actual in conditions)


class Notifier:
    """Delivers events to subscriptions, each in its own thread: a dead subscriber delays nobody."""

    def __init__(
        self, address: Callable[[Mapping[str, Any], SubscriptionRecord], Mapping[str, Any]], send: Send
    ) -> None:
        """Deliver by ``send``, after ``address`` has completed the document for a subscription."""
        self._address = address
        self._send = send
        self._lock = threading.Lock()
        self._channels: dict[str, _Channel] = {}

    def add(self, subscription: SubscriptionRecord) -> None:
        """Deliver to a subscription from now on."""
        with self._lock:
            self._channels[subscription.id] = _Channel(subscription, self._send)

    def remove(self, subscription_id: str) -> None:
        """Stop delivering to a subscription; what is still queued is dropped."""
        with self._lock:
            channel = self._channels.pop(subscription_id, None)
        if channel is not None:
            channel.close()

    def publish(self, event: Event) -> None:
        """Queue an event for everybody whose filter lets it through; returns at once."""
        with self._lock:
            for channel in self._channels.values():
                if matches(channel.subscription, event):
                    channel.put(self._address(event.notification, channel.subscription))

    def close(self) -> None:
        """Stop delivering to anybody."""
        with self._lock:
            channels = list(self._channels.values())
            self._channels.clear()
        for channel in channels:
            channel.close()


class _Channel:
    """The queue and the thread of one subscription."""

    def __init__(self, subscription: SubscriptionRecord, send: Send) -> None:
        self.subscription = subscription
        self._send = send
        self._waiting: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self._closed = threading.Event()
        threading.Thread(target=self._deliver_all, name=f"notify-{subscription.id[:8]}", daemon=True).start()

    def put(self, document: Mapping[str, Any]) -> None:
        self._waiting.put(document)

    def close(self) -> None:
        self._closed.set()
        self._waiting.put(None)

    def _deliver_all(self) -> None:
        while (document := self._waiting.get()) is not None and not self._closed.is_set():
            self._deliver(document)

    def _deliver(self, document: Mapping[str, Any]) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._send(self.subscription.callback_uri, document)
            except DeliveryError as error:
                _log.warning("notification %s - attempt %d of %d failed - %s", document["id"], attempt, ATTEMPTS, error)
            else:
                return
            if self._closed.wait(RETRY_AFTER_S):
                return


def send_by_http(callback_uri: str, document: Mapping[str, Any]) -> None:
    """POST a notification.

    Raises:
        DeliveryError: no answer, or another one than 204.
    """
    try:
        answer = requests.post(callback_uri, json=document, timeout=SEND_TIMEOUT_S, headers={"Version": "2.3.0"})
    except requests.RequestException as error:
        raise DeliveryError(f"{callback_uri} - no answer: {error}") from error
    if answer.status_code != requests.codes.no_content:
        raise DeliveryError(f"{callback_uri} - Expected: 204 Actual: {answer.status_code}")


def check_callback(callback_uri: str) -> None:
    """Test that a callback can be reached, as SOL003 wants it before a subscription is accepted.

    Raises:
        DeliveryError: no answer to GET, or another one than 204.
    """
    try:
        answer = requests.get(callback_uri, timeout=SEND_TIMEOUT_S, headers={"Version": "2.3.0"})
    except requests.RequestException as error:
        raise DeliveryError(f"{callback_uri} - no answer to the test GET: {error}") from error
    if answer.status_code != requests.codes.no_content:
        raise DeliveryError(f"{callback_uri} - test GET - Expected: 204 Actual: {answer.status_code}")
