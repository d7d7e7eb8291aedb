"""What an upgrade procedure gets and must do: the interface behind ``--procedure``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from lab.loading import load_part
from lab.vnfm.packages import Package
from lab.vnfm.records import UnitRecord

if TYPE_CHECKING:
    from lab.vnfm.fleet import Fleet


class ProcedureError(Exception):
    """A procedure cannot go on; the message becomes the operation's error."""


class Pace(Protocol):
    """A procedure's time."""

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""

    def sleep(self, seconds: float) -> None:
        """Let time pass; raises ``Interrupted`` when the VNFM stops, which procedures let through."""


class Interrupted(BaseException):
    """The VNFM stops; the operation stays as stored and is settled at the next start.

    Like KeyboardInterrupt no error: ``except Exception`` must not catch it.
    """


class Progress(Protocol):
    """Where a procedure reports what it did; each report is durable when the call returns."""

    def step(self, name: str) -> None:
        """A step begins."""

    def unit_name(self) -> str:
        """Return a name for a new unit, one never given before."""

    def allocated(self, unit: UnitRecord) -> None:
        """A server has been asked for."""

    def ready(self, unit: UnitRecord) -> None:
        """The unit works; the record now holds its number and management URL."""

    def released(self, unit: UnitRecord) -> None:
        """The unit's server is gone."""


@dataclass(frozen=True, slots=True)
class UpgradeTask:
    """One change of package.

    Attributes:
        fleet: creates, removes and watches units, divides users; reports to the operation.
        old: the units of the instance at the start.
        destination: the package to change to.
        parameters: the request's ``additionalParams``, already passed by ``check_parameters``.
    """

    fleet: Fleet
    old: tuple[UnitRecord, ...]
    destination: Package
    parameters: Mapping[str, Any]


class UpgradeProcedure(ABC):
    """A way to upgrade; one object per operation."""

    def __init__(self, task: UpgradeTask) -> None:
        self._task = task

    @classmethod
    @abstractmethod
    def check_parameters(cls, parameters: Mapping[str, Any]) -> None:
        """Check ``additionalParams`` before the request is accepted.

        Raises:
            ValueError: they cannot be used; the message goes to the consumer.
        """

    @abstractmethod
    def run(self) -> None:
        """Change the package of all units, from the first new one to the last old one.

        Called in a thread of its own. Returning means done; any exception means that the operation fails, with
        everything left as it is: what to do then is the consumer's choice.
        """


def load_procedure(reference: str) -> type[UpgradeProcedure]:
    """Import a procedure by ``module:class``.

    Raises:
        ValueError: there is no such class, or it is no upgrade procedure.
    """
    found = load_part(reference)
    if not (isinstance(found, type) and issubclass(found, UpgradeProcedure)):
        raise ValueError(f"upgrade procedure {reference!r} - is no UpgradeProcedure - Actual: {found!r}")  # noqa: TRY004 - one error for a wrong command line
    return found
