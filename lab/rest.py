"""JSON over HTTP for the lab's nodes: bind first, change the namespace, then serve."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_LOG = logging.getLogger(__name__)
_BACKLOG: Final = 128
_SHUTDOWN_S: Final = 1


class Refusal(Exception):  # noqa: N818 - a proper answer to a caller, not an error of this program
    """A request that is answered with a status of its own and a reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Call:
    """A request as handlers see it.

    Attributes:
        path: Parameters taken from the path.
        body: The decoded JSON body; None when there was none.
    """

    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    def field(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """A required member of the JSON object in the body.

        Raises:
            Refusal: 400, it is missing or of another type.
        """
        value = self.body.get(name) if isinstance(self.body, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            wanted = " or ".join(each.__name__ for each in (kind if isinstance(kind, tuple) else (kind,)))
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                f"body - Expected: JSON object with {name!r}: {wanted} - Actual: {self.body!r:.200}",
            )
        return value


Handler = Callable[[Call], Any]
RefusalBody = Callable[[Refusal], Any]


@dataclass(frozen=True)
class Endpoint:
    """One method on one path.

    Attributes:
        handle: Called in a worker thread; what it returns becomes the JSON body. It may raise Refusal.
        status: Status of a good answer; 204 has no body.
    """

    method: str
    path: str
    handle: Handler
    status: HTTPStatus = HTTPStatus.OK


def application(endpoints: Sequence[Endpoint], *, refusal_body: RefusalBody | None = None) -> Starlette:
    """The ASGI application of some endpoints. `refusal_body` gives refusals the JSON shape that an API prescribes."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    shape = refusal_body or (lambda refusal: {"error": refusal.reason})
    return Starlette(
        routes=[Route(path, _route(methods, shape), methods=list(methods)) for path, methods in by_path.items()]
    )


def _route(methods: Mapping[str, Endpoint], refusal_body: RefusalBody) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        endpoint = methods[request.method if request.method in methods else "GET"]  # HEAD is answered like GET
        try:
            call = Call(dict(request.path_params), _decode(await request.body()))
            result = await asyncio.to_thread(endpoint.handle, call)
        except Refusal as refusal:
            _LOG.info("%s %s -> %d %s", request.method, request.url.path, refusal.status, refusal.reason)
            return JSONResponse(refusal_body(refusal), status_code=refusal.status)
        except Exception as error:  # noqa: BLE001 - a handler's error is answered with 500 and its reason
            _LOG.exception("%s %s failed", request.method, request.url.path)
            failure = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
            return JSONResponse(refusal_body(failure), status_code=failure.status)
        if request.method not in {"GET", "HEAD"}:
            _LOG.info("%s %s -> %d", request.method, request.url.path, endpoint.status)
        if endpoint.status is HTTPStatus.NO_CONTENT:
            return Response(status_code=endpoint.status)
        return JSONResponse(result, status_code=endpoint.status)

    return answer


def _decode(body: bytes) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"body - not JSON: {error}") from error


def bind(listen: str) -> socket.socket:
    """A listening TCP socket on `host:port`. It stays in the network namespace in which it was bound.

    Raises:
        ValueError: `listen` is not host:port.
        OSError: the address is in use.
    """
    host, separator, port = listen.rpartition(":")
    if not separator or not port.isdigit():
        raise ValueError(f"address to listen on - Expected: HOST:PORT - Actual: {listen!r}")
    # With the protocol named, asyncio switches Nagle's algorithm off; else each answer waits 40 ms for a delayed ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{listen} - cannot listen: {error.strerror}") from error
    listener.listen(_BACKLOG)
    return listener


def serve(app: Starlette, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_SHUTDOWN_S,
        timeout_keep_alive=30,
    )
    _LOG.info("serving on %s:%d", *listener.getsockname())
    uvicorn.Server(config).run(sockets=[listener])
