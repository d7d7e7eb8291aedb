"""A rollback in each step: where the tester cancels, and in which order everything happens."""

from __future__ import annotations

import pytest

from hitless.history import Ending
from hitless.procedures.rollback_steps import record_rollback_steps
from tests.procedures.world import DECLARATION, details, names, record_with


@pytest.fixture
def history(paper, tmp_path):
    return record_with(record_rollback_steps, paper, tmp_path)


def test_every_step_is_reached_cancelled_and_rolled_back(history):
    assert (history.ending, history.ending_reason) == (Ending.COMPLETE, "")
    assert [one["step"] for one in details(history, "stage")] == ["1", "2", "3", "4", "upgrade", "downgrade"]
    ended = [(one["step"], one["state"]) for one in details(history, "stage-ended")]
    assert ended[:4] == [(step, "ROLLED_BACK") for step in "1234"]
    assert ended[4:] == [("upgrade", "COMPLETED"), ("downgrade", "COMPLETED")]


def test_the_share_at_which_each_step_is_cancelled(history):
    reached = {one["step"]: one for one in details(history, "step-reached")}
    assert all(one["new_units"] == 1 for one in reached.values())
    assert reached["1"]["share"] == 0
    assert 0 < reached["2"]["share"] < 0.2
    assert 0.4 < reached["3"]["share"] < 0.8
    assert reached["4"]["share"] > 0.99


def test_both_ways_to_cancel_are_used(history, paper):
    modes = [entry[2]["cancelMode"] for entry in paper.log if entry[0] == "cancel"]
    assert modes == ["GRACEFUL", "FORCEFUL", "GRACEFUL", "FORCEFUL"]
    assert [one.name for one in history.attempts] == ["cancel", "rollback"] * 4


def test_there_is_a_picture_of_before_and_after_for_each_step(history):
    labels = [one.label for one in history.snapshots]
    for step in "1234":
        assert labels.count(f"before-step-{step}") == labels.count(f"after-step-{step}") == 1


def test_long_sessions_last_until_the_last_rollback_is_over(history):
    order = names(history)
    assert order.index("cohort-stopped") > max(i for i, name in enumerate(order) if name == "step-reached")
    upgrade = next(i for i, one in enumerate(history.events) if one.detail.get("step") == "upgrade")
    assert order.index("cohort-stopped") < upgrade


def test_the_parameters_for_steps_are_sent(history, paper):
    assert history.ending is Ending.COMPLETE
    requests = [entry[2] for entry in paper.log if entry[0] == "change_vnfpkg"]
    assert [one["vnfdId"] for one in requests] == ["vnfd-2"] * 5 + ["vnfd-1"]
    assert all(one["additionalParams"] == {"pace": "steady"} for one in requests)


def test_an_upgrade_that_is_over_before_it_could_be_cancelled(paper, tmp_path):
    paper.took_s = 4.0
    history = record_with(record_rollback_steps, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "ended before it was to be cancelled - Expected: step 3 Actual: COMPLETED" in history.ending_reason


def test_without_a_downgrade_it_ends_with_the_upgrade(paper, tmp_path):
    paper.declaration = DECLARATION + "rollback: {downgrade: false}\n"
    history = record_with(record_rollback_steps, paper, tmp_path)
    assert [one["step"] for one in details(history, "stage")] == ["1", "2", "3", "4", "upgrade"]
