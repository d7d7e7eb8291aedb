"""A VNF with old units in a fake world, ready to be upgraded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.vnfm.fleet import Fleet
from lab.vnfm.procedure import UpgradeProcedure, UpgradeTask
from lab.vnfm.records import UnitRecord
from tests.vnfm.fakes import NEW, OLD, FakePace, FakeProgress, FakeSite


@dataclass
class World:
    """What tests look at after a procedure has run."""

    pace: FakePace
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

    def upgrade(self, procedure: type[UpgradeProcedure], **parameters: Any) -> None:
        """Run a procedure to its end."""
        procedure(UpgradeTask(self.fleet, OLD, NEW, parameters, self.old, self.old)).run()

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
    pace = FakePace()
    site = FakeSite(pace)
    progress = FakeProgress()
    fleet = Fleet(site, pace, progress)
    old = fleet.add(OLD, old_units, flavour=OLD.compute_flavour, ready_timeout_s=10)
    fleet.divide((old, 1.0))
    site.happenings.clear()
    progress.reports.clear()
    return World(pace, site, progress, fleet, old)
