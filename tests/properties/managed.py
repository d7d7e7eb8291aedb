"""Strategies that generate what MANO does and what a tester sees of it: units that come and go, operations, views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from hitless.history import Attempt, Interval, OperationState
from hitless.measures.life_cycle import NOT_YET, TARGETS, TRANSITIONS
from tests.core.management import Lifeline, Management
from tests.properties.dice import Dice, dice
from tests.properties.truth import EPOCH_NS, MS

REQUEST_S, COMPLETED_S = 10.0, 14.0


def _lifeline(rolled: Dice, number: int) -> Lifeline:
    """One unit; the odd thousandths keep its events apart from all reads."""

    def second(low: float) -> float:
        return round(low + 0.0037 + rolled.below(round((COMPLETED_S - low) * 50)) / 50, 4)

    vdu = rolled.pick(["gateway", "gateway-large"])
    if rolled.below(2):
        removed = second(REQUEST_S + 0.2) if rolled.below(2) else None
        modified = second(REQUEST_S + 0.2) if removed is None and rolled.below(3) == 2 else None
        return Lifeline(f"old-{number}", vdu, removed_s=removed, modified_s=modified)
    appeared = second(REQUEST_S + 0.2)
    added = second(appeared) if appeared < COMPLETED_S - 0.1 else appeared
    gone = second(added) if added < COMPLETED_S - 0.1 and rolled.below(3) == 2 else None
    temporary = gone is not None and bool(rolled.below(2))
    return Lifeline(f"new-{number}", vdu, appeared_s=appeared, added_s=added, removed_s=gone, temporary=temporary)


def _management(rolled: Dice) -> Management:
    units = [_lifeline(rolled, number) for number in range(rolled.between(1, 5))]
    blind = [(REQUEST_S + rolled.below(400) / 100, rolled.below(200) / 100) for _ in range(rolled.below(3))]
    return Management(
        units=(Lifeline("old-first"), *units),
        completed_s=rolled.pick([COMPLETED_S, COMPLETED_S, None]),
        end_s=16.0,
        poll_s=rolled.pick([0.1, 0.4, 1.0]),
        listed_late=bool(rolled.below(2)),
        blind=tuple((start, start + length) for start, length in blind),
        names_vnfd=bool(rolled.below(4)),
    )


def managements() -> st.SearchStrategy[Management]:
    """A MANO whose units come and go, and a tester that reads it more or less often."""
    return dice(60).map(_management)


@dataclass(frozen=True)
class Walk:
    """The states of an operation as they really were, and what a tester saw of them."""

    entered: tuple[tuple[str, int], ...]
    states: tuple[OperationState, ...]
    attempts: tuple[Attempt, ...]
    always_polled: bool

    @property
    def names(self) -> list[str]:
        """The states in their order."""
        return [state for state, _ in self.entered]

    def at(self, instant_ns: int) -> str:
        """Return the state at an instant."""
        return next((state for state, at_ns in reversed(self.entered) if at_ns <= instant_ns), NOT_YET)


def _walk(rolled: Dice) -> Walk:
    """Walk along legal transitions; only a task leads out of FAILED_TEMP, after the tester has seen it."""
    period_ms = rolled.pick([20, 100])
    always_polled = bool(rolled.below(2))
    state, now_ns = NOT_YET, EPOCH_NS
    entered: list[tuple[str, int]] = []
    attempts: list[Attempt] = []
    for _ in range(rolled.between(1, 9)):
        following = sorted(TRANSITIONS[state])
        if not following:
            break
        wanted = rolled.pick(following)
        dwell_ms = rolled.between(5, 400) if not (always_polled or state == "FAILED_TEMP") else 2 * period_ms + 50
        now_ns += dwell_ms * MS + 137
        task = next((name for (name, source), target in TARGETS.items() if (source, target) == (state, wanted)), "")
        if state == "FAILED_TEMP":
            asked_ns = now_ns - 3 * MS
            attempts.append(Attempt(task, "op", state, asked_ns, now_ns - MS, "POST", f"/{task}", 202))
        state = wanted
        entered.append((state, now_ns))
    polls = range(EPOCH_NS, now_ns + 1000 * MS, period_ms * MS)
    seen = [*_polled(entered, polls), *_notified(rolled, entered)]
    return Walk(tuple(entered), tuple(seen), tuple(attempts), always_polled)


def _polled(entered: Sequence[tuple[str, int]], polls: Sequence[int]) -> list[OperationState]:
    """Return each state that a poll showed and the poll before did not."""
    found: list[OperationState] = []
    before_ns = polls[0]
    for at_ns in polls:
        state = next((one for one, since in reversed(entered) if since <= at_ns + 2 * MS), NOT_YET)
        if state != (found[-1].state if found else NOT_YET):
            within = Interval(before_ns, at_ns + 5 * MS)
            found.append(OperationState("op", "CHANGE_VNFPKG", state, within, "poll"))
        before_ns = at_ns
    return found


def _notified(rolled: Dice, entered: Sequence[tuple[str, int]]) -> list[OperationState]:
    """Return a notification of each entering, shortly after it; some arrive twice."""
    found = []
    for number, (state, at_ns) in enumerate(entered):
        received_ns = at_ns + rolled.between(0, 4) * MS
        for copy in range(1 + (rolled.below(8) == 7)):
            instant = Interval(received_ns - MS, received_ns + copy * 3 * MS)
            found.append(OperationState("op", "CHANGE_VNFPKG", state, instant, "notification", {"id": f"n{number}"}))
    return found


def walks() -> st.SearchStrategy[Walk]:
    """An operation that does what it may, polled and notified."""
    return dice(60).map(_walk)


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.sampled_from(["a", "b", ""]))
KEYS = st.sampled_from(
    [
        "id",
        "vduId",
        "vnfdId",
        "metadata",
        "_links",
        "vnfcResourceInfo",
        "vnfState",
        "updatedTime",
        "scaleStatus",
        "zoneId",
    ]
)


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects with keys that documents of MANO have, in all kinds of places."""
    values = st.recursive(
        SCALARS,
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
        max_leaves=8,
    )
    units = st.lists(st.dictionaries(KEYS, SCALARS, max_size=4), max_size=3)
    instance = st.builds(lambda listed: {"instantiatedVnfInfo": {"vnfcResourceInfo": listed}}, units)
    return st.one_of(st.dictionaries(KEYS, values, max_size=4), instance)
