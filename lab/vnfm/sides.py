"""Who is who among the units in the middle of a change of package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from lab.vnfm.procedure import UpgradeTask
from lab.vnfm.records import UnitRecord


@dataclass(frozen=True, slots=True)
class Sides:
    """The units of an instance, divided by what they are for in a change of package.

    A unit belongs to the new side if it was made from the destination package, even if an earlier operation that was
    given up has left it behind. All others are the old side.

    Attributes:
        old, new: units that work or did so once.
        old_size: units that the old side had when the operation started: what is to be replaced.
        left_overs: units that never worked.
    """

    old: tuple[UnitRecord, ...]
    new: tuple[UnitRecord, ...]
    old_size: int
    left_overs: tuple[UnitRecord, ...]

    @classmethod
    def of(cls, task: UpgradeTask) -> Self:
        """Divide the units that are there."""
        destination = task.destination.vnfd_id
        working = [unit for unit in task.units if unit.management_url is not None]
        return cls(
            old=tuple(unit for unit in working if unit.vnfd_id != destination),
            new=tuple(unit for unit in working if unit.vnfd_id == destination),
            old_size=sum(1 for unit in task.before if unit.vnfd_id != destination and unit.management_url is not None),
            left_overs=tuple(unit for unit in task.units if unit.management_url is None),
        )
