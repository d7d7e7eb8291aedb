"""The state machine holds exactly the edges of SOL003."""

from __future__ import annotations

import itertools

import pytest

from lab.vnfm.states import (
    ERROR_STATES,
    FINAL_STATES,
    TRANSITIONS,
    IllegalTransitionError,
    OperationState,
    Trigger,
    next_state,
    tasks_permitted,
)

S, T = OperationState, Trigger

EDGES = [
    (S.STARTING, T.GRANTED, S.PROCESSING),
    (S.STARTING, T.REFUSED, S.ROLLED_BACK),
    (S.STARTING, T.FAILURE, S.ROLLED_BACK),
    (S.STARTING, T.CANCEL, S.ROLLED_BACK),
    (S.PROCESSING, T.SUCCESS, S.COMPLETED),
    (S.PROCESSING, T.FAILURE, S.FAILED_TEMP),
    (S.PROCESSING, T.CANCEL, S.FAILED_TEMP),
    (S.FAILED_TEMP, T.RETRY, S.PROCESSING),
    (S.FAILED_TEMP, T.ROLLBACK, S.ROLLING_BACK),
    (S.FAILED_TEMP, T.FAIL, S.FAILED),
    (S.ROLLING_BACK, T.SUCCESS, S.ROLLED_BACK),
    (S.ROLLING_BACK, T.FAILURE, S.FAILED_TEMP),
    (S.ROLLING_BACK, T.CANCEL, S.FAILED_TEMP),
]


@pytest.mark.parametrize(("state", "trigger", "expected"), EDGES)
def test_edge(state: S, trigger: T, expected: S) -> None:
    assert next_state(state, trigger) is expected


@pytest.mark.parametrize(
    ("state", "trigger"), sorted(set(itertools.product(S, T)) - {(state, trigger) for state, trigger, _ in EDGES})
)
def test_everything_else_is_refused(state: S, trigger: T) -> None:
    with pytest.raises(IllegalTransitionError, match=f"{state}.*{trigger}"):
        next_state(state, trigger)


def test_no_way_leads_out_of_a_final_state() -> None:
    assert {state for state, _ in TRANSITIONS} == set(S) - FINAL_STATES


def test_every_state_can_be_reached() -> None:
    assert set(TRANSITIONS.values()) | {S.STARTING} == set(S)


def test_states_that_need_an_error() -> None:
    assert {S.FAILED_TEMP, S.FAILED, S.ROLLED_BACK} == ERROR_STATES


@pytest.mark.parametrize(
    ("state", "tasks"),
    [
        (S.STARTING, {"cancel"}),
        (S.PROCESSING, {"cancel"}),
        (S.ROLLING_BACK, {"cancel"}),
        (S.FAILED_TEMP, {"retry", "rollback", "fail"}),
        (S.COMPLETED, set()),
        (S.FAILED, set()),
        (S.ROLLED_BACK, set()),
    ],
)
def test_tasks_permitted(state: S, tasks: set[str]) -> None:
    assert tasks_permitted(state) == tasks
