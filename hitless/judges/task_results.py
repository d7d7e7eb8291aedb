"""What became of operations by the tasks that were accepted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hitless.history import Attempt, History
from hitless.judges import contract
from hitless.measures import documents
from hitless.measures.life_cycle import FINAL_STATES, PERMITTED, TARGETS
from hitless.measures.operations import Course, Entry
from hitless.verdict import Check, Outcome

_EXPLAINED = frozenset({"FAILED_TEMP", "FAILED"})
"""States in which the operation occurrence has to hold an error."""


def target_check(history: History, seen: Sequence[Course], limit: float) -> Check:
    """Hold what followed each accepted task against the state that it leads to, with an error where one is due."""
    name, subject = "target states", "Tasks"
    wrong: list[str] = []
    unseen: list[str] = []
    reached = 0
    for one in _accepted(history):
        following, target = _following(one, seen), TARGETS[one.name, one.state]
        if following is None:
            if not _stuck(history, one.operation_id):  # then it is told as an operation that never ends
                unseen.append(f"{target} after {contract.in_words(one)}")
        elif following.state == target or (one.name == "rollback" and following.state == "ROLLED_BACK"):
            reached += 1
        else:
            wrong.append(f"{following.state} in place of {target} after {contract.in_words(one)}")
    wrong += _unexplained(history, seen)
    if len(wrong) > limit:
        return contract.violations(name, subject, wrong, limit, where=contract.OPERATIONS_LOG, passed="")
    if unseen or not reached:
        return contract.blind(name, subject, unseen or ["the effect of any task"], where=contract.OPERATIONS_LOG)
    return Check(name, Outcome.PASS, f"{reached} accepted tasks led to their states")


def _accepted(history: History) -> Iterator[Attempt]:
    """Yield the tasks that were accepted in a state that permits them."""
    for one in history.attempts:
        if contract.accepted(one) and one.name in PERMITTED.get(one.state, ()):
            yield one


def _following(attempt: Attempt, seen: Sequence[Course]) -> Entry | None:
    """Return the state that followed the one in which a task was asked for, None if none was seen."""
    entries = next((one.entries for one in seen if one.operation_id == attempt.operation_id), ())
    known = [
        index
        for index, entry in enumerate(entries)
        if entry.state == attempt.state and entry.entered.earliest_ns <= attempt.asked_ns
    ]
    return entries[known[-1] + 1] if known and known[-1] + 1 < len(entries) else None


def _unexplained(history: History, seen: Sequence[Course]) -> list[str]:
    """Return the states that need an error and have none, neither polled nor read."""
    result = []
    for course in seen:
        shown = documents.snapshots(history, "operation", subject=course.operation_id)
        bad = [one.document.get("operationState") for one in shown if one.document.get("error") is None]
        polled = [
            state.state
            for state in history.operations
            if state.operation_id == course.operation_id and state.source == "poll" and "error" not in state.detail
        ]
        without = _EXPLAINED & set(bad if shown else polled)
        result += [f"{state} of operation {course.operation_id} without an error" for state in sorted(without)]
    return result


def end_check(history: History, seen: Sequence[Course], limit: float) -> Check:
    """Hold every operation against: it ends.

    One that was waited for in vain until its deadline, after a task of it had been accepted, never does.
    """
    name, subject = "ends", "Operations"
    if not seen:
        return contract.blind(name, subject, ["any operation"], where=contract.OPERATIONS_LOG)
    open_ones = [course for course in seen if course.last_state not in FINAL_STATES]
    asked = {one.operation_id for one in _accepted(history)}
    stuck = [
        f"operation {course.operation_id} still {course.last_state} at the deadline"
        for course in open_ones
        if course.operation_id in asked and _stuck(history, course.operation_id)
    ]
    if len(stuck) > limit:
        return contract.violations(name, subject, stuck, limit, where=contract.OPERATIONS_LOG, passed="")
    if open_ones:
        missing = [f"the end of operation {one.operation_id}, {one.last_state} at last" for one in open_ones]
        return contract.blind(name, subject, missing, where=contract.OPERATIONS_LOG)
    return Check(name, Outcome.PASS, f"{len(seen)} operations ended")


def _stuck(history: History, operation_id: str) -> bool:
    """Tell whether the tester gave the operation up because its deadline had come."""
    return any(
        event.name == "operation-ended"
        and event.detail.get("error") == "DeadlineError"
        and operation_id in str(event.detail.get("request", ""))
        for event in history.events
    )
