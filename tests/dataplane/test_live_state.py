"""The shared state store with real units, in private namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dataplane.sandbox import observe

pytestmark = pytest.mark.namespaces

FIRST_USER = (10 << 24) + (1 << 16)
NOTHING_WRONG = {"lost": 0, "duplicated": 0, "affinity_breaks": 0, "ring_drops": 0}


def test_sessions_are_taken_over_and_their_users_with_them(tmp_path: Path) -> None:
    observed = observe("state_scenarios:taking_over", tmp_path)
    assert observed["flushed"] == [204, 204]
    assert observed["parts"] == {"1": ["user", "userPort"], "2": ["user", "userPort", "servicePort"]}
    assert observed["stored"] == {"1": 256, "2": 256}
    assert 0 < observed["least_ms"] <= observed["most_ms"] <= 5000
    # Half of the buckets in bit-reversed order are the even addresses.
    assert observed["first_users"] == {"1": FIRST_USER + 1, "2": FIRST_USER}
    assert observed["ports"] == {"1": [1024], "2": [1024, 5001]}
    assert observed["adopted"] == observed["twice"] == {"sessions": 512, "skipped": 0}
    before, forgotten, after = observed["pins"]
    assert before == {"old": 256, "new": 256, "other": 0}
    assert forgotten == {"old": 0, "new": 0, "other": 0}, "in the same transaction as the buckets"
    assert after == {"old": 0, "new": 0, "other": 512}
    assert observed["traffic"] == {"sent": 2048, **NOTHING_WRONG}
    assert (observed["units"], observed["sessions"], observed["unknown"]) == ([3], 512, 0)
    assert observed["backwards"] == {"sessions": 0, "skipped": 256}, "1.0 does not say which service it was"


def test_units_store_their_sessions_by_themselves(tmp_path: Path) -> None:
    observed = observe("state_scenarios:written_by_itself", tmp_path)
    assert (observed["stored"], observed["afterwards"]) == (100, 0)
    assert observed["store"]["reachable"]


def test_traffic_does_not_need_the_store(tmp_path: Path) -> None:
    observed = observe("state_scenarios:without_the_store", tmp_path)
    assert observed["traffic"] == {"sent": 15_000, **NOTHING_WRONG}
    assert (observed["away"]["ready"], observed["away"]["healthy"]) == (True, True)
    assert observed["away"]["store"]["reachable"] is False
    assert "refused" in observed["away"]["store"]["problem"]
    assert observed["flush"] == 503
    assert observed["adopt"][0] == 503
    assert "refused" in observed["adopt"][1]
    assert (observed["back"]["reachable"], observed["back"]["problem"]) == (True, None)


def test_storing_costs_next_to_nothing(tmp_path: Path) -> None:
    """Measured: 0.7 % of a CPU per unit with 2000 sessions, 28 ms for taking over 8000 at once."""
    observed = observe("state_scenarios:cost", tmp_path)
    assert observed["sessions"] == [2000] * 4
    assert observed["adopted"] == {"sessions": 8000, "skipped": 0}
    assert max(observed["cpu_share_per_unit"]) < 0.1
    assert observed["adopt_cpu_ms"] < 500
