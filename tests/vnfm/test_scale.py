"""Scaling: capacity first when it grows, users first when it shrinks, and what the descriptor permits."""

from __future__ import annotations

from typing import Any

import pytest

from tests.vnfm.fakes import NEW
from tests.vnfm.manager import Manager, wait_for
from tests.vnfm.upgrades import Upgrade, links


def scale(manager: Manager, instance: str, kind: str, steps: int = 1, **limits: float) -> Any:
    body = {"type": kind, "aspectId": "gateway", "numberOfSteps": steps, "additionalParams": limits}
    return manager.finish(manager.start(instance, "scale", body))


def level(manager: Manager, instance: str) -> int:
    (status,) = manager.get(instance)["instantiatedVnfInfo"]["scaleStatus"]
    return int(status["scaleLevel"])


def units(manager: Manager, instance: str) -> list[str]:
    return [one["id"] for one in manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]]


@pytest.mark.parametrize("steps", [1, 4])
def test_out_makes_units_before_users_come(manager: Manager, steps: int) -> None:
    instance = manager.instantiated()
    former = units(manager, instance)
    manager.site.happenings.clear()
    done = scale(manager, instance, "SCALE_OUT", steps)
    assert done["operationState"] == "COMPLETED"
    assert level(manager, instance) == 3 + steps
    assert units(manager, instance)[:4] == former
    assert [one["changeType"] for one in done["resourceChanges"]["affectedVnfcs"]] == ["ADDED"] * steps
    (split,) = manager.site.of("set_split")
    assert [(len(one.units), one.share) for one in split.subject] == [(4 + steps, 1.0)]
    assert set(split.subject[0].units) <= split.in_service


def test_in_removes_the_youngest_when_they_are_idle(manager: Manager) -> None:
    instance = manager.instantiated()
    former = units(manager, instance)
    begun_s = manager.pace.now_s()
    manager.site.happenings.clear()
    manager.site.pins_of = lambda _name, at_s: int(at_s < begun_s + 7)
    done = scale(manager, instance, "SCALE_IN", 2)
    assert done["operationState"] == "COMPLETED"
    assert units(manager, instance) == former[:2]
    assert level(manager, instance) == 1
    (split,) = manager.site.of("set_split")
    removals = manager.site.of("delete_server")
    assert [len(one.units) for one in split.subject] == [2]
    assert len(removals) == 2
    assert all(split.at_s + 7 <= one.at_s for one in removals)


def test_in_waits_no_longer_than_it_was_told_and_can_be_retried(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.site.sessions_of = lambda _name, _at_s: 1
    failed = scale(manager, instance, "SCALE_IN", 1, drain_timeout_s=5)
    assert failed["operationState"] == "FAILED_TEMP"
    assert "idle within 5 s" in failed["error"]["detail"]
    assert links(failed) == {"retry", "fail"}
    assert len(manager.site.servers) == 4
    manager.site.sessions_of = lambda _name, _at_s: 0
    manager.task(failed["_links"]["self"]["href"], "retry")
    wait_for(lambda: len(units(manager, instance)) == 3, "the rest")


def test_out_that_failed_half_way_is_retried_to_the_same_size(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.site.fail_at("create_server", call=2)
    failed = scale(manager, instance, "SCALE_OUT", 3)
    assert failed["operationState"] == "FAILED_TEMP"
    uri = failed["_links"]["self"]["href"]
    manager.task(uri, "retry")
    wait_for(lambda: manager.get(uri)["operationState"] == "COMPLETED", "COMPLETED")
    assert len(units(manager, instance)) == len(manager.site.servers) == 7


def test_out_is_rolled_back(manager: Manager) -> None:
    instance = manager.instantiated()
    before = manager.get(instance)
    manager.site.fail_at("set_split")
    failed = scale(manager, instance, "SCALE_OUT", 2)
    uri = failed["_links"]["self"]["href"]
    assert links(failed) == {"retry", "rollback", "fail"}
    manager.task(uri, "rollback")
    wait_for(lambda: manager.get(uri)["operationState"] == "ROLLED_BACK", "ROLLED_BACK")
    assert manager.get(instance) == before
    assert len(manager.site.servers) == 4


def test_scaled_instance_is_upgraded_as_a_whole(manager: Manager) -> None:
    instance = manager.instantiated()
    scale(manager, instance, "SCALE_OUT", 1)
    assert manager.upgraded(instance)["operationState"] == "COMPLETED"
    assert level(manager, instance) == 4
    assert {server.image for server in manager.site.servers.values()} == {NEW.image}


def test_versions_keep_their_names_when_a_mixed_instance_grows(manager: Manager) -> None:
    upgrade = Upgrade(manager)
    upgrade.failed()
    manager.task(upgrade.uri, "fail")
    assert scale(manager, upgrade.instance, "SCALE_OUT", 1)["operationState"] == "COMPLETED"
    assert [(one.version, len(one.units)) for one in manager.site.split] == [("1.0", 5), ("2.0", 1)]
    assert sum(one.share for one in manager.site.split) == pytest.approx(1)
