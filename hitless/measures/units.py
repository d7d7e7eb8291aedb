"""The units of a VNF during an upgrade: its VNFC instances, put together from the documents that MANO showed meanwhile.

A unit from before the request is in service until it disappears. A new unit is in service from the moment in which the
operation lists it as ADDED (SOL003: ``resourceChanges.affectedVnfcs``) until it disappears. An operation that lists
its changes only when it has finished does not say when they happened; then a new unit may have been ready ever since
it was seen. So it is with an operation that nobody has read, and one that was not read to its end may have listed
anything after its last reading. A unit that is changed in place ends as an old one and begins as a new one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hitless.history import History
from hitless.measures.sightings import views
from hitless.measures.unit_capacity import UnitCapacities
from hitless.measures.unit_stays import FINAL_STATES, Unit, affected, resources, units_of

__all__ = [
    "FINAL_STATES",
    "Unit",
    "UnitTimeline",
    "affected",
    "capacity_pps",
    "resources",
    "unit_timeline",
]


@dataclass(frozen=True, slots=True)
class UnitTimeline:
    """All units of one VNF instance from the request of an operation to the last look at it.

    Attributes:
        units: those from before first, then in the order of their appearance.
        request_ns: when the operation was requested.
        seen_until_ns: when the last document was asked for.
        undeclared_vdus: VDUs of new units whose capacity is not known.
    """

    units: tuple[Unit, ...]
    request_ns: int
    seen_until_ns: int
    undeclared_vdus: tuple[str, ...]

    @property
    def old(self) -> tuple[Unit, ...]:
        """Units from before the request."""
        return tuple(unit for unit in self.units if not unit.new)

    @property
    def new(self) -> tuple[Unit, ...]:
        """Units that came with the operation."""
        return tuple(unit for unit in self.units if unit.new)

    @property
    def before(self) -> tuple[Unit, ...]:
        """Units in service when the operation was requested."""
        return tuple(unit for unit in self.units if unit.appeared is None)

    @property
    def before_pps(self) -> float:
        """Capacity when the operation was requested."""
        return capacity_pps(self.before)


def capacity_pps(units: Iterable[Unit]) -> float:
    """Return the capacity of some units together."""
    return sum(unit.capacity_pps for unit in units)


def unit_timeline(history: History, request_ns: int) -> UnitTimeline | None:
    """Put the units together; None if the instance was not read before the request, or not after it."""
    before = [one for one in views(history, "vnf_instance") if one.first.latest_ns <= request_ns]
    if not before:
        return None
    shown = before[-1:] + [
        one for one in views(history, "vnf_instance", before[-1].subject) if one.first.latest_ns > request_ns
    ]
    if len(shown) < 2 or not resources(shown[0].document):
        return None
    operation = tuple(
        one
        for one in views(history, "operation")
        if one.first.latest_ns > request_ns
        and one.document.get("operation", "CHANGE_VNFPKG") == "CHANGE_VNFPKG"
        and "operationState" in one.document
    )
    known = dict.fromkeys(unit_id for view in shown for unit_id in resources(view.document))
    units = [unit for unit_id in known for unit in units_of(unit_id, shown, operation, request_ns)]
    vdus = {unit.vdu_id for unit in units if not unit.new}
    rated = UnitCapacities.declared(history, len(resources(shown[0].document)), vdus)
    return UnitTimeline(
        units=tuple(replace(unit, capacity_pps=rated.of(unit.vdu_id) or 0.0) for unit in units),
        request_ns=request_ns,
        seen_until_ns=shown[-1].until_ns,
        undeclared_vdus=tuple(sorted({unit.vdu_id for unit in units if rated.of(unit.vdu_id) is None})),
    )
