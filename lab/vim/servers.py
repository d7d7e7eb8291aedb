"""The VIM's servers: from the request to a unit in service, and back to nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, Protocol
from uuid import uuid4

from lab.vim.catalogue import Flavor, Image, UnitOptions

_LOG = logging.getLogger(__name__)
_HIGHEST_NUMBER: Final = 255
_BUILDERS: Final = 4

Status = Literal["BUILD", "ACTIVE", "SHUTOFF", "ERROR"]


class ServerError(Exception):
    """A server cannot be made or used; the message becomes its fault."""


class QuotaError(Exception):
    """One server more would be more than the quota allows; the message says so."""


class Unit(Protocol):
    """A started unit process."""

    @property
    def management_url(self) -> str:
        """Base URL of the unit's management API."""

    def bring_into_service(self) -> None:
        """Give it its devices and wait until it carries traffic; raises ServerError."""

    def ended(self) -> str | None:
        """How the process ended, or None while it runs."""

    def stop(self) -> None:
        """End the process and collect it; one that has ended is no error."""


class Steering(Protocol):
    """The traffic decider, as far as servers concern it."""

    def add_unit(self, name: str, number: int) -> None:
        """Attach a unit."""

    def remove_unit(self, name: str) -> None:
        """Detach a unit, if it is attached."""


StartUnit = Callable[[int, UnitOptions], Unit]


@dataclass(frozen=True)
class Server:
    """One server at one moment.

    Attributes:
        number: The unit's number in the network, 1 to 255.
        fault: Why it is in status ERROR.
    """

    id: str
    name: str
    image: Image
    flavor: Flavor
    number: int
    created: datetime
    updated: datetime
    status: Status = "BUILD"
    management_url: str | None = None
    fault: str | None = None


@dataclass
class _Entry:
    server: Server
    options: UnitOptions
    unit: Unit | None = None
    built: Future[None] = field(default_factory=Future)


class Servers:
    """All servers of the VIM. Threads may share it.

    Units are started from the threads of one pool, which live as long as this process: a unit dies with the *thread*
    that started it.
    """

    def __init__(self, start_unit: StartUnit, steering: Steering, clock: Callable[[], datetime]) -> None:
        """`clock` gives the time of day, for people who read `created` and `updated`."""
        self._start_unit = start_unit
        self._steering = steering
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._last_number = 0
        self._quota: int | None = None
        self._builders = ThreadPoolExecutor(_BUILDERS, thread_name_prefix="builder")

    def create(self, name: str, image: Image, flavor: Flavor, options: UnitOptions) -> Server:
        """Begin to make a server; it is in status BUILD.

        Raises:
            QuotaError: there are as many servers as the quota allows.
            ServerError: the name is taken or there is no number left.
        """
        with self._lock:
            if self._quota is not None and len(self._entries) >= self._quota:
                raise QuotaError(
                    f"Quota exceeded for instances: Requested 1, but already used {len(self._entries)} "
                    f"of {self._quota} instances"
                )
            if any(entry.server.name == name for entry in self._entries.values()):
                raise ServerError(f"server name {name!r} - taken: the traffic decider knows units by their names")
            now = self._clock()
            server = Server(str(uuid4()), name, image, flavor, self._next_number(), created=now, updated=now)
            entry = _Entry(server, options)
            self._entries[server.id] = entry
            entry.built = self._builders.submit(self._build, entry)
        return server

    def stop(self, server_id: str) -> bool:
        """Detach a server from the decider and end its process; it keeps its name and number.

        Returns False if there is no such server.

        Raises:
            ServerError: it is not in status ACTIVE.
        """
        entry = self._switched(server_id, "ACTIVE", "SHUTOFF")
        if entry is None:
            return False
        self._tear_down(entry)
        return True

    def start(self, server_id: str) -> bool:
        """Begin to build a stopped server again; returns False if there is no such server.

        Raises:
            ServerError: it is not in status SHUTOFF.
        """
        entry = self._switched(server_id, "SHUTOFF", "BUILD")
        if entry is None:
            return False
        entry.built = self._builders.submit(self._build, entry)
        return True

    def _switched(self, server_id: str, expected: Status, status: Status) -> _Entry | None:
        """Set a server's status if it is the expected one: of two requests at the same time one gets it."""
        with self._lock:
            entry = self._entries.get(server_id)
            if entry is None:
                return None
            present = self._present(entry).status
            if present != expected:
                raise ServerError(f"server {server_id} - status - Expected: {expected} Actual: {present}")
            entry.server = replace(entry.server, status=status, updated=self._clock())
            return entry

    @property
    def quota(self) -> int | None:
        """Number of servers that there may be; None: as many as there are numbers for."""
        return self._quota

    def set_quota(self, instances: int | None) -> None:
        """Change the quota; servers beyond it stay, but no new one is made."""
        with self._lock:
            self._quota = instances

    def get(self, server_id: str) -> Server | None:
        """A server as it is now, or None."""
        with self._lock:
            entry = self._entries.get(server_id)
            return None if entry is None else self._present(entry)

    def all(self) -> list[Server]:
        """All servers as they are now, the oldest first."""
        with self._lock:
            return [self._present(entry) for entry in self._entries.values()]

    def delete(self, server_id: str) -> bool:
        """Detach a server from the decider, end its process and forget it; returns False if there is no such server.

        A server that is being built is deleted when that has come to an end.
        """
        with self._lock:
            entry = self._entries.get(server_id)
        if entry is None:
            return False
        entry.built.result()
        self._tear_down(entry)
        with self._lock:
            return self._entries.pop(server_id, None) is not None

    def _build(self, entry: _Entry) -> None:
        server = entry.server
        try:
            entry.unit = self._start_unit(server.number, entry.options)
            self._update(entry, management_url=entry.unit.management_url)
            entry.unit.bring_into_service()
            self._steering.add_unit(server.name, server.number)
        except Exception as error:  # noqa: BLE001 - whatever it was, the server's fault tells it
            _LOG.exception("server %s (%s) cannot be built", server.name, server.id)
            self._tear_down(entry)
            self._update(entry, status="ERROR", fault=str(error))
        else:
            self._update(entry, status="ACTIVE")

    def _tear_down(self, entry: _Entry) -> None:
        try:
            self._steering.remove_unit(entry.server.name)
        except Exception:  # noqa: BLE001 - see below
            # The server has to go all the same; a decider that does not answer steers nothing.
            _LOG.exception("server %s cannot be detached", entry.server.name)
        if entry.unit is not None:
            entry.unit.stop()

    def _update(
        self,
        entry: _Entry,
        *,
        status: Status | None = None,
        management_url: str | None = None,
        fault: str | None = None,
    ) -> None:
        with self._lock:
            before = entry.server
            entry.server = replace(
                before,
                status=status or before.status,
                management_url=management_url or before.management_url,
                fault=fault or before.fault,
                updated=self._clock(),
            )

    def _present(self, entry: _Entry) -> Server:
        """The server with what has become of its process; called with the lock held."""
        ending = entry.unit.ended() if entry.unit is not None and entry.server.status == "ACTIVE" else None
        if ending is not None:
            entry.server = replace(entry.server, status="ERROR", fault=f"unit - {ending}", updated=self._clock())
        return entry.server

    def _next_number(self) -> int:
        """The next number that is free, so that a number comes again as late as possible."""
        taken = {entry.server.number for entry in self._entries.values()}
        for step in range(1, _HIGHEST_NUMBER + 1):
            number = (self._last_number + step - 1) % _HIGHEST_NUMBER + 1
            if number not in taken:
                self._last_number = number
                return number
        raise ServerError(f"no host for another server - Expected: at most {_HIGHEST_NUMBER} at a time")
