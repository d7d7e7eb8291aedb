"""A whole HTTP answer, and how it is recorded and complained about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from hitless.mano.errors import ProblemDetails, RefusedError, UnusableAnswerError

Exchange = dict[str, Any]
"""A request and its answer as plain, redacted data: one line of ``http.jsonl``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        request: method and URL, redacted, for messages.
        status: the HTTP status.
        headers: as they came; names in any case.
        body: JSON data; None when the body is empty, the text itself when it is not JSON.
        is_json: the body could be read as JSON.
        exchange: as recorded; ``asked_ns`` and ``answered_ns`` are on the tester's clock.
    """

    request: str
    status: int
    headers: Mapping[str, str]
    body: Any
    is_json: bool
    exchange: Exchange

    @property
    def asked_ns(self) -> int:
        """The instant before the request was sent."""
        return int(self.exchange["asked_ns"])

    @property
    def answered_ns(self) -> int:
        """The instant after the whole answer had come."""
        return int(self.exchange["answered_ns"])

    def retry_after_s(self) -> float | None:
        """Return the wait that the server asks for, None if it asks for none (RFC 9110: seconds or a date)."""
        value = self.headers.get("Retry-After", "").strip()
        if value.isascii() and value.isdecimal():
            return float(value[:9])
        try:  # a date is compared with the server's own clock, not with ours
            wait = parsedate_to_datetime(value) - parsedate_to_datetime(self.headers.get("Date", ""))
        except (TypeError, ValueError):
            return None
        return max(0.0, wait.total_seconds())

    def refusal(self, expected: str, kind: type[RefusedError] = RefusedError) -> RefusedError:
        """Return the error that stands for an answer with an error status."""
        return kind(
            self.request,
            self.status,
            ProblemDetails.of(self.exchange.get("response_body")),
            expected=expected,
            exchange=self.exchange,
            retry_after_s=self.retry_after_s(),
        )

    def unusable(self, problem: str, *, expected: str, actual: str) -> UnusableAnswerError:
        """Return the error for an answer that cannot be used; nobody knows whether the request was processed."""
        return UnusableAnswerError(
            self.request, problem, expected=expected, actual=actual, exchange=self.exchange, processed=None
        )

    def kind(self) -> str:
        """Return what the body is, for messages: "JSON list", "text/html of 1200 characters"."""
        if self.is_json:
            return f"JSON {type(self.body).__name__}"
        if self.body is None:
            return "nothing"
        return f"{self.headers.get('Content-Type', 'text of unknown type')} of {len(self.body)} characters"


def read_body(content: bytes) -> tuple[Any, bool]:
    """Return the body and whether it is JSON; None when there is none, text when it is not JSON."""
    if not content.strip():
        return None, False
    try:
        return json.loads(content), True
    except (ValueError, RecursionError):
        return content.decode(errors="replace"), False
