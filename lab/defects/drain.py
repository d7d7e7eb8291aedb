"""Upgrades whose last step goes wrong: units with sessions that go, units that stay, too few units in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import ClassVar, Final

from lab.controller.buckets import BUCKETS
from lab.defects.background import in_background
from lab.defects.defect import Defect
from lab.vnfm.fleet import Fleet
from lab.vnfm.records import UnitRecord
from lab.vnfm.upgrade import FourStepUpgrade


class OldestFirst(FourStepUpgrade):
    """The oldest unit goes at once, whatever it does, and its users to the new units.

    These cannot adopt all that old software has stored, but need not: they take up sessions in their middle.
    """

    def drain(self) -> None:
        """One unit by its age, the others as they become idle."""
        if self.old:
            oldest, *others = self.old
            self.fleet.step("remove the oldest")
            self.fleet.transfer([oldest], (others, 0.0), (self.new, 1.0))
            self.fleet.remove(oldest)
            self.old = tuple(others)
        super().drain()


@dataclass
class Silence:
    """Tells units that nobody has sent anything to for some time.

    Attributes:
        silent_s: that time, in seconds.
    """

    fleet: Fleet
    silent_s: float
    _heard: dict[str, tuple[int, float]] = field(default_factory=dict)

    def among(self, units: Sequence[UnitRecord]) -> list[UnitRecord]:
        """Return the silent ones."""
        return [unit for unit in units if self._is_silent(unit)]

    def _is_silent(self, unit: UnitRecord) -> bool:
        status = None if unit.management_url is None else self.fleet.site.unit_status(unit.management_url)
        if status is None:
            return False
        now_s = self.fleet.pace.now_s()
        received, since_s = self._heard.get(unit.id, (-1, now_s))
        if status.received != received:
            received, since_s = status.received, now_s
        self._heard[unit.id] = received, since_s
        return now_s - since_s > self.silent_s


class SilentUnitsFirst(FourStepUpgrade):
    """Old units are removed when they have received nothing for 3 s, while pins and sessions still have 2 s to last.

    A session sends a packet every 2.05 s at the least: a unit that is silent for longer has none that is active.
    """

    silent_s: ClassVar[float] = 3.0

    def remove_old_units(self, timeout_s: float) -> Sequence[UnitRecord]:
        """Remove each as soon as it is silent."""
        return self.fleet.remove_when(Silence(self.fleet, self.silent_s).among, self.old, timeout_s=timeout_s)


class Lingering(FourStepUpgrade):
    """An upgrade of which something goes on after its end; the next one waits for that, so that only one is at work."""

    linger_s: ClassVar[float] = 30.0

    def run(self) -> None:
        """Do the four steps when units that an earlier upgrade has left are gone."""
        deadline_s = self.fleet.pace.now_s() + self.linger_s
        while self.new and self.fleet.pace.now_s() < deadline_s:
            attached = self.fleet.site.pins()
            self.new = tuple(unit for unit in self.new if unit.name in attached)
            self.fleet.hold(1.0)
        super().run()

    def resume(self) -> None:
        """Go on; new units are this upgrade's own."""
        super().run()


class CompletedEarly(Lingering):
    """The upgrade is declared complete as soon as nearly all new users go to the new version.

    One bucket of them stays with the old version for some seconds; only then are its units drained.
    """

    nearly_all: ClassVar[float] = 1.0 - 1.0 / BUCKETS
    late_s: ClassVar[float] = 3.5

    def grow_to(self, share: float) -> None:
        """One share of step 3; the last one is not held, and not quite reached."""
        if share < 1.0:
            super().grow_to(share)
            return
        self.fleet.step("grow to nearly all")
        self.provide_capacity(share)
        self.raise_share(self.nearly_all)

    def drain(self) -> None:
        """Not now."""
        in_background(self._finish)

    def _finish(self) -> None:
        self.fleet.hold(self.late_s)
        self.raise_share(1.0)
        super().drain()


class Orphan(FourStepUpgrade):
    """One old unit stays for ever, without users."""

    def remove_old_units(self, timeout_s: float) -> Sequence[UnitRecord]:
        """Wait for all, remove all but the last one."""
        busy = self.fleet.remove_when_idle(self.old[:-1], timeout_s=timeout_s)
        return (*busy, *self.fleet.wait_idle(self.old[-1:], timeout_s=timeout_s))


class LateCleanup(Orphan, Lingering):
    """The last old unit is idle when the upgrade is declared complete, and is removed a second later."""

    late_s: ClassVar[float] = 1.0
    linger_s = 3.0

    def drain(self) -> None:
        """Step 4 but for the last unit."""
        super().drain()
        in_background(self._remove_last)

    def _remove_last(self) -> None:
        self.fleet.hold(self.late_s)
        for unit in self.old[-1:]:
            self.fleet.remove(unit)


class Dip(FourStepUpgrade):
    """One new unit less than there were old ones serves everybody until all old units are gone."""

    def units_for(self, share: float) -> int:
        """As many as needed, but one less than all."""
        return max(1, min(super().units_for(share), self.sides.old_size - 1))

    def drain(self) -> None:
        """Step 4, and the missing unit after it."""
        super().drain()
        missing = self.sides.old_size - len(self.new)
        if missing > 0:
            self.fleet.step("add the last unit")
            self.new += self.add_new_units(missing)
            self.settle()
            self.fleet.divide((self.new, 1.0))


class TwoLarge(FourStepUpgrade):
    """The destination is served by half as many units, each of which carries twice as much."""

    flavour: ClassVar[str] = "gateway.large"
    vdu_id: ClassVar[str] = "gateway-large"

    def units_for(self, share: float) -> int:
        """Half of the standard units that would be needed."""
        old_size = sum(2 if unit.flavour == self.flavour else 1 for unit in self._replaced())
        return max(1, ceil(share * old_size / 2 - 1e-9))

    def _replaced(self) -> list[UnitRecord]:
        destination = self._task.destination.vnfd_id
        return [unit for unit in self._task.before if unit.vnfd_id != destination and unit.management_url is not None]

    def add_new_units(self, count: int) -> tuple[UnitRecord, ...]:
        """Create large ones."""
        package = replace(self._task.destination, vdu_id=self.vdu_id)
        timeout_s = self.parameters.ready_timeout_s
        return self.fleet.add(package, count, flavour=self.flavour, ready_timeout_s=timeout_s)


_OVERPROVISIONED: Final = "lab.defects.compute:OverprovisionedCatalogue"

DEFECTS: Final = (
    Defect(
        "upg-04-by-age",
        "RQ-UPG-04",
        "the oldest unit is removed while it has active sessions, which move to other units without loss",
        lambda parts: replace(
            parts,
            upgrade_procedure="lab.defects.drain:OldestFirst",
            compute_catalogue="lab.defects.compute:MidstreamCatalogue",
        ),
    ),
    Defect(
        "upg-04-prompt-within",
        None,
        "old units are removed when they have received nothing for 3 s, before their users are forgotten",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.drain:SilentUnitsFirst"),
    ),
    Defect(
        "upg-05-completed-early",
        "RQ-UPG-05",
        "the upgrade is declared complete when nearly all new users go to the new version, old units are drained later",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.drain:CompletedEarly"),
    ),
    Defect(
        "upg-05-orphan",
        "RQ-UPG-05",
        "one old unit stays for ever, without traffic",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.drain:Orphan"),
    ),
    Defect(
        "upg-05-late-cleanup-within",
        None,
        "the last old unit, idle by then, is removed 1 s after the upgrade was declared complete",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.drain:LateCleanup"),
    ),
    Defect(
        "cap-02-dip",
        "RQ-CAP-02",
        "three new units serve everybody while the last old one goes, the fourth comes afterwards; units have headroom",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.drain:Dip", compute_catalogue=_OVERPROVISIONED),
    ),
    Defect(
        "cap-02-two-large-within",
        None,
        "the new version is served by two units of twice the capacity instead of four",
        lambda parts: replace(parts, upgrade_procedure="lab.defects.drain:TwoLarge"),
    ),
)
