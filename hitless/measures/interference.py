"""Life cycle operations of the instance that ran while something was tried and that the tester had not asked for.

Who may do something to the instance depends on how the upgrade begins. Where the tester asks for it (sol003), it takes
the NFVO's place, and whatever it did not ask for is somebody else's. Where a command or somebody else starts it, an
NFVO carries it out, and that may write into the instance as well: a MODIFY_INFO changes attributes of the VnfInstance
(names, metadata, extensions, where VIMs are) and neither needs a grant nor touches resources (SOL003, clause
5.4.3.3.4), so that it is taken for a part of such an upgrade. Everything else that such an NFVO starts (scaling,
healing, other links) changes units, capacity or paths that the baseline was measured with, and no attribute ties it to
the upgrade: it stays interference, as does whatever the VNFM has begun by itself (``isAutomaticInvocation``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hitless.history import Attempt, History, OperationState, Snapshot
from hitless.measures.spans import Span

_RUNNING = frozenset({"STARTING", "PROCESSING", "ROLLING_BACK"})
_CAUSED = "after:"
"""Label of a list that was read right after a request of the tester: what is new in it is the request's doing."""
_INFORMATION_ONLY = "MODIFY_INFO"


@dataclass(frozen=True, slots=True)
class _Listed:
    """What a list or a notification says of an operation; empty texts and None for what it does not say.

    Attributes:
        state: empty as well where it is only known that the operation was there.
        automatic: the VNFM began it by itself.
        started, entered: the VNFM's own times of its beginning and of its state. They are held against each other only.
    """

    id: str
    kind: str
    state: str
    automatic: bool
    started: datetime | None
    entered: datetime | None


@dataclass(frozen=True, slots=True)
class _List:
    """A list of operations as it was read."""

    label: str
    items: tuple[_Listed, ...]

    @property
    def ids(self) -> set[str]:
        """Operations that it shows."""
        return {one.id for one in self.items}


def foreign_operations(history: History, span: Span) -> tuple[str, ...]:
    """Return the operations that were not part of what was recorded, as ``SCALE op-7``, each once.

    One is foreign if a notification of it came within the span, or if a list of the instance's operations shows it that
    was read later than one that does not, or that shows it running; unless the tester followed it, asked for it, or
    names it in an event, or an upgrade that others carry out may contain it. Where MANO shows neither lists nor
    notifications, nothing can be told.
    """
    lists = _lists(history)
    seen = [one for read in lists[1:] for one in read.items]
    seen += [_item(state) for state in _notified(history, span)]
    found: dict[str, str] = {}
    for one in seen:
        found.setdefault(one.id, one.kind)
    known = _own(history) | _caused(lists) | _over_before(lists)
    if _by_others(history):
        known |= _information(seen) - (lists[0].ids if lists else set())
    return tuple(f"{name} {identifier}".strip() for identifier, name in found.items() if identifier not in known)


def _by_others(history: History) -> bool:
    """Tell whether the upgrade was started by a command or by somebody, and not by a request of the tester."""
    return any(event.name == "request" and event.detail.get("trigger") == "outside" for event in history.events)


def _information(seen: Sequence[_Listed]) -> set[str]:
    """Return the operations that change nothing but attributes of the instance, and that an NFVO has asked for."""
    others = {one.id for one in seen if one.automatic or one.kind not in {"", _INFORMATION_ONLY}}
    return {one.id for one in seen if one.kind == _INFORMATION_ONLY} - others


def _lists(history: History) -> list[_List]:
    """Return the lists in their order, each with what was there when it was read.

    A list of several pages can miss an operation if others come and go between two pages. One that a later list shows
    was there all the same if the VNFM itself dates its beginning before something that the list does show.
    """
    read = sorted((one for one in history.snapshots if one.kind == "operations"), key=lambda one: one.first.latest_ns)
    lists = [_List(one.label, _items(one)) for one in read]
    for place, one in enumerate(lists):
        later = {item.id: item for read_later in lists[place + 1 :] for item in read_later.items}
        lists[place] = _List(one.label, (*one.items, *_missed(one, later.values())))
    return lists


def _missed(read: _List, later: Iterable[_Listed]) -> list[_Listed]:
    newest = max((at for one in read.items for at in (one.started, one.entered) if at is not None), default=None)
    if newest is None:
        return []
    found = []
    for one in later:
        if one.id not in read.ids and one.started is not None and one.started < newest:
            same = one.entered is not None and one.entered < newest
            found.append(one if same else _Listed(one.id, one.kind, "", one.automatic, one.started, None))
    return found


def _items(snapshot: Snapshot) -> tuple[_Listed, ...]:
    """Return what is listed."""
    items: Any = snapshot.document.get("items")
    listed = [one for one in items if isinstance(one, Mapping) and one.get("id")] if isinstance(items, list) else []
    return tuple(
        _Listed(
            id=str(one["id"]),
            kind=str(one.get("operation") or ""),
            state=str(one.get("operationState") or ""),
            automatic=one.get("isAutomaticInvocation") is True,
            started=_time(one.get("startTime")),
            entered=_time(one.get("stateEnteredTime")),
        )
        for one in listed
    )


def _item(state: OperationState) -> _Listed:
    body = state.detail.get("body")
    automatic = isinstance(body, Mapping) and body.get("isAutomaticInvocation") is True
    return _Listed(state.operation_id, state.operation, state.state, automatic, None, None)


def _time(text: object) -> datetime | None:
    """Return a VNFM's date and time (RFC 3339), None for anything else."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _over_before(lists: Sequence[_List]) -> set[str]:
    """Return the operations that did not run any more when the first list was read; notifications may come late.

    One that failed for the time being may go on: it is over only if it stands in the same state later.
    """
    if not lists:
        return set()
    shown = {(one.id, one.state) for one in lists[0].items}
    moved = {one.id for read in lists[1:] for one in read.items if (one.id, one.state) not in shown}
    return {identifier for identifier, state in shown if state not in _RUNNING} - moved


def _caused(lists: Sequence[_List]) -> set[str]:
    """Return the operations that a request of the tester has begun, as it seems, whether or not it should have."""
    caused: set[str] = set()
    seen: set[str] = set()
    for read in lists:
        caused |= read.ids - seen if read.label.startswith(_CAUSED) else set()
        seen |= read.ids
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


def _notified(history: History, span: Span) -> list[OperationState]:
    """Return what notifications of the instance's operations told within the span."""
    return [
        state
        for state in history.operations
        if state.source == "notification"
        and span.start_ns <= state.entered.latest_ns < span.end_ns
        and _of_instance(history, state)
    ]


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
