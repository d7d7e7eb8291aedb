"""The systems below the VNFM, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, TypeVar

import requests

from lab.vnfm.site import Server, Share, SiteError, UnitStatus

_TIMEOUT_S: Final = 10.0
_STATUS_TIMEOUT_S: Final = 2.0
_SESSIONS_TIMEOUT_S: Final = 2.0  # a unit that does not answer must not hold up those who wait for its sessions

Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class HttpSite:
    """Base URLs of VIM, decider and controller."""

    vim: str
    decider: str
    controller: str

    def create_server(self, name: str, image: str, flavour: str) -> str:
        """POST a server; image and flavour are given by their names."""
        body = {
            "server": {
                "name": name,
                "imageRef": self._id_of("/v2/images", "images", image),
                "flavorRef": self._id_of("/v2.1/flavors", "flavors", flavour),
            }
        }
        answer = _call("POST", f"{self.vim}/v2.1/servers", body, expected=HTTPStatus.ACCEPTED)
        return _read(answer, lambda document: str(document["server"]["id"]))

    def server(self, server_id: str) -> Server:
        """GET a server."""
        answer = _call("GET", f"{self.vim}/v2.1/servers/{server_id}", expected=HTTPStatus.OK)
        return _read(answer, lambda document: _server(document["server"]))

    def delete_server(self, server_id: str) -> None:
        """DELETE a server, which the VIM takes from the decider itself; 404 means that it is gone already."""
        _call(
            "DELETE",
            f"{self.vim}/v2.1/servers/{server_id}",
            expected=HTTPStatus.NO_CONTENT,
            accepted=HTTPStatus.NOT_FOUND,
        )

    def unit_status(self, management_url: str) -> UnitStatus | None:
        """GET the unit's status; None when nobody listens."""
        url = f"{management_url.rstrip('/')}/status"
        try:
            answer = requests.get(url, timeout=_STATUS_TIMEOUT_S)
        except requests.RequestException:
            return None
        if answer.status_code != HTTPStatus.OK:
            return None
        return _read(answer, _unit_status)

    def set_split(self, shares: Sequence[Share], forget: Sequence[str] = ()) -> None:
        """PUT the split at the controller, which commits it to the decider before it answers."""
        body = {"shares": [_share_body(one) for one in shares], "order": "stable", "forget": list(forget)}
        _call("PUT", f"{self.controller}/split", body, expected=HTTPStatus.OK, accepted=HTTPStatus.NO_CONTENT)

    def current_split(self) -> tuple[Share, ...]:
        """GET the split at the controller."""
        answer = _call("GET", f"{self.controller}/split", expected=HTTPStatus.OK)
        return _read(answer, lambda document: tuple(_share(one) for one in document["shares"]))

    def flush_sessions(self, management_url: str) -> None:
        """POST flush at the unit."""
        url = f"{management_url.rstrip('/')}/flush"
        _call("POST", url, expected=HTTPStatus.NO_CONTENT, timeout_s=_SESSIONS_TIMEOUT_S)

    def adopt_sessions(self, management_url: str, numbers: Sequence[int]) -> int:
        """POST adopt at the unit."""
        url = f"{management_url.rstrip('/')}/adopt"
        body = {"units": list(numbers)}
        answer = _call("POST", url, body, expected=HTTPStatus.OK, timeout_s=_SESSIONS_TIMEOUT_S)
        return _read(answer, lambda document: int(document["sessions"]))

    def pins(self) -> Mapping[str, int]:
        """GET the pins at the decider."""
        answer = _call("GET", f"{self.decider}/pins", expected=HTTPStatus.OK)
        return _read(answer, lambda document: {str(name): int(count) for name, count in document.items()})

    def drop_pins(self) -> None:
        """DELETE the pins at the decider."""
        _call("DELETE", f"{self.decider}/pins", expected=HTTPStatus.NO_CONTENT)

    def _id_of(self, path: str, member: str, name: str) -> str:
        """Look up the VIM's id of an image or flavour by its name."""
        answer = _call("GET", f"{self.vim}{path}", expected=HTTPStatus.OK)
        known = _read(answer, lambda document: {str(one["name"]): str(one["id"]) for one in document[member]})
        try:
            return known[name]
        except KeyError:
            raise SiteError(f"VIM - no {name!r} among its {member} - Expected one of: {sorted(known)}") from None


def _server(document: Mapping[str, Any]) -> Server:
    metadata = document.get("metadata") or {}
    number = metadata.get("number")
    fault = document.get("fault") or {}
    return Server(
        id=str(document["id"]),
        status=str(document["status"]),
        number=None if number is None else int(number),
        management_url=metadata.get("management_url"),
        fault=fault.get("message"),
    )


def _unit_status(document: Mapping[str, Any]) -> UnitStatus:
    return UnitStatus(
        ready=bool(document["ready"]),
        sessions=int(document["sessions"]),
        software_version=str(document["software_version"]),
        healthy=bool(document.get("healthy", True)),
        received=int(document.get("received", 0)),
    )


def _share_body(share: Share) -> dict[str, Any]:
    version = {"version": share.version} if share.version else {}
    return {"units": list(share.units), "share": share.share, **version}


def _share(document: Mapping[str, Any]) -> Share:
    units = tuple(str(unit) for unit in document["units"])
    return Share(units, float(document["share"]), str(document.get("version") or ""))


def _call(
    method: str,
    url: str,
    body: Any = None,
    *,
    expected: HTTPStatus,
    accepted: HTTPStatus | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> requests.Response:
    """Send a request; any answer but ``expected`` and ``accepted`` is a ``SiteError``."""
    try:
        answer = requests.request(method, url, json=body, timeout=timeout_s)
    except requests.RequestException as error:
        raise SiteError(f"{method} {url} - no answer: {error}") from error
    if answer.status_code not in {expected, accepted}:
        raise SiteError(f"{method} {url} - Expected: {int(expected)} Actual: {answer.status_code} {answer.text:.300}")
    return answer


def _read(answer: requests.Response, take: Callable[[Any], Read]) -> Read:
    """Take something out of a JSON answer; an answer of another shape is a ``SiteError``."""
    try:
        return take(answer.json())
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise SiteError(f"{answer.request.method} {answer.url} - unexpected answer: {answer.text:.300}") from error
