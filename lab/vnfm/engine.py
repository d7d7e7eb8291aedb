"""Life-cycle operations: accepted in the caller's thread, done in one of their own, ended in a known state."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from lab.vnfm import views
from lab.vnfm.bodies import ChangePackageBody, CreateBody, InstantiateBody, TerminateBody, explain
from lab.vnfm.fleet import Fleet
from lab.vnfm.journal import Journal
from lab.vnfm.packages import Catalogue, Package
from lab.vnfm.problem import ProblemError, bad_request, conflict, not_found, problem_details, unprocessable
from lab.vnfm.procedure import Interrupted, Pace, ProcedureError, UpgradeProcedure, UpgradeTask
from lab.vnfm.records import InstanceRecord, OperationRecord, UnitRecord
from lab.vnfm.site import Site, SiteError
from lab.vnfm.states import IllegalTransitionError, Trigger, next_state

_READY_TIMEOUT_S = 30.0

_log = logging.getLogger(__name__)

Outcome = Mapping[str, Any]
"""What a successful operation changes: keyword arguments of ``Journal.advance``."""


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
        self.journal.put_unit(self.operation_id, unit, affected=False)

    def ready(self, unit: UnitRecord) -> None:
        """List the unit as added by the operation."""
        _log.info("operation %s - unit %s is ready (number %s)", self.operation_id, unit.name, unit.number)
        self.journal.put_unit(self.operation_id, unit, affected=True)

    def released(self, unit: UnitRecord) -> None:
        """List the unit as removed by the operation."""
        _log.info("operation %s - unit %s is removed", self.operation_id, unit.name)
        self.journal.drop_unit(self.operation_id, unit)


class Engine:
    """Accepts and does life-cycle operations; raises ``ProblemError`` for whatever the consumer has to be told."""

    def __init__(
        self, journal: Journal, catalogue: Catalogue, site: Site, procedure: type[UpgradeProcedure], pace: Pace
    ) -> None:
        """Do operations on ``site``, upgrades by ``procedure``, at the given pace."""
        self._journal = journal
        self._catalogue = catalogue
        self._site = site
        self._procedure = procedure
        self._pace = pace
        self._workers_lock = threading.Lock()
        self._workers: list[threading.Thread] = []

    def close(self, timeout_s: float) -> None:
        """Wait until workers have ended, which a stopped pace makes them do."""
        with self._workers_lock:
            workers = list(self._workers)
        for worker in workers:
            worker.join(timeout_s)

    def settle_interrupted(self) -> None:
        """End what a previous process left under way; to be called once, before any request is served."""
        for operation in self._journal.unfinished():
            try:
                next_state(operation.state, Trigger.FAILURE)
            except IllegalTransitionError:
                continue  # FAILED_TEMP: it waits for the consumer
            detail = f"{operation.operation} - interrupted in {operation.state} by a restart of the VNFM"
            self._fail(operation.id, detail)

    def create(self, body: CreateBody) -> InstanceRecord:
        """Create an instance identifier."""
        package = self._package(body.vnfd_id)
        record = InstanceRecord(
            id=str(uuid4()),
            name=body.vnf_instance_name,
            description=body.vnf_instance_description,
            metadata=body.metadata,
            **_identity(package),
        )
        self._journal.create_instance(record)
        return record

    def delete(self, instance_id: str) -> None:
        """Delete an instance identifier, and what a failed instantiation may have left."""
        record = self._journal.idle_instance(instance_id, instantiated=False)
        try:
            for unit in record.units:
                self._site.delete_server(unit.server_id)
        except SiteError as error:
            raise ProblemError(
                HTTPStatus.INTERNAL_SERVER_ERROR, f"VNF instance {instance_id} - left-overs stay: {error}"
            ) from error
        self._journal.delete_instance(instance_id)

    def instantiate(self, instance_id: str, body: InstantiateBody, params: Mapping[str, Any]) -> OperationRecord:
        """Start INSTANTIATE."""
        record = self._journal.idle_instance(instance_id, instantiated=False)
        package = self._package(record.vnfd_id)
        if body.flavour_id != package.flavour_id:
            raise unprocessable(f"flavourId {body.flavour_id!r} - not in the VNFD - Expected: {package.flavour_id!r}")

        def work(fleet: Fleet, _instance: InstanceRecord) -> Outcome:
            units = fleet.add(
                package, package.initial_units, flavour=package.compute_flavour, ready_timeout_s=_READY_TIMEOUT_S
            )
            fleet.divide((units, 1.0))
            return {"instance_changes": {"instantiated": True, "flavour_id": package.flavour_id}}

        return self._start(instance_id, "INSTANTIATE", params, work, instantiated=False)

    def change_package(self, instance_id: str, body: ChangePackageBody, params: Mapping[str, Any]) -> OperationRecord:
        """Start CHANGE_VNFPKG by the upgrade procedure."""
        record = self._journal.idle_instance(instance_id, instantiated=True)
        package = self._package(body.vnfd_id)
        if body.vnfd_id == record.vnfd_id:
            raise unprocessable(f"vnfdId {body.vnfd_id} - the VNF instance is on this package already")
        try:
            self._procedure.check_parameters(body.additional_params)
        except ValueError as error:
            raise bad_request(f"additionalParams - {explain(error)}") from error

        def work(fleet: Fleet, instance: InstanceRecord) -> Outcome:
            old = _remove_left_overs(fleet, instance)
            task = UpgradeTask(fleet, self._package(instance.vnfd_id), package, body.additional_params, old, old)
            self._procedure(task).run()
            return {
                "instance_changes": _identity(package) | {"flavour_id": package.flavour_id},
                "modifications": views.package_modifications(instance, package),
            }

        return self._start(instance_id, "CHANGE_VNFPKG", params, work, instantiated=True)

    def terminate(self, instance_id: str, body: TerminateBody, params: Mapping[str, Any]) -> OperationRecord:
        """Start TERMINATE."""

        def work(fleet: Fleet, instance: InstanceRecord) -> Outcome:
            if body.termination_type == "GRACEFUL":
                fleet.wait_idle(instance.units, timeout_s=body.graceful_termination_timeout)
            for unit in instance.units:
                fleet.remove(unit)
            return {"instance_changes": {"instantiated": False, "flavour_id": None}}

        return self._start(instance_id, "TERMINATE", params, work, instantiated=True)

    def task(self, operation_id: str, task: str) -> OperationRecord:
        """Do a task on an operation occurrence; only ``fail`` is supported."""
        operation = self._journal.operation(operation_id)
        if task not in views.SUPPORTED_TASKS:
            raise not_found(f"operation {operation_id} - task '{task}' is not supported by this VNFM")
        try:
            return self._journal.advance(operation_id, Trigger.FAIL)
        except IllegalTransitionError:
            raise conflict(
                f"operation {operation_id} - cannot be failed - Expected: FAILED_TEMP Actual: {operation.state}"
            ) from None

    def _package(self, vnfd_id: str) -> Package:
        try:
            return self._catalogue[vnfd_id]
        except KeyError:
            raise unprocessable(
                f"vnfdId {vnfd_id!r} - no such package - Expected one of: {sorted(self._catalogue)}"
            ) from None

    def _start(
        self,
        instance_id: str,
        operation: str,
        params: Mapping[str, Any],
        work: Callable[[Fleet, InstanceRecord], Outcome],
        *,
        instantiated: bool,
    ) -> OperationRecord:
        record = self._journal.begin(instance_id, operation, params, instantiated=instantiated)
        _log.info("operation %s - %s of VNF instance %s accepted", record.id, operation, instance_id)
        worker = threading.Thread(
            target=self._run, args=(record, work), name=f"{operation}-{record.id[:8]}", daemon=True
        )
        worker.start()
        with self._workers_lock:
            self._workers = [*(known for known in self._workers if known.is_alive()), worker]
        return record

    def _run(self, operation: OperationRecord, work: Callable[[Fleet, InstanceRecord], Outcome]) -> None:
        """The life of a worker thread: whatever happens, the operation does not stay in PROCESSING."""
        try:
            instance = self._journal.instance(operation.instance_id)
            fleet = Fleet(self._site, self._pace, Recorder(self._journal, operation.id, instance.id))
            self._journal.advance(operation.id, Trigger.GRANTED)
            outcome = work(fleet, instance)
            self._journal.advance(operation.id, Trigger.SUCCESS, **outcome)
            _log.info("operation %s - completed", operation.id)
        except Interrupted:
            _log.info("operation %s - interrupted; it is settled at the next start", operation.id)
        except (ProcedureError, SiteError) as error:
            self._fail(operation.id, str(error))
        except BaseException as error:  # noqa: BLE001 - whatever a procedure does, nobody may wait for it forever
            _log.exception("operation %s - crashed", operation.id)
            self._fail(operation.id, f"{type(error).__name__}: {error} - see the VNFM's log")

    def _fail(self, operation_id: str, detail: str) -> None:
        _log.warning("operation %s - failed: %s", operation_id, detail)
        self._journal.list_allocated(operation_id)
        error = problem_details(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
        self._journal.advance(operation_id, Trigger.FAILURE, error=error)


def _remove_left_overs(fleet: Fleet, instance: InstanceRecord) -> tuple[UnitRecord, ...]:
    """Remove units that a failed operation created and that never got into service; returns the others."""
    for unit in instance.units:
        if unit.management_url is None:
            fleet.remove(unit)
    return tuple(unit for unit in instance.units if unit.management_url is not None)


def _identity(package: Package) -> dict[str, Any]:
    """What an instance takes over from its package."""
    return {
        "vnfd_id": package.vnfd_id,
        "provider": package.provider,
        "product": package.product,
        "software_version": package.software_version,
        "vnfd_version": package.vnfd_version,
    }
