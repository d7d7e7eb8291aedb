"""The decider's state and its REST interface."""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

from lab.decider.rules import BUCKETS, Bank, DeciderRules
from lab.decider.selections import Selection, among, parse_selections
from lab.decider.switching import OneTransaction, Selections, Switching
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
        """How many pins there are to each mark."""

    def counters(self, table: str) -> Mapping[str, int]:
        """Packets of the named counters."""


@dataclass(frozen=True)
class Commit:
    """How long the last transaction took, from the request to the kernel's answer."""

    what: str
    duration_ms: float


class Decider:
    """Which units there are and who is sent to them; every change is one transaction. Threads may share it.

    A unit's mark is its number at first. Each time that the unit is to lose its users it gets another one, which was
    never used before: pins to it that are still there count for nothing.
    """

    def __init__(
        self,
        rules: DeciderRules,
        plane: DataPlane,
        *,
        switching: Switching | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without units.

        Args:
            rules: What is written to the kernel.
            plane: The kernel.
            switching: How changes of selections are put in force; None: at once, in one transaction.
            clock_s: A monotonic clock in seconds.
        """
        self._rules = rules
        self._plane = plane
        self._switching = switching or OneTransaction()
        self._clock_s = clock_s
        self._changing = threading.Lock()  # held for a whole change of decisions, which may be several transactions
        self._lock = threading.Lock()
        self._installed = False
        self._numbers: dict[str, int] = {}
        self._marks: dict[str, int] = {}
        self._generations: dict[int, int] = {}
        self._buckets: list[str | None] = [None] * BUCKETS
        self._buckets_cleared = False
        self._selections: Selections = ()
        self._bank: Bank = 0
        self._asked_changes = 0
        self._latest_change = 0
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
            mark = self._new_mark(number)
            self._commit(f"add {name}", self._rules.add_unit(number, mark))
            self._numbers[name] = number
            self._marks[name] = mark

    def remove_unit(self, name: str) -> None:
        """Detach a unit; buckets that still lead to it lead nowhere until new ones are set, selections do without it.

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
            left = among(self._selections, self._numbers.keys() - {name})
            in_map = [] if self._buckets_cleared else orphans
            removal = self._rules.remove_unit(number, self._marks[name], in_map)
            if left == self._selections:
                self._commit(f"remove {name}", removal)
            else:
                self._commit_selections(f"remove {name}", left, behind=removal)
            del self._numbers[name], self._marks[name]
            for bucket in orphans:
                self._buckets[bucket] = None
            self._plane.delete_devices(number)

    def set_buckets(
        self, buckets: Sequence[str], forget: Sequence[str] = (), selections: Selections | None = None
    ) -> None:
        """Give each bucket its unit; all of it is one transaction.

        Args:
            buckets: The unit of each of the 256 buckets.
            forget: Units that lose their users: these are decided anew with their next packet.
            selections: Selections that are in force from the same moment on; None: those that are.

        Raises:
            Refusal: there are not 256 buckets, or a unit is named that is not attached.
        """
        if len(buckets) != BUCKETS:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"buckets - Expected: {BUCKETS} - Actual: {len(buckets)}")
        with self._changing, self._lock:
            self._require_attached("buckets", [*buckets, *forget, *_units_of(selections or ())])
            renewed = {name: self._new_mark(self._numbers[name]) for name in dict.fromkeys(forget)}
            marks = self._marks | renewed
            text = "".join(
                self._rules.renew_unit(self._numbers[name], self._marks[name], mark) for name, mark in renewed.items()
            ) + self._rules.set_buckets([marks[name] for name in buckets])
            if selections is None and not (renewed and self._selections):
                self._commit("buckets", text)
            else:
                self._commit_selections(
                    "buckets", self._selections if selections is None else selections, before=text, marks=marks
                )
            if selections is not None:
                self._asked_changes = self._latest_change = self._asked_changes + 1
            self._marks = marks
            self._buckets = list(buckets)
            self._buckets_cleared = False

    def set_selections(self, selections: Selections) -> None:
        """Replace the selections; buckets stay as they are.

        Raises:
            Refusal: a selection names a unit that is not attached.
        """
        with self._changing:
            with self._lock:
                self._require_installed()
                self._require_attached("selections", _units_of(selections))
                before = self._selections
                self._asked_changes += 1
                number = self._asked_changes
            self._switching.change(before, selections, _NumberedHands(self, number))

    def put_selections(self, selections: Selections, change: int) -> None:
        """Put selections in force as part of a change; what later changes have overtaken is left out."""
        with self._lock:
            if self._is_overtaken(change):
                return
            known = [name for name in self._buckets if name is not None]
            restored = self._buckets_cleared and len(known) == BUCKETS
            text = self._rules.set_buckets([self._marks[name] for name in known]) if restored else ""
            self._commit_selections("selections", among(selections, self._numbers), before=text)
            self._buckets_cleared = self._buckets_cleared and not restored

    def clear_decisions(self, change: int) -> None:
        """Have nobody decided, as part of a change."""
        with self._lock:
            if self._is_overtaken(change):
                return
            self._commit_selections("clear", (), before=self._rules.clear_buckets())
            self._buckets_cleared = True

    def drop_pins(self) -> None:
        """Have every user decided anew with the next packet."""
        with self._lock:
            self._require_installed()
            self._commit("drop pins", self._rules.drop_pins())

    def pins(self) -> dict[str, int]:
        """Pins to each attached unit, at most 250 ms old: it is asked often, and counting takes CPU."""
        with self._lock:
            now_s = self._clock_s()
            if self._pins is not None and now_s - self._pins[0] < _PINS_AGE_S:
                return self._pins[1]
            name = self._rules.pins
            by_mark = {} if name is None or not self._installed else self._plane.count_pins(self._rules.table, name)
            counts = {unit: by_mark.get(mark, 0) for unit, mark in self._marks.items()}
            self._pins = (now_s, counts)
            return counts

    def selections(self) -> list[dict[str, Any]]:
        """The selections in force."""
        return [selection.as_json() for selection in self._selections]

    def status(self) -> dict[str, Any]:
        """Units, buckets per unit, selections, dropped packets and the duration of the last transaction.

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
                "selections": self.selections(),
                "dropped": dict(self._plane.counters(self._rules.table)) if self._installed else {},
                "last_commit": None if self._last_commit is None else vars(self._last_commit),
            }

    def _require_installed(self) -> None:
        if not self._installed:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "decider - not linked to the tester yet - see `linked` in /status"
            )

    def _require_attached(self, what: str, names: Sequence[object]) -> None:
        unknown = sorted({str(name) for name in names} - set(self._numbers))
        if unknown:
            raise Refusal(HTTPStatus.CONFLICT, f"{what} - units not attached: {', '.join(unknown)}")

    def _new_mark(self, number: int) -> int:
        """A mark that this unit number never had: the number itself, with a count above it."""
        generation = self._generations.get(number, 0)
        self._generations[number] = generation + 1
        return generation << 8 | number

    def _is_overtaken(self, change: int) -> bool:
        """Whether a later change has been put in force; called with the lock held. If not, this one is the latest."""
        overtaken = change < self._latest_change
        self._latest_change = max(change, self._latest_change)
        return overtaken

    def _commit_selections(
        self,
        what: str,
        selections: Selections,
        *,
        before: str = "",
        behind: str = "",
        marks: Mapping[str, int] | None = None,
    ) -> None:
        """One transaction of selections and what comes before and behind them."""
        bank: Bank = 0 if self._bank else 1
        text = self._rules.set_selections(_marked(selections, marks or self._marks), bank)
        self._commit(what, before + text + behind)
        self._bank = bank
        self._selections = selections

    def _commit(self, what: str, ruleset: str) -> None:
        self._pins = None
        before_s = self._clock_s()
        self._plane.commit(ruleset)
        self._last_commit = Commit(what, round((self._clock_s() - before_s) * 1e3, 3))
        _LOG.info("%s: committed in %.1f ms", what, self._last_commit.duration_ms)


@dataclass(frozen=True)
class _NumberedHands:
    """The hands of one change of selections."""

    decider: Decider
    change: int

    def put(self, selections: Selections) -> None:
        self.decider.put_selections(selections, self.change)

    def clear(self) -> None:
        self.decider.clear_decisions(self.change)


def _units_of(selections: Selections) -> list[str]:
    return [unit for selection in selections for unit in selection.units]


def _marked(selections: Selections, marks: Mapping[str, int]) -> list[Selection]:
    return [Selection(each.users, each.service_port, tuple(marks[unit] for unit in each.units)) for each in selections]


def endpoints(decider: Decider) -> list[Endpoint]:
    """The REST interface."""
    return [
        Endpoint("PUT", "/units/{name}", lambda call: _add(decider, call), HTTPStatus.NO_CONTENT),
        Endpoint("DELETE", "/units/{name}", lambda call: decider.remove_unit(call.path["name"]), HTTPStatus.NO_CONTENT),
        Endpoint("PUT", "/buckets", lambda call: _set_buckets(decider, call), HTTPStatus.NO_CONTENT),
        Endpoint("PUT", "/selections", lambda call: _set_selections(decider, call), HTTPStatus.NO_CONTENT),
        Endpoint("GET", "/selections", lambda _call: {"selections": decider.selections()}),
        Endpoint("GET", "/pins", lambda _call: decider.pins()),
        Endpoint("DELETE", "/pins", lambda _call: decider.drop_pins(), HTTPStatus.NO_CONTENT),
        Endpoint("GET", "/status", lambda _call: decider.status()),
    ]


def _add(decider: Decider, call: Call) -> None:
    decider.add_unit(call.path["name"], call.field("number", int))


def _set_buckets(decider: Decider, call: Call) -> None:
    given = call.body if isinstance(call.body, dict) else {}
    forget = call.field("forget", list) if "forget" in given else []
    selections = parse_selections(call.field("selections", list)) if "selections" in given else None
    decider.set_buckets(call.field("buckets", list), forget, selections)


def _set_selections(decider: Decider, call: Call) -> None:
    decider.set_selections(parse_selections(call.field("selections", list)))
