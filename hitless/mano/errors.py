"""What can go wrong between the tester and MANO, with all that a history or a user needs to know about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_REASON_CHARACTERS = 300


def _line(text: object) -> str:
    """Return a text of MANO's as one line that fits into a message; the whole stands in the exchange."""
    line = " ".join(str(text).split())
    return line if len(line) <= _REASON_CHARACTERS else f"{line[: _REASON_CHARACTERS - 3]}..."


@dataclass(frozen=True, slots=True)
class ProblemDetails:
    """Why MANO refuses: the body of an error answer (RFC 7807), read tolerantly.

    Attributes:
        status: as the body says, None when it does not.
        title, detail: texts for people; empty when absent.
        conforming: the body is ProblemDetails with the mandatory ``status`` and ``detail``.
    """

    status: int | None
    title: str
    detail: str
    conforming: bool

    @classmethod
    def of(cls, body: Any) -> ProblemDetails:
        """Read whatever stands in the body of an error answer, JSON or text."""
        if not isinstance(body, Mapping):
            return cls(None, "", _line(body or ""), conforming=False)
        status = body.get("status")
        # Web frameworks in front of a VNFM answer in their own shape: {"message": ...}, {"error": {"message": ...}}.
        inner = body.get("error") if isinstance(body.get("error"), Mapping) else body
        detail = body.get("detail") or (inner or {}).get("message") or ""
        proper = isinstance(status, int) and isinstance(body.get("detail"), str)
        known = status if isinstance(status, int) else None
        return cls(known, _line(body.get("title") or ""), _line(detail), conforming=proper)

    def __str__(self) -> str:
        """Title and detail, as far as they say something."""
        return ": ".join(text for text in (self.title, self.detail) if text) or "no reason given"


class ManoError(Exception):
    """A request to MANO did not bring what it should.

    Attributes:
        request: method and URL, without secrets.
        problem: what is wrong, in a few words.
        expected, actual: what should have come and what did.
        exchange: the redacted exchange as it stands in ``http.jsonl``; None when there was none.
        processed: whether MANO has acted on the request: False, or None when nobody can tell.
    """

    def __init__(
        self,
        request: str,
        problem: str,
        *,
        expected: str,
        actual: str,
        exchange: Mapping[str, Any] | None = None,
        processed: bool | None = False,
    ) -> None:
        self.request = request
        self.problem = problem
        self.expected = expected
        self.actual = actual
        self.exchange = exchange
        self.processed = processed
        super().__init__(f"{request} - {problem} - Expected: {expected} Actual: {actual}")

    def as_detail(self) -> dict[str, Any]:
        """Return the error as plain data for an event of the history."""
        return {
            "error": type(self).__name__,
            "message": str(self),
            "request": self.request,
            "problem": self.problem,
            "processed": self.processed,
        }


class UnreachableError(ManoError):
    """No connection, or it broke before an answer came."""


class NoAnswerError(UnreachableError):
    """The connection stood, but no whole answer came in time."""


class UnusableAnswerError(ManoError):
    """An answer came that cannot be used: not HTTP, not JSON, an unexpected status, something mandatory missing."""


class RefusedError(ManoError):
    """MANO answered with an error status.

    Attributes:
        status: the HTTP status.
        details: the reason that MANO gives.
        retry_after_s: the wait that MANO asks for; None when it asks for none.
    """

    def __init__(
        self,
        request: str,
        status: int,
        details: ProblemDetails,
        *,
        expected: str,
        exchange: Mapping[str, Any] | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(request, "refused", expected=expected, actual=f"{status} {details}", exchange=exchange)
        self.status = status
        self.details = details
        self.retry_after_s = retry_after_s

    def as_detail(self) -> dict[str, Any]:
        """Return the error as plain data, with status and reason."""
        reason = {"status": self.status, "title": self.details.title, "detail": self.details.detail}
        return {**super().as_detail(), **reason, "conforming": self.details.conforming}


class TaskAbsentError(RefusedError):
    """404 for a task of an instance that is there: no such task here, or the request names something unknown.

    A real VNFM was seen to answer so to an unknown package; the details tell the two apart for people.
    """


class DeadlineError(ManoError):
    """Something that MANO should have reached was not reached in time."""
