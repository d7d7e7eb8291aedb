"""Whether an upgrade was held with both versions in service while something else was tried."""

from __future__ import annotations

from hitless.history import Ending, History, OperationState
from hitless.judges import wording
from hitless.judges.common import UPGRADE_OPERATION
from hitless.measures.selection import RULES_SET
from hitless.verdict import Check, Outcome


def held_check(history: History) -> Check:
    """Hold the recording against: complete, and the operation in progress as long as rules were set."""
    name = "held upgrade"
    if history.ending is not Ending.COMPLETE:
        codes = ("I12",) if history.ending is Ending.STOPPED_BY_TESTER else ("I8",)
        return Check(
            name,
            Outcome.INCONC,
            f"Upgrade - not held to the end - Expected: both versions in service while rules are set, "
            f"Actual: {history.ending.value}, {history.ending_reason or 'no reason recorded'}",
            codes,
        )
    last_ns = max((event.at_ns for event in history.events if event.name == RULES_SET), default=0)
    over = next(
        (
            state
            for state in history.operations
            if state.operation == UPGRADE_OPERATION
            and state.state not in {"STARTING", "PROCESSING"}
            and state.entered.latest_ns < last_ns
        ),
        None,
    )
    if not any(_is_held(state) for state in history.operations):
        return Check(
            name,
            Outcome.INCONC,
            "Upgrade - not known whether it was held - Expected: PROCESSING seen before the last rule, Actual: no "
            "state recorded - see operations.jsonl",
            ("I12",),
        )
    if over is None:
        return Check(name, Outcome.PASS, "the upgrade was held while rules were set")
    early = wording.seconds(last_ns - over.entered.latest_ns)
    return Check(
        name,
        Outcome.INCONC,
        f"Upgrade - not held while rules were set - Expected: PROCESSING until the last rule, "
        f"Actual: {over.state} {early} before it",
        ("I8",),
    )


def _is_held(state: OperationState) -> bool:
    return state.operation == UPGRADE_OPERATION and state.state == "PROCESSING"
