"""What every procedure does with units: make them, wait for them, divide users among them, take them away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from lab.vnfm.packages import Package
from lab.vnfm.procedure import Pace, ProcedureError, Progress
from lab.vnfm.records import UnitRecord
from lab.vnfm.site import Share, Site

POLL_S: Final = 0.1
"""Period of looking at servers and units that are to come, in seconds."""

DRAIN_POLL_S: Final = 0.25
"""Period of looking at units that are to go, in seconds; each look costs the decider CPU time."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The units of one VNF instance during one operation."""

    site: Site
    pace: Pace
    progress: Progress

    def step(self, name: str) -> None:
        """Report that a step begins."""
        self.progress.step(name)

    def hold(self, seconds: float) -> None:
        """Leave everything as it is for some time."""
        self.pace.sleep(seconds)

    def add(self, package: Package, count: int, *, flavour: str, ready_timeout_s: float) -> tuple[UnitRecord, ...]:
        """Create units, all at once; return when all are ready, still without traffic.

        Raises:
            ProcedureError: the VIM reports an error, or a unit is not ready in time; what was created stays.
            SiteError: a system below failed.
        """
        asked = [self._allocate(package, flavour) for _ in range(count)]
        deadline_s = self.pace.now_s() + ready_timeout_s
        return tuple(self._bring_into_service(unit, deadline_s, ready_timeout_s) for unit in asked)

    def _allocate(self, package: Package, flavour: str) -> UnitRecord:
        name = self.progress.unit_name()
        unit = UnitRecord(
            id=str(uuid4()),
            name=name,
            vdu_id=package.vdu_id,
            vnfd_id=package.vnfd_id,
            server_id=self.site.create_server(name, package.image, flavour),
            flavour=flavour,
        )
        self.progress.allocated(unit)
        return unit

    def _bring_into_service(self, asked: UnitRecord, deadline_s: float, ready_timeout_s: float) -> UnitRecord:
        """Wait for one unit; ``ready_timeout_s`` is only for the message."""
        while (unit := self._ready_unit(asked)) is None:
            if self.pace.now_s() >= deadline_s:
                raise ProcedureError(
                    f"unit {asked.name} - not ready - Expected: within {ready_timeout_s:g} s - see its log"
                )
            self.pace.sleep(POLL_S)
        self.progress.ready(unit)
        return unit

    def _ready_unit(self, asked: UnitRecord) -> UnitRecord | None:
        server = self.site.server(asked.server_id)
        if server.status == "ERROR":
            reason = server.fault or "no reason given"
            raise ProcedureError(f"unit {asked.name} - the VIM could not create it: {reason} - see server {server.id}")
        if server.status != "ACTIVE" or server.management_url is None:
            return None
        status = self.site.unit_status(server.management_url)
        if status is None or not status.ready:
            return None
        return asked.model_copy(update={"number": server.number, "management_url": server.management_url})

    def divide(self, *groups: tuple[Sequence[UnitRecord], float]) -> None:
        """Divide new users among groups of units; the shares add up to 1."""
        self.site.set_split([Share(tuple(unit.name for unit in units), share) for units, share in groups])

    def migrate_all(self, units: Sequence[UnitRecord]) -> None:
        """Move all users to some units at once, those of open sessions included."""
        self.divide((units, 1.0))
        self.site.drop_pins()

    def remove_when_idle(self, units: Sequence[UnitRecord], *, timeout_s: float) -> tuple[UnitRecord, ...]:
        """Remove each unit as soon as it is idle; returns those that were not when the time was over."""
        return self._each_when_idle(units, timeout_s, self.remove)

    def wait_idle(self, units: Sequence[UnitRecord], *, timeout_s: float) -> tuple[UnitRecord, ...]:
        """Wait until units are idle; returns those that were not when the time was over."""
        return self._each_when_idle(units, timeout_s, lambda _unit: None)

    def _each_when_idle(
        self, units: Sequence[UnitRecord], timeout_s: float, action: Callable[[UnitRecord], None]
    ) -> tuple[UnitRecord, ...]:
        deadline_s = self.pace.now_s() + timeout_s
        busy = list(units)
        while True:
            for unit in self._idle_among(busy):
                action(unit)
                busy.remove(unit)
            if not busy or self.pace.now_s() >= deadline_s:
                return tuple(busy)
            self.pace.sleep(DRAIN_POLL_S)

    def _idle_among(self, units: Sequence[UnitRecord]) -> list[UnitRecord]:
        """Units that have neither users pinned to them nor sessions."""
        pins = self.site.pins()
        return [unit for unit in units if pins.get(unit.name, 0) == 0 and self._without_sessions(unit)]

    def _without_sessions(self, unit: UnitRecord) -> bool:
        status = None if unit.management_url is None else self.site.unit_status(unit.management_url)
        if status is None:
            # Silence proves nothing as long as the server is there; a unit that is merely slow may hold sessions.
            return self.site.server(unit.server_id).status != "ACTIVE"
        return status.sessions == 0

    def remove(self, unit: UnitRecord) -> None:
        """Take a unit away, whatever it is doing."""
        self.site.delete_server(unit.server_id)
        self.progress.released(unit)
