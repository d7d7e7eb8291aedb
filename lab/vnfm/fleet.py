"""What every procedure does with units: make them, wait for them, divide users among them, take them away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from lab.vnfm.packages import Package
from lab.vnfm.procedure import Pace, ProcedureError, Progress
from lab.vnfm.records import UnitRecord
from lab.vnfm.site import Share, Site, SiteError

POLL_S: Final = 0.1
"""Period of looking at servers and units that are to come, in seconds."""

DRAIN_POLL_S: Final = 0.25
"""Period of looking at units that are to go, in seconds; each look costs the decider CPU time."""

WATCH_POLL_S: Final = 0.2
"""Period of looking at one of the units that are on trial, in seconds; they are looked at in turn."""

HAND_OVER_S: Final = 3.0
"""Once it took so long, no further unit is asked to store its sessions: users must not wait for a dead one."""

_log = logging.getLogger(__name__)

Group = tuple[Sequence[UnitRecord], float]
"""Units and the part of new users that they get together."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The units of one VNF instance during one operation.

    Attributes:
        versions: software version of each package by ``vnfdId``, as far as selection rules may name it.
    """

    site: Site
    pace: Pace
    progress: Progress
    versions: Mapping[str, str] = field(default_factory=dict)

    def step(self, name: str) -> None:
        """Report that a step begins."""
        self.progress.step(name)

    def hold(self, seconds: float) -> None:
        """Leave everything as it is for some time."""
        self.pace.sleep(seconds)

    def hold_watching(self, seconds: float, units: Sequence[UnitRecord]) -> None:
        """Leave everything as it is for some time, as long as the units say that they are well.

        Raises:
            ProcedureError: one says that it is not.
        """
        deadline_s = self.pace.now_s() + seconds
        turn = 0
        while (left_s := deadline_s - self.pace.now_s()) > 0:
            self.pace.sleep(min(WATCH_POLL_S, left_s))
            if units:
                self._check_health(units[turn % len(units)])
                turn += 1

    def _check_health(self, unit: UnitRecord) -> None:
        status = None if unit.management_url is None else self.site.unit_status(unit.management_url)
        if status is not None and not status.healthy:
            raise ProcedureError(
                f"unit {unit.name} - does not work as it should - Expected: healthy Actual: not healthy - "
                f"see internal_errors in its status"
            )

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
            self.pace.sleep(POLL_S, action=True)
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

    def divide(self, *groups: Group, forget: Sequence[UnitRecord] = ()) -> None:
        """Divide new users among groups of units; the shares add up to 1.

        In the same transaction the users of the units in ``forget`` become new users.
        """
        shares = [self._share(units, share) for units, share in groups if units or share > 0]
        self.site.set_split(shares, tuple(unit.name for unit in forget))

    def _share(self, units: Sequence[UnitRecord], share: float) -> Share:
        version = self.versions.get(units[0].vnfd_id, "") if units else ""
        return Share(tuple(unit.name for unit in units), share, version)

    def share_of(self, units: Sequence[UnitRecord]) -> float | None:
        """Return the part of new users that some units get at present; None if they are in no group at all."""
        names = {unit.name for unit in units}
        theirs = [one.share for one in self.site.current_split() if names.intersection(one.units)]
        return sum(theirs) if theirs else None

    def transfer(self, leaving: Sequence[UnitRecord], *groups: Group) -> None:
        """Divide new users, and move those of some units as if they were new, with their sessions.

        The sessions are handed over before the users move, and once more afterwards: these are the few that were
        opened in between. Without what cannot be had from a broken unit the users move all the same.
        """
        takers = [unit for units, share in groups if share > 0 for unit in units if unit not in leaving]
        self._hand_over(leaving, takers)
        # A unit that has died has left the decider, and its users with it.
        attached = self.site.pins() if leaving else {}
        self.divide(*groups, forget=[unit for unit in leaving if unit.name in attached])
        self._hand_over(leaving, takers)

    def _hand_over(self, leaving: Sequence[UnitRecord], takers: Sequence[UnitRecord]) -> None:
        deadline_s = self.pace.now_s() + HAND_OVER_S
        for unit in leaving:
            if unit.management_url is not None and self.pace.now_s() < deadline_s:
                self._try(self.site.flush_sessions, unit.management_url)
        # Units store their sessions every second anyway: what a silent one has stored is better than nothing.
        numbers = [unit.number for unit in leaving if unit.number is not None]
        for unit in takers:
            if unit.management_url is not None and numbers:
                self._try(self.site.adopt_sessions, unit.management_url, numbers)

    @staticmethod
    def _try(request: Callable[..., object], *arguments: object) -> None:
        try:
            request(*arguments)
        except SiteError as error:
            _log.warning("sessions - not handed over: %s", error)

    def migrate_all(self, units: Sequence[UnitRecord]) -> None:
        """Move all users to some units at once, those of open sessions included."""
        self.divide((units, 1.0))
        self.site.drop_pins()

    def remove_when_idle(self, units: Sequence[UnitRecord], *, timeout_s: float) -> tuple[UnitRecord, ...]:
        """Remove each unit as soon as it is idle; returns those that were not when the time was over."""
        return self.remove_when(self.idle_among, units, timeout_s=timeout_s)

    def remove_when(
        self,
        may_go: Callable[[Sequence[UnitRecord]], Sequence[UnitRecord]],
        units: Sequence[UnitRecord],
        *,
        timeout_s: float,
    ) -> tuple[UnitRecord, ...]:
        """Remove each unit as soon as ``may_go`` returns it; returns those that were left when the time was over."""
        return self._each(may_go, units, timeout_s, self.remove)

    def wait_idle(self, units: Sequence[UnitRecord], *, timeout_s: float) -> tuple[UnitRecord, ...]:
        """Wait until units are idle; returns those that were not when the time was over."""
        return self._each(self.idle_among, units, timeout_s, lambda _unit: None)

    def _each(
        self,
        ready: Callable[[Sequence[UnitRecord]], Sequence[UnitRecord]],
        units: Sequence[UnitRecord],
        timeout_s: float,
        action: Callable[[UnitRecord], None],
    ) -> tuple[UnitRecord, ...]:
        deadline_s = self.pace.now_s() + timeout_s
        busy = list(units)
        while True:
            for unit in ready(tuple(busy)):
                action(unit)
                busy.remove(unit)
            if not busy or self.pace.now_s() >= deadline_s:
                return tuple(busy)
            self.pace.sleep(DRAIN_POLL_S)

    def idle_among(self, units: Sequence[UnitRecord]) -> list[UnitRecord]:
        """Return the units that have neither users pinned to them nor sessions."""
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
