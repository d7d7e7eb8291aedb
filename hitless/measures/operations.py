"""What an operation did, put together from what polls and notifications showed of it.

A poll may miss a short state. Then the shortest legal way between the two states that polls saw says which states must
lie between, and notifications say whether they did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from hitless.history import Attempt, History, Interval, OperationState
from hitless.measures.life_cycle import FINAL_STATES, NOT_YET, TARGETS, TRANSITIONS

_MOST_COMBINED = 10
"""Notifications of one state beyond which no best assignment to its entries is searched for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entering of a state.

    Attributes:
        entered: when; for a state that no poll saw, between those around it.
        polled: a poll saw it.
        legal: the state before it permits it, or there is a legal way that polls were too slow to see.
        note: the notification that tells of it; None if none does.
    """

    state: str
    entered: Interval
    polled: bool
    legal: bool = True
    note: OperationState | None = None

    @property
    def seen(self) -> bool:
        """Polled or notified; otherwise it only must have been."""
        return self.polled or self.note is not None


@dataclass(frozen=True, slots=True)
class Course:
    """What an operation did.

    Attributes:
        entries: the states in their order.
        surplus: notifications that tell of no entering: repeated with an id of their own, or of a state that the
            operation was not in.
    """

    operation_id: str
    operation: str
    entries: tuple[Entry, ...]
    surplus: tuple[OperationState, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """The states in their order."""
        return tuple(entry.state for entry in self.entries)

    @property
    def last_state(self) -> str:
        """The last state that was seen."""
        return self.entries[-1].state if self.entries else NOT_YET

    @property
    def notes_count(self) -> int:
        """Notifications that arrived of it, copies not counted."""
        return len(self.surplus) + sum(1 for entry in self.entries if entry.note is not None)


def courses(history: History) -> tuple[Course, ...]:
    """Return the courses of all operations that were polled, in their order."""
    polled = dict.fromkeys(state.operation_id for state in history.operations if state.source == "poll")
    return tuple(_course(history, operation_id) for operation_id in polled)


def course_of(history: History, operation_id: str) -> Course | None:
    """Return the course of one operation, None if it was never polled."""
    return next((one for one in courses(history) if one.operation_id == operation_id), None)


def possible_states(attempt: Attempt, seen: Sequence[Course]) -> list[str]:
    """Return the states that an operation may have gone to between its reading and the answer to a request about it."""
    entries = next((one.entries for one in seen if one.operation_id == attempt.operation_id), ())
    if attempt.state in FINAL_STATES:
        return []
    known = [
        index
        for index, entry in enumerate(entries)
        if entry.state == attempt.state and entry.entered.earliest_ns <= attempt.asked_ns
    ]
    later = entries[known[-1] + 1 :] if known else ()
    return [entry.state for entry in later if _begun_by(entry, attempt.answered_ns)]


def _begun_by(entry: Entry, at_ns: int) -> bool:
    """Tell whether a state may have begun by an instant: as polls bound it, or as a notification shows."""
    return entry.entered.earliest_ns <= at_ns or (entry.note is not None and received_ns(entry.note) <= at_ns)


def received_ns(note: OperationState) -> int:
    """Return when a notification arrived."""
    return note.entered.latest_ns


def _course(history: History, operation_id: str) -> Course:
    mine = [state for state in history.operations if state.operation_id == operation_id]
    polls = _distinct([state for state in mine if state.source == "poll"])
    notes = _notes(mine)
    leaving = [one for one in history.attempts if one.operation_id == operation_id and _leaves(one)]
    entries = list(_way(polls))
    entries = _with_cycles(entries, leaving, notes)
    entries, rest = _assigned(entries, notes)
    entries, rest = _continued(entries, rest)
    name = next((state.operation for state in mine if state.operation), "")
    return Course(operation_id, name, tuple(entries), tuple(rest))


def _leaves(attempt: Attempt) -> bool:
    """Tell whether a request made an operation leave ``FAILED_TEMP`` in a way that leads back to it."""
    return attempt.name in {"retry", "rollback"} and attempt.status in {200, 202}


def _distinct(polls: Sequence[OperationState]) -> list[OperationState]:
    """Leave out what only repeats the state before it."""
    return [one for index, one in enumerate(polls) if index == 0 or polls[index - 1].state != one.state]


def _notes(states: Sequence[OperationState]) -> list[OperationState]:
    """Return the notifications in the order of their arrival, each id once."""
    notes: dict[str, OperationState] = {}
    for note in sorted((one for one in states if one.source == "notification"), key=received_ns):
        notes.setdefault(str(note.detail.get("id") or f"{note.state} {received_ns(note)}"), note)
    return list(notes.values())


def _way(polls: Sequence[OperationState]) -> Iterator[Entry]:
    """Yield the polled states and those that must lie between them."""
    before, since_ns = NOT_YET, polls[0].entered.earliest_ns if polls else 0
    for poll in polls:
        between = _between(before, poll.state)
        for state in between or ():
            yield Entry(state, Interval(since_ns, poll.entered.latest_ns), polled=False)
        yield Entry(poll.state, poll.entered, polled=True, legal=between is not None)
        before, since_ns = poll.state, poll.entered.earliest_ns


def _between(before: str, after: str) -> tuple[str, ...] | None:
    """Return the states on the shortest legal way between two, None if there is no way."""
    ways: list[tuple[str, ...]] = [(before,)]
    known = {before}
    while ways:
        way = ways.pop(0)
        following = TRANSITIONS.get(way[-1], frozenset())
        if after in following:
            return way[1:]
        new = sorted(following - known)
        known.update(new)
        ways += [(*way, state) for state in new]
    return None


def _with_cycles(entries: list[Entry], leaving: Sequence[Attempt], notes: Sequence[OperationState]) -> list[Entry]:
    """Add what happened between two polls that both showed ``FAILED_TEMP``.

    The tester asked the operation to leave it, and notifications tell of more enterings than polls saw.
    """
    told = [note.state for note in notes]
    result: list[Entry] = []
    for index, entry in enumerate(entries):
        result.append(entry)
        if entry.state != "FAILED_TEMP":
            continue
        following = entries[index + 1] if index + 1 < len(entries) else None
        end_ns = None if following is None else following.entered.latest_ns
        asked = [
            one
            for one in leaving
            if one.asked_ns >= entry.entered.earliest_ns and (end_ns is None or one.asked_ns < end_ns)
        ]
        # The last of them led to what was polled next, unless that is where no way leads but from FAILED_TEMP itself.
        for one in asked if following is None or following.state == "FAILED" else asked[:-1]:
            state = TARGETS[one.name, "FAILED_TEMP"]
            if told.count(state) > sum(1 for known in (*result, *entries[index + 1 :]) if known.state == state):
                within = Interval(one.asked_ns, end_ns if end_ns is not None else _last_ns(notes, one.answered_ns))
                result += [Entry(state, within, polled=False), Entry("FAILED_TEMP", within, polled=False)]
    return result


def _last_ns(notes: Sequence[OperationState], least_ns: int) -> int:
    return max([least_ns, *(received_ns(note) for note in notes)])


def _assigned(entries: Sequence[Entry], notes: Sequence[OperationState]) -> tuple[list[Entry], list[OperationState]]:
    """Give each entering the notification that tells of it; return what is left as well."""
    result, rest = list(entries), list(notes)
    for state in {entry.state for entry in entries}:
        rows = [index for index, entry in enumerate(entries) if entry.state == state]
        told = [note for note in notes if note.state == state]
        for row, note in _best(entries, rows, told):
            result[row] = replace(result[row], note=note)
            rest.remove(note)
    return result, rest


def _best(
    entries: Sequence[Entry], rows: Sequence[int], told: Sequence[OperationState]
) -> Iterator[tuple[int, OperationState]]:
    """Yield the pairs in order of time whose times are closest to each other."""
    count = min(len(rows), len(told))
    if count and len(rows) + len(told) <= _MOST_COMBINED:
        choices = ((r, t) for r in combinations(rows, count) for t in combinations(told, count))
        rows, told = min(
            choices,
            key=lambda choice: sum(
                abs(received_ns(note) - entries[row].entered.latest_ns) for row, note in zip(*choice, strict=True)
            ),
        )
    yield from zip(rows[:count], told[:count], strict=True)


def _continued(entries: list[Entry], rest: Sequence[OperationState]) -> tuple[list[Entry], list[OperationState]]:
    """Append the states that only notifications tell of after the last poll, as far as an operation moves by itself."""
    surplus = []
    for note in rest:
        last = entries[-1] if entries else None
        moves = last is not None and last.state != "FAILED_TEMP" and note.state in TRANSITIONS.get(last.state, ())
        if last is not None and moves and received_ns(note) >= last.entered.earliest_ns:
            within = Interval(last.entered.earliest_ns, received_ns(note))
            entries = [*entries, Entry(note.state, within, polled=False, note=note)]
        else:
            surplus.append(note)
    return entries, surplus
