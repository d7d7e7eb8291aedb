"""Request bodies of the package management interface."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from pydantic import Field
from starlette.requests import Request

from lab.nfvo.records import OperationalState
from lab.vnfm.bodies import Body
from lab.vnfm.problem import ProblemError

_MOST_BYTES: Final = 16 * 2**20
"""A package may have so much; it is held in memory."""

_ZIP_TYPES: Final = ("application/zip", "application/octet-stream")


class CreateBody(Body):
    """``CreateVnfPkgInfoRequest``."""

    user_defined_data: dict[str, Any] = Field(default_factory=dict)


class PatchBody(Body):
    """``VnfPkgInfoModifications``."""

    operational_state: OperationalState | None = None
    user_defined_data: dict[str, Any] | None = None


async def zip_body(request: Request) -> bytes:
    """Read an archive.

    Raises:
        ProblemError: 415, it is said to be something else; 413, it is too big.
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip()
    if media_type not in _ZIP_TYPES:
        detail = f"header Content-Type - Expected: application/zip - Actual: {media_type!r}"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _MOST_BYTES:
            detail = f"request body - too big - Expected: at most {_MOST_BYTES} bytes"
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    return bytes(content)
