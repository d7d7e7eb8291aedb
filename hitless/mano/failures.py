"""From what the HTTP libraries raise to what it means for the tester."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected

import requests
import urllib3

from hitless.mano.answer import Exchange
from hitless.mano.errors import ManoError, NoAnswerError, UnreachableError, UnusableAnswerError


class BodyTooSlowError(Exception):
    """The body was still coming when time was up."""


class BodyTooLargeError(Exception):
    """The body is larger than any answer of a VNFM."""


NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    UnicodeError,  # host names that cannot be encoded
    BodyTooSlowError,
    BodyTooLargeError,
)
"""Everything that may come out of sending a request and reading its answer."""


def broken(error: Exception) -> bool:
    """Tell whether a connection that had stood was closed or reset before an answer came."""
    return any(isinstance(one, (RemoteDisconnected, ConnectionResetError, BrokenPipeError)) for one in _causes(error))


def failure(request: str, error: Exception, exchange: Exchange, timeout_s: float) -> ManoError:
    """Return the error that tells what happened.

    Args:
        request: method and URL, redacted.
        error: what was raised.
        exchange: the exchange as recorded so far.
        timeout_s: the limit that was in force.
    """
    chain = tuple(_causes(error))

    def met(*kinds: type[BaseException]) -> bool:
        return any(isinstance(one, kinds) for one in chain)

    within = f"an answer within {timeout_s:g} s"
    kind: type[ManoError] = UnreachableError
    problem, expected, actual = "unreachable", "a connection", _reason(chain)
    processed: bool | None = False
    if met(requests.exceptions.ConnectTimeout):
        actual = f"no connection within {timeout_s:g} s"
    elif met(requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        problem, expected = "TLS failed", "a certificate that is trusted"
    elif met(urllib3.exceptions.NewConnectionError, requests.exceptions.InvalidURL, UnicodeError):
        pass  # urllib3 takes some of these for timeouts, so they come before those
    elif met(requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError, BodyTooSlowError):
        actual = "part of it" if met(BodyTooSlowError) else "silence"
        kind, problem, expected, processed = NoAnswerError, "no answer", within, None
    elif met(BodyTooLargeError, IncompleteRead, urllib3.exceptions.DecodeError, LineTooLong) or _not_http(chain):
        kind, problem, expected, processed = UnusableAnswerError, "unusable answer", "a whole HTTP answer", None
    else:
        problem, expected, processed = "connection broke", within, None
    return kind(request, problem, expected=expected, actual=actual, exchange=exchange, processed=processed)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and all that is behind it: causes, contexts, and what is wrapped as an argument."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def _not_http(chain: tuple[BaseException, ...]) -> bool:
    return any(isinstance(one, BadStatusLine) and not isinstance(one, RemoteDisconnected) for one in chain)


def _reason(chain: tuple[BaseException, ...]) -> str:
    """Return the reason in few words: that of the operating system when there is one."""
    for one in chain:
        if isinstance(one, socket.gaierror):
            return "the host name is not known"
        if isinstance(one, RemoteDisconnected):
            return "the server closed the connection without an answer"
        if isinstance(one, IncompleteRead):
            partial: object = one.partial  # bytes in http.client, their number in urllib3
            return f"the answer broke off after {len(partial) if isinstance(partial, bytes) else partial} bytes"
        if isinstance(one, OSError) and isinstance(one.errno, int) and one.errno in errno.errorcode:
            return os.strerror(one.errno).lower()
    last = chain[-1]
    return " ".join(f"{type(last).__name__} {last}".split())[:200]
