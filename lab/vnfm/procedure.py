"""What an upgrade procedure gets and must do: the interface behind ``--procedure``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
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

    def sleep(self, seconds: float, *, action: bool = False) -> None:
        """Let time pass.

        ``action`` says that the time belongs to an action of the VIM that is under way: a graceful cancellation waits
        for its end, a forceful one does not.

        Raises:
            Interrupted: the VNFM stops.
            Cancelled: the consumer wants the operation to end now. Procedures let both through.
        """


class Interrupted(BaseException):
    """The VNFM stops; the operation stays as stored and is settled at the next start.

    Like KeyboardInterrupt no error: ``except Exception`` must not catch it.
    """


class Cancelled(BaseException):
    """The consumer has cancelled the operation; everything stays as it is, and what to do then is their choice.

    Like ``Interrupted`` no error of the procedure.
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
    """One change of package, or what is left of it to do or to undo.

    Attributes:
        fleet: creates, removes and watches units, divides users; reports to the operation.
        source: the package that the instance had when the operation started.
        destination: the package to change to.
        parameters: the request's ``additionalParams``, already passed by ``check_parameters``.
        before: the units of the instance when the operation started, even those that are gone by now.
        units: the units of the instance now; equal to ``before`` at the start.
    """

    fleet: Fleet
    source: Package
    destination: Package
    parameters: Mapping[str, Any]
    before: tuple[UnitRecord, ...]
    units: tuple[UnitRecord, ...]


class UpgradeProcedure(ABC):
    """A way to upgrade; one object per call, so that nothing is carried over but what is in the task.

    ``run``, ``resume`` and ``roll_back`` are called in a thread of their own. Returning means done; any exception means
    that the operation fails, with everything left as it is: what to do then is the consumer's choice.
    """

    def __init__(self, task: UpgradeTask) -> None:
        packages = (task.source, task.destination)
        versions = {**task.fleet.versions, **{package.vnfd_id: package.software_version for package in packages}}
        self._task = replace(task, fleet=replace(task.fleet, versions=versions))

    @classmethod
    @abstractmethod
    def check_parameters(cls, parameters: Mapping[str, Any]) -> None:
        """Check ``additionalParams`` before the request is accepted.

        Raises:
            ValueError: they cannot be used; the message goes to the consumer.
        """

    @abstractmethod
    def run(self) -> None:
        """Change the package of all units, from the first new one to the last old one."""

    @abstractmethod
    def resume(self) -> None:
        """Go on from what is there after a failure or a cancellation, until all units have the new package."""

    @abstractmethod
    def roll_back(self) -> None:
        """Put ``before`` back, as closely as possible, from whatever is there; nothing of the change is left."""


def load_procedure(reference: str) -> type[UpgradeProcedure]:
    """Import a procedure by ``module:class``.

    Raises:
        ValueError: there is no such class, or it is no upgrade procedure.
    """
    found = load_part(reference)
    if not (isinstance(found, type) and issubclass(found, UpgradeProcedure)):
        raise ValueError(f"upgrade procedure {reference!r} - is no UpgradeProcedure - Actual: {found!r}")  # noqa: TRY004 - one error for a wrong command line
    return found
