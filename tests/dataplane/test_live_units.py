"""Units that come, go, die and are refused, in private namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dataplane.sandbox import ScenarioError, observe

pytestmark = pytest.mark.namespaces


def test_silent_users_are_forgotten_and_others_are_not(tmp_path: Path) -> None:
    observed = observe("unit_scenarios:pins_expire", tmp_path)
    assert observed["pinned"] == {"old": 128, "new": 0}
    assert observed["talk_received"] == observed["talk_sent"]
    assert observed["talk_units"] == [1], "users who talk stay on their unit although the buckets changed"
    assert observed["after_talk"] == {"old": 64, "new": 0}
    assert observed["gone"] == {"old": 0, "new": 0}
    assert observed["units_of_returned"] == [2], "users who come anew go by the new buckets"
    assert observed["sessions"] == [0, 0]


def test_pins_can_be_dropped(tmp_path: Path) -> None:
    observed = observe("unit_scenarios:drop_pins", tmp_path)
    assert observed["before"] == {"one": 64, "two": 0}
    assert observed["status"] == 204
    assert observed["after"] == {"one": 0, "two": 0}
    assert observed["units"] == [2]


def test_units_come_and_go_without_harm_and_without_trace(tmp_path: Path) -> None:
    observed = observe("unit_scenarios:coming_and_going", tmp_path)
    assert (observed["lost"], observed["duplicated"], observed["affinity_breaks"]) == (0, 0, 0)
    assert [devices[1:3] for devices in observed["between"]] == [["a2", "c1"], ["a3", "c1"]]
    assert observed["at_rest"]["devices"] == ["a1", "c1", "lo", "network", "users"]
    assert observed["afterwards"] == observed["at_rest"]
    assert observed["zombies"] == []
    assert [server["name"] for server in observed["servers"]] == ["stays"]
    assert observed["attached"] == {"stays": 1}


def test_a_killed_unit_is_reported_and_can_be_replaced(tmp_path: Path) -> None:
    observed = observe("unit_scenarios:killed_unit", tmp_path)
    assert "ended with -9" in observed["fault"]
    assert observed["after_delete"] == {"attached": [observed["survivor"]], "zombies": []}
    assert observed["orphans"] == 128
    assert observed["traffic"] == {"sent": 1024, "lost": 0, "duplicated": 0, "affinity_breaks": 0, "ring_drops": 0}
    survivor = {"one": 1, "two": 2}[observed["survivor"]]
    assert observed["devices"] == [f"a{survivor}", "a3", f"c{survivor}", "c3"]


def test_users_of_a_removed_unit_are_decided_anew(tmp_path: Path) -> None:
    observed = observe("unit_scenarios:removed_unit", tmp_path)
    assert observed["pins_before"] == {"one": 64, "two": 0}
    assert (observed["lost"], observed["duplicated"], observed["units"]) == (0, 0, [2])
    assert observed["pins_after"] == {"two": 64}
    assert observed["dropped"] == {"not_ipv4": 0, "no_unit": 0}


def test_units_end_with_the_vim(tmp_path: Path) -> None:
    observed = observe("unit_scenarios:orphaned", tmp_path)
    assert observed["before"]["units"] == 2
    assert observed["devices"] == ["lo", "network", "users"]
    assert observed["namespaces"] == 2, "the main one and the decider's"


def test_without_units_packets_are_dropped_and_nobody_answers_them(tmp_path: Path) -> None:
    observed = observe("unit_scenarios:no_unit", tmp_path)
    assert observed["dropped"] == {"not_ipv4": 0, "no_unit": 128}
    assert observed["received"] == 128, "only the second plan, when there is a unit"
    sent = 2 * observed["sent_per_port"] // 2  # two plans, half of each in either direction
    assert observed["transmitted"] == {"p0": sent, "p1": sent}


def test_senseless_requests_are_refused_with_reasons(tmp_path: Path) -> None:
    observed = observe("unit_scenarios:refused", tmp_path)
    statuses = {what: answer[0] for what, answer in observed.items() if isinstance(answer, list)}
    assert statuses == {
        "unknown image": 400,
        "taken name": 409,
        "unknown server": 404,
        "no devices": 409,
        "unknown unit": 404,
        "buckets to nobody": 409,
        "split to nobody": 409,
    }
    assert "lab-gateway-2.0" in observed["unknown image"][1]["badRequest"]["message"]
    assert "ghost" in observed["split to nobody"][1]["error"]
    assert observed["same unit again"] == 204
    assert observed["server"]["metadata"] == {"number": "1", "management_url": "http://127.0.0.1:8101"}


def test_the_sandbox_tells_why_a_scenario_failed(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no_such_scenario"):
        observe("unit_scenarios:no_such_scenario", tmp_path)
