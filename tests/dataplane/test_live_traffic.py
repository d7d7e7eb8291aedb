"""Packets through the real decider and units, in private namespaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dataplane.sandbox import observe

pytestmark = pytest.mark.namespaces

NOTHING_WRONG = {"lost": 0, "duplicated": 0, "affinity_breaks": 0, "ring_drops": 0}


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two versions side by side, observed once for several tests."""
    return observe("traffic_scenarios:marks", tmp_path_factory.mktemp("marks"))


def test_versions_mark_what_they_serve_in_both_directions(marks: Any) -> None:
    assert marks["known"] == {"sent": 256 * 3 * 2, **NOTHING_WRONG}
    assert marks["directions"] == [0, 1]
    # DSCP 10 and 18 in the upper six bits, the sender's ECN bits (01) kept.
    assert marks["tos_of_unit"] == [[10 << 2 | 1], [18 << 2 | 1]]
    assert marks["checksums_right"]
    assert marks["buckets"] == {"old": 192, "new": 64}
    assert marks["users_of_unit"] == [192, 64]


def test_packets_of_unknown_sessions_are_dropped_and_counted(marks: Any) -> None:
    assert marks["unknown_received"] == 0
    old, new = marks["status"]
    assert (old["software_version"], new["software_version"]) == ("1.0", "2.0")
    # Two packets each way of 256 sessions that were never opened, by the users' unit.
    assert (old["unknown_session"], new["unknown_session"]) == (192 * 4, 64 * 4)
    assert (old["forwarded"], new["forwarded"]) == (192 * 6, 64 * 6)
    assert (old["sessions"], new["sessions"]) == (192, 64)
    assert old["received"] == old["forwarded"] + old["unknown_session"] + old["policed"]


def test_version_2_accounts_for_packets_of_each_session(marks: Any) -> None:
    sessions = marks["sessions"]
    assert len(sessions) == 64
    assert {session["packets"] for session in sessions} == {6}
    assert {(session["userPort"], session["servicePort"]) for session in sessions} == {(1024, 5001)}
    # A quarter of the buckets in bit-reversed order: every fourth address.
    assert sorted(int(session["user"].rpartition(".")[2]) for session in sessions) == list(range(0, 256, 4))
    assert marks["sessions_1_0"] == 404


def test_fifty_bucket_changes_under_traffic_harm_nobody(tmp_path: Path) -> None:
    observed = observe("traffic_scenarios:bucket_changes", tmp_path)
    assert observed["changes"] == 50
    assert observed["units_used"] == [1, 2, 3, 4]
    assert {name: observed[name] for name in NOTHING_WRONG} == NOTHING_WRONG
    assert observed["dropped"] == {"not_ipv4": 0, "no_unit": 0}


def test_without_pins_the_same_changes_break_affinity(tmp_path: Path) -> None:
    observed = observe("traffic_scenarios:bucket_changes_without_pins", tmp_path)
    assert observed["changes"] == 50
    assert observed["affinity_breaks"] > 100
    assert observed["lost"] == 0


def test_new_users_follow_the_buckets_and_others_stay(tmp_path: Path) -> None:
    observed = observe("traffic_scenarios:new_users_follow", tmp_path)
    assert {name: observed[name] for name in NOTHING_WRONG} == NOTHING_WRONG
    assert observed["earlier_users_on_new"] == 0
    # Half of the buckets in bit-reversed order: every second address.
    assert observed["buckets_on_new"] == list(range(0, 256, 2))


def test_overload_loses_the_excess_and_nothing_else(tmp_path: Path) -> None:
    observed = observe("traffic_scenarios:overload", tmp_path)
    full, spare = observed["status"]
    offered = observed["rate_pps"] * 26 / 36
    assert observed["loss_full"] == pytest.approx(1 - 1.01 * full["rated_pps"] / offered, abs=0.02)
    assert observed["lost_spare"] == 0
    assert observed["ring_drops"] == 0
    assert full["policed"] == observed["lost_before_status"]
    assert spare["policed"] == 0
    assert (full["unknown_session"], spare["unknown_session"]) == (0, 0)
    assert (full["sessions"], spare["sessions"]) == (26, 10)
    assert {name: observed["afterwards"][name] for name in NOTHING_WRONG} == NOTHING_WRONG


def test_units_may_take_up_sessions_midstream(tmp_path: Path) -> None:
    observed = observe("traffic_scenarios:midstream", tmp_path)
    assert {name: observed[name] for name in NOTHING_WRONG} == NOTHING_WRONG
    assert [status["session_pickup"] for status in observed["status"]] == ["midstream", "midstream"]
    assert [status["unknown_session"] for status in observed["status"]] == [0, 0]
    assert sum(status["sessions"] for status in observed["status"]) == 128
