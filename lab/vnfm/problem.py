"""Errors as consumers see them: problem details (RFC 7807; SOL013 makes ``status`` and ``detail`` mandatory)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any


class ProblemError(Exception):
    """A request cannot be served; says why and with which HTTP status.

    Attributes:
        status: HTTP status of the answer.
        detail: what is wrong, for the person who sent the request.
        headers: further headers of the answer, such as ``Allow``.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.headers = headers

    def __str__(self) -> str:
        return f"{self.status} {self.detail}"

    def document(self) -> dict[str, Any]:
        """Return the body of the answer (``application/problem+json``)."""
        return problem_details(self.status, self.detail)


def problem_details(status: int, detail: str) -> dict[str, Any]:
    """Build a ProblemDetails document."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def bad_request(detail: str) -> ProblemError:
    """400: the request is malformed."""
    return ProblemError(HTTPStatus.BAD_REQUEST, detail)


def not_found(detail: str) -> ProblemError:
    """404: no such resource."""
    return ProblemError(HTTPStatus.NOT_FOUND, detail)


def conflict(detail: str) -> ProblemError:
    """409: the state of the resource forbids it now."""
    return ProblemError(HTTPStatus.CONFLICT, detail)


def unprocessable(detail: str) -> ProblemError:
    """422: well formed, but what it asks for does not exist or makes no sense."""
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
