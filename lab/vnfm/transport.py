"""What is common to all resources of the API: versions, media types, problem details."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable, Sequence
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
_JSON_ACCEPTABLE: Final = ("*/*", "application/*", "application/json")

_log = logging.getLogger(__name__)

Handler = Callable[[Request, Any], Response]
"""Serves a request, with its JSON body (None without one); called in a worker thread, may raise ``ProblemError``."""


def application(routes: Sequence[BaseRoute]) -> Starlette:
    """Make an ASGI application that answers every error with problem details."""
    app = Starlette(
        routes=list(routes),
        exception_handlers={ProblemError: _on_problem, HTTPException: _on_http_exception, Exception: _on_crash},
    )
    app.router.redirect_slashes = False
    return app


def versioned(path: str, **handlers: Handler) -> Route:
    """Make a route that insists on a supported ``Version``; keywords are methods: ``get=``, ``post=``, ``delete=``."""

    async def serve(request: Request) -> Response:
        version = _check_version(request)
        _check_accept(request)
        handler = handlers["get" if request.method == "HEAD" else request.method.lower()]
        response = await asyncio.to_thread(handler, request, await _json_body(request))
        response.headers["Version"] = version
        return response

    return Route(path, serve, methods=[method.upper() for method in handlers])


def unversioned(path: str, handler: Callable[[], Any]) -> Route:
    """Make a route for GET that needs no ``Version``."""

    async def serve(_request: Request) -> Response:
        return JSONResponse(handler())

    return Route(path, serve, methods=["GET"])


def _check_version(request: Request) -> str:
    """Return the API version to serve: 400 if none is asked for, 406 if it is not supported."""
    asked = request.headers.get("version")
    if asked is None:
        raise bad_request(f"header Version - missing - Expected one of: {', '.join(API_VERSIONS)}")
    match = _VERSION.fullmatch(asked)
    if match is None:
        raise bad_request(f"header Version - cannot be read - Expected: like {API_VERSIONS[-1]} - Actual: {asked!r}")
    if match[1] not in API_VERSIONS:
        detail = f"header Version - not supported - Expected one of: {', '.join(API_VERSIONS)} - Actual: {asked!r}"
        raise ProblemError(HTTPStatus.NOT_ACCEPTABLE, detail)
    return match[1]


def _check_accept(request: Request) -> None:
    accepted = [part.split(";")[0].strip() for part in request.headers.get("accept", "*/*").split(",")]
    if not any(media_type in _JSON_ACCEPTABLE for media_type in accepted):
        raise ProblemError(
            HTTPStatus.NOT_ACCEPTABLE, f"header Accept - Expected: application/json - Actual: {', '.join(accepted)}"
        )


async def _json_body(request: Request) -> Any:
    raw = await request.body()
    if not raw:
        return None
    media_type = request.headers.get("content-type", "").split(";")[0].strip()
    if media_type != "application/json":
        detail = f"header Content-Type - Expected: application/json - Actual: {media_type!r}"
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
    try:
        return json.loads(raw)
    except ValueError as error:
        raise bad_request(f"request body - not JSON: {error}") from error


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
