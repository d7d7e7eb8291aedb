"""What each defect of the life-cycle contract does, and that it does no more."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.defects.contract_requests import (
    DisabledPackageEngine,
    NotFoundEngine,
    QueueingJournal,
    SlowRefusalJournal,
    TraceEngine,
)
from lab.defects.contract_results import (
    ReorderingRunner,
    StaleIdentityRunner,
    StaleVersionJournal,
    TalkativeDocuments,
)
from lab.defects.contract_states import (
    DelayLine,
    LeisurelyJournal,
    NotifyingFirstJournal,
    RepeatingJournal,
    SilentJournal,
    SkippingJournal,
    SlowJournal,
)
from lab.defects.contract_tasks import (
    LocatingDocuments,
    ObligingEngine,
    OfferingDocuments,
    SlowCancelRunner,
    StuckRunner,
)
from lab.vnfm.journal import Journal
from lab.vnfm.notifications import Event
from lab.vnfm.packages import Catalogue, Package, PackageDisabledError
from lab.vnfm.service import Choices
from lab.vnfm.upgrade import FourStepUpgrade
from tests.vnfm.consumer import Subscriber
from tests.vnfm.fakes import CATALOGUE, NEW, OLD, package
from tests.vnfm.manager import Manager, wait_for
from tests.vnfm.test_store import instance as record
from tests.vnfm.upgrades import CHANGE, Upgrade, links

DISABLED = package("0.9", "33333333-3333-4333-8333-333333333333")
UNKNOWN = "99999999-9999-4999-8999-999999999999"

Make = Callable[..., Manager]


class WithDisabled(Catalogue):
    """The usual packages, and one that is DISABLED."""

    def __init__(self) -> None:
        super().__init__([*CATALOGUE.values(), DISABLED])
        self.disabled = {DISABLED.vnfd_id}

    def __getitem__(self, vnfd_id: str) -> Package:
        if vnfd_id in self.disabled:
            raise PackageDisabledError(f"package {vnfd_id} - Expected: ENABLED Actual: DISABLED")
        return super().__getitem__(vnfd_id)

    def on_board(self, vnfd_id: str) -> Package:
        return super().__getitem__(vnfd_id)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Manager] = []

    def manager(**choices: Any) -> Manager:
        path = tmp_path / f"{len(made)}.sqlite"
        made.append(Manager(path, choices=Choices(FourStepUpgrade, **choices), catalogue=WithDisabled()))
        return made[-1]

    yield manager
    for each in made:
        each.close()


def change(manager: Manager, instance: str, vnfd_id: str) -> tuple[int, int]:
    """Ask for a change of package; returns the status and how many operations there are then."""
    answer = manager.request("POST", f"{instance}/change_vnfpkg", {"vnfdId": vnfd_id})
    return answer.status_code, len(manager.get("/vnf_lcm_op_occs"))


# --- requests ------------------------------------------------------------------------------------------------------


def test_the_standard_engine_refuses_a_disabled_package_and_leaves_nothing(make: Make) -> None:
    manager = make()
    instance = manager.instantiated()
    assert change(manager, instance, DISABLED.vnfd_id) == (422, 1)
    assert change(manager, instance, UNKNOWN) == (422, 1)
    answer = manager.request("POST", "/vnf_instances", {"vnfdId": DISABLED.vnfd_id})
    assert answer.status_code == 422
    assert "DISABLED" in answer.json()["detail"]


def test_an_instance_on_a_package_that_was_disabled_meanwhile_can_be_upgraded(make: Make) -> None:
    manager = make()
    manager.catalogue.disabled.clear()
    instance = manager.create(DISABLED.vnfd_id)
    manager.finish(manager.start(instance, "instantiate", {"flavourId": "default"}))
    manager.catalogue.disabled.add(DISABLED.vnfd_id)
    assert manager.upgraded(instance)["operationState"] == "COMPLETED"


def test_disabled_package_is_accepted_and_nothing_touched(make: Make) -> None:
    manager = make(engine=DisabledPackageEngine)
    instance = manager.instantiated()
    before = manager.get(instance)
    assert change(manager, instance, DISABLED.vnfd_id) == (202, 2)
    operation = manager.get("/vnf_lcm_op_occs?all_fields")[1]
    assert (operation["operationState"], operation["operation"]) == ("ROLLED_BACK", "CHANGE_VNFPKG")
    assert operation["error"]["detail"]
    assert manager.get(instance) == before
    assert change(manager, instance, UNKNOWN) == (422, 2)
    assert manager.upgraded(instance)["operationState"] == "COMPLETED"


def test_refusal_leaves_a_trace(make: Make) -> None:
    manager = make(engine=TraceEngine)
    instance = manager.instantiated()
    before = manager.get(instance)
    assert change(manager, instance, UNKNOWN) == (422, 2)
    assert change(manager, instance, DISABLED.vnfd_id) == (422, 3)
    assert change(manager, manager.create(), NEW.vnfd_id) == (409, 3)
    assert change(manager, "/vnf_instances/nobody", NEW.vnfd_id) == (404, 3)
    assert manager.request("POST", f"{instance}/change_vnfpkg", {}).status_code == 400
    assert manager.get(instance) == before
    assert manager.upgraded(instance)["operationState"] == "COMPLETED"


def test_not_found_instead_of_unprocessable(make: Make) -> None:
    manager = make(engine=NotFoundEngine)
    instance = manager.instantiated()
    assert change(manager, instance, UNKNOWN) == (404, 1)
    assert change(manager, instance, DISABLED.vnfd_id) == (404, 1)
    assert change(manager, manager.create(), NEW.vnfd_id) == (409, 1)
    assert manager.upgraded(instance)["operationState"] == "COMPLETED"


def test_second_operation_waits_and_is_not_granted(make: Make, subscriber: Subscriber) -> None:
    manager = make(journal=QueueingJournal)
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    upgrade = Upgrade(manager)
    second = manager.start(upgrade.instance, "terminate", {"terminationType": "FORCEFUL"})
    third = manager.start(upgrade.instance, "scale", {"type": "SCALE_OUT", "aspectId": "gateway"})
    assert [manager.get(uri)["operationState"] for uri in (second, third)] == ["STARTING"] * 2
    upgrade.failed()
    assert [manager.get(uri)["operationState"] for uri in (second, third)] == ["STARTING"] * 2
    manager.task(upgrade.uri, "rollback")
    assert [manager.finish(uri)["operationState"] for uri in (second, third)] == ["ROLLED_BACK"] * 2
    assert manager.get(upgrade.instance) == upgrade.before
    wait_for(lambda: subscriber.states("TERMINATE") == ["STARTING", "ROLLED_BACK"], "notifications")
    assert manager.upgraded(upgrade.instance)["operationState"] == "COMPLETED"


def test_queued_operation_can_be_cancelled(make: Make) -> None:
    manager = make(journal=QueueingJournal)
    upgrade = Upgrade(manager)
    second = manager.start(upgrade.instance, "terminate", {"terminationType": "FORCEFUL"})
    assert manager.task(second, "cancel", {"cancelMode": "GRACEFUL"}).status_code == 202
    assert manager.get(second)["operationState"] == "ROLLED_BACK"
    upgrade.go_on.set()
    upgrade.rests_in("COMPLETED")


@pytest.mark.parametrize("task", ["change_vnfpkg", "terminate", "scale"])
def test_slow_refusal_holds_up_nobody_else(make: Make, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    manager = make(journal=SlowRefusalJournal)
    upgrade = Upgrade(manager)
    free: list[bool] = []
    lock = manager.service.runner._journal._lock

    def sleep(seconds: float) -> None:
        def look() -> None:
            free.append(lock.acquire(blocking=False))
            if free[-1]:
                lock.release()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        slept.append(seconds)

    monkeypatch.setattr("lab.defects.contract_requests.sleep", sleep)
    body = CHANGE | {"terminationType": "FORCEFUL", "type": "SCALE_OUT", "aspectId": "gateway"}
    assert manager.request("POST", f"{upgrade.instance}/{task}", body).status_code == 409
    monkeypatch.undo()
    assert (slept, free) == ([1.0], [True])
    upgrade.go_on.set()
    upgrade.rests_in("COMPLETED")


# --- states --------------------------------------------------------------------------------------------------------


def told(subscriber: Subscriber, count: int) -> list[str]:
    wait_for(lambda: len(subscriber.states("CHANGE_VNFPKG")) >= count, f"{count} notifications")
    return subscriber.states("CHANGE_VNFPKG")


def test_processing_is_told_before_it_is_stored(
    make: Make, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = make(journal=NotifyingFirstJournal)
    shown: list[tuple[str, str]] = []
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        wait_for(lambda: len(shown) == 2, "the subscriber's look at what it was told")

    instance = manager.instantiated()
    monkeypatch.setattr("lab.defects.contract_states.sleep", sleep)

    def look(document: dict[str, Any]) -> None:
        if document.get("operation") == "CHANGE_VNFPKG":
            seen = manager.get(document["_links"]["vnfLcmOpOcc"]["href"])["operationState"]
            shown.append((document["operationState"], seen))

    subscriber.on_notification = look
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    assert manager.upgraded(instance)["operationState"] == "COMPLETED"
    assert told(subscriber, 3) == ["STARTING", "PROCESSING", "COMPLETED"]
    wait_for(lambda: len(shown) == 3, "the last look")
    assert shown[1:] == [("PROCESSING", "STARTING"), ("COMPLETED", "COMPLETED")]
    assert slept == [0.3]


def test_processing_is_neither_stored_nor_told(make: Make, subscriber: Subscriber) -> None:
    manager = make(journal=SkippingJournal)
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    upgrade = Upgrade(manager)
    assert upgrade.state() == "STARTING"
    upgrade.go_on.set()
    ended = upgrade.rests_in("COMPLETED")
    assert ended["modificationsTriggeredByVnfPkgChange"]["vnfSoftwareVersion"] == "2.0"
    assert told(subscriber, 2) == ["STARTING", "COMPLETED"]


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        (SilentJournal, ["STARTING", "COMPLETED"]),
        (RepeatingJournal, ["STARTING", "PROCESSING", "PROCESSING", "COMPLETED"]),
    ],
)
def test_processing_is_stored_and_told_not_at_all_or_twice(
    make: Make, subscriber: Subscriber, journal: type[Journal], expected: list[str]
) -> None:
    manager = make(journal=journal)
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    upgrade = Upgrade(manager)
    assert upgrade.state() == "PROCESSING"
    upgrade.go_on.set()
    upgrade.rests_in("COMPLETED")
    assert told(subscriber, len(expected)) == expected
    ids = [one["id"] for one in subscriber.received]
    assert len(set(ids)) == len(ids)


def test_what_is_cancelled_has_been_in_processing(make: Make, subscriber: Subscriber) -> None:
    manager = make(journal=SkippingJournal)
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    upgrade = Upgrade(manager)
    assert upgrade.cancel().status_code == 202
    assert upgrade.state() == "PROCESSING"
    upgrade.go_on.set()
    upgrade.rests_in("FAILED_TEMP")
    manager.site.hooks.clear()
    manager.task(upgrade.uri, "rollback")
    upgrade.rests_in("ROLLED_BACK")
    assert told(subscriber, 5) == ["STARTING", "PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "ROLLED_BACK"]


def test_what_fails_has_been_in_processing(make: Make, subscriber: Subscriber) -> None:
    manager = make(journal=SkippingJournal)
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    manager.failed_upgrade(manager.instantiated())
    assert told(subscriber, 3) == ["STARTING", "PROCESSING", "FAILED_TEMP"]


def test_delays_lie_on_both_sides_of_five_seconds() -> None:
    assert (SlowJournal.delay_s, LeisurelyJournal.delay_s) == (6.5, 3.0)


def test_delay_line_keeps_the_order_and_the_time() -> None:
    passed: queue.SimpleQueue[tuple[float, Event]] = queue.SimpleQueue()
    line = DelayLine(lambda event: passed.put((time.monotonic(), event)), 0.05)
    events = [Event({"number": number}, record("i")) for number in range(5)]
    begun_s = time.monotonic()
    for event in events:
        line.put(event)
    arrived = [passed.get(timeout=20) for _ in events]
    assert [event for _, event in arrived] == events
    assert all(at_s - begun_s >= 0.05 for at_s, _ in arrived)


def test_slow_notifications_are_the_same_in_the_same_order(make: Make, subscriber: Subscriber) -> None:
    class Slow(SlowJournal):
        delay_s = 0.2

    manager = make(journal=Slow)
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    assert manager.upgraded(manager.instantiated())["operationState"] == "COMPLETED"
    assert told(subscriber, 3) == ["STARTING", "PROCESSING", "COMPLETED"]


# --- results -------------------------------------------------------------------------------------------------------


def test_software_version_stays_behind(make: Make) -> None:
    manager = make(journal=StaleVersionJournal)
    instance = manager.instantiated()
    done = manager.upgraded(instance)
    assert done["operationState"] == "COMPLETED"
    assert done["modificationsTriggeredByVnfPkgChange"]["vnfSoftwareVersion"] == "2.0"
    after = manager.get(instance)
    assert (after["vnfdId"], after["vnfdVersion"], after["vnfSoftwareVersion"]) == (NEW.vnfd_id, "2.0", "1.0")


def test_more_is_said_and_nothing_less(make: Make, subscriber: Subscriber) -> None:
    manager = make(documents=TalkativeDocuments)
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    instance = manager.instantiated()
    done = manager.upgraded(instance)
    told(subscriber, 3)
    for document in (done, manager.get(instance), subscriber.received[-1]):
        assert document["customData"]["levels"] == [1, 2, 3]
        assert {"id", "_links"} <= set(document)
    assert manager.get(instance) == manager.get(instance)


def roll_back(upgrade: Upgrade) -> Any:
    upgrade.failed()
    assert upgrade.manager.task(upgrade.uri, "rollback").status_code == 202
    upgrade.rests_in("ROLLED_BACK")
    return upgrade.manager.get(upgrade.instance)


def test_destination_stays_on_the_instance_after_a_rollback(make: Make) -> None:
    manager = make(runner=StaleIdentityRunner)
    upgrade = Upgrade(manager)
    after = roll_back(upgrade)
    assert (after["vnfdId"], after["vnfSoftwareVersion"], after["vnfdVersion"]) == (NEW.vnfd_id, "2.0", "1.0")
    assert {server.image for server in manager.site.servers.values()} == {OLD.image}


def test_stale_destination_does_not_stand_in_the_way_of_further_upgrades(make: Make) -> None:
    manager = make(runner=StaleIdentityRunner)
    upgrade = Upgrade(manager)
    roll_back(upgrade)
    assert manager.upgraded(upgrade.instance)["operationState"] == "COMPLETED"
    assert {server.image for server in manager.site.servers.values()} == {NEW.image}
    assert len(manager.site.servers) == 4


def test_units_are_listed_in_another_order_after_a_rollback(make: Make) -> None:
    upgrade = Upgrade(make(runner=ReorderingRunner))
    after = roll_back(upgrade)
    resources, former = (one["instantiatedVnfInfo"].pop("vnfcResourceInfo") for one in (after, upgrade.before))
    assert resources == former[::-1]
    assert after == upgrade.before


# --- tasks ---------------------------------------------------------------------------------------------------------


def test_rollback_of_what_is_completed(make: Make) -> None:
    manager = make(engine=ObligingEngine)
    instance = manager.instantiated()
    done = manager.upgraded(instance)
    uri = done["_links"]["self"]["href"]
    assert manager.task(uri, "rollback").status_code == 202
    assert manager.get(uri) == done
    assert links(done) == set()
    for task in ("retry", "fail"):
        assert manager.task(uri, task).status_code == 409


def test_a_rollback_is_offered_where_it_is_refused(make: Make) -> None:
    manager = make(documents=OfferingDocuments)
    upgrade = Upgrade(manager)
    assert links(manager.get(upgrade.uri)) == {"cancel"}
    upgrade.go_on.set()
    done = upgrade.rests_in("COMPLETED")
    assert links(done) == {"rollback"}
    assert manager.task(upgrade.uri, "rollback").status_code == 409


def test_cancelled_rollback_is_stuck(make: Make) -> None:
    manager = make(runner=StuckRunner)
    upgrade = Upgrade(manager)
    upgrade.failed()
    upgrade.go_on = upgrade.hold("set_split")
    manager.task(upgrade.uri, "rollback")
    upgrade.arrived("rollback")
    assert upgrade.cancel("FORCEFUL").status_code == 202
    upgrade.go_on.set()
    for worker in manager.service.runner._workers:
        worker.join(20)
    document = manager.get(upgrade.uri)
    assert (document["operationState"], document["isCancelPending"]) == ("ROLLING_BACK", True)


def test_rollback_that_nobody_cancels_is_not_stuck(make: Make) -> None:
    upgrade = Upgrade(make(runner=StuckRunner))
    assert roll_back(upgrade) == upgrade.before


def test_tasks_tell_where_the_operation_is(make: Make) -> None:
    manager = make(documents=LocatingDocuments)
    upgrade = Upgrade(manager)
    assert upgrade.cancel().headers["Location"] == upgrade.uri
    upgrade.go_on.set()
    upgrade.rests_in("FAILED_TEMP")
    manager.site.hooks.clear()
    assert manager.task(upgrade.uri, "rollback").headers["Location"] == upgrade.uri


class Timer:
    """Stands still until a test says that the time has come."""

    made: list[Timer]

    def __init__(self, seconds: float, action: Callable[[], None]) -> None:
        self.seconds = seconds
        self.action = action
        self.daemon = False
        self.made.append(self)

    def start(self) -> None:
        assert self.daemon


def test_cancellation_takes_effect_later(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    Timer.made = []
    monkeypatch.setattr("lab.defects.contract_tasks.Timer", Timer)
    manager = make(runner=SlowCancelRunner)
    upgrade = Upgrade(manager)
    assert upgrade.cancel().status_code == 202
    (timer,) = Timer.made
    assert timer.seconds == 1.5
    assert manager.get(upgrade.uri)["isCancelPending"] is True
    timer.action()
    upgrade.go_on.set()
    upgrade.rests_in("FAILED_TEMP")


def test_late_cancellation_does_not_hit_what_came_after(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    Timer.made = []
    monkeypatch.setattr("lab.defects.contract_tasks.Timer", Timer)
    manager = make(runner=SlowCancelRunner)
    upgrade = Upgrade(manager)
    upgrade.failed()  # the cancelled upgrade came to its end before the timer
    upgrade.go_on = upgrade.hold("set_split")
    manager.task(upgrade.uri, "rollback")
    upgrade.arrived("rollback")
    (timer,) = Timer.made
    timer.action()
    upgrade.go_on.set()
    upgrade.rests_in("ROLLED_BACK")
