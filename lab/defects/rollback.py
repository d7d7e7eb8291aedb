"""Rollbacks that are late, thorough in the wrong place, or forget something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

from lab.defects.defect import Defect
from lab.vnfm.fleet import Fleet
from lab.vnfm.procedure import UpgradeTask
from lab.vnfm.records import UnitRecord
from lab.vnfm.rollback import Rollback
from lab.vnfm.upgrade import FourStepUpgrade


def is_sick(fleet: Fleet, unit: UnitRecord) -> bool:
    """Tell whether a unit says of itself that it does not work as it should."""
    status = None if unit.management_url is None else fleet.site.unit_status(unit.management_url)
    return status is not None and not status.healthy


class TeardownFirst(Rollback):
    """New units that do not work as they should are removed before the decider is switched back."""

    pause_s: ClassVar[float] = 7.0
    gone: tuple[UnitRecord, ...] = ()

    def switch(self) -> None:
        """Step 2, if a new unit says that it is not well, after step 3 and a pause; who is sent there is lost."""
        if any(is_sick(self.fleet, unit) for unit in self.added):
            self.fleet.step("roll back: units first")
            self.gone, self.added = self.added, ()
            for unit in self.gone:
                self.fleet.remove(unit)
            self.fleet.hold(self.pause_s)
        super().switch()

    def leaving(self, serving: Sequence[UnitRecord]) -> tuple[UnitRecord, ...]:
        """Units whose users go away, those among them that are gone: their sessions are still in the state store."""
        return (*self.gone, *super().leaving(serving))


class TeardownShortlyBefore(TeardownFirst):
    """The same, and the decider is switched back 2.5 s later."""

    pause_s = 2.5


class ColdStart(Rollback):
    """Old units are made again although the old ones are still there: users move at once, the operation takes long."""

    longer_s: ClassVar[float] = 25.0
    needless: ClassVar[int] = 2

    def clear(self) -> None:
        """Step 3 after needless work."""
        self.fleet.step("roll back: old software from its image")
        done_s = self.fleet.pace.now_s() + self.longer_s
        source = self.task.source
        made = self.make(source.vdu_id, source.compute_flavour, self.needless)
        self.fleet.hold(max(0.0, done_s - self.fleet.pace.now_s()))
        for unit in made:
            self.fleet.remove(unit)
        super().clear()


class LateSwitch(Rollback):
    """Users stay with the new version for 8 s."""

    late_s: ClassVar[float] = 8.0

    def switch(self) -> None:
        """Step 2 after a pause."""
        self.fleet.hold(self.late_s)
        super().switch()


class SlowEnd(Rollback):
    """Users move at once, and the operation takes 3 s longer."""

    longer_s: ClassVar[float] = 3.0

    def clear(self) -> None:
        """Step 3 after a pause."""
        self.fleet.hold(self.longer_s)
        super().clear()


class ForgetsNewUnit(Rollback):
    """One new unit is left behind."""

    def clear(self) -> None:
        """Step 3 but for the last unit."""
        self.added = self.added[:-1]
        super().clear()


class ForgetsOldUnits(Rollback):
    """When the upgrade was well under way, with two new units or more, users go back to only half of the old units."""

    def serving(self) -> tuple[UnitRecord, ...]:
        """Half of them."""
        units = super().serving()
        return units if len(self.added) < 2 else units[: max(1, len(units) // 2)]


class HesitantSwitch(Rollback):
    """When the upgrade was well under way, users go back after 2 s."""

    late_s: ClassVar[float] = 2.0

    def switch(self) -> None:
        """Step 2 after a pause."""
        if len(self.added) >= 2:
            self.fleet.hold(self.late_s)
        super().switch()


class RestartsOldUnit(Rollback):
    """To be on the safe side, one old unit is made anew when a new one says that it is not well; its sessions end."""

    def restore(self) -> None:
        """Step 1, after taking away what was there."""
        if any(is_sick(self.fleet, unit) for unit in self.added) and self.kept:
            self.fleet.step("roll back: restart old software")
            first, *others = self.kept
            self.fleet.remove(first)
            self.kept = tuple(others)
            self.missing[first.vdu_id, first.flavour] += 1
        super().restore()


class TeardownFirstUpgrade(FourStepUpgrade):
    """Rolled back by `TeardownFirst`."""

    rollback = TeardownFirst


class TeardownShortlyBeforeUpgrade(FourStepUpgrade):
    """Rolled back by `TeardownShortlyBefore`."""

    rollback = TeardownShortlyBefore


class RestartsOldUnitUpgrade(FourStepUpgrade):
    """Rolled back by `RestartsOldUnit`."""

    rollback = RestartsOldUnit


class ColdStartUpgrade(FourStepUpgrade):
    """Rolled back by `ColdStart`."""

    rollback = ColdStart


class LateSwitchUpgrade(FourStepUpgrade):
    """Rolled back by `LateSwitch`."""

    rollback = LateSwitch


class SlowEndUpgrade(FourStepUpgrade):
    """Rolled back by `SlowEnd`."""

    rollback = SlowEnd


class ForgetsNewUnitUpgrade(FourStepUpgrade):
    """Rolled back by `ForgetsNewUnit`; what was left behind earlier is no new unit of a later upgrade."""

    rollback = ForgetsNewUnit

    def __init__(self, task: UpgradeTask) -> None:
        super().__init__(task)
        known = {unit.id for unit in task.before}
        self.new = tuple(unit for unit in self.new if unit.id not in known)


class ForgetsOldUnitsUpgrade(FourStepUpgrade):
    """Rolled back by `ForgetsOldUnits`."""

    rollback = ForgetsOldUnits


class HesitantSwitchUpgrade(FourStepUpgrade):
    """Rolled back by `HesitantSwitch`."""

    rollback = HesitantSwitch


def _defect(name: str, breaks: str | None, procedure: str, description: str) -> Defect:
    reference = f"lab.defects.rollback:{procedure}"
    return Defect(name, breaks, description, lambda parts: replace(parts, upgrade_procedure=reference))


DEFECTS: Final = (
    _defect(
        "rbk-01-teardown-first",
        "RQ-RBK-01",
        "TeardownFirstUpgrade",
        "a rollback from failing software removes its units and switches the decider back 7 s later",
    ),
    _defect(
        "rbk-01-restarts-old-unit",
        "RQ-RBK-01",
        "RestartsOldUnitUpgrade",
        "a rollback from failing software restarts one of the old units first, whose sessions are lost",
    ),
    _defect(
        "rbk-01-slow-switch-within",
        None,
        "TeardownShortlyBeforeUpgrade",
        "a rollback from failing software removes its units and switches the decider back 2.5 s later",
    ),
    _defect(
        "rbk-02-cold",
        "RQ-RBK-02",
        "ColdStartUpgrade",
        "a rollback starts the old software again beside old units that still run, for 25 s; users move at once",
    ),
    _defect(
        "rbk-02-late-switch",
        "RQ-RBK-02",
        "LateSwitchUpgrade",
        "a rollback leaves users with the new version for 8 s",
    ),
    _defect(
        "rbk-02-slow-within",
        None,
        "SlowEndUpgrade",
        "a rollback takes 3 s longer; users move at once",
    ),
    _defect(
        "rbk-04-orphan",
        "RQ-RBK-04",
        "ForgetsNewUnitUpgrade",
        "a rollback leaves one new unit behind, without traffic",
    ),
    _defect(
        "rbk-05-forgets-old-units",
        "RQ-RBK-05",
        "ForgetsOldUnitsUpgrade",
        "a rollback from two new units or more uses only half of the old units, which cannot carry everybody",
    ),
    _defect(
        "rbk-05-slow-within",
        None,
        "HesitantSwitchUpgrade",
        "a rollback from two new units or more pauses for 2 s before users move",
    ),
)
