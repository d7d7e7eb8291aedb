"""The NFVO as a VNFM sees it: which packages are on board (SOL003 ``/vnfpkgm/v2``)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import quote

import requests

_VERSION: Final = "2.4.0"
_CONNECT_S: Final = 1.0
_ANSWER_S: Final = 3.0


class NfvoError(Exception):
    """The NFVO cannot be reached, or gives an answer that cannot be used."""


class PackageSource(Protocol):
    """What a VNFM asks its NFVO about packages."""

    def information(self, vnfd_id: str) -> Mapping[str, Any] | None:
        """Return the ``VnfPkgInfo`` of a package that is on board, None if there is none with this descriptor."""

    def all_information(self) -> list[Mapping[str, Any]]:
        """Return the ``VnfPkgInfo`` of all packages that are on board, without details."""

    def descriptor(self, vnfd_id: str) -> str:
        """Return the text of a descriptor."""


class Nfvo:
    """Asks an NFVO by HTTP; every call ends within seconds. What goes wrong is a ``NfvoError``."""

    def __init__(self, base_url: str) -> None:
        """Prepare; nothing is sent yet. ``base_url`` goes up to, without, ``/vnfpkgm``."""
        self._packages = f"{base_url.rstrip('/')}/vnfpkgm/v2/onboarded_vnf_packages"

    def information(self, vnfd_id: str) -> Mapping[str, Any] | None:
        """Return the ``VnfPkgInfo`` of a package that is on board, None if there is none with this descriptor."""
        answer = self._get(f"/{quote(vnfd_id, safe='')}", "application/json")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        document = self._json(answer)
        if not isinstance(document, dict):
            raise NfvoError(f"NFVO - GET {answer.url} - Expected: a package - Actual: {document!r:.100}")
        return document

    def all_information(self) -> list[Mapping[str, Any]]:
        """Return the ``VnfPkgInfo`` of all packages that are on board, without details."""
        answer = self._get("", "application/json")
        document = self._json(answer)
        if not isinstance(document, list) or not all(isinstance(one, dict) for one in document):
            raise NfvoError(f"NFVO - GET {answer.url} - Expected: a list of packages - Actual: {document!r:.100}")
        return document

    def descriptor(self, vnfd_id: str) -> str:
        """Return the text of a descriptor."""
        answer = self._get(f"/{quote(vnfd_id, safe='')}/vnfd", "text/plain")
        self._succeeded(answer)
        return answer.content.decode("utf-8", errors="replace")

    def _get(self, path: str, accept: str) -> requests.Response:
        url = self._packages + path
        try:
            return requests.get(url, headers={"Version": _VERSION, "Accept": accept}, timeout=(_CONNECT_S, _ANSWER_S))
        except requests.RequestException as error:
            raise NfvoError(f"NFVO - GET {url} - no answer: {error}") from error

    def _json(self, answer: requests.Response) -> Any:
        self._succeeded(answer)
        try:
            return answer.json()
        except ValueError as error:
            raise NfvoError(f"NFVO - GET {answer.url} - not JSON: {answer.text!r:.100}") from error

    @staticmethod
    def _succeeded(answer: requests.Response) -> None:
        if answer.status_code != HTTPStatus.OK:
            raise NfvoError(
                f"NFVO - GET {answer.url} - Expected: 200 Actual: {answer.status_code} {answer.text!r:.200}"
            )
