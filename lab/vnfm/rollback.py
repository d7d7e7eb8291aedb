"""Back to the old version in the middle of an upgrade: capacity first, then users and sessions, then the rest."""

from __future__ import annotations

from collections.abc import Sequence

from lab.vnfm.procedure import UpgradeTask
from lab.vnfm.records import UnitRecord
from lab.vnfm.sides import Sides


class Rollback:
    """Undoes an upgrade, however far it has come, so that users of the old version notice nothing.

    It looks at what is there and does what is missing. When it is cut short it can be done again.

    1. Old units that are gone already are made again.
    2. The sessions of the new units are handed over, and in one transaction all new users and the users of the new
       units go to the old ones. Users of old units stay where they are.
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
        size = sum(1 for unit in task.before if unit.management_url is not None)
        self.kept = tuple(unit for unit in (*sides.old, *sides.new) if unit.id in known)
        remade = tuple(unit for unit in sides.old if unit.id not in known)
        self.missing = max(0, size - len(self.kept) - len(remade))
        self.remade = remade[: size - len(self.kept)]
        self.added = tuple(unit for unit in sides.new if unit.id not in known)
        self.surplus = (*remade[len(self.remade) :], *sides.left_overs)

    def run(self) -> None:
        """Do the three steps in their order."""
        self.restore()
        self.switch()
        self.clear()

    def restore(self) -> None:
        """Step 1: all capacity that was there before."""
        self.fleet.step("roll back: capacity")
        if self.missing:
            self.remade += self.make(self.missing)
            self.fleet.hold(self.settle_s)

    def make(self, count: int) -> tuple[UnitRecord, ...]:
        """Create units of the source package and wait until they are ready."""
        source = self.task.source
        return self.fleet.add(source, count, flavour=source.compute_flavour, ready_timeout_s=self.ready_timeout_s)

    def switch(self) -> None:
        """Step 2: all users who are not there to the units from before."""
        self.fleet.step("roll back: users")
        self.move_users(self.serving())
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
