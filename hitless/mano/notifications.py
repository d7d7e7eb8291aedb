"""The tester's endpoint for notifications: answers what SOL003 asks of it and notes when each one came."""

from __future__ import annotations

import json
import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hitless.mano.answer import Exchange
from hitless.redaction import Redactor
from hitless.sut.management import Notifications

_LOG = logging.getLogger(__name__)
_PATH = "/notifications"
_BODY_LIMIT_BYTES = 1024 * 1024
_KEPT_MAX = 10_000
_START_TIMEOUT_S = 10.0


class EndpointError(Exception):
    """The endpoint cannot be opened."""


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification as it came.

    Attributes:
        received_ns: the tester's clock when the request was there, before its body was read.
        body: the JSON object; empty when there was none.
        problem: why it is unusable; empty when it is not.
        exchange: as it stands in ``http.jsonl``.
    """

    received_ns: int
    body: Mapping[str, Any]
    problem: str = ""
    exchange: Exchange = field(default_factory=dict, repr=False)


class NotificationEndpoint:
    """Listens while the context is entered.

    Attributes:
        received: every notification in order of arrival, for whoever takes them from here.
        overflow_count: notifications that nobody took before the queue was full.
    """

    def __init__(
        self,
        declared: Notifications,
        *,
        subscriber: Callable[[Notification], None] = lambda _: None,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Prepare; nothing listens yet.

        Args:
            declared: where to listen.
            subscriber: is called with each notification, from the endpoint's thread; must be quick.
            on_exchange: gets each request and answer, redacted, from the endpoint's thread.
            clock_ns: the tester's clock.
        """
        self.received: queue.Queue[Notification] = queue.Queue(_KEPT_MAX)
        self.overflow_count = 0
        self._declared = declared
        self._subscriber = subscriber
        self._on_exchange = on_exchange
        self._clock_ns = clock_ns
        self._port = declared.port
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """What MANO shall call."""
        if self._declared.public_url is not None:
            return self._declared.public_url
        host = f"[{self._declared.bind}]" if ":" in self._declared.bind else self._declared.bind
        return f"http://{host}:{self._port}{_PATH}"

    @property
    def local_url(self) -> str:
        """The endpoint as seen from this host, whatever MANO has to call."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._declared.bind, self._declared.bind)  # noqa: S104 - compared
        return f"http://{f'[{host}]' if ':' in host else host}:{self._port}{_PATH}"

    def __enter__(self) -> Self:
        """Start to listen.

        Raises:
            EndpointError: the address is not of this host or the port is taken.
        """
        listener = self._listen()
        self._port = int(listener.getsockname()[1])
        routes = [Route("/{path:path}", self._serve, methods=["GET", "POST"])]
        config = uvicorn.Config(
            Starlette(routes=routes),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
        )
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="notifications", daemon=True
        )
        self._thread.start()
        give_up_s = time.monotonic() + _START_TIMEOUT_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < give_up_s:
            time.sleep(0.005)
        if not self._server.started:
            self.__exit__(None, None, None)
            raise EndpointError(f"{self.local_url} - does not start - Expected: within {_START_TIMEOUT_S:g} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=_START_TIMEOUT_S)

    def wait(self, timeout_s: float) -> Notification | None:
        """Return the next notification; None when none comes in time."""
        try:
            return self.received.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            return None

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._declared.bind else socket.AF_INET
        # The protocol has to be named: asyncio switches Nagle off only then, and an answer would wait up to 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._declared.bind, self._declared.port))
            listener.listen(128)
        except OSError as error:
            listener.close()
            where = f"{self._declared.bind} port {self._declared.port}"
            raise EndpointError(f"notifications - cannot listen on {where} - {error.strerror or error}") from error
        return listener

    async def _serve(self, request: Request) -> Response:
        """Answer 204 to the producer's test (GET) and to a notification (POST)."""
        received_ns = self._clock_ns()
        if request.method != "POST":
            self._record(request, None, received_ns, 204)
            return Response(status_code=204)
        body, problem = await _read(request)
        status = 400 if problem else 204
        exchange = self._record(request, body, received_ns, status)
        usable = body if isinstance(body, dict) else {}
        self._hand_over(Notification(received_ns, usable, problem, exchange))
        if problem:
            detail = {"status": status, "title": "Bad Request", "detail": problem}
            return JSONResponse(detail, status, media_type="application/problem+json")
        return Response(status_code=status)

    def _record(self, request: Request, body: Any, received_ns: int, status: int) -> Exchange:
        hide = Redactor()
        exchange: Exchange = {
            "direction": "in",
            "method": request.method,
            "url": hide.text(str(request.url)),
            "request_headers": hide.data(dict(request.headers)),
            "request_body": hide.data(body),
            "asked_ns": received_ns,
            "answered_ns": self._clock_ns(),
            "status": status,
        }
        try:
            self._on_exchange(exchange)
        except Exception:  # noqa: BLE001 - the tester's own fault must not look like one of MANO's
            _LOG.exception("exchange could not be recorded")
        return exchange

    def _hand_over(self, notification: Notification) -> None:
        try:
            self.received.put_nowait(notification)
        except queue.Full:
            self.overflow_count += 1
        try:
            self._subscriber(notification)
        except Exception:  # noqa: BLE001 - the tester's own fault must not look like one of MANO's
            _LOG.exception("subscriber failed")


async def _read(request: Request) -> tuple[Any, str]:
    """Return the body and what is wrong with it."""
    content = bytearray()
    try:
        async for piece in request.stream():
            content += piece
            if len(content) > _BODY_LIMIT_BYTES:
                return None, f"notification larger than {_BODY_LIMIT_BYTES} bytes"
    except ClientDisconnect:
        return None, "notification broke off"
    try:
        body = json.loads(bytes(content))
    except (ValueError, RecursionError):
        return bytes(content).decode(errors="replace"), "notification is not JSON"
    return body, "" if isinstance(body, dict) else "notification is no JSON object"
