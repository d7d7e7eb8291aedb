"""Healing: new units first, then the users with their sessions, then the old ones go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lab.vnfm.bodies import HealBody, parse
from lab.vnfm.jobs import Job, Outcome, working
from lab.vnfm.records import UnitRecord
from lab.vnfm.scaling import even_groups


class Healing(Job):
    """HEAL by replacing units, those that were named or all that are not healthy."""

    def run(self) -> Outcome:
        """Make as many units of each version as there were, without the sick ones; then remove these."""
        body = parse(HealBody, self.scene.operation.params)
        units = self.working_units()
        sick = self._sick(units, body.vnfc_instance_id)
        staying = tuple(unit for unit in units if unit not in sick)
        self.fleet.step(f"replace {len(sick)}")
        staying += self._replacements(staying, body.additional_params.ready_timeout_s)
        self.fleet.transfer(sick, *even_groups(staying))
        for unit in sick:
            self.fleet.remove(unit)
        return {}

    def _replacements(self, staying: Sequence[UnitRecord], ready_timeout_s: float) -> tuple[UnitRecord, ...]:
        """Make what is missing, which after a failure is less than all of it."""
        missing = Counter(unit.vnfd_id for unit in working(self.scene.operation.before.units))
        missing.subtract(unit.vnfd_id for unit in staying)
        made: tuple[UnitRecord, ...] = ()
        for vnfd_id, count in missing.items():
            if count > 0:
                package = self.scene.package(vnfd_id)
                flavour = package.compute_flavour
                made += self.fleet.add(package, count, flavour=flavour, ready_timeout_s=ready_timeout_s)
        return made

    def _sick(self, units: Sequence[UnitRecord], named: Sequence[str] | None) -> tuple[UnitRecord, ...]:
        if named is not None:
            return tuple(unit for unit in units if unit.id in named)
        return tuple(unit for unit in units if not self._is_well(unit))

    def _is_well(self, unit: UnitRecord) -> bool:
        status = self.status_of(unit)
        return status is not None and status.ready and status.healthy
