"""The decider's REST interface, from the side of those who use it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import requests

from lab.decider.selections import NamedSelection
from lab.rest import Refusal

_TIMEOUT_S: Final = 10.0


class DeciderClient:
    """Calls to one decider. Any answer but success becomes a Refusal with its reason. Threads may share it."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def pid(self) -> int:
        """The process whose network namespace is the decider's."""
        return int(self._call("GET", "/status").json()["pid"])

    def add_unit(self, name: str, number: int) -> None:
        """Attach a unit whose devices are in the decider's namespace."""
        self._call("PUT", f"/units/{name}", {"number": number})

    def remove_unit(self, name: str) -> None:
        """Detach a unit; one that is not attached is no error."""
        self._call("DELETE", f"/units/{name}", accept=(HTTPStatus.NOT_FOUND,))

    def set_buckets(
        self, buckets: Sequence[str], forget: Sequence[str] = (), selections: Sequence[NamedSelection] | None = None
    ) -> None:
        """Give each bucket its unit, from the same moment on forget the users of some units and replace selections.

        Returns when the decider works by it. `selections` None leaves them as they are.
        """
        body: dict[str, Any] = {"buckets": list(buckets), "forget": list(forget)}
        if selections is not None:
            body["selections"] = [selection.as_json() for selection in selections]
        self._call("PUT", "/buckets", body)

    def set_selections(self, selections: Sequence[NamedSelection]) -> None:
        """Replace the selections; returns when the decider says that it works by them."""
        self._call("PUT", "/selections", {"selections": [selection.as_json() for selection in selections]})

    def _call(
        self, method: str, path: str, body: Any = None, *, accept: Sequence[HTTPStatus] = ()
    ) -> requests.Response:
        try:
            answer = requests.request(method, self._url + path, json=body, timeout=_TIMEOUT_S)
        except requests.RequestException as error:
            raise Refusal(HTTPStatus.BAD_GATEWAY, f"decider {self._url} - does not answer: {error}") from error
        if not answer.ok and answer.status_code not in accept:
            raise Refusal(HTTPStatus.CONFLICT, f"decider - {method} {path} - {answer.status_code}: {_reason(answer)}")
        return answer


def _reason(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
