"""What is common to all resources of the API: versions, media types, problem details."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from lab.vnfm.problem import ProblemError, bad_request

API_VERSIONS: Final = ("2.0.0", "2.3.0")
"""Versions of the VNF LCM interface that consumers may ask for."""

_VERSION: Final = re.compile(r"(\d+\.\d+\.\d+)(-impl:.+)?")
_JSON: Final = ("application/json",)

_log = logging.getLogger(__name__)

Handler = Callable[[Request, Any], Response]
"""Serves a request, with its body (None without one); called in a worker thread, may raise ``ProblemError``."""

BodyReader = Callable[[Request], Awaitable[Any]]
"""Decodes the body of a request, None without one; may raise ``ProblemError``."""


def application(routes: Sequence[BaseRoute]) -> Starlette:
    """Make an ASGI application that answers every error with problem details."""
    app = Starlette(
        routes=list(routes),
        exception_handlers={ProblemError: _on_problem, HTTPException: _on_http_exception, Exception: _on_crash},
    )
    app.router.redirect_slashes = False
    return app


async def json_body(request: Request, media_types: Sequence[str] = _JSON) -> Any:
    """Decode a JSON body.

    Raises:
        ProblemError: 415, its media type is none of the given ones; 400, it is not JSON.
    """
    raw = await request.body()
    if not raw:
        return None
    media_type = request.headers.get("content-type", "").split(";")[0].strip()
    if media_type not in media_types:
        detail = f"header Content-Type - Expected: {' or '.join(media_types)} - Actual: {media_type!r}"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    try:
        return json.loads(raw)
    except ValueError as error:
        raise bad_request(f"request body - not JSON: {error}") from error


def versioned(
    path: str,
    *,
    versions: Sequence[str] = API_VERSIONS,
    produces: Sequence[str] = _JSON,
    read_body: BodyReader = json_body,
    **handlers: Handler,
) -> Route:
    """Make a route that insists on a supported ``Version``; keywords are methods: ``get=``, ``post=``, ``delete=``.

    Args:
        path: pattern of the path.
        versions: versions of the interface that consumers may ask for.
        produces: media types of answers; consumers have to accept one of them.
        read_body: decodes the bodies of requests.
        handlers: a handler per method.
    """

    async def serve(request: Request) -> Response:
        version = _check_version(request, versions)
        _check_accept(request, produces)
        handler = handlers["get" if request.method == "HEAD" else request.method.lower()]
        response = await asyncio.to_thread(handler, request, await read_body(request))
        response.headers["Version"] = version
        return response

    return Route(path, serve, methods=[method.upper() for method in handlers])


def unversioned(path: str, handler: Callable[[], Any]) -> Route:
    """Make a route for GET that needs no ``Version``."""

    async def serve(_request: Request) -> Response:
        return JSONResponse(handler())

    return Route(path, serve, methods=["GET"])


def accepted(request: Request, media_types: Sequence[str]) -> list[str]:
    """Return those of some media types that the consumer accepts, all of them if it does not say what it accepts."""
    ranges = {part.split(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")}
    return [one for one in media_types if ranges & {"*/*", f"{one.split('/')[0]}/*", one}]


def _check_version(request: Request, versions: Sequence[str]) -> str:
    """Return the API version to serve: 400 if none is asked for, 406 if it is not supported."""
    asked = request.headers.get("version")
    if asked is None:
        raise bad_request(f"header Version - missing - Expected one of: {', '.join(versions)}")
    match = _VERSION.fullmatch(asked)
    if match is None:
        raise bad_request(f"header Version - cannot be read - Expected: like {versions[-1]} - Actual: {asked!r}")
    if match[1] not in versions:
        detail = f"header Version - not supported - Expected one of: {', '.join(versions)} - Actual: {asked!r}"
        raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, detail)
    return match[1]


def _check_accept(request: Request, media_types: Sequence[str]) -> None:
    if not accepted(request, media_types):
        actual = request.headers["accept"]
        detail = f"header Accept - Expected: {' or '.join(media_types)} - Actual: {actual}"
        raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, detail)


def _problem_response(problem: ProblemError) -> Response:
    return JSONResponse(
        problem.document(),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type="application/problem+json",
    )


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class only
    _log.info("%s %s - %s", request.method, request.url.path, error)
    return _problem_response(error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    detail = f"{request.method} {request.url.path} - {error.detail}"
    return _problem_response(ProblemError(error.status_code, detail, error.headers or {}))


async def _on_crash(request: Request, error: Exception) -> Response:
    detail = f"{request.method} {request.url.path} - {type(error).__name__}: {error}"
    return _problem_response(ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail))
