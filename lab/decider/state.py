"""The decider's state: which units there are, and who is sent to them."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from lab.decider.plane import DataPlane
from lab.decider.rules import BUCKETS, Bank, DeciderRules
from lab.decider.selections import among
from lab.decider.switching import OneTransaction, Selections, Switching
from lab.decider.units import AttachedUnit, Units, marked, units_of
from lab.rest import Refusal

_LOG = logging.getLogger(__name__)
_PINS_AGE_S: Final = 0.25


@dataclass(frozen=True)
class Commit:
    """How long the last transaction took, from the request to the kernel's answer."""

    what: str
    duration_ms: float


class Decider:
    """Which units there are and who is sent to them; every change is one transaction. Threads may share it.

    A unit that is to lose its users gets a new mark: see lab.decider.rules.
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
        self._units = Units()
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
        with self._lock:
            self._require_installed()
            attached = self._units.attached.get(name)
            if attached is not None and attached.number == number:
                return
            self._units.check(name, number)
            self._plane.attach_devices(number)
            unit = AttachedUnit(number, self._units.new_mark(number))
            self._commit(f"add {name}", self._rules.add_unit(unit.number, unit.mark))
            self._units.attached[name] = unit

    def remove_unit(self, name: str) -> None:
        """Detach a unit; buckets that still lead to it lead nowhere until new ones are set, selections do without it.

        Raises:
            Refusal: 404, there is no such unit.
        """
        with self._lock:
            unit = self._units.attached.get(name)
            if unit is None:
                known = sorted(self._units.attached)
                raise Refusal(HTTPStatus.NOT_FOUND, f"unit {name} - not attached - Actual: {known}")
            orphans = [bucket for bucket, owner in enumerate(self._buckets) if owner == name]
            if orphans:
                _LOG.warning("unit %s goes while %d buckets lead to it", name, len(orphans))
            removal = self._rules.remove_unit(unit.number, unit.mark, [] if self._buckets_cleared else orphans)
            left = among(self._selections, self._units.attached.keys() - {name})
            if left == self._selections:
                self._commit(f"remove {name}", removal)
            else:
                self._commit_selections(f"remove {name}", left, behind=removal)
            del self._units.attached[name]
            for bucket in orphans:
                self._buckets[bucket] = None
            self._plane.delete_devices(unit.number)

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
            self._units.require("buckets", [*buckets, *forget, *units_of(selections or ())])
            forgotten = dict.fromkeys(forget)
            units = self._units.renewed(forgotten)
            renewal = "".join(
                self._rules.renew_unit(units[name].number, self._units.attached[name].mark, units[name].mark)
                for name in forgotten
            )
            text = renewal + self._rules.set_buckets([units[name].mark for name in buckets])
            if selections is None and not (forgotten and self._selections):
                self._commit("buckets", text)
            else:
                chosen = self._selections if selections is None else selections
                self._commit_selections("buckets", chosen, before=text, units=units)
            if selections is not None:
                self._asked_changes = self._latest_change = self._asked_changes + 1
            self._units.attached = units
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
                self._units.require("selections", units_of(selections))
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
            text = self._rules.set_buckets([self._units.attached[name].mark for name in known]) if restored else ""
            self._commit_selections("selections", among(selections, self._units.attached), before=text)
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
            counts = {name: by_mark.get(unit.mark, 0) for name, unit in self._units.attached.items()}
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
                "units": self._units.numbers(),
                "buckets": {name: self._buckets.count(name) for name in self._units.attached},
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
        units: Mapping[str, AttachedUnit] | None = None,
    ) -> None:
        """One transaction of selections and what comes before and behind them."""
        bank: Bank = 0 if self._bank else 1
        text = self._rules.set_selections(marked(selections, units or self._units.attached), bank)
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
