"""One VNFC of an instance while an operation runs: when it came, became ready, was changed and disappeared.

How these instants follow from documents stands in `hitless.measures.units`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from hitless.history import Interval, Snapshot
from hitless.measures.sightings import Document, changed_between, entries, first_showing, same_event, section

FINAL_STATES = frozenset({"COMPLETED", "FAILED", "ROLLED_BACK", "FAILED_TEMP"})
"""States in which an operation does nothing any more by itself."""
_BROUGHT = frozenset({"ADDED", "TEMPORARY"})


@dataclass(frozen=True, slots=True)
class Unit:
    """A VNFC instance for as long as it runs one version.

    Attributes:
        id: ``vnfcResourceInfo.id``.
        vdu_id: which VDU it is one of.
        vnfd_id: the VNFD that it is of, as it was seen first; empty if no document says so.
        last_vnfd_id: the same as it was seen last: where units do not name theirs it is the instance's, which changes.
        new: it was not there before the request, or not with this software.
        capacity_pps: what it can serve; 0 where that is not known (``UnitTimeline.undeclared_vdus``).
        appeared: when it was seen first; None for a unit from before the request.
        ready: when it came into service; None for a unit from before the request and for one that never did.
        gone: when it disappeared; None if it was there at the last look.
        temporary: the operation lists it as TEMPORARY.
    """

    id: str
    vdu_id: str
    vnfd_id: str
    new: bool
    capacity_pps: float
    appeared: Interval | None = None
    ready: Interval | None = None
    gone: Interval | None = None
    temporary: bool = False
    last_vnfd_id: str = ""

    def surely_in_service(self, start_ns: int, end_ns: int) -> bool:
        """Whether it was in service all the time, wherever its instants lie in their intervals."""
        if self.appeared is not None and (self.ready is None or self.ready.latest_ns > start_ns):
            return False
        return self.gone is None or self.gone.earliest_ns >= end_ns

    def maybe_in_service(self, start_ns: int, end_ns: int) -> bool:
        """Whether it can have been in service at some instant of that time."""
        if self.appeared is not None and (self.ready is None or self.ready.earliest_ns > end_ns):
            return False
        return self.gone is None or self.gone.latest_ns >= start_ns


def resources(instance: Document) -> dict[str, dict[str, Any]]:
    """Return ``vnfcResourceInfo`` of a VnfInstance by id; ``vnfdId`` is filled in where it is the instance's own."""
    listed = entries(section(instance, "instantiatedVnfInfo").get("vnfcResourceInfo"))
    own = str(instance.get("vnfdId", ""))
    return {str(one.get("id", "")): {**one, "vnfdId": str(one.get("vnfdId") or own)} for one in listed}


def affected(operation: Document, unit_id: str) -> dict[str, Any]:
    """Return what a VnfLcmOpOcc lists of one VNFC, an empty object if nothing; of several entries the last one."""
    listed = entries(section(operation, "resourceChanges").get("affectedVnfcs"))
    return next((one for one in reversed(listed) if one.get("id") == unit_id), {})


def units_of(unit_id: str, shown: Sequence[Snapshot], operation: Sequence[Snapshot], request_ns: int) -> list[Unit]:
    """Return what one VNFC id was: a unit for each time that it was there, two if its software was changed in place."""
    found = []
    for first, last in _stays(unit_id, shown):
        entry = resources(shown[first].document)[unit_id]
        unit = Unit(
            id=unit_id,
            vdu_id=str(entry.get("vduId", "")),
            vnfd_id=str(entry["vnfdId"]),
            last_vnfd_id=str(resources(shown[last].document)[unit_id]["vnfdId"]),
            new=first > 0 and unit_id not in resources(shown[0].document),
            capacity_pps=0.0,
            appeared=changed_between(shown[first - 1], shown[first]) if first else None,
            gone=_gone(unit_id, shown, last, operation, request_ns),
            temporary=any(affected(view.document, unit_id).get("changeType") == "TEMPORARY" for view in operation),
        )
        if unit.new:
            found.append(replace(unit, ready=_ready(unit, operation, request_ns, shown[-1].until_ns)))
            continue
        unit = replace(unit, ready=unit.appeared)
        changed = _changed_in_place(unit, shown[first : last + 1], operation, request_ns)
        found.append(unit if changed is None else replace(unit, gone=changed))
        if changed is not None:
            target = resources(shown[last].document)[unit_id]["vnfdId"]
            found.append(replace(unit, vnfd_id=target, new=True, appeared=changed, ready=changed))
    return found


def _stays(unit_id: str, shown: Sequence[Snapshot]) -> list[tuple[int, int]]:
    """Return first and last document of each run of documents that show the unit."""
    there = [unit_id in resources(view.document) for view in shown]
    starts = [place for place, now in enumerate(there) if now and not (place and there[place - 1])]
    ends = [place for place, now in enumerate(there) if now and not (place + 1 < len(there) and there[place + 1])]
    return list(zip(starts, ends, strict=True))


def _gone(
    unit_id: str, shown: Sequence[Snapshot], last: int, operation: Sequence[Snapshot], request_ns: int
) -> Interval | None:
    if last + 1 == len(shown):
        return None
    gone = changed_between(shown[last], shown[last + 1])
    if any(unit_id in resources(view.document) for view in shown[last + 1 :]):
        return gone  # it comes back, so that REMOVED means another time
    removed = first_showing(
        operation, lambda one: affected(one, unit_id).get("changeType") == "REMOVED", not_before_ns=request_ns
    )
    return gone if removed is None or _listed_at_the_end(operation, removed[0]) else same_event(gone, removed[1])


def _ready(unit: Unit, operation: Sequence[Snapshot], request_ns: int, seen_until_ns: int) -> Interval | None:
    appeared = unit.appeared or Interval(request_ns, request_ns)
    added = first_showing(
        operation, lambda one: affected(one, unit.id).get("changeType") in _BROUGHT, not_before_ns=request_ns
    )
    if added is None:
        completed = first_showing(
            operation, lambda one: one.get("operationState") == "COMPLETED", not_before_ns=request_ns
        )
        if completed is None and (not operation or operation[-1].document["operationState"] not in FINAL_STATES):
            return _unread(unit, operation, seen_until_ns)
        return None if completed is None else _since(appeared, completed[1])
    place, instant = added
    return _since(appeared, instant) if _listed_at_the_end(operation, place) else instant


def _unread(unit: Unit, operation: Sequence[Snapshot], seen_until_ns: int) -> Interval | None:
    """Return when a unit may have become ready that no reading lists, after the last reading of the operation."""
    listing = any(entries(section(view.document, "resourceChanges").get("affectedVnfcs")) for view in operation)
    # One that is listed as REMOVED may have been listed as ADDED between two readings.
    passed = any(affected(view.document, unit.id) for view in operation)
    appeared_ns = seen_until_ns if unit.appeared is None else unit.appeared.earliest_ns
    # An operation that lists nothing as long as it runs does not say that a unit is not ready.
    earliest_ns = max(appeared_ns, operation[-1].until_ns) if listing and not passed else appeared_ns
    return Interval(earliest_ns, seen_until_ns) if earliest_ns < seen_until_ns else None


def _since(appeared: Interval, told: Interval) -> Interval:
    """Return the time since a unit was seen, for one of which is only told later that it is in service."""
    return Interval(min(appeared.earliest_ns, told.earliest_ns), told.latest_ns)


def _listed_at_the_end(operation: Sequence[Snapshot], place: int) -> bool:
    """Whether a change came to be listed together with the end of the operation, so that the list is no clock."""
    ended = str(operation[place].document.get("operationState", "")) in FINAL_STATES
    return ended and not (place and operation[place - 1].document.get("operationState") in FINAL_STATES)


def _changed_in_place(
    unit: Unit, stay: Sequence[Snapshot], operation: Sequence[Snapshot], request_ns: int
) -> Interval | None:
    """Return when a unit from before got other software, as far as any document says so expressly."""

    def modified(document: Document) -> bool:
        entry = affected(document, unit.id)
        return entry.get("changeType") == "MODIFIED" and entry.get("vnfdId", "") != unit.vnfd_id

    def named(document: Document) -> bool:
        listed = entries(section(document, "instantiatedVnfInfo").get("vnfcResourceInfo"))
        return any(one.get("id") == unit.id and (one.get("vnfdId") or unit.vnfd_id) != unit.vnfd_id for one in listed)

    sightings = [
        found[1]
        for found in (
            first_showing(operation, modified, not_before_ns=request_ns),
            first_showing(stay, named, not_before_ns=request_ns),
        )
        if found is not None
    ]
    if not sightings:
        return None
    return sightings[0] if len(sightings) == 1 else same_event(*sightings)
