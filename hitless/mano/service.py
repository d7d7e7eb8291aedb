"""One interface of one MANO function: its base URL, its patience, its lists, and what it takes to use an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urljoin, urlsplit

from requests.utils import parse_header_links

from hitless.mano.answer import Answer, Exchange
from hitless.mano.resources import listed
from hitless.mano.transport import TRY_LATER, Credentials, Transport
from hitless.sut.management import Auth

_PAGES_MAX = 100


class Declared(Protocol):
    """What the declaration of the system under test says about an interface of MANO."""

    @property
    def api_root(self) -> str:
        """URL up to, without, the name of the interface."""
        ...

    @property
    def version(self) -> str:
        """Version of the API that is asked for."""
        ...

    @property
    def auth(self) -> Auth:
        """How the tester proves who it is."""
        ...

    @property
    def ca(self) -> Path | None:
        """Certificate authority, None for the usual ones."""
        ...

    @property
    def timeout_s(self) -> float:
        """Longest time for one request and its answer."""
        ...


class Service:
    """Sends requests to one interface. Every call is bounded in time; whatever goes wrong is a `ManoError`."""

    def __init__(
        self,
        declared: Declared,
        root: str,
        *,
        on_exchange: Callable[[Exchange], None] = lambda _: None,
        patience_s: float = 15.0,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            declared: where the interface is and how it is spoken to.
            root: what paths are relative to, such as ``http://host/vnflcm/v2``.
            on_exchange: gets each request and answer, redacted.
            patience_s: how long 429 and 503 ("not now") are waited out.
            clock_ns: the tester's clock.
            sleep: how it waits.
        """
        self._root = root
        self._patience_s = patience_s
        self._transport = Transport(
            version=declared.version,
            timeout_s=declared.timeout_s,
            ca=declared.ca,
            credentials=_credentials(declared.auth),
            on_exchange=on_exchange,
            clock_ns=clock_ns,
            sleep=sleep,
        )

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        patience_s: float | None = None,
        conflict_patience_s: float = 0.0,
    ) -> Answer:
        """Send, and return the answer whatever its status is."""
        patience_s = self._patience_s if patience_s is None else patience_s
        answer = self._transport.send(method, self._root + path, body=body, patience_s=patience_s)
        if answer.status == 409 and conflict_patience_s > 0:
            # A lock may outlive the final state for a moment (seen on a real VNFM): the next request gets a 409.
            later = TRY_LATER | {409}
            url = self._root + path
            answer = self._transport.send(method, url, body=body, patience_s=conflict_patience_s, try_later=later)
        return answer

    def send_unversioned(self, url: str) -> Answer:
        """Read a whole URL without naming a version."""
        return self._transport.send("GET", url, versioned=False, patience_s=self._patience_s)

    def succeed(self, method: str, path: str, body: Any = None, *, also: int | None = None, **patience: Any) -> Answer:
        """Send and see that the answer is a success, or has the status ``also``."""
        answer = self.send(method, path, body, **patience)
        if answer.status != also:
            check(answer, "success")
        return answer

    def pages(self, path: str) -> Iterator[Answer]:
        """Yield the pages of a list."""
        for _ in range(_PAGES_MAX):
            answer = self.succeed("GET", path)
            yield answer
            links = parse_header_links(answer.headers.get("Link", ""))
            following = next((link["url"] for link in links if link.get("rel") == "next"), None)
            if following is None:
                return
            # only the query counts: MANO may know itself by a name that the tester cannot resolve
            path = f"{path.partition('?')[0]}?{urlsplit(following).query}"
        raise answer.unusable("endless list", expected=f"at most {_PAGES_MAX} pages", actual="one more")

    def entries(self, path: str) -> Iterator[tuple[Mapping[str, Any], Answer]]:
        """Yield the entries of a list, page by page, each with the answer that held it."""
        for answer in self.pages(path):
            for one in listed(json_body(answer, "200 and a JSON list", list)):
                yield one, answer


def check(answer: Answer, expected: str) -> None:
    """See that an answer is a success.

    Raises:
        RefusedError: it has an error status.
        UnusableAnswerError: it is neither success nor error.
    """
    if answer.status >= 400:
        raise answer.refusal(expected)
    if not 200 <= answer.status < 300:
        raise answer.unusable("unexpected status", expected=expected, actual=str(answer.status))


def json_body(answer: Answer, expected: str, kind: type) -> Any:
    """Return the JSON body of a success.

    Raises:
        ManoError: no success, no JSON, or JSON of another kind.
    """
    check(answer, expected)
    if not answer.is_json or not isinstance(answer.body, kind):
        raise answer.unusable("unusable answer", expected=expected, actual=f"{answer.status} and {answer.kind()}")
    return answer.body


def last_segment(location: str) -> str:
    """Return the identifier at the end of a Location header, empty when it names none."""
    return urlsplit(urljoin("http://mano/", location)).path.rstrip("/").rpartition("/")[2]


def segment(identifier: str) -> str:
    """Return an identifier as a segment of a path."""
    return quote(identifier, safe="")


def _credentials(auth: Auth) -> Credentials | None:
    """Return what gives user name and password at the moment of need."""
    name, password = auth.username, auth.password
    return None if name is None or password is None else lambda: (name, password.read())
