"""Which descriptors VNF instances are on, as the VNFM tells it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final, Protocol

import requests

_VERSION: Final = "2.0.0"
_PATIENCE_S: Final = 1.0

_log = logging.getLogger(__name__)


class Usage(Protocol):
    """Tells which packages are in use."""

    def vnfd_ids(self) -> frozenset[str]:
        """Return the descriptors that instantiated VNFs, or units of them, are on."""


class NoUsage:
    """There is no VNFM, so nothing is in use."""

    def vnfd_ids(self) -> frozenset[str]:
        """Return nothing."""
        return frozenset()


class VnfmUsage:
    """Asks the VNFM each time. While it does not answer, what it said last counts."""

    def __init__(self, base_url: str) -> None:
        """Prepare; nothing is asked yet. ``base_url`` goes up to, without, ``/vnflcm``."""
        self._url = f"{base_url.rstrip('/')}/vnflcm/v2/vnf_instances?all_fields"
        self._last: frozenset[str] = frozenset()

    def vnfd_ids(self) -> frozenset[str]:
        """Return the descriptors that instantiated VNFs, or units of them, are on."""
        try:
            answer = requests.get(
                self._url, headers={"Version": _VERSION, "Accept": "application/json"}, timeout=_PATIENCE_S
            )
            if answer.status_code == HTTPStatus.OK:
                self._last = frozenset(_used(answer.json()))
            else:
                _log.warning("VNFM - GET %s - Expected: 200 Actual: %d", self._url, answer.status_code)
        except (requests.RequestException, ValueError, TypeError, AttributeError, KeyError) as error:
            _log.warning("VNFM - GET %s - cannot be used: %s", self._url, error)
        return self._last


def _used(instances: list[dict[str, Any]]) -> Iterator[str]:
    for instance in instances:
        if instance.get("instantiationState") == "INSTANTIATED":
            yield str(instance["vnfdId"])
        # While the package changes, units of both are there.
        for unit in (instance.get("instantiatedVnfInfo") or {}).get("vnfcResourceInfo") or []:
            if "vnfdId" in unit:
                yield str(unit["vnfdId"])
