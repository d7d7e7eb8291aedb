"""One HTTP request and its answer: bounded in time and size, recorded, repeated only when MANO asks for it."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import requests

from hitless.mano.answer import Answer, Exchange, read_body
from hitless.mano.failures import NETWORK_ERRORS, BodyTooLargeError, BodyTooSlowError, broken, failure
from hitless.redaction import Redactor

Credentials = Callable[[], tuple[str, str]]
"""Gives user name and password when they are needed, so that nobody has to keep them."""

TRY_LATER = frozenset({429, 503})
"""Statuses that say "not now": the request was not processed and may be repeated."""

_BODY_LIMIT_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 65_536
_BACK_OFF_S = (0.25, 0.5, 1.0, 2.0, 4.0)


class Transport:
    """Sends requests with the tester's headers, credentials and limits. Not for several threads at a time.

    Proxies, netrc and the like from the environment are ignored on purpose: what the tester does shall depend on the
    declaration alone.
    """

    def __init__(
        self,
        *,
        version: str,
        timeout_s: float,
        ca: Path | None = None,
        credentials: Credentials | None = None,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._version = version
        self._timeout_s = timeout_s
        self._ca = ca
        self._credentials = credentials
        self._on_exchange = on_exchange
        self._clock_ns = clock_ns
        self._sleep = sleep
        self._session = self._new_session()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        versioned: bool = True,
        patience_s: float = 0.0,
        try_later: frozenset[int] = TRY_LATER,
    ) -> Answer:
        """Send a request, again as long as MANO says "not now" and patience lasts; return the last answer.

        Args:
            method: HTTP method.
            url: the whole URL.
            body: JSON data to send.
            versioned: send the ``Version`` header.
            patience_s: how long "not now" is accepted; 0 sends once.
            try_later: the statuses that mean "not now".

        Raises:
            ManoError: no whole answer came.
        """
        give_up_ns = self._clock_ns() + round(patience_s * 1e9)
        for attempt in count():
            answer = self._once(method, url, body, versioned=versioned)
            asked_s = answer.retry_after_s()
            wait_s = _BACK_OFF_S[min(attempt, len(_BACK_OFF_S) - 1)] if asked_s is None else max(asked_s, 0.01)
            if answer.status not in try_later or self._clock_ns() + wait_s * 1e9 > give_up_ns:
                return answer
            self._sleep(wait_s)
        raise AssertionError  # count() never ends

    def _once(self, method: str, url: str, body: Any, *, versioned: bool) -> Answer:
        headers = {"Accept": "application/json", "User-Agent": "hitless"}
        headers |= {"Version": self._version} if versioned else {}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        authorization, hide = self._authorization()
        exchange: Exchange = {
            "method": method,
            "url": hide.text(url),
            "request_headers": hide.data(headers | authorization),
            "request_body": hide.data(body),
            "asked_ns": self._clock_ns(),
        }
        request = f"{method} {exchange['url']}"
        try:
            response, content = self._exchange(method, url, body, headers | authorization, exchange)
        except NETWORK_ERRORS as error:
            exchange["answered_ns"] = self._clock_ns()
            raised = failure(request, error, exchange, self._timeout_s)
            exchange["error"] = str(raised)
            self._on_exchange(exchange)
            raise raised from None
        exchange["answered_ns"] = self._clock_ns()
        read, is_json = read_body(content)
        exchange["status"] = response.status_code
        exchange["response_headers"] = hide.data(dict(response.headers))
        exchange["response_body"] = hide.data(read)
        self._on_exchange(exchange)
        return Answer(request, response.status_code, response.headers, read, is_json, exchange)

    def _exchange(
        self, method: str, url: str, body: Any, headers: dict[str, str], exchange: Exchange
    ) -> tuple[requests.Response, bytes]:
        """Send and read.

        Questions share a connection, which the server may have closed in the same moment: then the question is asked
        once more over a new one (RFC 9110 allows that for GET). What changes something gets a connection of its own.
        """
        if method == "GET":
            try:
                return self._over(self._session, method, url, body, headers)
            except requests.ConnectionError as error:
                if not broken(error):
                    raise
                exchange["reconnected_ns"] = self._clock_ns()
        with self._new_session() as session:
            return self._over(session, method, url, body, headers)

    def _over(
        self, session: requests.Session, method: str, url: str, body: Any, headers: dict[str, str]
    ) -> tuple[requests.Response, bytes]:
        started_ns = self._clock_ns()
        response = session.request(
            method,
            url,
            data=None if body is None else json.dumps(body).encode(),
            headers=headers,
            timeout=(self._timeout_s, self._timeout_s),
            allow_redirects=False,
            stream=True,
            verify=str(self._ca) if self._ca else True,
        )
        with response:
            return response, self._content(response, started_ns)

    def _content(self, response: requests.Response, started_ns: int) -> bytes:
        """Read the body piece by piece, so that neither a slow nor an endless one holds the tester up."""
        content = bytearray()
        while piece := response.raw.read1(_PIECE_BYTES, decode_content=True):
            content += piece
            if len(content) > _BODY_LIMIT_BYTES:
                raise BodyTooLargeError(f"more than {_BODY_LIMIT_BYTES} bytes")
            if self._clock_ns() - started_ns > self._timeout_s * 1e9:
                raise BodyTooSlowError
        return bytes(content)

    def _authorization(self) -> tuple[dict[str, str], Redactor]:
        """Return the header that proves who the tester is, and what hides it from records."""
        if self._credentials is None:
            return {}, Redactor()
        name, password = self._credentials()
        proof = b64encode(f"{name}:{password}".encode()).decode()
        return {"Authorization": f"Basic {proof}"}, Redactor((password, proof))

    @staticmethod
    def _new_session() -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session
