"""Operations under way: each in a thread of its own, which can be cancelled and ends in a known state."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from lab.vnfm.fleet import Fleet
from lab.vnfm.healing import Healing
from lab.vnfm.jobs import Instantiation, Job, Outcome, PackageChange, Scene, Termination, state_before
from lab.vnfm.journal import Journal
from lab.vnfm.operating import Operating
from lab.vnfm.pace import CancellablePace, Time
from lab.vnfm.packages import Catalogue, Package, PackageError
from lab.vnfm.power import Power
from lab.vnfm.problem import problem_details
from lab.vnfm.procedure import Cancelled, Interrupted, ProcedureError, UpgradeProcedure
from lab.vnfm.records import InstanceRecord, OperationRecord, UnitRecord
from lab.vnfm.scaling import Scaling
from lab.vnfm.site import Site, SiteError
from lab.vnfm.states import Trigger

JOBS: Final[Mapping[str, type[Job]]] = MappingProxyType(
    {
        "INSTANTIATE": Instantiation,
        "CHANGE_VNFPKG": PackageChange,
        "TERMINATE": Termination,
        "SCALE": Scaling,
        "HEAL": Healing,
        "OPERATE": Operating,
    }
)
"""What does each kind of operation."""

CANCELLED: Final = "cancelled by the consumer"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Progress of one operation, written to the journal."""

    journal: Journal
    operation_id: str
    instance_id: str

    def step(self, name: str) -> None:
        """Note the step."""
        _log.info("operation %s - step: %s", self.operation_id, name)
        self.journal.set_step(self.operation_id, name)

    def unit_name(self) -> str:
        """Name a unit by its instance and a serial number that is never used again."""
        return f"{self.instance_id[:8]}-{self.journal.take_serial(self.instance_id)}"

    def allocated(self, unit: UnitRecord) -> None:
        """List the unit as a resource of the instance."""
        self.journal.put_unit(self.operation_id, unit)

    def ready(self, unit: UnitRecord) -> None:
        """List the unit as added by the operation."""
        _log.info("operation %s - unit %s is ready (number %s)", self.operation_id, unit.name, unit.number)
        self.journal.put_unit(self.operation_id, unit, change="ADDED")

    def modified(self, unit: UnitRecord) -> None:
        """List the unit as modified by the operation."""
        self.journal.put_unit(self.operation_id, unit, change="MODIFIED")

    def released(self, unit: UnitRecord) -> None:
        """List the unit as removed by the operation."""
        _log.info("operation %s - unit %s is removed", self.operation_id, unit.name)
        self.journal.drop_unit(self.operation_id, unit)


class Runner:
    """Does operations, resumes them, turns them back and cancels them."""

    def __init__(
        self,
        journal: Journal,
        site: Site,
        *,
        catalogue: Catalogue,
        power: Power,
        procedure: type[UpgradeProcedure],
        pace: Time,
    ) -> None:
        """Do jobs on ``site``, upgrades by ``procedure``, with the packages of ``catalogue``."""
        self._journal = journal
        self._site = site
        self._catalogue = catalogue
        self._power = power
        self._procedure = procedure
        self._time = pace
        self._lock = threading.Lock()
        self._workers: list[threading.Thread] = []
        self._paces: dict[str, CancellablePace] = {}

    def run(self, operation: OperationRecord) -> None:
        """Do an operation that is in STARTING."""
        self._launch(operation, lambda job: job.run(), first=True)

    def resume(self, operation: OperationRecord) -> None:
        """Go on with an operation that is in PROCESSING again."""
        self._launch(operation, lambda job: job.resume())

    def roll_back(self, operation: OperationRecord) -> None:
        """Undo an operation that is in ROLLING_BACK."""
        self._launch(operation, self._turn_back)

    def cancel(self, operation: OperationRecord) -> None:
        """Let the cancellation that stands in the record take effect."""
        with self._lock:
            pace = self._paces.get(operation.id)
        if pace is not None and operation.cancel_mode is not None:
            pace.cancel(operation.cancel_mode)

    def close(self, timeout_s: float) -> None:
        """Wait until workers have ended, which a stopped time makes them do."""
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            worker.join(timeout_s)

    def _turn_back(self, job: Job) -> Outcome:
        job.roll_back()
        return {"instance_changes": self.restored(job.scene.operation)}

    def restored(self, operation: OperationRecord) -> dict[str, Any]:
        """What a rollback changes in the record of the instance, once the units are what they were."""
        return state_before(operation.before)

    def _launch(self, operation: OperationRecord, doing: Callable[[Job], Outcome], *, first: bool = False) -> None:
        pace = CancellablePace(self._time)
        worker = threading.Thread(
            target=self._live,
            args=(operation.id, pace, doing, first),
            name=f"{operation.operation}-{operation.id[:8]}",
            daemon=True,
        )
        with self._lock:
            self._paces[operation.id] = pace
            worker.start()
            self._workers = [*(known for known in self._workers if known.is_alive()), worker]

    def _live(self, operation_id: str, pace: CancellablePace, doing: Callable[[Job], Outcome], first: bool) -> None:  # noqa: FBT001 - arguments of a thread
        """The life of a worker: whatever happens, the operation does not stay in PROCESSING or ROLLING_BACK."""
        try:
            if first and not self._journal.grant(operation_id):
                return
            outcome = doing(self._job(operation_id, pace))
            self._journal.advance(operation_id, Trigger.SUCCESS, **outcome)
            _log.info("operation %s - done", operation_id)
        except Interrupted:
            _log.info("operation %s - interrupted; it is settled at the next start", operation_id)
        except Cancelled:
            self._end(operation_id, Trigger.CANCEL, CANCELLED)
        except (ProcedureError, SiteError) as error:
            self._end(operation_id, Trigger.FAILURE, str(error))
        except BaseException as error:  # noqa: BLE001 - whatever a procedure does, nobody may wait for it forever
            _log.exception("operation %s - crashed", operation_id)
            self._end(operation_id, Trigger.FAILURE, f"{type(error).__name__}: {error} - see the VNFM's log")
        finally:
            with self._lock:
                if self._paces.get(operation_id) is pace:  # a retry may have begun already
                    del self._paces[operation_id]

    def _job(self, operation_id: str, pace: CancellablePace) -> Job:
        operation = self._journal.operation(operation_id)
        if operation.cancel_mode is not None:  # asked for before the pace was known to ``cancel``
            pace.cancel(operation.cancel_mode)
        instance = self._journal.instance(operation.instance_id)
        recorder = Recorder(self._journal, operation.id, instance.id)
        fleet = Fleet(self._site, pace, recorder, self._versions(operation, instance))
        scene = Scene(
            fleet, operation, instance, self._package, self._procedure, self._power, modified=recorder.modified
        )
        return JOBS[operation.operation](scene)

    def _package(self, vnfd_id: str) -> Package:
        """A package that is in use, whether anything new may be made of it or not."""
        try:
            return self._catalogue.on_board(vnfd_id)
        except KeyError as error:
            raise ProcedureError(f"package {vnfd_id} - is not on board any more") from error
        except PackageError as error:
            raise ProcedureError(str(error)) from error

    def _versions(self, operation: OperationRecord, instance: InstanceRecord) -> dict[str, str]:
        """Software versions of all packages that may matter; one that cannot be had any more has no name."""
        ids = {instance.vnfd_id, operation.before.vnfd_id, *(unit.vnfd_id for unit in instance.units)}
        destination = operation.params.get("vnfdId")
        versions = {}
        for vnfd_id in ids | ({destination} if isinstance(destination, str) else set()):
            with contextlib.suppress(ProcedureError):
                versions[vnfd_id] = self._package(vnfd_id).software_version
        return versions

    def _end(self, operation_id: str, trigger: Trigger, detail: str) -> None:
        """Note a failure or a cancellation, and what it leaves behind."""
        _log.warning("operation %s - failed: %s", operation_id, detail)
        self._journal.list_allocated(operation_id)
        self._journal.advance(operation_id, trigger, error=failure(detail))


def failure(detail: str) -> dict[str, Any]:
    """Make the ``error`` of an operation."""
    return problem_details(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
