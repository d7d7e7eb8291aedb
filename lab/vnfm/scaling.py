"""Scaling by units: capacity first, then users, when it grows; users first, then capacity, when it shrinks."""

from __future__ import annotations

from collections.abc import Sequence

from lab.vnfm.bodies import Limits, ScaleBody, parse
from lab.vnfm.fleet import Group
from lab.vnfm.jobs import Job, Outcome, working
from lab.vnfm.problem import unprocessable
from lab.vnfm.procedure import ProcedureError
from lab.vnfm.records import InstanceRecord, UnitRecord


class Scaling(Job):
    """SCALE by the units that a step of the aspect has."""

    def run(self) -> Outcome:
        """Reach the size that was asked for, from whatever is there."""
        body = self._body()
        former = working(self.scene.operation.before.units)
        units = self.working_units()
        aspect = self.scene.operation.before.aspect
        change = body.number_of_steps * (1 if aspect is None else aspect.step_units)
        if body.type == "SCALE_OUT":
            self._grow(units, len(former) + change - len(units), body.additional_params)
        else:
            stay = {unit.id for unit in former[: len(former) - change]}
            self._shrink_to(units, stay, body.additional_params)
        return {}

    def roll_back(self) -> None:
        """Remove the units that were added."""
        former = {unit.id for unit in self.scene.operation.before.units}
        self._shrink_to(self.working_units(), former, self._body().additional_params)

    def _grow(self, units: tuple[UnitRecord, ...], missing: int, limits: Limits) -> None:
        if missing > 0:
            self.fleet.step(f"add {missing}")
            package = self.scene.package(self.scene.instance.vnfd_id)
            flavour = package.compute_flavour
            units += self.fleet.add(package, missing, flavour=flavour, ready_timeout_s=limits.ready_timeout_s)
        self.fleet.divide(*even_groups(units))

    def _shrink_to(self, units: tuple[UnitRecord, ...], stay: set[str], limits: Limits) -> None:
        leaving = tuple(unit for unit in units if unit.id not in stay)
        self.fleet.step(f"remove {len(leaving)}")
        self.fleet.divide(*even_groups([unit for unit in units if unit.id in stay]))
        busy = self.fleet.remove_when_idle(leaving, timeout_s=limits.drain_timeout_s)
        if busy:
            names = ", ".join(unit.name for unit in busy)
            raise ProcedureError(
                f"units {names} - still have users or sessions - Expected: idle within {limits.drain_timeout_s:g} s"
            )

    def _body(self) -> ScaleBody:
        return parse(ScaleBody, self.scene.operation.params)


def even_groups(units: Sequence[UnitRecord]) -> list[Group]:
    """Divide new users among all units alike; units of the same version form a group."""
    by_version: dict[str, list[UnitRecord]] = {}
    for unit in units:
        by_version.setdefault(unit.vnfd_id, []).append(unit)
    return [(group, len(group) / len(units)) for group in by_version.values()]


def check_scale(instance: InstanceRecord, body: ScaleBody) -> None:
    """Check a request against what the VNFD permits.

    Raises:
        ProblemError: 422, there is no such aspect, or the size is out of its range.
    """
    aspect = instance.aspect
    if aspect is None or body.aspect_id != aspect.id:
        expected = "none" if aspect is None else repr(aspect.id)
        raise unprocessable(f"aspectId {body.aspect_id!r} - not in the VNFD - Expected: {expected}")
    steps = body.number_of_steps if body.type == "SCALE_OUT" else -body.number_of_steps
    level = aspect.level(len(working(instance.units))) + steps
    if not 0 <= level <= aspect.max_level:
        raise unprocessable(
            f"{body.type} by {body.number_of_steps} - scale level of {body.aspect_id} - "
            f"Expected: 0 to {aspect.max_level} - Actual: {level}"
        )
