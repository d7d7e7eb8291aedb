"""Cancelling: gracefully, forcefully, too late, by many at the same time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.manager import Manager
from tests.vnfm.upgrades import CHANGE, Upgrade, links


@pytest.fixture
def upgrade(manager: Manager) -> Iterator[Upgrade]:
    running = Upgrade(manager)
    yield running
    running.go_on.set()


@pytest.mark.parametrize("mode", ["GRACEFUL", "FORCEFUL"])
def test_cancel_while_processing(upgrade: Upgrade, mode: str) -> None:
    assert upgrade.cancel(mode).status_code == 202
    pending = upgrade.manager.get(upgrade.uri)
    assert (pending["operationState"], pending["isCancelPending"], pending["cancelMode"]) == ("PROCESSING", True, mode)
    assert links(pending) == {"cancel"}
    upgrade.go_on.set()
    ended = upgrade.rests_in("FAILED_TEMP")
    assert ended["isCancelPending"] is False
    assert "cancelMode" not in ended
    assert "cancelled" in ended["error"]["detail"]
    assert ended["error"]["status"] == 500
    assert links(ended) == {"retry", "rollback", "fail"}


@pytest.mark.parametrize(("mode", "outcome"), [("GRACEFUL", "ready"), ("FORCEFUL", "building")])
def test_only_a_graceful_cancellation_waits_for_a_server(manager: Manager, mode: str, outcome: str) -> None:
    upgrade = Upgrade(manager, "server")
    upgrade.cancel(mode)
    upgrade.go_on.set()
    ended = upgrade.rests_in("FAILED_TEMP")
    (unit,) = ended["resourceChanges"]["affectedVnfcs"]
    assert ("management_url" in unit["metadata"]) == (outcome == "ready")
    assert len(manager.site.split) == 1  # neither starts anything new


def test_cancellation_races_with_success(manager: Manager) -> None:
    """Who was told 202 does not see COMPLETED: whatever had been done by then, the operation is in FAILED_TEMP."""
    upgrade = Upgrade(manager, "delete_server")
    upgrade.go_on.set()
    last = threading.Event()
    deletions = itertools.count(1)

    def hold_the_last(_argument: object) -> None:
        if next(deletions) == 4:
            upgrade.reached.set()
            last.wait(20)

    manager = upgrade.manager
    second = manager.instantiated()
    upgrade.reached.clear()
    manager.site.hooks["delete_server"] = hold_the_last
    upgrade.uri = manager.start(second, "change_vnfpkg", CHANGE)
    upgrade.arrived("last deletion")
    upgrade.cancel("FORCEFUL")
    last.set()
    ended = upgrade.rests_in("FAILED_TEMP")
    assert "modificationsTriggeredByVnfPkgChange" not in ended
    assert manager.get(second)["vnfdId"] == OLD.vnfd_id
    manager.site.hooks.clear()
    assert manager.task(upgrade.uri, "retry").status_code == 202
    upgrade.rests_in("COMPLETED")
    assert manager.get(second)["vnfdId"] == NEW.vnfd_id


def test_many_cancellations_at_the_same_time_and_an_end(manager: Manager) -> None:
    """Whatever comes first: 202 means FAILED_TEMP in the end, 409 to all means COMPLETED."""
    for _ in range(5):
        instance = manager.instantiated()
        operation = manager.start(instance, "change_vnfpkg", CHANGE)
        answers: list[int] = []

        def cancel(uri: str = operation, into: list[int] = answers) -> None:
            into.append(manager.task(uri, "cancel", {"cancelMode": "FORCEFUL"}).status_code)

        threads = [threading.Thread(target=cancel) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ended = manager.finish(operation)["operationState"]
        assert set(answers) <= {202, 409}
        expected = {"FAILED_TEMP", "ROLLED_BACK"} if 202 in answers else {"COMPLETED"}
        assert ended in expected
