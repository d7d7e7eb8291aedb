"""A unit's management API."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, Protocol

from lab.nfelements import Element
from lab.nfnetlink import NfnetlinkError
from lab.rest import Call, Endpoint, Refusal
from lab.vnf.keeper import SessionKeeper
from lab.vnf.package import SESSION_KEY_PARTS, Software
from lab.vnf.ruleset import UnitSettings
from lab.vnf.state import StateError
from lab.vnf.store import StoreError

ACCOUNTING: Final = "session-accounting"
"""The function that makes GET /sessions answer."""

MAX_INTERNAL_ERRORS: Final = 240
"""Software that counts more errors of its own than this calls itself unhealthy."""

_INTERNAL_ERROR: Final = "internal_error"
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
        self,
        software: Software,
        settings: UnitSettings,
        measurements: Measurements,
        is_ready: Callable[[], bool],
        keeper: SessionKeeper | None = None,
    ) -> None:
        """Take over the parts; without a keeper the unit has no store for its sessions."""
        self._software = software
        self._settings = settings
        self._measurements = measurements
        self._is_ready = is_ready
        self._keeper = keeper

    def status(self) -> dict[str, Any]:
        """What it is, whether it carries traffic and is well, and what it did with packets so far."""
        ready = self._is_ready()
        counters = self._measurements.counters() if ready else {}
        internal_errors = counters.get(_INTERNAL_ERROR, 0)
        return {
            "software_version": self._software.version,
            "functions": list(self._software.functions),
            "number": self._settings.number,
            "pid": os.getpid(),
            "ready": ready,
            "healthy": internal_errors <= MAX_INTERNAL_ERRORS,
            "internal_errors": internal_errors,
            "sessions": self._measurements.count_sessions() if ready else 0,
            "rated_pps": self._settings.rated_pps,
            "session_pickup": self._settings.session_pickup,
            "store": None if self._keeper is None else self._keeper.status(),
            **{name: counters.get(name, 0) for name in _COUNTERS},
        }

    def flush(self) -> None:
        """All sessions are in the store when this returns.

        Raises:
            Refusal: 503, the unit is not ready or the store does not answer.
        """
        with _store_refusals():
            self._usable_keeper().flush()

    def adopt(self, numbers: Sequence[int]) -> dict[str, int]:
        """Take over the sessions that these units stored.

        Raises:
            Refusal: 503, the unit is not ready or the store does not answer; 409, the kernel does not take them.
        """
        with _store_refusals():
            adoption = self._usable_keeper().adopt(numbers)
        return {"sessions": adoption.sessions, "skipped": adoption.skipped}

    def _usable_keeper(self) -> SessionKeeper:
        if self._keeper is None or not self._is_ready():
            why = "there is no state store" if self._keeper is None else "the unit is not ready"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"sessions - {why}")
        return self._keeper

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


@contextmanager
def _store_refusals() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
    except (StateError, NfnetlinkError) as error:
        raise Refusal(HTTPStatus.CONFLICT, str(error)) from error


def endpoints(unit: Unit) -> list[Endpoint]:
    """The REST interface."""
    return [
        Endpoint("GET", "/status", lambda _call: unit.status()),
        Endpoint("GET", "/sessions", lambda _call: unit.sessions()),
        Endpoint("POST", "/flush", lambda _call: unit.flush(), HTTPStatus.NO_CONTENT),
        Endpoint("POST", "/adopt", lambda call: unit.adopt(_unit_numbers(call))),
    ]


def _unit_numbers(call: Call) -> list[int]:
    numbers: list[Any] = call.field("units", list)
    if not all(isinstance(number, int) and not isinstance(number, bool) and 0 < number < 256 for number in numbers):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"units - Expected: numbers, 1 to 255 - Actual: {numbers!r:.200}")
    return numbers
