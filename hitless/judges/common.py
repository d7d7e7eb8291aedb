"""What judges of traffic during an upgrade have in common: the window, the operation, the overlap, the longest gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hitless.history import Ending, History, OperationState
from hitless.judges import wording
from hitless.measures import counting
from hitless.measures.gaps import LongestGaps
from hitless.measures.sending import longest_silence_ns, sending_span
from hitless.measures.spans import Span
from hitless.verdict import Check, Outcome

UPGRADE_OPERATION = "CHANGE_VNFPKG"
_BAD_STATES = ("FAILED_TEMP", "FAILED", "ROLLING_BACK", "ROLLED_BACK")
_SLACK_NS = 100_000_000
"""Events are noted after what they name; that may take a moment."""
MOST_UNCAPTURED_RATIO = 0.001
"""Probes that were counted and not captured; above it the tester did not see what it judges (I3)."""
_LONGEST_SILENCE_NS = 1_000_000_000
"""Traffic that pauses for longer did not run; a shorter pause is a stall of the generator."""
_SHORTEST_BASELINE = 0.5
"""Part of the planned baseline that has to be there."""


@dataclass(frozen=True, slots=True)
class Window:
    """Where to look.

    Attributes:
        baseline: traffic without upgrade, immediately before ``observed``.
        observed: from the request minus lead-in to the end of the operation plus tail.
        request_ns: when the upgrade was requested.
        ended_ns: when the operation ended; None when it was not seen to end.
    """

    baseline: Span
    observed: Span
    request_ns: int
    ended_ns: int | None


def window_of(history: History, limits: Mapping[str, float]) -> Window | None:
    """Return the window, None when the upgrade was never requested."""
    request_ns = history.when("request")
    if request_ns is None:
        return None
    ended_ns = history.when("operation-ended")
    observed_start = request_ns - round(limits["lead_in_s"] * 1e9)
    if ended_ns is None:
        observed_end = _last_instant(history, request_ns)
    else:
        observed_end = ended_ns + round(limits["tail_s"] * 1e9)
    baseline_start = history.when("baseline")
    if baseline_start is None:
        baseline_start = history.when("traffic-started")
    baseline = Span(observed_start if baseline_start is None else baseline_start, observed_start)
    return Window(baseline, Span(observed_start, observed_end), request_ns, ended_ns)


def never_requested(history: History) -> Check:
    """Return the check for a recording in which the upgrade was never requested."""
    reason = history.ending_reason or "no reason recorded"
    if history.ending is Ending.STOPPED_BY_SUT:
        return Check(
            "initial state",
            Outcome.INCONC,
            f"Initial state - not reached by the system under test, so no upgrade was requested - "
            f"Expected: upgrade requested, Actual: {reason}",
            ("I8",),
        )
    return Check(
        "recording",
        Outcome.ERROR,
        f"Recording - the tester stopped before it requested the upgrade - "
        f"Expected: upgrade requested, Actual: {history.ending.value}, {reason}",
    )


def upgrade_check(history: History, window: Window) -> Check:
    """Hold the upgrade operation against: accepted, and completed without failing on the way."""
    name, states = "upgrade operation", _upgrade_states(history, window)
    failure = _upgrade_failure(history, window, states)
    if failure is not None:
        message = f"Upgrade operation - did not complete - Expected: COMPLETED, Actual: {failure}"
        where = f"operation {states[-1].operation_id}, " if states else ""
        return Check(name, Outcome.FAIL, f"{message} - see {where}http.jsonl")
    if history.ending is Ending.STOPPED_BY_TESTER:
        message = "Recording - the tester stopped it - Expected: a complete recording"
        return Check(name, Outcome.INCONC, f"{message}, Actual: {history.ending_reason}", ("I12",))
    told_otherwise = history.parameters.get("trigger", "sol003") not in {"sol003", "sol005"}
    if states or told_otherwise:
        return Check(name, Outcome.PASS, f"upgrade completed{_duration(window)}")
    message = "Upgrade operation - no state recorded, neither polled nor notified"
    return Check(name, Outcome.INCONC, f"{message} - Expected: COMPLETED, Actual: unknown", ("I12",))


def _upgrade_failure(history: History, window: Window, states: Sequence[OperationState]) -> str | None:
    """Return how the system under test failed to complete the upgrade, None if it did not fail."""
    bad = next((state for state in states if state.state in _BAD_STATES), None)
    if bad is not None:
        return f"{bad.state}{_error_text(bad)}"
    if history.ending is Ending.STOPPED_BY_SUT:
        return history.ending_reason
    completed = any(state.state == "COMPLETED" for state in states)
    if history.ending is Ending.COMPLETE and not completed and (states or window.ended_ns is None):
        return f"never finished, {states[-1].state if states else 'no state seen'}"
    return None


def overlap_check(history: History, window: Window, limits: Mapping[str, float]) -> Check:
    """Hold the traffic against the window that it has to cover, and the baseline against its length."""
    counters = history.counters
    problems = []
    sent = sending_span(counters)
    first, last = _running(history, sent)
    if sent is None:
        problems.append("nothing was sent")
    elif first > window.observed.start_ns + _SLACK_NS:
        problems.append(f"traffic began {wording.seconds(window.request_ns - first)} before the request")
    elif last < window.observed.end_ns - _SLACK_NS:
        problems.append(f"traffic ended {wording.seconds(window.observed.end_ns - last)} before the end of the tail")
    elif (silent_ns := longest_silence_ns(counters, window.observed)) > _LONGEST_SILENCE_NS:
        problems.append(f"nothing was sent for {wording.seconds(silent_ns)}")
    if window.ended_ns is None:
        problems.append("end of the operation not noted")
    required_ns = round((limits["baseline_s"] - limits["lead_in_s"]) * _SHORTEST_BASELINE * 1e9)
    if limits.get("baseline_as_upgrade", 0) and window.ended_ns is not None:
        required_ns = max(required_ns, window.ended_ns - window.request_ns)
    if window.baseline.length_ns + _SLACK_NS < required_ns:
        problems.append(f"baseline of {wording.seconds(window.baseline.length_ns)}")
    if not problems:
        return Check("overlap", Outcome.PASS, "traffic ran from the baseline to the end of the tail")
    expected = (
        f"baseline >= {wording.seconds(required_ns)}, lead-in {limits['lead_in_s']:g} s, tail {limits['tail_s']:g} s"
    )
    return Check(
        "overlap",
        Outcome.INCONC,
        f"Traffic - does not cover the upgrade - Expected: {expected}, Actual: {', '.join(problems)}",
        ("I7",),
    )


def _running(history: History, sent: Span | None) -> tuple[int, int]:
    """Return from when to when the traffic ran: as it was asked for, as long as counters were read and had grown."""
    counters = history.counters
    started, stopped = history.when("traffic-started"), history.when("traffic-stopped")
    first = int(counters.asked_ns[0]) if started is None else max(started, int(counters.asked_ns[0]))
    last = int(counters.answered_ns[-1]) if stopped is None else min(stopped, int(counters.answered_ns[-1]))
    return (first, last) if sent is None else (max(first, sent.start_ns), min(last, sent.end_ns))


def capture_problem(history: History) -> str:
    """Return what is wrong if the capture misses more of the probes that came back than a rounding, "" otherwise."""
    missing, held = counting.uncaptured_probes(history), len(history.probes.number)
    if missing <= MOST_UNCAPTURED_RATIO * (missing + held):
        return ""
    return f"{wording.count(missing)} probes came back that the capture does not hold, {wording.count(held)} it does"


def no_counters() -> Check:
    """Return the check for a recording without a counter sample."""
    return Check(
        "counters",
        Outcome.INCONC,
        "Counters - none recorded - Expected: samples during the whole upgrade, Actual: 0 samples - see counters.npz",
        ("I12",),
    )


def gap_sentence(gaps: LongestGaps) -> str:
    """Say the longest gap of each level that has one."""
    levels = (
        (gaps.service_ns, "the service"),
        (gaps.version_ns, "a version"),
        (gaps.instance_ns, "an instance"),
        (gaps.session_ns, "a single session"),
    )
    known = [f"{wording.below(gap)} for {level}" for gap, level in levels if gap is not None]
    return f"longest gap below {', '.join(known)}" if known else "no probes, so no longest gap"


def gap_figures(gaps: LongestGaps) -> dict[str, float | int | str | None]:
    """Return the longest gaps as figures."""
    levels = {
        "service": gaps.service_ns,
        "version": gaps.version_ns,
        "instance": gaps.instance_ns,
        "session": gaps.session_ns,
    }
    return {f"longest_gap_{level}_ms": None if gap is None else gap / 1e6 for level, gap in levels.items()}


def _last_instant(history: History, request_ns: int) -> int:
    stopped = history.when("traffic-stopped")
    sampled = int(history.counters.answered_ns[-1]) if len(history.counters.answered_ns) else request_ns
    return max(request_ns, sampled if stopped is None else min(stopped, sampled))


def _upgrade_states(history: History, window: Window) -> list[OperationState]:
    return [
        state
        for state in history.operations
        if state.operation == UPGRADE_OPERATION and state.entered.latest_ns >= window.request_ns
    ]


def _error_text(state: OperationState) -> str:
    error = state.detail.get("error")
    if isinstance(error, Mapping):
        error = error.get("detail") or error.get("title")
    return f" ({error})" if error else ""


def _duration(window: Window) -> str:
    return "" if window.ended_ns is None else f" in {wording.seconds(window.ended_ns - window.request_ns)}"
