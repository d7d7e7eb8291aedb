"""What judges of the life-cycle contract have in common: attempts and their answers, and how they are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hitless.history import Attempt, Ending, History
from hitless.measures import documents
from hitless.verdict import Check, Outcome

HTTP_LOG = "http.jsonl"
OPERATIONS_LOG = "operations.jsonl"
SNAPSHOTS_LOG = "snapshots.jsonl"
_BODY_OPTIONAL = frozenset({404})
"""Error statuses whose answers need no body (SOL013); when they have one, it is ProblemDetails."""


def attempts_named(history: History, *names: str) -> list[tuple[int, Attempt]]:
    """Return the attempts of these names, each with its index in the history."""
    return [(index, one) for index, one in enumerate(history.attempts) if one.name in names]


def in_words(attempt: Attempt) -> str:
    """Return an attempt as a message tells it: ``cancel (GRACEFUL) in PROCESSING``."""
    mode = attempt.params.get("cancelMode")
    return f"{attempt.name}{f' ({mode})' if mode else ''}{f' in {attempt.state}' if attempt.state else ''}"


def answer(attempt: Attempt) -> str:
    """Return what came back: the status, or what went wrong."""
    return str(attempt.status) if attempt.status is not None else attempt.problem or "no answer"


def accepted(attempt: Attempt) -> bool:
    """Tell whether the answer was a success."""
    return attempt.status is not None and 200 <= attempt.status < 300


def wrong_refusal(attempt: Attempt, expected: Iterable[int]) -> str:
    """Return what is wrong with the answer to a request that has to be refused, "" if nothing is.

    Args:
        attempt: was answered.
        expected: the statuses that are right.
    """
    codes = sorted(expected)
    if attempt.status not in codes:
        wanted = " or ".join(str(code) for code in codes)
        return f"{in_words(attempt)}: {answer(attempt)} in place of {wanted}"
    if attempt.body is None and attempt.status in _BODY_OPTIONAL:
        return ""
    if not documents.is_problem(attempt.body):
        return f"{in_words(attempt)}: {attempt.status} without ProblemDetails with status and detail"
    return ""


def violations(name: str, subject: str, found: Sequence[str], limit: float, *, where: str, passed: str) -> Check:
    """Hold a number of violations against its limit."""
    if len(found) > limit:
        message = (
            f"{subject} - {documents.in_words(found)} - Expected: <= {limit:g}, Actual: {len(found)} - see {where}"
        )
        return Check(name, Outcome.FAIL, message)
    return Check(name, Outcome.PASS, passed)


def blind(name: str, subject: str, missing: Sequence[str], *, where: str, code: str = "I12") -> Check:
    """Return the check for something of which the evidence is missing."""
    told = documents.in_words(missing)
    message = f"{subject} - not seen: {told} - Expected: all, Actual: {len(missing)} missing - see {where}"
    return Check(name, Outcome.INCONC, message, (code,))


def recording_check(history: History) -> Check:
    """Hold the recording against: the tester did not stop it."""
    if history.ending is Ending.STOPPED_BY_TESTER:
        message = "Recording - the tester stopped it - Expected: a complete recording"
        return Check("recording", Outcome.INCONC, f"{message}, Actual: {history.ending_reason}", ("I12",))
    if history.ending is Ending.STOPPED_BY_SUT:
        # What is missing because of it is missed by the checks that need it.
        return Check("recording", Outcome.PASS, f"recorded until it went no further ({history.ending_reason})")
    return Check("recording", Outcome.PASS, "recorded to its end")


def declared(history: History, *keys: str) -> Any:
    """Return what sut.yaml says at a place, None where it says nothing."""
    value: Any = history.sut
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def supported(history: History, feature: str) -> bool:
    """Tell whether the system under test is declared to do something about upgrades that go wrong."""
    return declared(history, "rollback", feature) is not False


def not_applicable(parts: Sequence[str]) -> str:
    """Return how a message tells which parts do not apply, "" if all do."""
    return f"; NOT APPLICABLE as declared: {', '.join(parts)}" if parts else ""
