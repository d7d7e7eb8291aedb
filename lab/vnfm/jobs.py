"""What each kind of operation does to the units of its instance, how it goes on after a failure, how it is undone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lab.vnfm import views
from lab.vnfm.bodies import ChangePackageBody, TerminateBody, parse
from lab.vnfm.fleet import Fleet
from lab.vnfm.packages import Package
from lab.vnfm.power import Power
from lab.vnfm.procedure import UpgradeProcedure, UpgradeTask
from lab.vnfm.records import InstanceRecord, OperationRecord, UnitRecord
from lab.vnfm.site import UnitStatus

READY_TIMEOUT_S = 30.0

_RESTORED: Final = (
    "vnfd_id",
    "provider",
    "product",
    "software_version",
    "vnfd_version",
    "aspect",
    "instantiated",
    "flavour_id",
    "vnf_state",
)

Outcome = Mapping[str, Any]
"""What a successful operation changes: keyword arguments of ``Journal.advance``."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a job works with.

    Attributes:
        fleet: creates, removes and watches units, divides users; reports to the operation.
        operation: as it was when the job was begun, resumed or turned back; holds the instance before it.
        instance: the instance then.
        package: gives the package of a ``vnfdId``, whatever its operational state.
        procedure: the way to upgrade.
        power: switches servers.
        modified: notes that a unit is another than it was, though still the same unit.
    """

    fleet: Fleet
    operation: OperationRecord
    instance: InstanceRecord
    package: Callable[[str], Package]
    procedure: type[UpgradeProcedure]
    power: Power
    modified: Callable[[UnitRecord], None]


class Job(ABC):
    """One operation; an object per call, which finds what there is to do in the units that are there."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.fleet = scene.fleet

    @abstractmethod
    def run(self) -> Outcome:
        """Do the operation."""

    def resume(self) -> Outcome:
        """Go on after a failure or a cancellation; where nothing else is said, doing it again does only the rest."""
        return self.run()

    def roll_back(self) -> None:
        """Undo what was done. Not called for a kind of which ``tasks`` says that it cannot be rolled back."""
        raise NotImplementedError(f"operation {self.scene.operation.operation} - cannot be rolled back")

    def working_units(self) -> tuple[UnitRecord, ...]:
        """Remove units that were asked for and never worked, and return the others."""
        units = self.scene.instance.units
        for unit in units:
            if unit.management_url is None:
                self.fleet.remove(unit)
        return working(units)

    def status_of(self, unit: UnitRecord) -> UnitStatus | None:
        """Ask a unit for its status; None if it does not answer."""
        return None if unit.management_url is None else self.fleet.site.unit_status(unit.management_url)


def working(units: tuple[UnitRecord, ...]) -> tuple[UnitRecord, ...]:
    """Those units that have been in service."""
    return tuple(unit for unit in units if unit.management_url is not None)


def identity(package: Package) -> dict[str, Any]:
    """What an instance takes over from its package."""
    return {
        "vnfd_id": package.vnfd_id,
        "provider": package.provider,
        "product": package.product,
        "software_version": package.software_version,
        "vnfd_version": package.vnfd_version,
        "aspect": package.aspect,
    }


def state_before(before: InstanceRecord) -> dict[str, Any]:
    """What a rollback restores in the record of the instance itself; units are restored one by one."""
    return {name: getattr(before, name) for name in _RESTORED}


class Instantiation(Job):
    """INSTANTIATE: the units of the package's flavour, and all users to them."""

    def run(self) -> Outcome:
        """Make the units that are missing."""
        package = self.scene.package(self.scene.instance.vnfd_id)
        units = self.working_units()
        missing = package.initial_units - len(units)
        if missing > 0:
            flavour = package.compute_flavour
            units += self.fleet.add(package, missing, flavour=flavour, ready_timeout_s=READY_TIMEOUT_S)
        self.fleet.divide((units, 1.0))
        changes = {"instantiated": True, "flavour_id": package.flavour_id, "vnf_state": "STARTED"}
        return {"instance_changes": changes}

    def roll_back(self) -> None:
        """Remove all units."""
        for unit in self.scene.instance.units:
            self.fleet.remove(unit)


class PackageChange(Job):
    """CHANGE_VNFPKG by the upgrade procedure."""

    def run(self) -> Outcome:
        """Upgrade."""
        self._procedure().run()
        return self._outcome()

    def resume(self) -> Outcome:
        """Go on with the upgrade."""
        self._procedure().resume()
        return self._outcome()

    def roll_back(self) -> None:
        """Put the former units back."""
        self._procedure().roll_back()

    def _procedure(self) -> UpgradeProcedure:
        body = self._body()
        before = self.scene.operation.before
        # After a change that was given up the instance may be said to be on the package that it is to go to now. What
        # is to be replaced, and to be made again in a rollback, are the units that are not.
        leaving = [unit.vnfd_id for unit in before.units if unit.vnfd_id != body.vnfd_id]
        return self.scene.procedure(
            UpgradeTask(
                fleet=self.fleet,
                source=self.scene.package(leaving[0] if leaving else before.vnfd_id),
                destination=self.scene.package(body.vnfd_id),
                parameters=body.additional_params,
                before=before.units,
                units=self.scene.instance.units,
            )
        )

    def _outcome(self) -> Outcome:
        package = self.scene.package(self._body().vnfd_id)
        return {
            "instance_changes": identity(package) | {"flavour_id": package.flavour_id},
            "modifications": views.package_modifications(self.scene.operation.before, package),
        }

    def _body(self) -> ChangePackageBody:
        return parse(ChangePackageBody, self.scene.operation.params)


class Termination(Job):
    """TERMINATE: all units go."""

    def run(self) -> Outcome:
        """Wait for the users, if that is wanted, and remove what is left."""
        body = parse(TerminateBody, self.scene.operation.params)
        units = self.working_units()
        if body.termination_type == "GRACEFUL":
            self.fleet.wait_idle(units, timeout_s=body.graceful_termination_timeout)
        for unit in units:
            self.fleet.remove(unit)
        return {"instance_changes": {"instantiated": False, "flavour_id": None}}
