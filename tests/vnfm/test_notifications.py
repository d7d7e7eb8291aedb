"""Who is told what, when and in which order."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.vnfm.notifications import ATTEMPTS, DeliveryError, Event, Notifier, matches
from lab.vnfm.records import InstanceRecord, SubscriptionRecord
from tests.vnfm.consumer import Subscriber
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.manager import Manager, wait_for
from tests.vnfm.test_store import instance as record

OP_OCC = "VnfLcmOperationOccurrenceNotification"
CREATION = "VnfIdentifierCreationNotification"
DELETION = "VnfIdentifierDeletionNotification"


def subscribe(manager: Manager, subscriber: Subscriber, **more: Any) -> dict[str, Any]:
    answer = manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri} | more)
    assert answer.status_code == 201, answer.text
    return {"location": answer.headers["Location"], **answer.json()}


def test_subscription_is_tested_stored_and_deleted(manager: Manager, subscriber: Subscriber) -> None:
    wanted = {"notificationTypes": [OP_OCC], "operationStates": ["COMPLETED"]}
    made = subscribe(manager, subscriber, filter=wanted, verbosity="SHORT")
    assert subscriber.gets == 1
    location = made.pop("location")
    assert made == {
        "id": made["id"],
        "callbackUri": subscriber.uri,
        "filter": wanted,
        "verbosity": "SHORT",
        "_links": {"self": {"href": location}},
    }
    assert manager.get(location) == made
    assert manager.get("/subscriptions") == [made]
    assert manager.request("DELETE", location).status_code == 204
    assert manager.request("GET", location).status_code == 404
    assert manager.get("/subscriptions") == []


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


def test_unreachable_callback_is_refused(manager: Manager) -> None:
    answer = manager.request("POST", "/subscriptions", {"callbackUri": closed_port()})
    assert answer.status_code == 422
    assert "callbackUri" in answer.json()["detail"]
    assert manager.get("/subscriptions") == []


@pytest.mark.parametrize("status", [200, 404, 500])
def test_callback_must_answer_204(manager: Manager, subscriber: Subscriber, status: int) -> None:
    subscriber.get_status = status
    answer = manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    assert answer.status_code == 422
    assert f"Expected: 204 Actual: {status}" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({}, 400, "callbackUri"),
        ({"callbackUri": "not a uri"}, 400, "callbackUri"),
        ({"callbackUri": "ftp://x/"}, 400, "callbackUri"),
        ({"callbackUri": "http://127.0.0.1:1/", "verbosity": "LOUD"}, 400, "verbosity"),
        ({"callbackUri": "http://127.0.0.1:1/", "filter": {"operationStates": ["DONE"]}}, 400, "operationStates"),
        ({"callbackUri": "http://127.0.0.1:1/", "filter": {"notificationTypes": ["Alarm"]}}, 400, "notificationTypes"),
        ({"callbackUri": "http://127.0.0.1:1/", "filter": {"colour": ["red"]}}, 400, "colour"),
        ({"callbackUri": "http://127.0.0.1:1/", "authentication": {"authType": ["BASIC"]}}, 422, "authentication"),
    ],
)
def test_bad_subscription(manager: Manager, body: dict[str, Any], status: int, word: str) -> None:
    answer = manager.request("POST", "/subscriptions", body)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert word in answer.json()["detail"]


def test_whole_life_is_told_in_order(manager: Manager, subscriber: Subscriber) -> None:
    made = subscribe(manager, subscriber)
    instance = manager.instantiated()
    upgrade = manager.upgraded(instance)
    manager.finish(manager.start(instance, "terminate", {"terminationType": "FORCEFUL"}))
    manager.request("DELETE", instance)
    wait_for(lambda: len(subscriber.received) == 11, "all notifications")
    told = [
        (one["notificationType"], one.get("operation"), one.get("operationState"), one.get("notificationStatus"))
        for one in subscriber.received
    ]
    operation = [("STARTING", "START"), ("PROCESSING", "RESULT"), ("COMPLETED", "RESULT")]
    assert told == [
        (CREATION, None, None, None),
        *((OP_OCC, name, *step) for name in ("INSTANTIATE", "CHANGE_VNFPKG", "TERMINATE") for step in operation),
        (DELETION, None, None, None),
    ]
    assert len({one["id"] for one in subscriber.received}) == 11
    assert {one["subscriptionId"] for one in subscriber.received} == {made["id"]}
    assert {one["vnfInstanceId"] for one in subscriber.received} == {instance.rpartition("/")[2]}
    result = subscriber.received[6]
    assert result["affectedVnfcs"] == upgrade["resourceChanges"]["affectedVnfcs"]
    assert result["modificationsTriggeredByVnfPkgChange"]["vnfdId"] == NEW.vnfd_id
    assert (result["vnfLcmOpOccId"], result["isAutomaticInvocation"]) == (upgrade["id"], False)
    assert result["_links"] == {
        "vnfInstance": {"href": instance},
        "vnfLcmOpOcc": {"href": upgrade["_links"]["self"]["href"]},
        "subscription": {"href": made["location"]},
    }
    assert all("error" not in one for one in subscriber.received)
    stamps = [one["timeStamp"] for one in subscriber.received]
    assert stamps == sorted(stamps)


def test_failure_is_told_with_its_error(manager: Manager, subscriber: Subscriber) -> None:
    subscribe(manager, subscriber)
    instance = manager.instantiated()
    failed = manager.failed_upgrade(instance)
    manager.request("POST", failed["_links"]["fail"]["href"])
    wait_for(lambda: len(subscriber.states("CHANGE_VNFPKG")) == 4, "notifications of the upgrade")
    assert subscriber.states("CHANGE_VNFPKG") == ["STARTING", "PROCESSING", "FAILED_TEMP", "FAILED"]
    upgrade = [one for one in subscriber.received if one.get("operation") == "CHANGE_VNFPKG"]
    assert [one.get("error") for one in upgrade] == [None, None, failed["error"], failed["error"]]


def test_state_is_stored_before_it_is_told(manager: Manager, subscriber: Subscriber) -> None:
    """A GET from within the notification handler never shows an earlier state."""
    order = ["STARTING", "PROCESSING", "COMPLETED"]
    seen: list[tuple[str, str]] = []

    def look(document: dict[str, Any]) -> None:
        if document["notificationType"] == OP_OCC:
            state = manager.get(document["_links"]["vnfLcmOpOcc"]["href"])["operationState"]
            seen.append((document["operationState"], state))

    subscriber.on_notification = look
    subscribe(manager, subscriber)
    instance = manager.instantiated()
    manager.upgraded(instance)
    wait_for(lambda: len(seen) == 6, "six notifications")
    assert [told for told, _ in seen] == order * 2
    assert all(order.index(stored) >= order.index(told) for told, stored in seen)


def test_new_version_is_stored_before_completed_is_told(manager: Manager, subscriber: Subscriber) -> None:
    versions: list[str] = []

    def look(document: dict[str, Any]) -> None:
        if document.get("operationState") == "COMPLETED":
            versions.append(manager.get(document["_links"]["vnfInstance"]["href"])["vnfSoftwareVersion"])

    subscriber.on_notification = look
    subscribe(manager, subscriber)
    manager.upgraded(manager.instantiated())
    wait_for(lambda: len(versions) == 2, "two results")
    assert versions == ["1.0", "2.0"]


def test_short_notifications_leave_details_out(manager: Manager, subscriber: Subscriber) -> None:
    subscribe(manager, subscriber, verbosity="SHORT")
    manager.upgraded(manager.instantiated())
    wait_for(lambda: len(subscriber.received) == 7, "seven notifications")
    assert not any({"affectedVnfcs", "modificationsTriggeredByVnfPkgChange"} & set(one) for one in subscriber.received)


def test_all_subscriptions_get_the_same_notification_id(manager: Manager, subscriber: Subscriber) -> None:
    ids = {subscribe(manager, subscriber)["id"] for _ in range(2)}
    manager.create()
    wait_for(lambda: len(subscriber.received) == 2, "one notification each")
    assert {one["subscriptionId"] for one in subscriber.received} == ids
    assert len({one["id"] for one in subscriber.received}) == 1


def test_deleted_subscription_is_not_told(manager: Manager, subscriber: Subscriber) -> None:
    gone, stays = subscribe(manager, subscriber), subscribe(manager, subscriber)
    manager.request("DELETE", gone["location"])
    manager.create()
    manager.create()
    wait_for(lambda: len(subscriber.received) == 2, "two notifications")
    assert {one["subscriptionId"] for one in subscriber.received} == {stays["id"]}


def test_dead_subscriber_blocks_nobody(manager: Manager, subscriber: Subscriber) -> None:
    """One subscriber hangs in its first notification: operations go on and others are told."""
    released = threading.Event()
    hanging = Subscriber()
    hanging.on_notification = lambda _document: released.wait(20) and None
    subscribe(manager, hanging)
    subscribe(manager, subscriber)
    manager.upgraded(manager.instantiated())
    wait_for(lambda: len(subscriber.received) == 7, "the living subscriber's notifications")
    assert hanging.received == []
    released.set()
    hanging.close()


def test_refused_notification_is_repeated_before_the_next(manager: Manager, subscriber: Subscriber) -> None:
    subscriber.post_statuses = [503, 503]
    subscribe(manager, subscriber)
    first, second = manager.create(), manager.create()
    wait_for(lambda: len(subscriber.received) == 4, "two repetitions and two notifications")
    places = [one["_links"]["vnfInstance"]["href"] for one in subscriber.received]
    assert places == [first] * 3 + [second]
    assert len({one["id"] for one in subscriber.received}) == 2


def test_delivery_is_given_up_after_some_attempts(manager: Manager, subscriber: Subscriber) -> None:
    subscriber.post_statuses = [500] * ATTEMPTS
    subscribe(manager, subscriber)
    first, second = manager.create(), manager.create()
    wait_for(lambda: len(subscriber.received) == ATTEMPTS + 1, "the attempts and the next notification")
    places = [one["_links"]["vnfInstance"]["href"] for one in subscriber.received]
    assert places == [first] * ATTEMPTS + [second]


def test_subscription_survives_a_restart(tmp_path: Path, subscriber: Subscriber) -> None:
    manager = Manager(tmp_path / "vnfm.sqlite")
    subscribe(manager, subscriber)
    manager.close()
    manager = Manager(tmp_path / "vnfm.sqlite")
    manager.create()
    wait_for(lambda: len(subscriber.received) == 1, "notification after the restart")
    manager.close()


OPERATION_EVENT = {"notificationType": OP_OCC, "operation": "CHANGE_VNFPKG", "operationState": "PROCESSING"}
IDENTIFIER_EVENT = {"notificationType": CREATION}
INSTANCE: InstanceRecord = record("i1", name="gate")


@pytest.mark.parametrize(
    ("wanted", "notification", "expected"),
    [
        (None, OPERATION_EVENT, True),
        ({}, OPERATION_EVENT, True),
        ({"notificationTypes": [OP_OCC]}, OPERATION_EVENT, True),
        ({"notificationTypes": [OP_OCC]}, IDENTIFIER_EVENT, False),
        ({"notificationTypes": [CREATION, OP_OCC]}, IDENTIFIER_EVENT, True),
        ({"operationTypes": ["CHANGE_VNFPKG"]}, OPERATION_EVENT, True),
        ({"operationTypes": ["TERMINATE", "HEAL"]}, OPERATION_EVENT, False),
        ({"operationStates": ["PROCESSING", "COMPLETED"]}, OPERATION_EVENT, True),
        ({"operationStates": ["COMPLETED"]}, OPERATION_EVENT, False),
        ({"operationTypes": ["CHANGE_VNFPKG"], "operationStates": ["COMPLETED"]}, OPERATION_EVENT, False),
        ({"operationTypes": ["TERMINATE"]}, IDENTIFIER_EVENT, True),
        ({"vnfInstanceSubscriptionFilter": {"vnfInstanceIds": ["i1"]}}, OPERATION_EVENT, True),
        ({"vnfInstanceSubscriptionFilter": {"vnfInstanceIds": ["i2"]}}, OPERATION_EVENT, False),
        ({"vnfInstanceSubscriptionFilter": {"vnfInstanceIds": ["i2"]}}, IDENTIFIER_EVENT, False),
        ({"vnfInstanceSubscriptionFilter": {"vnfdIds": [OLD.vnfd_id]}}, OPERATION_EVENT, True),
        ({"vnfInstanceSubscriptionFilter": {"vnfdIds": [NEW.vnfd_id]}}, OPERATION_EVENT, False),
        ({"vnfInstanceSubscriptionFilter": {"vnfInstanceNames": ["gate"]}}, OPERATION_EVENT, True),
        ({"vnfInstanceSubscriptionFilter": {"vnfInstanceNames": ["wall"]}}, OPERATION_EVENT, False),
    ],
)
def test_filter(wanted: dict[str, Any] | None, notification: dict[str, Any], *, expected: bool) -> None:
    subscription = SubscriptionRecord(id="s", callback_uri="http://x/", filter=wanted)
    assert matches(subscription, Event(notification, INSTANCE)) is expected


def test_instance_without_a_name_does_not_pass_a_filter_on_names() -> None:
    wanted = {"vnfInstanceSubscriptionFilter": {"vnfInstanceNames": ["gate"]}}
    subscription = SubscriptionRecord(id="s", callback_uri="http://x/", filter=wanted)
    assert not matches(subscription, Event(OPERATION_EVENT, record("i1")))


def test_filter_keeps_others_out(manager: Manager, subscriber: Subscriber) -> None:
    subscribe(manager, subscriber, filter={"operationTypes": ["CHANGE_VNFPKG"], "notificationTypes": [OP_OCC]})
    manager.upgraded(manager.instantiated())
    wait_for(lambda: len(subscriber.received) == 3, "three notifications")
    assert subscriber.states("CHANGE_VNFPKG") == ["STARTING", "PROCESSING", "COMPLETED"]


def test_closed_notifier_stops_repeating() -> None:
    attempted = threading.Event()

    def refuse(_uri: str, _document: Mapping[str, Any]) -> None:
        attempted.set()
        raise DeliveryError

    notifier = Notifier(lambda notification, _subscription: notification, refuse)
    notifier.add(SubscriptionRecord(id="s", callback_uri="http://x/"))
    notifier.publish(Event(OPERATION_EVENT | {"id": "n"}, INSTANCE))
    assert attempted.wait(10)
    notifier.close()
    wait_for(
        lambda: not any(thread.name == "notify-s" for thread in threading.enumerate()), "end of the delivery thread"
    )
