"""What one unit carries: as declared for its VDU, else an equal part of what the whole VNF is declared for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hitless.history import History
from hitless.measures.sightings import section


@dataclass(frozen=True, slots=True)
class UnitCapacities:
    """Rated capacities of units.

    Attributes:
        by_vdu: as declared (``vnf.unit_capacity_pps``); empty when nothing is.
        equal_part_pps: of each unit when nothing is declared.
        before_vdus: VDUs of the units from before the upgrade.
    """

    by_vdu: Mapping[str, float]
    equal_part_pps: float
    before_vdus: frozenset[str]

    @staticmethod
    def declared(history: History, before_count: int, before_vdus: Iterable[str]) -> UnitCapacities:
        """Take the capacities from a declaration; so many units share the VNF's capacity if they are not there."""
        table = section(section(history.sut, "vnf"), "unit_capacity_pps")
        return UnitCapacities(
            {str(vdu): float(value) for vdu, value in table.items()},
            history.rated_capacity_pps / before_count,
            frozenset(before_vdus),
        )

    def of(self, vdu_id: str) -> float | None:
        """Return the capacity of a unit of a VDU; None if it is not known."""
        if not self.by_vdu:
            return self.equal_part_pps
        if vdu_id in self.by_vdu:
            return self.by_vdu[vdu_id]
        # What serves traffic is declared; a VDU from before that is not serves none.
        return 0.0 if vdu_id in self.before_vdus else None
