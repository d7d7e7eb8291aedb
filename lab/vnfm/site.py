"""The systems below the VNFM as procedures see them: VIM, decider, controller and the units' own management."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class SiteError(Exception):
    """A system below the VNFM refused, failed or did not answer."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server as the VIM tells it.

    Attributes:
        status: BUILD, ACTIVE or ERROR.
        number: its place in the network; None before the VIM has given one.
        management_url: base URL of the unit's management API; None before it is known.
        fault: the VIM's reason for ERROR.
    """

    id: str
    status: str
    number: int | None = None
    management_url: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """A unit as it tells itself.

    Attributes:
        healthy: False when it finds that it does not do its work, although it is there.
        received: packets from either side so far.
    """

    ready: bool
    sessions: int
    software_version: str
    healthy: bool = True
    received: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """Units and the part of new users (0 to 1) that goes to them together.

    Attributes:
        version: their software version, by which rules for selected users name them.
    """

    units: tuple[str, ...]
    share: float
    version: str = ""


class Site(Protocol):
    """Everything that the VNFM can do to the world; every method may raise ``SiteError``."""

    def create_server(self, name: str, image: str, flavour: str) -> str:
        """Ask the VIM for a server; returns its id at once.

        When it is ACTIVE the decider knows it under its name, and no traffic goes to it yet.
        """

    def server(self, server_id: str) -> Server:
        """Return the server's present state."""

    def delete_server(self, server_id: str) -> None:
        """Take a server from the decider and delete it; one that is gone already is no error."""

    def unit_status(self, management_url: str) -> UnitStatus | None:
        """Ask a unit for its status; None while it does not answer."""

    def set_split(self, shares: Sequence[Share], forget: Sequence[str] = ()) -> None:
        """Divide new users among groups of units; returns when the decider works by it.

        In the same transaction the users of the units in ``forget`` become new users.
        """

    def current_split(self) -> tuple[Share, ...]:
        """Return the division that is in force; empty before the first."""

    def flush_sessions(self, management_url: str) -> None:
        """Have a unit write its sessions to the state store; returns when they are there."""

    def adopt_sessions(self, management_url: str, numbers: Sequence[int]) -> int:
        """Have a unit take over what the units with these numbers have stored; returns the number of sessions."""

    def pins(self) -> Mapping[str, int]:
        """Return how many users the decider holds at each unit."""

    def drop_pins(self) -> None:
        """Let every user be decided anew, those of open sessions included."""
