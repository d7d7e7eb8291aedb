"""Life cycle operations of the instance that ran while something was tried and that the tester had not asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hitless.history import Attempt, History, OperationState, Snapshot
from hitless.measures.spans import Span

_RUNNING = frozenset({"STARTING", "PROCESSING", "ROLLING_BACK"})
_CAUSED = "after:"
"""Label of a list that was read right after a request of the tester: what is new in it is the request's doing."""


def foreign_operations(history: History, span: Span) -> tuple[str, ...]:
    """Return the operations that were not part of what was recorded, as ``SCALE op-7``, each once.

    One is foreign if a notification of it came within the span, or if a list of the instance's operations shows it that
    was read later than one that does not, or that shows it running; unless the tester followed it, asked for it, or
    names it in an event. Where MANO shows neither lists nor notifications, nothing can be told.
    """
    lists = sorted((one for one in history.snapshots if one.kind == "operations"), key=lambda one: one.first.latest_ns)
    found = {identifier: name for read in lists[1:] for identifier, name, _ in _items(read)}
    for state in history.operations:
        if state.source == "notification" and _within(state, span) and _of_instance(history, state):
            found.setdefault(state.operation_id, state.operation)
    known = _own(history) | _caused(lists) | _over_before(lists)
    return tuple(f"{name} {identifier}".strip() for identifier, name in found.items() if identifier not in known)


def _items(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """Return identifier, kind and state of each listed operation; empty texts for what is not said."""
    items: Any = snapshot.document.get("items")
    listed = [one for one in items if isinstance(one, Mapping) and one.get("id")] if isinstance(items, list) else []
    names = ("id", "operation", "operationState")
    return [(str(one["id"]), str(one.get(names[1]) or ""), str(one.get(names[2]) or "")) for one in listed]


def _over_before(lists: Sequence[Snapshot]) -> set[str]:
    """Return the operations that did not run any more when the first list was read; notifications may come late.

    One that failed for the time being may go on: it is over only if it stands in the same state later.
    """
    if not lists:
        return set()
    later = {(identifier, state) for read in lists[1:] for identifier, _, state in _items(read)}
    moved = {identifier for identifier, _ in later - {(one, state) for one, _, state in _items(lists[0])}}
    return {one for one, _, state in _items(lists[0]) if state not in _RUNNING} - moved


def _caused(lists: Sequence[Snapshot]) -> set[str]:
    """Return the operations that a request of the tester has begun, as it seems, whether or not it should have."""
    caused: set[str] = set()
    seen: set[str] = set()
    for read in lists:
        shown = {identifier for identifier, _, _ in _items(read)}
        caused |= shown - seen if read.label.startswith(_CAUSED) else set()
        seen |= shown
    return caused


def _own(history: History) -> set[str]:
    own = {state.operation_id for state in history.operations if state.source == "poll"}
    own |= {one.subject for one in history.snapshots if one.kind == "operation"}
    own |= {str(event.detail["operation_id"]) for event in history.events if "operation_id" in event.detail}
    for attempt in history.attempts:
        own |= _named(attempt)
    return own


def _named(attempt: Attempt) -> set[str]:
    """Return the operations that a request is about, or that it began."""
    names = {attempt.operation_id, attempt.location.rstrip("/").rpartition("/")[2]}
    if isinstance(attempt.body, Mapping):
        names.add(str(attempt.body.get("id", "")))
    return names - {""}


def _within(state: OperationState, span: Span) -> bool:
    return span.start_ns <= state.entered.latest_ns < span.end_ns


def _of_instance(history: History, state: OperationState) -> bool:
    """Tell whether a notification is about the instance, as far as both say which one it is.

    A VNFM may ignore the filter of a subscription and tell of others as well.
    """
    body = state.detail.get("body")
    named = body.get("vnfInstanceId") if isinstance(body, Mapping) else None
    wanted = {event.detail.get("vnf_instance_id") for event in history.events if event.name == "request"}
    # Of an upgrade that somebody else starts the request says nothing; the documents that were read do.
    wanted |= {one.subject for one in history.snapshots if one.kind == "vnf_instance"}
    wanted -= {None, ""}
    return not named or not wanted or named in wanted
