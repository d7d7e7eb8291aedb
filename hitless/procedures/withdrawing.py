"""How a procedure takes back an upgrade that is under way: cancel, roll back."""

from __future__ import annotations

import contextlib

from hitless.history import Attempt
from hitless.mano.errors import ManoError
from hitless.mano.resources import SETTLED_STATES
from hitless.procedures.rig import Rig, StoppedBySutError

_ACCEPTED = (200, 202)


def cancel(rig: Rig, operation_id: str, mode: str) -> str:
    """Cancel an operation that is being processed; return the state in which it settled.

    Raises:
        StoppedBySutError: it is not accepted.
        ManoError: the operation cannot be followed.
    """
    state = rig.following.state
    made = rig.attempt(rig.vnfm.try_task(operation_id, "cancel", {"cancelMode": mode}, state=state))
    demand_accepted(made)
    return rig.following.follow(operation_id, made.asked_ns, leaving=frozenset({state}))


def roll_back(rig: Rig, operation_id: str) -> str:
    """Roll back an operation that has failed; return the state in which it settled.

    Raises:
        StoppedBySutError: it is not accepted.
        ManoError: the operation cannot be followed.
    """
    made = rig.attempt(rig.vnfm.try_task(operation_id, "rollback", state="FAILED_TEMP"))
    demand_accepted(made)
    left = frozenset({"FAILED_TEMP"})
    return rig.following.follow(operation_id, made.asked_ns, leaving=left, settled=SETTLED_STATES)


def withdraw(rig: Rig, operation_id: str, mode: str) -> str:
    """Cancel, then roll back; return the state in which the operation settled.

    Raises:
        StoppedBySutError: one of the two is not accepted, or the operation does not fail when it is cancelled.
        ManoError: the operation cannot be followed.
    """
    state = cancel(rig, operation_id, mode)
    if state != "FAILED_TEMP":
        raise StoppedBySutError(
            f"operation {operation_id} - cannot be rolled back - Expected: FAILED_TEMP after its cancellation "
            f"Actual: {state}"
        )
    rig.event("failed", operation_id=operation_id)
    state = roll_back(rig, operation_id)
    rig.event("operation-ended", operation_id=operation_id, state=state)
    return state


def leave_behind(rig: Rig, operation_id: str) -> None:
    """Take back an operation that nobody wants any more, as well as that goes; it would be in the way of others."""
    rig.bench.say("taking back what is under way")
    with contextlib.suppress(ManoError, StoppedBySutError):
        if rig.following.state not in SETTLED_STATES:
            withdraw(rig, operation_id, "FORCEFUL")


def demand_accepted(made: Attempt) -> None:
    """Go on only if a request was accepted.

    Raises:
        StoppedBySutError: it was not.
    """
    if made.status not in _ACCEPTED:
        actual = made.problem if made.status is None else f"{made.status} {_detail(made.body)}".rstrip()
        raise StoppedBySutError(f"{made.method} {made.path} - not accepted - Expected: 202 Actual: {actual}")


def _detail(body: object) -> str:
    return str(body.get("detail", "")) if isinstance(body, dict) else ""
