"""Requests and tasks: what is sent in which state, and that an answer that is wrong ends the experiment."""

from __future__ import annotations

import pytest

from hitless.history import Ending
from hitless.procedures.requests_and_tasks import record_requests_and_tasks
from tests.procedures.world import DECLARATION, record_with

REFUSED = (
    "change_vnfpkg-unknown-instance", "change_vnfpkg-malformed", "change_vnfpkg-unknown-vnfd",
    "change_vnfpkg-disabled-vnfd", "change_vnfpkg-not-instantiated",
)  # fmt: skip
SECOND_OPERATIONS = ("second-scale", "second-terminate", "second-change_vnfpkg")


@pytest.fixture
def history(paper, tmp_path):
    paper.took_s = 30.0
    return record_with(record_requests_and_tasks, paper, tmp_path)


def tried(history):
    return [(one.name, one.state) for one in history.attempts]


def test_bad_requests_come_first(history, paper):
    assert (history.ending, history.ending_reason) == (Ending.COMPLETE, "")
    assert tuple(one.name for one in history.attempts[:5]) == REFUSED
    assert ("create", "vnfd-1") in paper.log
    assert ("delete", "i-2") in paper.log


@pytest.mark.parametrize("state", ["PROCESSING", "FAILED_TEMP"])
def test_second_operations_in_both_states(history, state):
    assert [name for name, seen in tried(history) if seen == state and name in SECOND_OPERATIONS] == [
        *SECOND_OPERATIONS
    ]


@pytest.mark.parametrize(
    ("state", "tasks"),
    [
        ("PROCESSING", {"cancel", "retry", "rollback", "fail"}),
        ("FAILED_TEMP", {"cancel", "retry", "rollback", "fail"}),
        ("ROLLING_BACK", {"cancel", "retry", "rollback", "fail"}),
        ("ROLLED_BACK", {"cancel", "retry", "rollback", "fail"}),
        ("FAILED", {"cancel", "retry", "rollback", "fail"}),
        ("COMPLETED", {"cancel", "retry", "rollback", "fail"}),
    ],
)
def test_every_task_in_every_state(history, state, tasks):
    assert {name for name, seen in tried(history) if seen == state and not name.startswith("second")} == tasks


def test_the_way_of_the_operations(history):
    states = [(one.operation_id, one.state) for one in history.operations]
    assert [state for operation, state in states if operation == "op-1"] == [
        "PROCESSING", "FAILED_TEMP", "PROCESSING", "FAILED_TEMP", "ROLLING_BACK", "FAILED_TEMP", "ROLLING_BACK",
        "ROLLED_BACK",
    ]  # fmt: skip
    assert [state for operation, state in states if operation == "op-2"] == ["PROCESSING", "FAILED_TEMP", "FAILED"]
    assert [state for operation, state in states if operation == "op-3"] == ["PROCESSING", "COMPLETED"]


def test_there_is_a_look_at_mano_around_each_refusal(history):
    labels = [(one.kind, one.label) for one in history.snapshots]
    for number, one in enumerate(history.attempts):
        if one.name in REFUSED + SECOND_OPERATIONS:
            for kind in ("operations", "vnf_instance"):
                assert (kind, f"before:{number}") in labels
                assert (kind, f"after:{number}") in labels


def test_the_aspect_to_scale_is_taken_from_the_instance(history, paper):
    assert history.attempts
    assert ("second-scale", "PROCESSING", "gateway") in paper.log


def test_a_bad_request_that_is_accepted_ends_the_experiment(paper, tmp_path):
    paper.accept = {"change_vnfpkg-disabled-vnfd"}
    history = record_with(record_requests_and_tasks, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "change_vnfpkg-disabled-vnfd - accepted - Expected: a refusal Actual: 202" in history.ending_reason
    assert history.attempts[-1].status == 202


def test_a_task_that_is_accepted_in_a_wrong_state_ends_the_experiment(paper, tmp_path):
    paper.took_s, paper.accept = 30.0, {("rollback", "COMPLETED")}
    history = record_with(record_requests_and_tasks, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "in COMPLETED - accepted - Expected: 409 Actual: 202" in history.ending_reason


def test_what_is_not_supported_is_not_tried(paper, tmp_path):
    paper.took_s = 30.0
    without = DECLARATION.replace("  disabled_vnfd_id: vnfd-0\n", "")
    paper.declaration = without + "rollback: {retry: false, fail: false}\n"
    history = record_with(record_requests_and_tasks, paper, tmp_path)
    assert history.ending is Ending.COMPLETE
    assert not {"retry", "fail", "change_vnfpkg-disabled-vnfd"} & {one.name for one in history.attempts}


def test_a_rollback_that_never_ends_is_given_up_at_the_deadline(paper, tmp_path):
    paper.took_s, paper.rolling_back_s = 30.0, 1e9
    history = record_with(record_requests_and_tasks, paper, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "ROLLING_BACK" in history.ending_reason
