"""Healing: new units first, then the users, then the old ones go."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vnfm.fakes import OLD
from tests.vnfm.manager import Manager, wait_for
from tests.vnfm.upgrades import links


def heal(manager: Manager, instance: str, body: Any = None) -> Any:
    return manager.finish(manager.start(instance, "heal", body))


def resources(manager: Manager, instance: str) -> list[Any]:
    return list(manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"])


@pytest.mark.parametrize("body", [None, {}, {"cause": "somebody said so"}])
def test_nothing_to_heal(manager: Manager, body: Any) -> None:
    instance = manager.instantiated()
    before = resources(manager, instance)
    assert heal(manager, instance, body)["operationState"] == "COMPLETED"
    assert resources(manager, instance) == before


def test_unit_that_does_not_answer_is_replaced(manager: Manager) -> None:
    instance = manager.instantiated()
    before = resources(manager, instance)
    dead = before[1]["metadata"]["name"]
    manager.site.sessions_of = lambda name, _at_s: None if name == dead else 0
    manager.site.happenings.clear()
    done = heal(manager, instance)
    after = resources(manager, instance)
    assert done["operationState"] == "COMPLETED"
    assert [one["id"] for one in after[:3]] == [before[number]["id"] for number in (0, 2, 3)]
    assert len(after) == 4
    assert [one["changeType"] for one in done["resourceChanges"]["affectedVnfcs"]] == ["ADDED", "REMOVED"]
    order = [one.what for one in manager.site.happenings if one.what in {"create_server", "set_split", "delete_server"}]
    assert order == ["create_server", "set_split", "delete_server"]
    (split,) = manager.site.split
    assert dead not in split.units
    assert len(split.units) == 4


def test_named_units_are_replaced_though_they_are_well(manager: Manager) -> None:
    instance = manager.instantiated()
    before = resources(manager, instance)
    named = [before[0]["id"], before[3]["id"]]
    assert heal(manager, instance, {"vnfcInstanceId": named})["operationState"] == "COMPLETED"
    after = [one["id"] for one in resources(manager, instance)]
    assert after[:2] == [before[1]["id"], before[2]["id"]]
    assert len(after) == 4
    assert not set(named) & set(after)
    assert {server.image for server in manager.site.servers.values()} == {OLD.image}


@pytest.mark.parametrize("method", ["create_server", "server", "set_split", "delete_server"])
def test_retry_makes_no_unit_too_many(manager: Manager, method: str) -> None:
    instance = manager.instantiated()
    named = [one["id"] for one in resources(manager, instance)[:2]]
    manager.site.fail_at(method, call=1 if method == "set_split" else 2)
    failed = heal(manager, instance, {"vnfcInstanceId": named})
    assert failed["operationState"] == "FAILED_TEMP"
    assert links(failed) == {"retry", "fail"}
    uri = failed["_links"]["self"]["href"]
    manager.task(uri, "retry")
    wait_for(lambda: manager.get(uri)["operationState"] == "COMPLETED", "COMPLETED")
    after = [one["id"] for one in resources(manager, instance)]
    assert len(after) == len(manager.site.servers) == 4
    assert not set(named) & set(after)


def test_healed_instance_has_nothing_left_of_a_unit_that_never_worked(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.task(manager.failed_upgrade(instance)["_links"]["self"]["href"], "fail")
    assert len(resources(manager, instance)) == 5
    assert heal(manager, instance)["operationState"] == "COMPLETED"
    assert len(resources(manager, instance)) == len(manager.site.servers) == 4
