"""What runs beside the traffic: phases, operation states, stalls and marked instants, as bands over time. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hitless.history import Event, History, OperationState
from hitless.report.series import zero_ns

PHASES = {
    "lead-in": "lead-in",
    "baseline": "baseline",
    "request": "upgrade",
    "operation-ended": "after",
    "tail": "tail",
    "traffic-stopped": "",
}
"""Events that begin a phase, and what the phase is called; the empty name ends the last one."""

INSTANTS = {"request": "request", "operation-ended": "operation ended", "cohort-stopped": "long sessions end"}
"""Events that are marked with a line across the timeline."""

_SILENT = frozenset({"traffic-started", "traffic-accounted", "filler-started"})
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
        operations: for each life cycle operation its name and its states.
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
    ids = dict.fromkeys(state.operation_id for state in history.operations)
    return Bands(
        phases=_phases(history.events, zero, end_ns),
        operations=tuple(_operation(history.operations, each, zero, end_ns) for each in ids),
        stalls=tuple(
            Band((stall.started_ns - zero) / 1e9, (stall.ended_ns - zero) / 1e9, stall.process)
            for stall in history.stalls
        ),
        instants=tuple(
            Instant((event.at_ns - zero) / 1e9, INSTANTS.get(event.name, event.name))
            for event in sorted(history.events, key=lambda event: event.at_ns)
            if event.name in INSTANTS or event.name not in PHASES.keys() | _SILENT
        ),
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
    begun = sorted((event.at_ns, PHASES[event.name]) for event in events if event.name in PHASES)
    ends = [*(at_ns for at_ns, _ in begun[1:]), end_ns]
    return tuple(
        Band((start - zero) / 1e9, (end - zero) / 1e9, label)
        for (start, label), end in zip(begun, ends, strict=False)
        if label and end > start
    )


def _operation(
    states: Iterable[OperationState], operation_id: str, zero: int, end_ns: int
) -> tuple[str, tuple[Band, ...]]:
    own = [state for state in states if state.operation_id == operation_id]
    changes = state_changes(own)
    ends = [at_ns for at_ns, _ in changes[1:]] + [max(end_ns, changes[-1][0])]
    spans = zip(changes, ends, strict=True)
    return own[0].operation, tuple(Band((at - zero) / 1e9, (end - zero) / 1e9, state) for (at, state), end in spans)


def _end_ns(history: History) -> int:
    instants = [event.at_ns for event in history.events]
    return max([*history.counters.answered_ns[-1:].tolist(), *instants], default=0)
