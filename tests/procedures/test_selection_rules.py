"""Selection rules: which are set, for how long, and that nothing goes on meanwhile."""

from __future__ import annotations

import contextlib
import itertools

import pytest

from hitless.decider import DeciderError
from hitless.history import Ending, TrafficGroup
from hitless.procedures import selection_rules
from hitless.procedures.selection_rules import GROUP_HOLD_S, half_of_users, record_selection_rules
from tests.procedures.world import DECLARATION, SECOND, details, names, record_with

LAYOUT = {
    "lane_bits": 5, "index_bits": 3, "generation_user_bits": 6, "session_of_user_bits": 1,
    "index_position": "above-lane", "user_base": "10.1.64.0", "port_base": 1024, "service_port": 5001,
}  # fmt: skip


class PaperDecider:
    def __init__(self, world):
        self.world = world
        self.fails_at = None

    def set_rules(self, rules):
        if self.fails_at is not None and len(self.world.rules) >= self.fails_at:
            raise DeciderError("PUT x - rules not in force - Expected: 2xx Actual: 500")
        self.world.now_ns += SECOND // 100
        self.world.rules.append((self.world.now_ns, list(rules)))


@pytest.fixture
def decider(paper, monkeypatch):
    paper.took_s, paper.share_from_s = 1000.0, 1000.0
    paper.declaration = DECLARATION.replace("deadline_s: 60", "deadline_s: 300")
    decider = PaperDecider(paper)
    monkeypatch.setattr(selection_rules, "open_decider", lambda _: contextlib.nullcontext(decider))
    groups = tuple(
        TrafficGroup(20 + n, name, "probe", "up", 1000, 96, {**LAYOUT, "service_port": 5000 + n})
        for n, name in ((1, "new-sessions"), (2, "new-sessions-2"), (3, "new-sessions-3"))
    )
    monkeypatch.setattr(
        selection_rules.Rig, "groups", lambda _, prefix: tuple(one for one in groups if one.name.startswith(prefix))
    )
    return decider


def test_rules_one_after_the_other(paper, decider, tmp_path):
    assert decider.fails_at is None
    history = record_with(record_selection_rules, paper, tmp_path)
    assert (history.ending, history.ending_reason) == (Ending.COMPLETE, "")
    sets = details(history, "rules-set")
    assert [one["purpose"] for one in sets] == [
        "user-group", "clear", "service-type", "clear", *(["churn"] * 50), "clear",
    ]  # fmt: skip
    group, _, service = sets[0]["rules"][0], sets[1], sets[2]["rules"][0]
    assert (group["users"], group["service_port"], group["version"]) == ("10.1.64.0/22", None, "2.0")
    assert (service["users"], service["service_port"], service["version"]) == (None, 5002, "2.0")
    held_ns = sets[1]["asked_ns"] - sets[0]["answered_ns"]
    assert held_ns >= GROUP_HOLD_S * SECOND


def test_rules_are_noted_when_they_are_in_force(paper, decider, tmp_path):
    assert decider.world is paper
    history = record_with(record_selection_rules, paper, tmp_path)
    noted = [event for event in history.events if event.name == "rules-set"]
    assert [event.at_ns for event in noted] == [at_ns for at_ns, _ in paper.rules]
    assert all(event.detail["asked_ns"] < event.detail["answered_ns"] == event.at_ns for event in noted)


def test_changes_that_concern_nobody_really_change_something(paper, decider, tmp_path):
    assert decider.world is paper
    record_with(record_selection_rules, paper, tmp_path)
    churn = [rules for _, rules in paper.rules[4:-1]]
    assert all(one != other for one, other in itertools.pairwise(churn))
    assert {rules[0].users for rules in churn} == {"10.1.250.0/24", "10.1.251.0/24"}


def test_the_upgrade_is_held_and_taken_back(paper, decider, tmp_path):
    assert decider.world is paper
    history = record_with(record_selection_rules, paper, tmp_path)
    request = next(entry[2] for entry in paper.log if entry[0] == "change_vnfpkg")
    assert request["additionalParams"] == {"pace": "slow", "hold": True}
    assert [one.name for one in history.attempts] == ["cancel", "rollback"]
    assert details(history, "operation-ended") == [{"operation_id": "op-1", "state": "ROLLED_BACK"}]


def test_an_upgrade_that_goes_on_by_itself(paper, decider, tmp_path):
    assert decider.world is paper
    paper.took_s = 5.0
    history = record_with(record_selection_rules, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "not held - Expected: PROCESSING with both versions in service Actual: COMPLETED" in history.ending_reason


def test_a_decider_that_refuses(paper, decider, tmp_path):
    decider.fails_at = 2
    history = record_with(record_selection_rules, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "rules not in force" in history.ending_reason
    assert names(history)[-3:] == ["tail", "traffic-stopped", "traffic-accounted"]


def test_without_a_decider_nothing_is_done(paper, tmp_path):
    paper.declaration = DECLARATION.replace("decider: {command: [set-rules], hold_params: {hold: true}}\n", "")
    history = record_with(record_selection_rules, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "request" not in names(history)


@pytest.mark.parametrize(("lanes", "expected"), [(5, "10.1.64.0/22"), (4, "10.1.64.0/23"), (6, "10.1.64.0/21")])
def test_half_of_the_users(lanes, expected):
    group = TrafficGroup(21, "new-sessions", "probe", "up", 1000, 96, {**LAYOUT, "lane_bits": lanes})
    assert half_of_users(group) == expected
