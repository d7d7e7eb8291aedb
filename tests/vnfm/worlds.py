"""A VNF with old units in a fake world, ready to be upgraded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lab.vnfm.fleet import Fleet
from lab.vnfm.procedure import Cancelled, UpgradeProcedure, UpgradeTask
from lab.vnfm.records import UnitRecord
from tests.vnfm.fakes import NEW, OLD, FakePace, FakeProgress, FakeSite

GRACEFUL = "GRACEFUL"
MODES = [GRACEFUL, "FORCEFUL"]


class CancellablePace(FakePace):
    """Time in which an operation is cancelled at a certain moment."""

    def __init__(self) -> None:
        super().__init__()
        self.cancel_at_s = float("inf")
        self.graceful = True

    def sleep(self, seconds: float, *, action: bool = False) -> None:
        until_s = self.time_s + seconds
        if until_s < self.cancel_at_s or (self.graceful and action):
            super().sleep(seconds)
            return
        self.time_s = max(self.time_s, self.cancel_at_s)
        raise Cancelled


@dataclass
class World:
    """What tests look at after a procedure has run."""

    pace: CancellablePace
    site: FakeSite
    progress: FakeProgress
    fleet: Fleet
    old: tuple[UnitRecord, ...]

    @property
    def old_names(self) -> frozenset[str]:
        return frozenset(unit.name for unit in self.old)

    @property
    def new_names(self) -> frozenset[str]:
        """Names of all units that the procedure asked for."""
        return frozenset(unit.name for unit in self.progress.of("allocated"))

    @property
    def units(self) -> tuple[UnitRecord, ...]:
        """What the manager knows at present, in the order of creation."""
        known = {unit.id: unit for unit in (*self.old, *self.progress.of("allocated"), *self.progress.of("ready"))}
        for unit in self.progress.of("released"):
            known.pop(unit.id, None)
        return tuple(known.values())

    def task(self, **parameters: Any) -> UpgradeTask:
        """What there is to do or to undo."""
        return UpgradeTask(self.fleet, OLD, NEW, parameters, self.old, self.units)

    def upgrade(self, procedure: type[UpgradeProcedure], **parameters: Any) -> None:
        """Run a procedure to its end."""
        procedure(self.task(**parameters)).run()

    def upgrade_until(
        self, procedure: type[UpgradeProcedure], at_s: float, *, graceful: bool = True, **parameters: Any
    ) -> None:
        """Run a procedure and cancel it so many seconds after its start."""
        self.pace.cancel_at_s, self.pace.graceful = self.pace.now_s() + at_s, graceful
        with pytest.raises(Cancelled):
            self.upgrade(procedure, **parameters)
        self.pace.cancel_at_s = float("inf")

    def resume(self, procedure: type[UpgradeProcedure], **parameters: Any) -> None:
        """Go on with a procedure."""
        procedure(self.task(**parameters)).resume()

    def roll_back(self, procedure: type[UpgradeProcedure], **parameters: Any) -> None:
        """Undo a procedure."""
        procedure(self.task(**parameters)).roll_back()

    def new_share(self) -> list[tuple[float, float, frozenset[str]]]:
        """Each split: when, the share of units other than the old ones, and who was in service."""
        return [
            (
                happening.at_s,
                sum(one.share for one in happening.subject if not self.old_names & set(one.units)),
                happening.in_service,
            )
            for happening in self.site.of("set_split")
        ]

    def units_known_to_the_manager(self) -> set[str]:
        """Old and allocated units that were not reported as released."""
        released = {unit.name for unit in self.progress.of("released")}
        return set(self.old_names | self.new_names) - released

    def servers(self) -> Mapping[str, str]:
        """Image of each server that exists, by name."""
        return {server.name: server.image for server in self.site.servers.values()}


def world(old_units: int = 4) -> World:
    """Old units in service with all users; nothing of this stands in the world's record."""
    pace = CancellablePace()
    site = FakeSite(pace)
    progress = FakeProgress()
    fleet = Fleet(site, pace, progress)
    old = fleet.add(OLD, old_units, flavour=OLD.compute_flavour, ready_timeout_s=10)
    fleet.divide((old, 1.0))
    site.happenings.clear()
    progress.reports.clear()
    return World(pace, site, progress, fleet, old)
