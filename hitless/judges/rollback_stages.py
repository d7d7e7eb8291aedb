"""The stages of a recording in which an upgrade is taken back: what was reached in each, and whether it ended well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hitless.history import Ending, Event, History
from hitless.judges import wording
from hitless.judges.evidence import TARGET
from hitless.judges.rollbacks import STEPS, Withdrawn, end_of_traffic, rolled_back_check, withdrawn
from hitless.measures import counting
from hitless.measures.counting import RateBins
from hitless.measures.recovery import last_served
from hitless.measures.spans import Span
from hitless.verdict import Check, Outcome

DOWNGRADE = "downgrade"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the recording; its goodput second by second."""

    step: str
    span: Span
    reached: Event | None
    ended: Event | None
    operation: Withdrawn | None
    bins: RateBins

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"step {self.step}" if self.step in STEPS else self.step


def stages_of(history: History) -> tuple[Stage, ...]:
    """Return the stages in their order."""
    begins = [event for event in history.events if event.name == "stage"]
    limits_ns = [*(event.at_ns for event in begins), end_of_traffic(history)][1:]
    operations = withdrawn(history)
    return tuple(
        _stage(history, event, until_ns, operations) for event, until_ns in zip(begins, limits_ns, strict=True)
    )


def _stage(history: History, begun: Event, until_ns: int, operations: Sequence[Withdrawn]) -> Stage:
    step = str(begun.detail.get("step", ""))
    inside = [event for event in history.events if begun.at_ns <= event.at_ns <= until_ns]
    ended = next((event for event in inside if event.name == "stage-ended"), None)
    span = Span(begun.at_ns, until_ns if ended is None else ended.at_ns)
    return Stage(
        step=step,
        span=span,
        reached=next((event for event in inside if event.name == "step-reached"), None),
        ended=ended,
        operation=next((one for one in operations if one.step == step), None),
        bins=counting.rate_bins(history.counters, span),
    )


def stage_of(stages: Sequence[Stage], step: str) -> Stage | None:
    """Return the stage of a step, None if the recording did not come to it."""
    return next((stage for stage in stages if stage.step == step), None)


def step_check(history: History, step: str, stage: Stage | None) -> Check:
    """Hold one step against: reached, cancelled, rolled back."""
    name, operation = f"step {step}", None if stage is None else stage.operation
    if stage is None or operation is None:
        return _missing(history, step, name)
    if operation.cancel is not None:
        found = rolled_back_check(history, operation)
        unproven = _not_reached(history, stage, operation)
        if found.outcome is Outcome.PASS and unproven:
            text = f"Step {step} - not shown to be reached - Expected: its share and units before it is cancelled"
            return Check(name, Outcome.INCONC, f"{text}, Actual: {unproven}", ("I8",))
        return replace(found, name=name)
    failure = _failure_before_cancel(history, operation)
    if failure:
        return Check(
            name,
            Outcome.FAIL,
            f"Step {step} - the upgrade got no chance to be taken back - Expected: PROCESSING until it is cancelled, "
            f"Actual: {failure} - see operation {operation.operation_id or 'unknown'}, http.jsonl",
        )
    return _missing(history, step, name)


def _not_reached(history: History, stage: Stage, operation: Withdrawn) -> str:
    """Return what is lacking of a step when it was cancelled, "" if nothing is."""
    if stage.reached is None:
        return "no such event recorded"
    cancelled_ns = stage.span.end_ns if operation.cancel is None else operation.cancel.asked_ns
    served = last_served(history, TARGET, Span(operation.requested_ns, cancelled_ns))
    serves = stage.step != STEPS[0]  # in the first step the target version is only brought up
    return "no packet that the target version served" if serves and served is None else ""


def _failure_before_cancel(history: History, operation: Withdrawn) -> str:
    """Return how the upgrade failed before the tester did anything about it, "" if it did not."""
    failed = next((state.state for state in operation.states if state.state in {"FAILED_TEMP", "FAILED"}), "")
    if failed or operation.states or history.ending is not Ending.STOPPED_BY_SUT:
        return failed
    return f"not accepted, {history.ending_reason}"


def _missing(history: History, step: str, name: str) -> Check:
    reason = history.ending_reason or "no reason recorded"
    return Check(
        name,
        Outcome.INCONC,
        f"Step {step} - not reached - Expected: an upgrade that is cancelled in it, Actual: {reason}",
        ("I8",),
    )


def downgrade_check(history: History, stage: Stage | None) -> Check:
    """Hold the downgrade against: completed, unless none is declared."""
    if history.sut.get("rollback", {}).get("downgrade") is False:
        return Check(DOWNGRADE, Outcome.PASS, "no downgrade is declared, so none was asked for")
    if stage is None:
        reason = history.ending_reason or "no reason recorded"
        text = f"Downgrade - not asked for - Expected: a change to the source package, Actual: {reason}"
        return Check(DOWNGRADE, Outcome.INCONC, text, ("I8",))
    state = "no end seen" if stage.ended is None else str(stage.ended.detail.get("state", "unknown"))
    if state == "COMPLETED":
        return Check(DOWNGRADE, Outcome.PASS, f"downgrade completed in {wording.seconds(stage.span.length_ns)}")
    if history.ending is Ending.STOPPED_BY_TESTER:
        text = f"Downgrade - the tester stopped it - Expected: COMPLETED, Actual: {history.ending_reason}"
        return Check(DOWNGRADE, Outcome.INCONC, text, ("I12",))
    reason = f" ({history.ending_reason})" if history.ending_reason else ""
    return Check(DOWNGRADE, Outcome.FAIL, f"Downgrade - not completed - Expected: COMPLETED, Actual: {state}{reason}")
