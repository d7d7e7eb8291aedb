"""The life of an operation occurrence as a table (SOL003, VNF LCM operation states)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class OperationState(StrEnum):
    """States of a VNF LCM operation occurrence, in SOL003's spelling."""

    STARTING = "STARTING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED_TEMP = "FAILED_TEMP"
    FAILED = "FAILED"
    ROLLING_BACK = "ROLLING_BACK"
    ROLLED_BACK = "ROLLED_BACK"


class Trigger(StrEnum):
    """What moves an operation from one state to the next."""

    GRANTED = "granted"
    REFUSED = "refused"
    SUCCESS = "success"
    FAILURE = "failure"
    RETRY = "retry"
    ROLLBACK = "rollback"
    FAIL = "fail"
    CANCEL = "cancel"


FINAL_STATES: Final = frozenset({OperationState.COMPLETED, OperationState.FAILED, OperationState.ROLLED_BACK})
"""States in which an operation stays; only then may the next one of the same instance start."""

ERROR_STATES: Final = frozenset({OperationState.FAILED_TEMP, OperationState.FAILED, OperationState.ROLLED_BACK})
"""States that notifications must explain with an ``error``."""

TRANSITIONS: Final[Mapping[tuple[OperationState, Trigger], OperationState]] = MappingProxyType(
    {
        (OperationState.STARTING, Trigger.GRANTED): OperationState.PROCESSING,
        (OperationState.STARTING, Trigger.REFUSED): OperationState.ROLLED_BACK,
        (OperationState.STARTING, Trigger.FAILURE): OperationState.ROLLED_BACK,
        (OperationState.STARTING, Trigger.CANCEL): OperationState.ROLLED_BACK,
        (OperationState.PROCESSING, Trigger.SUCCESS): OperationState.COMPLETED,
        (OperationState.PROCESSING, Trigger.FAILURE): OperationState.FAILED_TEMP,
        (OperationState.PROCESSING, Trigger.CANCEL): OperationState.FAILED_TEMP,
        (OperationState.FAILED_TEMP, Trigger.RETRY): OperationState.PROCESSING,
        (OperationState.FAILED_TEMP, Trigger.ROLLBACK): OperationState.ROLLING_BACK,
        (OperationState.FAILED_TEMP, Trigger.FAIL): OperationState.FAILED,
        (OperationState.ROLLING_BACK, Trigger.SUCCESS): OperationState.ROLLED_BACK,
        (OperationState.ROLLING_BACK, Trigger.FAILURE): OperationState.FAILED_TEMP,
        (OperationState.ROLLING_BACK, Trigger.CANCEL): OperationState.FAILED_TEMP,
    }
)

TASKS: Final[Mapping[str, Trigger]] = MappingProxyType(
    {"fail": Trigger.FAIL, "retry": Trigger.RETRY, "rollback": Trigger.ROLLBACK, "cancel": Trigger.CANCEL}
)
"""Task resources of an operation occurrence and the trigger that each stands for."""


class IllegalTransitionError(Exception):
    """The state machine has no such edge."""


def next_state(state: OperationState, trigger: Trigger) -> OperationState:
    """Return the state that the trigger leads to.

    Raises:
        IllegalTransitionError: the table has no edge for this trigger in this state.
    """
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransitionError(f"operation in {state} - no transition for trigger '{trigger}'") from None


def tasks_permitted(state: OperationState) -> frozenset[str]:
    """Return the names of the tasks that the state machine permits in a state."""
    return frozenset(name for name, trigger in TASKS.items() if (state, trigger) in TRANSITIONS)
