"""Operations that fail: FAILED_TEMP with the reason, a true picture of what exists, and a way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.vnfm.procedure import UpgradeProcedure
from lab.vnfm.site import SiteError
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.manager import Manager

TERMINATE = {"terminationType": "FORCEFUL"}


def test_failed_upgrade(manager: Manager) -> None:
    instance = manager.instantiated()
    failed = manager.failed_upgrade(instance)
    assert failed["error"]["status"] == 500
    assert "image is broken" in failed["error"]["detail"]
    assert set(failed["_links"]) == {"self", "vnfInstance", "fail", "retry", "rollback"}
    assert "modificationsTriggeredByVnfPkgChange" not in failed
    document = manager.get(instance)
    assert (document["vnfdId"], document["vnfSoftwareVersion"]) == (OLD.vnfd_id, "1.0")


def test_unit_that_never_became_ready_is_not_overlooked(manager: Manager) -> None:
    instance = manager.instantiated()
    failed = manager.failed_upgrade(instance)
    resources = manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]
    assert [one.get("vnfdId") for one in resources] == [None] * 4 + [NEW.vnfd_id]
    assert [(one["id"], one["changeType"]) for one in failed["resourceChanges"]["affectedVnfcs"]] == [
        (resources[4]["id"], "ADDED")
    ]
    assert {one["computeResource"]["resourceId"] for one in resources} == set(manager.site.servers)


NO_ANSWER = SiteError("no answer")


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("create_server", NO_ANSWER),
        ("server", NO_ANSWER),
        ("set_split", NO_ANSWER),
        ("pins", NO_ANSWER),
        ("delete_server", NO_ANSWER),
        ("create_server", RuntimeError("bug")),
        ("set_split", KeyError("x")),
        ("pins", AssertionError("no")),
        ("delete_server", OSError(5, "io")),
        ("set_split", SystemExit("enough")),
    ],
)
def test_whatever_goes_wrong_ends_in_failed_temp(manager: Manager, method: str, error: BaseException) -> None:
    instance = manager.instantiated()
    manager.site.fail_at(method, error=error)
    failed = manager.upgraded(instance)
    assert failed["operationState"] == "FAILED_TEMP"
    assert failed["error"]["detail"]
    listed = {
        one["computeResource"]["resourceId"] for one in manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]
    }
    assert set(manager.site.servers) <= listed


class Experiment(UpgradeProcedure):
    """Makes a unit, only to take it away again."""

    @classmethod
    def check_parameters(cls, parameters: object) -> None:
        """Accept everything."""

    def run(self) -> None:
        fleet = self._task.fleet
        (unit,) = fleet.add(self._task.destination, 1, flavour="gateway.standard", ready_timeout_s=10)
        fleet.remove(unit)

    def resume(self) -> None:
        """Do it once more."""
        self.run()

    def roll_back(self) -> None:
        """Nothing is left to undo."""


class Crash(Experiment):
    """A procedure that breaks at once, when it is made."""

    def __init__(self, *_arguments: object) -> None:
        raise TypeError("cannot even start")


def test_crash_of_a_procedure(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "vnfm.sqlite", procedure=Crash)
    failed = manager.upgraded(manager.instantiated())
    manager.close()
    assert failed["operationState"] == "FAILED_TEMP"
    assert "TypeError: cannot even start" in failed["error"]["detail"]


def test_drain_that_takes_too_long(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.site.pins_of = lambda _name, _at_s: 1
    failed = manager.upgraded(instance, drain_timeout_s=10)
    assert failed["operationState"] == "FAILED_TEMP"
    assert "Expected: idle within 10 s" in failed["error"]["detail"]
    assert len(manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]) == 8


def test_fail_then_terminate(manager: Manager) -> None:
    instance = manager.instantiated()
    failed = manager.failed_upgrade(instance)
    answer = manager.request("POST", failed["_links"]["fail"]["href"])
    assert answer.status_code == 200
    document = answer.json()
    assert (document["operationState"], document["error"]) == ("FAILED", failed["error"])
    assert document["stateEnteredTime"] >= failed["stateEnteredTime"]
    assert set(document["_links"]) == {"self", "vnfInstance"}
    assert manager.request("POST", failed["_links"]["fail"]["href"]).status_code == 409
    assert manager.finish(manager.start(instance, "terminate", TERMINATE))["operationState"] == "COMPLETED"
    assert manager.site.servers == {}
    assert manager.request("DELETE", instance).status_code == 204


def test_upgrade_after_a_failed_one(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.request("POST", manager.failed_upgrade(instance)["_links"]["fail"]["href"])
    assert manager.upgraded(instance)["operationState"] == "COMPLETED"
    assert {server.image for server in manager.site.servers.values()} == {NEW.image}
    assert manager.get(instance)["vnfSoftwareVersion"] == "2.0"


def test_left_over_of_a_failed_upgrade_is_no_capacity(manager: Manager) -> None:
    """The next upgrade removes the unit that never worked, and makes as many new units as there are working ones."""
    instance = manager.instantiated()
    manager.request("POST", manager.failed_upgrade(instance)["_links"]["fail"]["href"])
    affected = manager.upgraded(instance)["resourceChanges"]["affectedVnfcs"]
    assert [one["changeType"] for one in affected] == ["REMOVED"] + ["ADDED"] * 4 + ["REMOVED"] * 4
    assert affected[0]["vnfdId"] == NEW.vnfd_id


def test_unit_that_an_operation_adds_and_removes_is_temporary(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "vnfm.sqlite", procedure=Experiment)
    done = manager.upgraded(manager.instantiated())
    manager.close()
    assert [one["changeType"] for one in done["resourceChanges"]["affectedVnfcs"]] == ["TEMPORARY"]


def test_failed_instantiation_leaves_nothing_after_delete(manager: Manager) -> None:
    instance = manager.create()
    manager.site.fail_at("create_server", call=3)
    failed = manager.finish(manager.start(instance, "instantiate", {"flavourId": "default"}))
    assert failed["operationState"] == "FAILED_TEMP"
    assert len(failed["resourceChanges"]["affectedVnfcs"]) == 2
    assert manager.get(instance)["instantiationState"] == "NOT_INSTANTIATED"
    assert manager.request("DELETE", instance).status_code == 409
    manager.request("POST", failed["_links"]["fail"]["href"])
    manager.site.fail_at("delete_server")
    assert manager.request("DELETE", instance).status_code == 500
    assert len(manager.site.servers) == 2
    assert manager.request("DELETE", instance).status_code == 204
    assert manager.site.servers == {}


def test_failed_termination_can_be_tried_again(manager: Manager) -> None:
    instance = manager.instantiated()
    manager.site.fail_at("delete_server", call=2)
    failed = manager.finish(manager.start(instance, "terminate", TERMINATE))
    assert failed["operationState"] == "FAILED_TEMP"
    assert len(manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]) == 3
    manager.request("POST", failed["_links"]["fail"]["href"])
    assert manager.finish(manager.start(instance, "terminate", TERMINATE))["operationState"] == "COMPLETED"
    assert manager.site.servers == {}
