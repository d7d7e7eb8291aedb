"""After a failure: retry, rollback, fail; in every order, of every kind, and after a restart."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.vnfm.records import OperationRecord
from lab.vnfm.store import Store
from tests.vnfm.consumer import Subscriber
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.manager import Manager, wait_for
from tests.vnfm.upgrades import CHANGE, Upgrade, links


@pytest.fixture
def upgrade(manager: Manager) -> Iterator[Upgrade]:
    running = Upgrade(manager)
    yield running
    running.go_on.set()


def test_of_two_tasks_at_the_same_time_one_is_done(manager: Manager) -> None:
    for _ in range(5):
        failed = manager.failed_upgrade(manager.instantiated())["_links"]["self"]["href"]
        together = threading.Barrier(2)
        answers: list[int] = []

        def ask(task: str) -> None:
            together.wait()  # noqa: B023 - joined below
            answers.append(manager.task(failed, task).status_code)  # noqa: B023 - joined below

        threads = [threading.Thread(target=ask, args=(task,)) for task in ("fail", "rollback")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(answers) & {200, 202}) == 1
        assert 409 in answers
        wait_for(lambda: manager.get(failed)["operationState"] in {"FAILED", "ROLLED_BACK"}, "an end")  # noqa: B023


def test_rollback_restores_what_was_there(upgrade: Upgrade) -> None:
    upgrade.failed()
    manager = upgrade.manager
    assert manager.task(upgrade.uri, "rollback").status_code == 202
    ended = upgrade.rests_in("ROLLED_BACK")
    assert "cancelled" in ended["error"]["detail"]
    assert manager.get(upgrade.instance) == upgrade.before
    assert [one["changeType"] for one in ended["resourceChanges"]["affectedVnfcs"]] == ["TEMPORARY"]
    assert len(manager.site.servers) == 4
    assert "modificationsTriggeredByVnfPkgChange" not in ended


def test_rollback_after_old_units_are_gone_makes_them_again(manager: Manager) -> None:
    upgrade = Upgrade(manager, "delete_server")
    manager.site.hooks.clear()
    calls = itertools.count()

    def refuse_second(_argument: object) -> None:
        if next(calls) == 1:
            upgrade.cancel()

    manager.site.hooks["delete_server"] = refuse_second
    upgrade.go_on.set()
    upgrade.rests_in("FAILED_TEMP")
    manager.site.hooks.clear()
    manager.task(upgrade.uri, "rollback")
    upgrade.rests_in("ROLLED_BACK")
    after = manager.get(upgrade.instance)
    for name in ("vnfdId", "vnfSoftwareVersion", "vnfdVersion", "instantiationState"):
        assert after[name] == upgrade.before[name]
    assert after["instantiatedVnfInfo"]["scaleStatus"] == upgrade.before["instantiatedVnfInfo"]["scaleStatus"]
    assert len(after["instantiatedVnfInfo"]["vnfcResourceInfo"]) == 4
    assert {server.image for server in manager.site.servers.values()} == {OLD.image}


def test_cancelled_rollback_can_be_rolled_back_retried_or_failed(upgrade: Upgrade) -> None:
    manager = upgrade.manager
    first = upgrade.failed()
    go_on = upgrade.hold("set_split")
    manager.task(upgrade.uri, "rollback")
    upgrade.arrived("rollback")
    rolling = manager.get(upgrade.uri)
    assert (rolling["operationState"], rolling["error"]) == ("ROLLING_BACK", first["error"])
    assert links(rolling) == {"cancel"}
    assert upgrade.cancel().status_code == 202
    assert manager.get(upgrade.uri)["isCancelPending"] is True
    go_on.set()
    ended = upgrade.rests_in("FAILED_TEMP")
    assert links(ended) == {"retry", "rollback", "fail"}
    assert ended["error"]["detail"]
    manager.site.hooks.clear()
    manager.task(upgrade.uri, "rollback")
    upgrade.rests_in("ROLLED_BACK")
    assert manager.get(upgrade.instance) == upgrade.before


def test_rollback_that_fails_can_be_tried_again(upgrade: Upgrade) -> None:
    upgrade.failed()
    manager = upgrade.manager
    manager.site.fail_at("set_split")
    manager.task(upgrade.uri, "rollback")
    wait_for(lambda: "refused for the test" in manager.get(upgrade.uri)["error"]["detail"], "the new error")
    assert upgrade.state() == "FAILED_TEMP"
    manager.task(upgrade.uri, "retry")
    upgrade.rests_in("COMPLETED")
    assert "error" not in manager.get(upgrade.uri)


def test_retry_goes_on_to_the_end(upgrade: Upgrade) -> None:
    upgrade.failed()
    manager = upgrade.manager
    answer = manager.task(upgrade.uri, "retry")
    assert (answer.status_code, answer.content) == (202, b"")
    ended = upgrade.rests_in("COMPLETED")
    assert ended["modificationsTriggeredByVnfPkgChange"]["vnfSoftwareVersion"] == "2.0"
    assert [one["changeType"] for one in ended["resourceChanges"]["affectedVnfcs"]] == ["ADDED"] * 4 + ["REMOVED"] * 4
    assert manager.get(upgrade.instance)["vnfdId"] == NEW.vnfd_id
    assert len(manager.site.servers) == 4


def test_retry_that_is_cancelled(upgrade: Upgrade) -> None:
    upgrade.failed()
    go_on = upgrade.hold("set_split")
    upgrade.manager.task(upgrade.uri, "retry")
    upgrade.arrived("retry")
    retried = upgrade.manager.get(upgrade.uri)
    assert retried["operationState"] == "PROCESSING"
    assert retried["error"]["detail"]
    assert upgrade.cancel("FORCEFUL").status_code == 202
    go_on.set()
    upgrade.rests_in("FAILED_TEMP")


@pytest.mark.parametrize("task", ["change_vnfpkg", "scale", "heal", "operate", "terminate"])
def test_second_operation_while_one_waits_or_works(upgrade: Upgrade, task: str) -> None:
    body = CHANGE | {
        "type": "SCALE_OUT",
        "aspectId": "gateway",
        "changeStateTo": "STOPPED",
        "terminationType": "FORCEFUL",
    }
    manager = upgrade.manager
    for state in ("PROCESSING", "FAILED_TEMP"):
        assert upgrade.state() == state
        answer = manager.request("POST", f"{upgrade.instance}/{task}", body)
        assert answer.status_code == 409
        assert state in answer.json()["detail"]
        assert len(manager.get("/vnf_lcm_op_occs")) == 2
        if state == "PROCESSING":
            upgrade.failed()


@pytest.mark.parametrize("destination", [OLD, NEW])
def test_after_fail_the_instance_can_go_to_either_version(upgrade: Upgrade, destination: Any) -> None:
    upgrade.failed()
    manager = upgrade.manager
    assert manager.task(upgrade.uri, "fail").json()["operationState"] == "FAILED"
    mixed = manager.get(upgrade.instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]
    assert [one.get("vnfdId") for one in mixed] == [None] * 4 + [NEW.vnfd_id]
    done = manager.finish(manager.start(upgrade.instance, "change_vnfpkg", {"vnfdId": destination.vnfd_id}))
    assert done["operationState"] == "COMPLETED"
    after = manager.get(upgrade.instance)
    assert after["vnfdId"] == destination.vnfd_id
    assert all("vnfdId" not in one for one in after["instantiatedVnfInfo"]["vnfcResourceInfo"])
    assert {server.image for server in manager.site.servers.values()} == {destination.image}
    assert len(after["instantiatedVnfInfo"]["vnfcResourceInfo"]) >= 4


def test_what_is_told_of_a_life_with_all_tasks(manager: Manager, subscriber: Subscriber) -> None:
    seen_by_get: list[str] = []

    def look(document: dict[str, Any]) -> None:
        if document.get("operation") == "CHANGE_VNFPKG":
            seen_by_get.append(manager.get(document["_links"]["vnfLcmOpOcc"]["href"])["operationState"])

    subscriber.on_notification = look
    manager.request("POST", "/subscriptions", {"callbackUri": subscriber.uri})
    upgrade = Upgrade(manager)
    upgrade.failed()
    for task, end in (("retry", "FAILED_TEMP"), ("rollback", "FAILED_TEMP")):
        go_on = upgrade.hold("set_split")
        manager.task(upgrade.uri, task)
        upgrade.arrived(task)
        upgrade.cancel("FORCEFUL")
        go_on.set()
        upgrade.rests_in(end)
        manager.site.hooks.clear()
    manager.task(upgrade.uri, "rollback")
    upgrade.rests_in("ROLLED_BACK")
    expected = (
        "STARTING PROCESSING FAILED_TEMP PROCESSING FAILED_TEMP ROLLING_BACK FAILED_TEMP ROLLING_BACK ROLLED_BACK"
    )
    wait_for(lambda: len(subscriber.states("CHANGE_VNFPKG")) == 9, "all notifications")
    told = [one for one in subscriber.received if one.get("operation") == "CHANGE_VNFPKG"]
    assert [one["operationState"] for one in told] == expected.split()
    assert [one["notificationStatus"] for one in told] == ["START"] + ["RESULT"] * 8
    for one in told:
        assert ("error" in one) == (one["operationState"] in {"FAILED_TEMP", "ROLLED_BACK"})
    assert len({one["id"] for one in told}) == 9
    order = expected.split()
    for position, seen in enumerate(seen_by_get):  # a GET never shows an earlier state than the notification tells
        assert seen in order[position:]


def test_instantiation_is_rolled_back_to_nothing(manager: Manager) -> None:
    instance = manager.create()
    before = manager.get(instance)
    manager.site.fail_at("create_server", call=3)
    failed = manager.finish(manager.start(instance, "instantiate", {"flavourId": "default"}))
    assert links(failed) == {"retry", "rollback", "fail"}
    uri = failed["_links"]["self"]["href"]
    manager.task(uri, "rollback")
    wait_for(lambda: manager.get(uri)["operationState"] == "ROLLED_BACK", "ROLLED_BACK")
    assert manager.site.servers == {}
    assert manager.get(instance) == before
    assert manager.request("DELETE", instance).status_code == 204


def test_instantiation_is_retried(manager: Manager) -> None:
    instance = manager.create()
    manager.site.fail_at("set_split")
    uri = manager.finish(manager.start(instance, "instantiate", {"flavourId": "default"}))["_links"]["self"]["href"]
    manager.task(uri, "retry")
    wait_for(lambda: manager.get(uri)["operationState"] == "COMPLETED", "COMPLETED")
    assert len(manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]) == 4


def test_termination_is_retried_but_not_rolled_back(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.site.fail_at("delete_server", call=2)
    failed = manager.finish(manager.start(instance, "terminate", {"terminationType": "FORCEFUL"}))
    assert links(failed) == {"retry", "fail"}
    uri = failed["_links"]["self"]["href"]
    assert manager.task(uri, "rollback").status_code == 404
    manager.task(uri, "retry")
    wait_for(lambda: manager.get(uri)["operationState"] == "COMPLETED", "COMPLETED")
    assert manager.site.servers == {}


def stored(path: Path, uri: str) -> OperationRecord:
    store = Store(path)
    record = store.get(OperationRecord, uri.rpartition("/")[2])
    store.close()
    assert record is not None
    return record


@pytest.mark.parametrize("task", ["retry", "rollback", "fail"])
@pytest.mark.parametrize("held_in", ["PROCESSING", "ROLLING_BACK"])
def test_tasks_work_after_a_restart_in_the_middle(tmp_path: Path, held_in: str, task: str) -> None:
    first = Manager(tmp_path / "vnfm.sqlite")
    upgrade = Upgrade(first)
    if held_in == "ROLLING_BACK":
        upgrade.failed()
        upgrade.go_on = upgrade.hold("set_split")
        first.task(upgrade.uri, "rollback")
        upgrade.arrived("rollback")
    assert upgrade.cancel().status_code == 202
    first.pace.stop()
    upgrade.go_on.set()
    first.close()
    assert stored(tmp_path / "vnfm.sqlite", upgrade.uri).state in {held_in, "FAILED_TEMP"}
    again = Manager(tmp_path / "vnfm.sqlite", site=first.site)
    uri = f"{again.api}/vnf_lcm_op_occs/{upgrade.uri.rpartition('/')[2]}"
    found = again.get(uri)
    assert (found["operationState"], found["isCancelPending"]) == ("FAILED_TEMP", False)
    assert again.task(uri, task).status_code in {200, 202}
    end = {"retry": "COMPLETED", "rollback": "ROLLED_BACK", "fail": "FAILED"}[task]
    wait_for(lambda: again.get(uri)["operationState"] == end, end)
    images = {server.image for server in again.site.servers.values()}
    again.close()
    if task != "fail":
        assert images == ({NEW.image} if task == "retry" else {OLD.image})
