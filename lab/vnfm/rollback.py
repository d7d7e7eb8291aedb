"""Back to the old version in the middle of an upgrade: capacity first, then users and sessions, then the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lab.vnfm.procedure import UpgradeTask
from lab.vnfm.records import UnitRecord
from lab.vnfm.sides import Sides


class Rollback:
    """Undoes an upgrade, however far it has come, so that users of the old version notice nothing.

    It looks at what is there and does what is missing. When it is cut short it can be done again.

    1. Old units that are gone already are made again.
    2. New users go to the old units at once. A moment later, when most of the sessions of the new units have ended,
       the others are handed over and their users follow. Users of old units stay where they are.
    3. New units are removed, and whatever else was not there before.
    """

    def __init__(self, task: UpgradeTask, *, ready_timeout_s: float, settle_s: float) -> None:
        """Undo ``task``.

        Args:
            task: the upgrade.
            ready_timeout_s: how long units that are made again may take to become ready.
            settle_s: time between a change and the next one that builds on it.
        """
        self.task = task
        self.fleet = task.fleet
        self.ready_timeout_s = ready_timeout_s
        self.settle_s = settle_s
        sides = Sides.of(task)
        known = {unit.id for unit in task.before}
        self.kept = tuple(unit for unit in (*sides.old, *sides.new) if unit.id in known)
        self.added = tuple(unit for unit in sides.new if unit.id not in known)
        here = {unit.id for unit in self.kept}
        self.missing = Counter(_kind(unit) for unit in task.before if unit.management_url and unit.id not in here)
        self.remade: tuple[UnitRecord, ...] = ()
        self.surplus = sides.left_overs
        for unit in sides.old:
            if unit.id not in known:
                self._count_in(unit)

    def _count_in(self, unit: UnitRecord) -> None:
        """Take account of a unit that an earlier attempt has made; more than one for each lost one is too many."""
        if self.missing[_kind(unit)] > 0:
            self.missing[_kind(unit)] -= 1
            self.remade += (unit,)
        else:
            self.surplus += (unit,)

    def run(self) -> None:
        """Do the three steps in their order."""
        self.restore()
        self.switch()
        self.clear()

    def restore(self) -> None:
        """Step 1: all capacity that was there before."""
        self.fleet.step("roll back: capacity")
        made = [self.make(vdu_id, flavour, count) for (vdu_id, flavour), count in self.missing.items() if count > 0]
        if made:
            self.remade += tuple(unit for units in made for unit in units)
            self.fleet.hold(self.settle_s)

    def make(self, vdu_id: str, flavour: str, count: int) -> tuple[UnitRecord, ...]:
        """Create units of the source package and wait until they are ready."""
        package = replace(self.task.source, vdu_id=vdu_id)
        return self.fleet.add(package, count, flavour=flavour, ready_timeout_s=self.ready_timeout_s)

    def switch(self) -> None:
        """Step 2: all users who are not there to the units from before."""
        self.fleet.step("roll back: users")
        units = self.serving()
        if self.leaving(units):
            # A session that is opened while sessions are handed over may be lost: the fewer are opened, the better.
            self.fleet.divide((units, 1.0))
            self.fleet.hold(self.settle_s)
        self.move_users(units)
        self.fleet.hold(self.settle_s)

    def move_users(self, units: Sequence[UnitRecord]) -> None:
        """Give all new users to some units, and the users of the new version with them."""
        self.fleet.transfer(self.leaving(units), (units, 1.0))

    def serving(self) -> tuple[UnitRecord, ...]:
        """The units that users go back to.

        That is the old version. Only where an operation that was given up had left the instance mostly on the
        destination's version, the old units alone would not carry everybody.
        """
        units = (*self.kept, *self.remade)
        old = tuple(unit for unit in units if unit.vnfd_id != self.task.destination.vnfd_id)
        return old if 2 * len(old) >= len(units) else units

    def leaving(self, serving: Sequence[UnitRecord]) -> tuple[UnitRecord, ...]:
        """Units of the new version that users go away from."""
        new = (unit for unit in (*self.kept, *self.added) if unit.vnfd_id == self.task.destination.vnfd_id)
        return tuple(unit for unit in new if unit not in serving)

    def clear(self) -> None:
        """Step 3: nothing that was not there before stays."""
        self.fleet.step("roll back: units")
        for unit in (*self.added, *self.surplus):
            self.fleet.remove(unit)


def _kind(unit: UnitRecord) -> tuple[str, str]:
    """What a unit has to be made from to be like this one, beside its package."""
    return unit.vdu_id, unit.flavour
