"""Operations that were taken back: what the tester asked for, what MANO answered, and which states it went through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hitless.history import Attempt, Ending, Event, History, Interval, OperationState
from hitless.judges import wording
from hitless.judges.common import UPGRADE_OPERATION, Window
from hitless.measures.sightings import same_event
from hitless.measures.spans import Span
from hitless.verdict import Check, Outcome

STEPS = ("1", "2", "3", "4")
"""Steps of an upgrade in which a rollback is asked for, by the names that the recording has for them."""
_ACCEPTED = (200, 202)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """One upgrade that was to be taken back.

    Attributes:
        step: in which step, empty where the software failed by itself.
        requested_ns: when the upgrade was requested.
        until_ns: when the next one was, or the end of traffic.
        operation_id: empty if the operation was never seen.
        states: its states in the order of being seen.
        cancel, rollback: the first request of each kind; None if there was none.
    """

    step: str
    requested_ns: int
    until_ns: int
    operation_id: str
    states: tuple[OperationState, ...]
    cancel: Attempt | None
    rollback: Attempt | None

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"step {self.step}" if self.step else "rollback"

    @property
    def key(self) -> str:
        """As names of figures begin; empty where there is only one."""
        return f"step_{self.step}_" if self.step else ""

    def entered(self, state: str) -> Interval | None:
        """Return when the operation entered a state for the first time, polled and notified taken together."""
        seen: dict[str, Interval] = {}
        for one in self.states:
            if one.state == state:
                seen.setdefault(one.source, one.entered)
        found = list(seen.values())
        if not found:
            return None
        return found[0] if len(found) == 1 else same_event(*found[:2])

    @property
    def taken_back_ns(self) -> int | None:
        """When MANO had accepted to take the upgrade back: the cancellation, if there was one, else the rollback."""
        accepted = [one.answered_ns for one in (self.cancel, self.rollback) if one is not None and is_accepted(one)]
        return min(accepted, default=None)

    @property
    def rolled_back(self) -> Interval | None:
        """When the operation was rolled back; None if it was not."""
        return self.entered("ROLLED_BACK")


def withdrawn(history: History) -> tuple[Withdrawn, ...]:
    """Return the upgrades of a recording that were, or were to be, taken back, in their order."""
    requests = [event for event in history.events if event.name == "request"]
    ends = [*(event.at_ns for event in requests), end_of_traffic(history)][1:]
    found = (_withdrawn(history, event, until_ns) for event, until_ns in zip(requests, ends, strict=True))
    return tuple(one for one in found if one.step in {"", *STEPS})


def end_of_traffic(history: History) -> int:
    """Return when the traffic was stopped, or the last sample or event where that was not noted."""
    stopped = history.when("traffic-stopped")
    sampled = int(history.counters.answered_ns[-1]) if len(history.counters.answered_ns) else 0
    return max((event.at_ns for event in history.events), default=sampled) if stopped is None else stopped


def is_accepted(made: Attempt) -> bool:
    """Tell whether a request was answered with what a task of an operation is accepted with."""
    return made.status in _ACCEPTED


def answer(made: Attempt) -> str:
    """Return what came as an answer, in words."""
    if made.status is None:
        return f"no answer ({made.problem or 'no reason recorded'})"
    detail = made.body.get("detail") if isinstance(made.body, Mapping) else None
    return f"{made.status}{f' ({detail})' if detail else ''}"


def whole_window(history: History, limits: Mapping[str, float]) -> Window | None:
    """Return the window from the first request to the end of the last operation; None if nothing was requested.

    The window of a single upgrade ends with its operation; here several follow each other.
    """
    request_ns = history.when("request")
    if request_ns is None:
        return None
    ended = [event.at_ns for event in history.events if event.name in {"operation-ended", "stage-ended"}]
    observed_start = request_ns - round(limits["lead_in_s"] * 1e9)
    observed_end = max(ended) + round(limits["tail_s"] * 1e9) if ended else end_of_traffic(history)
    began = history.when("baseline")
    if began is None:
        began = history.when("traffic-started")
    baseline = Span(observed_start if began is None else began, observed_start)
    return Window(baseline, Span(observed_start, observed_end), request_ns, max(ended, default=None))


def nothing_withdrawn(history: History) -> Check:
    """Return the check for a recording without an upgrade to be taken back."""
    reason = history.ending_reason or "no such request recorded"
    return Check(
        "rollback",
        Outcome.INCONC,
        f"Rollback - never came to it - Expected: an upgrade that is taken back, Actual: {reason}",
        ("I8",),
    )


def complete_check(history: History, operations: Sequence[Withdrawn]) -> Check:
    """Hold the recording against: not stopped by the tester, and with an upgrade for each step if there are steps."""
    name = "recording"
    if history.ending is Ending.STOPPED_BY_TESTER:
        text = "Recording - the tester stopped it - Expected: a complete recording, Actual: stopped"
        return Check(name, Outcome.INCONC, f"{text}{_reason(history)}", ("I12",))
    found = {one.step for one in operations}
    missing = [step for step in STEPS if found != {""} and step not in found]
    if not missing:
        return Check(name, Outcome.PASS, f"{len(operations)} upgrades that were to be taken back")
    return Check(
        name,
        Outcome.INCONC,
        f"Recording - not every step was tried - Expected: an upgrade that is taken back in each of {len(STEPS)} "
        f"steps, Actual: none in {' and '.join(missing)}{_reason(history)}",
        ("I8",),
    )


def rolled_back_check(history: History, one: Withdrawn) -> Check:
    """Hold an operation against: failed (by itself or cancelled), then rolled back when it was asked to."""
    name, subject = (
        f"operation{f', {one.name}' if one.step else ''}",
        f"Rollback{f' in {one.name}' if one.step else ''}",
    )
    failed, rolled_back = one.entered("FAILED_TEMP"), one.rolled_back
    refused = next((made for made in (one.cancel, one.rollback) if made is not None and not is_accepted(made)), None)
    where = f"see operation {one.operation_id or 'unknown'}, http.jsonl"
    if rolled_back is not None and (failed is not None or one.rollback is not None):
        took = wording.seconds(rolled_back.latest_ns - one.requested_ns)
        return Check(name, Outcome.PASS, f"{one.name}: rolled back {took} after the request")
    if refused is not None:
        text = f"{subject} - {refused.name} not accepted - Expected: 202, Actual: {answer(refused)} - {where}"
        return Check(name, Outcome.FAIL, text)
    last = one.states[-1].state if one.states else "no state seen"
    if history.ending is not Ending.STOPPED_BY_TESTER and one.rollback is not None:
        text = f"{subject} - not completed - Expected: ROLLED_BACK, Actual: {last}{_reason(history)} - {where}"
        return Check(name, Outcome.FAIL, text)
    return Check(
        name,
        Outcome.INCONC,
        f"{subject} - could not be asked for - Expected: FAILED_TEMP, then a rollback, "
        f"Actual: {last}{_reason(history)} - {where}",
        ("I8",) if history.ending is not Ending.STOPPED_BY_TESTER else ("I12",),
    )


def timeline_evidence(one: Withdrawn) -> list[dict[str, Any]]:
    """Return states and requests of an operation, in seconds after its request."""
    rows = [
        {
            "after_request_s": round((state.entered.latest_ns - one.requested_ns) / 1e9, 3),
            "what": f"{state.state} ({state.source})",
        }
        for state in one.states
    ]
    rows += [
        {
            "after_request_s": round((made.asked_ns - one.requested_ns) / 1e9, 3),
            "what": f"{made.name}: {answer(made)}",
        }
        for made in (one.cancel, one.rollback)
        if made is not None
    ]
    return sorted(rows, key=lambda row: row["after_request_s"])


def _withdrawn(history: History, request: Event, until_ns: int) -> Withdrawn:
    requested_ns = request.at_ns
    states = [
        state
        for state in history.operations
        if state.operation == UPGRADE_OPERATION and requested_ns <= state.entered.latest_ns < until_ns
    ]
    attempts = [made for made in history.attempts if requested_ns <= made.asked_ns < until_ns]
    known = [state.operation_id for state in states] + [made.operation_id for made in attempts if made.operation_id]
    operation_id = known[0] if known else ""
    return Withdrawn(
        step=str(request.detail.get("step", "")),
        requested_ns=requested_ns,
        until_ns=until_ns,
        operation_id=operation_id,
        states=tuple(state for state in states if state.operation_id == operation_id),
        cancel=_first(attempts, "cancel"),
        rollback=_first(attempts, "rollback"),
    )


def _first(attempts: list[Attempt], name: str) -> Attempt | None:
    return next((made for made in attempts if made.name == name), None)


def _reason(history: History) -> str:
    return f" ({history.ending_reason})" if history.ending_reason else ""
