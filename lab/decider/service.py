"""The decider's state and its REST interface."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

from lab.decider.rules import BUCKETS, DeciderRules
from lab.rest import Call, Endpoint, Refusal

_LOG = logging.getLogger(__name__)
_UNIT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUMBERS: Final = range(1, 256)
_PINS_AGE_S: Final = 0.25


class DataPlane(Protocol):
    """What the service does to the kernel, so that it can be tested without one."""

    def commit(self, ruleset: str) -> None:
        """Apply a ruleset text as one transaction."""

    def attach_devices(self, number: int) -> None:
        """Bring up the decider's devices towards a unit; raises Refusal if they are not there."""

    def delete_devices(self, number: int) -> None:
        """Remove the decider's devices towards a unit, if they are there."""

    def count_pins(self, table: str, pins: str) -> Mapping[int, int]:
        """How many users are pinned to each unit number."""

    def counters(self, table: str) -> Mapping[str, int]:
        """Packets of the named counters."""


@dataclass(frozen=True)
class Commit:
    """How long the last transaction took, from the request to the kernel's answer."""

    what: str
    duration_ms: float


class Decider:
    """Which units there are and which buckets lead to them; every change is one transaction. Threads may share it."""

    def __init__(self, rules: DeciderRules, plane: DataPlane, *, clock_s: Callable[[], float] = time.monotonic) -> None:
        """Start without units. `clock_s` is a monotonic clock in seconds."""
        self._rules = rules
        self._plane = plane
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._installed = False
        self._numbers: dict[str, int] = {}
        self._buckets: list[str | None] = [None] * BUCKETS
        self._last_commit: Commit | None = None
        self._pins: tuple[float, dict[str, int]] | None = None

    def install(self) -> None:
        """Put the first rules in force; devices `users` and `network` have to be there."""
        with self._lock:
            self._commit("initial", self._rules.initial())
            self._installed = True

    def add_unit(self, name: str, number: int) -> None:
        """Attach a unit; the same again changes nothing.

        Raises:
            Refusal: the name or the number is taken or not allowed, or the unit's devices are not there.
        """
        if not _UNIT_NAME.fullmatch(name):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"unit name - Expected: {_UNIT_NAME.pattern} - Actual: {name!r}")
        if number not in _NUMBERS:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"unit {name} - number - Expected: 1 to 255 - Actual: {number}")
        with self._lock:
            self._require_installed()
            if self._numbers.get(name) == number:
                return
            if name in self._numbers or number in self._numbers.values():
                raise Refusal(
                    HTTPStatus.CONFLICT, f"unit {name}, number {number} - one of them is taken: {self._numbers}"
                )
            self._plane.attach_devices(number)
            self._commit(f"add {name}", self._rules.add_unit(number))
            self._numbers[name] = number

    def remove_unit(self, name: str) -> None:
        """Detach a unit; buckets that still lead to it lead nowhere until new ones are set.

        Raises:
            Refusal: 404, there is no such unit.
        """
        with self._lock:
            number = self._numbers.get(name)
            if number is None:
                raise Refusal(HTTPStatus.NOT_FOUND, f"unit {name} - not attached - Actual: {sorted(self._numbers)}")
            orphans = [bucket for bucket, unit in enumerate(self._buckets) if unit == name]
            if orphans:
                _LOG.warning("unit %s goes while %d buckets lead to it", name, len(orphans))
            self._commit(f"remove {name}", self._rules.remove_unit(number, orphans))
            del self._numbers[name]
            for bucket in orphans:
                self._buckets[bucket] = None
            self._plane.delete_devices(number)

    def set_buckets(self, buckets: list[str]) -> None:
        """Give each bucket its unit.

        Raises:
            Refusal: there are not 256, or one names a unit that is not attached.
        """
        if len(buckets) != BUCKETS:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"buckets - Expected: {BUCKETS} - Actual: {len(buckets)}")
        with self._lock:
            unknown = sorted({str(name) for name in buckets} - set(self._numbers))
            if unknown:
                raise Refusal(HTTPStatus.CONFLICT, f"buckets - units not attached: {', '.join(unknown)}")
            self._commit("buckets", self._rules.set_buckets([self._numbers[name] for name in buckets]))
            self._buckets = list(buckets)

    def drop_pins(self) -> None:
        """Have every user decided anew with the next packet."""
        with self._lock:
            self._require_installed()
            self._commit("drop pins", self._rules.drop_pins())

    def pins(self) -> dict[str, int]:
        """Users pinned to each attached unit, at most 250 ms old: it is asked often, and counting takes CPU."""
        with self._lock:
            now_s = self._clock_s()
            if self._pins is not None and now_s - self._pins[0] < _PINS_AGE_S:
                return self._pins[1]
            name = self._rules.pins
            by_number = {} if name is None or not self._installed else self._plane.count_pins(self._rules.table, name)
            counts = {unit: by_number.get(number, 0) for unit, number in self._numbers.items()}
            self._pins = (now_s, counts)
            return counts

    def status(self) -> dict[str, Any]:
        """Units, buckets per unit, dropped packets and the duration of the last transaction.

        `ready` means that the namespace `pid` can be given links, `linked` that the rules are in force.
        """
        with self._lock:
            return {
                "ready": True,
                "linked": self._installed,
                "pid": os.getpid(),
                "rules": type(self._rules).__name__,
                "units": dict(self._numbers),
                "buckets": {name: self._buckets.count(name) for name in self._numbers},
                "unassigned_buckets": self._buckets.count(None),
                "dropped": dict(self._plane.counters(self._rules.table)) if self._installed else {},
                "last_commit": None if self._last_commit is None else vars(self._last_commit),
            }

    def _require_installed(self) -> None:
        if not self._installed:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "decider - not linked to the tester yet - see `linked` in /status"
            )

    def _commit(self, what: str, ruleset: str) -> None:
        self._pins = None
        before_s = self._clock_s()
        self._plane.commit(ruleset)
        self._last_commit = Commit(what, round((self._clock_s() - before_s) * 1e3, 3))
        _LOG.info("%s: committed in %.1f ms", what, self._last_commit.duration_ms)


def endpoints(decider: Decider) -> list[Endpoint]:
    """The REST interface."""
    return [
        Endpoint("PUT", "/units/{name}", lambda call: _add(decider, call), HTTPStatus.NO_CONTENT),
        Endpoint("DELETE", "/units/{name}", lambda call: decider.remove_unit(call.path["name"]), HTTPStatus.NO_CONTENT),
        Endpoint(
            "PUT", "/buckets", lambda call: decider.set_buckets(call.field("buckets", list)), HTTPStatus.NO_CONTENT
        ),
        Endpoint("GET", "/pins", lambda _call: decider.pins()),
        Endpoint("DELETE", "/pins", lambda _call: decider.drop_pins(), HTTPStatus.NO_CONTENT),
        Endpoint("GET", "/status", lambda _call: decider.status()),
    ]


def _add(decider: Decider, call: Call) -> None:
    decider.add_unit(call.path["name"], call.field("number", int))
