"""What runs beside the traffic: phases, operation states, stalls and marked instants, as bands over time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hitless.history import COHORT_STOPPED, Event, History, OperationState
from hitless.report.series import zero_ns

PHASES = {
    "warm-up": "warm-up",
    "lead-in": "lead-in",
    "baseline": "baseline",
    "request": "upgrade",
    "operation-ended": "after",
    "tail": "tail",
    "traffic-stopped": "",
}
"""Events that begin a phase, and what the phase is called; the empty name ends the last one.

A request that says its purpose gives the phase its name.
"""

INSTANTS = {"request": "request", "operation-ended": "operation ended", COHORT_STOPPED: "long sessions end"}
"""Events that are marked with a line across the timeline."""

_SILENT = frozenset({"traffic-started", "traffic-accounted", "filler-started", "stage-ended", "request-accepted"})
"""Bookkeeping of the tester; every other event is drawn under its own name."""


@dataclass(frozen=True, slots=True)
class Band:
    """Something that lasts, in seconds on the timeline."""

    start_s: float
    end_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Instant:
    """Something that happens, in seconds on the timeline."""

    at_s: float
    label: str


@dataclass(frozen=True, slots=True)
class Bands:
    """Everything beside the traffic.

    Attributes:
        phases: what the tester was doing, one after the other.
        operations: rows of life cycle operations, each with its name and its states; operations of one name that
            follow each other share a row.
        stalls: when a process of the tester did not get to run.
        instants: requests, ends and remarks.
    """

    phases: tuple[Band, ...]
    operations: tuple[tuple[str, tuple[Band, ...]], ...]
    stalls: tuple[Band, ...]
    instants: tuple[Instant, ...]


def bands(history: History) -> Bands:
    """Compute the bands of a history."""
    zero = zero_ns(history)
    end_ns = _end_ns(history)
    return Bands(
        phases=_phases(history.events, zero, end_ns),
        operations=_operations(history.operations, zero, end_ns),
        stalls=tuple(
            Band((stall.started_ns - zero) / 1e9, (stall.ended_ns - zero) / 1e9, stall.process)
            for stall in history.stalls
        ),
        instants=_instants(history.events, zero),
    )


def state_changes(states: Iterable[OperationState]) -> list[tuple[int, str]]:
    """Return when each state of one operation was first seen, whatever the source.

    Polling and notifications tell the same changes, a little apart. A report of an earlier state that may be older than
    the state known by then is late news, not a step back.
    """
    changes: list[tuple[int, str]] = []
    for each in sorted(states, key=lambda state: state.entered.latest_ns):
        known = [state for _, state in changes]
        late = each.state in known and each.entered.earliest_ns <= changes[-1][0]
        if not late and (not known or known[-1] != each.state):
            changes.append((each.entered.latest_ns, each.state))
    return changes


def _phases(events: Iterable[Event], zero: int, end_ns: int) -> tuple[Band, ...]:
    begun = sorted((event.at_ns, _phase(event)) for event in events if event.name in PHASES)
    ends = [*(at_ns for at_ns, _ in begun[1:]), end_ns]
    return tuple(
        Band((start - zero) / 1e9, (end - zero) / 1e9, label)
        for (start, label), end in zip(begun, ends, strict=False)
        if label and end > start
    )


def _phase(event: Event) -> str:
    purpose = event.detail.get("purpose") if event.name == "request" else None
    return str(purpose) if purpose else PHASES[event.name]


def _instants(events: Iterable[Event], zero: int) -> tuple[Instant, ...]:
    """Return what is marked; of events that repeat the one before, such as rule changes by the dozen, the first."""
    found: list[Instant] = []
    for event in sorted(events, key=lambda event: event.at_ns):
        if event.name not in INSTANTS and event.name in PHASES.keys() | _SILENT:
            continue
        label = _label(event)
        if event.name != "rules-set" or not found or found[-1].label != label:
            found.append(Instant((event.at_ns - zero) / 1e9, label))
    return tuple(found)


def _label(event: Event) -> str:
    if event.name == "rules-set":
        return f"rules: {event.detail.get('purpose', 'set')}"
    if event.name in {"stage", "step-reached"}:
        step = event.detail.get("step", "")
        return f"stage {step}" if event.name == "stage" else f"step {step} reached"
    return INSTANTS.get(event.name, event.name)


def _operations(states: Iterable[OperationState], zero: int, end_ns: int) -> tuple[tuple[str, tuple[Band, ...]], ...]:
    by_id: dict[str, list[OperationState]] = {}
    for state in states:
        by_id.setdefault(state.operation_id, []).append(state)
    rows: list[tuple[str, list[tuple[int, str]]]] = []
    for own in by_id.values():
        changes = state_changes(own)
        name = own[0].operation
        row = next((one for one in rows if one[0] == name and one[1][-1][0] <= changes[0][0]), None)
        if row is None:
            rows.append((name, changes))
        else:
            row[1].extend(changes)
    return tuple((name, _states(changes, zero, end_ns)) for name, changes in rows)


def _states(changes: list[tuple[int, str]], zero: int, end_ns: int) -> tuple[Band, ...]:
    ends = [at_ns for at_ns, _ in changes[1:]] + [max(end_ns, changes[-1][0])]
    spans = zip(changes, ends, strict=True)
    return tuple(Band((at - zero) / 1e9, (end - zero) / 1e9, state) for (at, state), end in spans)


def _end_ns(history: History) -> int:
    instants = [event.at_ns for event in history.events]
    return max([*history.counters.answered_ns[-1:].tolist(), *instants], default=0)
