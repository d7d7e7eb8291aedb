"""Switching servers off and on at the VIM, which only the operation OPERATE does."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

import requests

from lab.vnfm.site import SiteError

_TIMEOUT_S: Final = 10.0


class Power(Protocol):
    """The switch of every server; each method may raise ``SiteError``."""

    def stop_server(self, server_id: str) -> None:
        """Take a server from the decider and switch it off; returns when it is off. One that is off is no error."""

    def start_server(self, server_id: str) -> None:
        """Ask for a server to be switched on; returns at once. One that is on is no error."""


@dataclass(frozen=True, slots=True)
class HttpPower:
    """The actions of OpenStack's compute API; ``vim`` is the base URL."""

    vim: str

    def stop_server(self, server_id: str) -> None:
        """POST the action ``os-stop``."""
        self._act(server_id, {"os-stop": None})

    def start_server(self, server_id: str) -> None:
        """POST the action ``os-start``."""
        self._act(server_id, {"os-start": None})

    def _act(self, server_id: str, action: dict[str, Any]) -> None:
        url = f"{self.vim}/v2.1/servers/{server_id}/action"
        try:
            answer = requests.post(url, json=action, timeout=_TIMEOUT_S)
        except requests.RequestException as error:
            raise SiteError(f"POST {url} - no answer: {error}") from error
        # 409: the server is in the wanted state already.
        if answer.status_code not in {HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}:
            raise SiteError(f"POST {url} - Expected: 202 Actual: {answer.status_code} {answer.text:.300}")
