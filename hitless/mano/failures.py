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
    if met(requests.exceptions.ConnectTimeout):
        actual = f"no connection within {timeout_s:g} s"
        return UnreachableError(request, "unreachable", expected="a connection", actual=actual, exchange=exchange)
    if met(requests.exceptions.SSLError, urllib3.exceptions.SSLError):
        return UnreachableError(
            request, "TLS failed", expected="a certificate that is trusted", actual=_reason(chain), exchange=exchange
        )
    if met(requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError, BodyTooSlowError):
        actual = "part of it" if met(BodyTooSlowError) else "silence"
        return NoAnswerError(request, "no answer", expected=within, actual=actual, exchange=exchange, processed=None)
    if met(urllib3.exceptions.NewConnectionError, requests.exceptions.InvalidURL, UnicodeError):
        return UnreachableError(
            request, "unreachable", expected="a connection", actual=_reason(chain), exchange=exchange
        )
    if met(BodyTooLargeError, IncompleteRead, urllib3.exceptions.DecodeError, LineTooLong) or _not_http(chain):
        actual = _reason(chain)
        return UnusableAnswerError(
            request, "unusable answer", expected="a whole HTTP answer", actual=actual, exchange=exchange, processed=None
        )
    return UnreachableError(
        request, "connection broke", expected=within, actual=_reason(chain), exchange=exchange, processed=None
    )


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
