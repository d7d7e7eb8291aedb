"""A unit's management API."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol

from lab.nfelements import Element
from lab.rest import Endpoint, Refusal
from lab.vnf.package import SESSION_KEY_PARTS, Software
from lab.vnf.ruleset import UnitSettings

ACCOUNTING: Final = "session-accounting"
"""The function that makes GET /sessions answer."""

_COUNTERS: Final = ("received", "forwarded", "policed", "unknown_session", "not_udp")


class Measurements(Protocol):
    """What the kernel knows about the running rules."""

    def counters(self) -> Mapping[str, int]:
        """Packets of the named counters."""

    def count_sessions(self) -> int:
        """Number of live sessions."""

    def sessions(self) -> Sequence[Element]:
        """All live sessions."""


class Unit:
    """One unit as its management sees it."""

    def __init__(
        self, software: Software, settings: UnitSettings, measurements: Measurements, is_ready: Callable[[], bool]
    ) -> None:
        self._software = software
        self._settings = settings
        self._measurements = measurements
        self._is_ready = is_ready

    def status(self) -> dict[str, Any]:
        """What it is, whether it carries traffic, and what it did with packets so far."""
        ready = self._is_ready()
        counters = self._measurements.counters() if ready else {}
        return {
            "software_version": self._software.version,
            "functions": list(self._software.functions),
            "number": self._settings.number,
            "ready": ready,
            "sessions": self._measurements.count_sessions() if ready else 0,
            "rated_pps": self._settings.rated_pps,
            "session_pickup": self._settings.session_pickup,
            **{name: counters.get(name, 0) for name in _COUNTERS},
        }

    def sessions(self) -> dict[str, Any]:
        """Packets of each live session.

        Raises:
            Refusal: this software does not account for sessions, or is not ready.
        """
        if ACCOUNTING not in self._software.functions:
            raise Refusal(
                HTTPStatus.NOT_FOUND, f"sessions - software {self._software.version} does not account for them"
            )
        if not self._is_ready():
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "sessions - the unit is not ready")
        return {"sessions": [self._session(element) for element in self._measurements.sessions()]}

    def _session(self, element: Element) -> dict[str, Any]:
        return {**decode_key(element.key, self._software.session_key), "packets": element.packets}


def decode_key(key: bytes, parts: Sequence[str]) -> dict[str, Any]:
    """A session key by the names of its parts: addresses as text, ports as numbers."""
    decoded: dict[str, Any] = {}
    for position, part in enumerate(parts):
        value = key[4 * position : 4 * position + SESSION_KEY_PARTS[part]]  # each part fills 4 bytes
        decoded[part] = str(ipaddress.IPv4Address(value)) if len(value) == 4 else int.from_bytes(value, "big")
    return decoded


def endpoints(unit: Unit) -> list[Endpoint]:
    """The REST interface."""
    return [
        Endpoint("GET", "/status", lambda _call: unit.status()),
        Endpoint("GET", "/sessions", lambda _call: unit.sessions()),
    ]
