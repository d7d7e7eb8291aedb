"""Selection rules with packets, in private namespaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dataplane.sandbox import observe

pytestmark = pytest.mark.namespaces

EVERYBODY = list(range(1024))
GROUP = list(range(512, 1024))
NOTHING_WRONG = {"lost": 0, "duplicated": 0, "affinity_breaks": 0, "ring_drops": 0}
NOTHING_DROPPED = {"not_ipv4": 0, "no_unit": 0}


def wrong(observed: Any) -> dict[str, int]:
    return {name: observed[name] for name in NOTHING_WRONG}


def test_new_users_follow_rules_and_others_do_not(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:selecting", tmp_path)
    assert [rule["units"] for rule in observed["answer"]["rules"]] == [["new"], ["new"], ["old"]]
    assert observed["without"] == []
    assert observed["pinned_before"] == [], "users of this service were pinned before there were rules"
    assert observed["group"] == GROUP, "the same users towards another service are new users there"
    assert observed["service"] == 1024
    assert observed["next_service"] == GROUP
    assert observed["first_match"] == list(range(512)), "the group matched an earlier rule, for the old version"
    assert observed["pinned_after"] == GROUP, "the end of a rule moves nobody"
    assert observed["cleared"] == []
    assert observed["selections"] == []
    # Six services, 1024 users each: of them 512 + 1024 + 512 + 512 at the new version.
    assert observed["pins"] == {"old": 3584, "new": 2560}


def test_selected_users_are_dealt_to_units_and_rules_follow_the_split(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:dealing", tmp_path)
    assert observed["dealt"] == [0, 0, 258, 255, 255], "256 buckets to three units, three users each"
    assert [selection["units"] for selection in observed["left"]] == [["unit-2", "unit-4"]]
    # 255 users of the unit that went are dealt anew; the others stay.
    assert sum(observed["moved"]) == 768
    assert observed["moved"][3] == 0
    assert observed["moved"][2] >= 258
    assert observed["moved"][4] >= 255
    assert observed["back"] == [0, 768, 0, 0, 0], "no unit of the version is left in the split, nobody is selected"
    assert observed["selections"] == []


def test_sixty_changes_at_20_kpps_lose_nothing_and_leave_nobody_unmatched(tmp_path: Path) -> None:
    """Measured: 19.9 kpps, 60 changes of 21 ms each, 120 000 packets."""
    observed = observe("selection_scenarios:changing", tmp_path)
    assert observed["changes"] == 60
    assert observed["sent"] == 120_000
    assert wrong(observed) == NOTHING_WRONG
    assert (observed["leaked"], observed["missed"], observed["selected"]) == (0, 0, 30_000)
    assert observed["dropped"] == NOTHING_DROPPED


def test_units_lose_their_users_forty_times_and_nobody_notices(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:forgetting", tmp_path)
    assert (observed["lost"], observed["duplicated"], observed["ring_drops"]) == (0, 0, 0)
    assert (observed["moves"], observed["units"]) == (40, [1, 2])
    assert observed["pins"] == {"old": 0, "new": 1000}
    assert observed["dropped"] == NOTHING_DROPPED


def test_software_with_a_fault_works_at_first_then_loses_some_users_and_says_so(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:faulty", tmp_path)
    assert {name: observed["before"][name] for name in NOTHING_WRONG} == NOTHING_WRONG
    status = observed["before"]["status"]
    assert (status["healthy"], status["internal_errors"]) == (True, 0)
    assert len(observed["lost_users"]) == 64, "every fourth"
    assert observed["lost"] == 64 * 4 * 2
    assert observed["lost_directions"] == [0, 1]
    assert observed["status"]["healthy"] is False
    assert observed["status"]["internal_errors"] > 240
    assert observed["status"]["received"] == observed["status"]["forwarded"] + observed["status"]["internal_errors"]


# --- rules that are not what they should be --------------------------------------------------------------------------


def test_a_range_of_ports_takes_the_next_service_too(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:port_range", tmp_path)
    assert (observed["group"], observed["service"]) == (GROUP, 1024)
    assert observed["next_service"] == EVERYBODY


def test_a_wide_mask_takes_the_neighbours(tmp_path: Path) -> None:
    assert observe("selection_scenarios:wide_mask", tmp_path)["group"] == EVERYBODY


def test_a_narrow_mask_leaves_half_of_the_group(tmp_path: Path) -> None:
    assert observe("selection_scenarios:narrow_mask", tmp_path)["group"] == list(range(512, 768))


def test_deleting_before_adding_leaves_new_users_without_a_unit(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:delete_then_add", tmp_path)
    assert observed["changes"] == 60
    assert observed["lost"] > 1000
    assert observed["dropped"]["no_unit"] > 100
    assert (observed["leaked"], observed["missed"], observed["affinity_breaks"]) == (0, 0, 0), "lost, but not misled"


def test_both_generations_send_packets_twice_and_lose_none(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:both_generations", tmp_path)
    assert observed["duplicated"] > 100
    assert (observed["lost"], observed["affinity_breaks"], observed["ring_drops"]) == (0, 0, 0)
    assert (observed["leaked"], observed["missed"], observed["selected"]) == (0, 0, 15_000)


def test_adding_before_deleting_harms_nobody(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:add_then_delete", tmp_path)
    assert wrong(observed) == NOTHING_WRONG
    assert (observed["leaked"], observed["missed"], observed["selected"]) == (0, 0, 30_000)


def test_late_and_slow_rules(tmp_path: Path) -> None:
    late, slow = (observe(f"selection_scenarios:{name}", tmp_path)["late_s"] for name in ("late", "slow"))
    assert late > 2.2
    assert slow > 0.2


def test_decisions_by_session_split_users(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:session_hash", tmp_path)
    assert observed["split_users"] > 1500
    assert sum(observed["pins"].values()) == 4 * 2048
    assert observed["dropped"] == NOTHING_DROPPED


def test_another_hash_keeps_users_together(tmp_path: Path) -> None:
    observed = observe("selection_scenarios:other_hash", tmp_path)
    assert observed["split_users"] == 0
    assert sum(observed["pins"].values()) == 2048
    # Nothing that the low bits of the address could have come to.
    assert 900 < len(observed["at_two"]) < 1150
    assert len({user % 256 for user in observed["at_two"]}) > 200
