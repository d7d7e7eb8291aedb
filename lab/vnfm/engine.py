"""Requests for operations and for tasks on them: accepted in the caller's thread, or refused with the reason."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from lab.vnfm.bodies import (
    CancelBody,
    ChangePackageBody,
    CreateBody,
    HealBody,
    InstantiateBody,
    OperateBody,
    ScaleBody,
    TerminateBody,
    explain,
)
from lab.vnfm.jobs import identity
from lab.vnfm.journal import Journal
from lab.vnfm.packages import Catalogue, Package, PackageDisabledError, PackageError
from lab.vnfm.problem import ProblemError, bad_request, conflict, not_found, unprocessable
from lab.vnfm.procedure import UpgradeProcedure
from lab.vnfm.records import InstanceRecord, OperationRecord
from lab.vnfm.runner import CANCELLED, Runner, failure
from lab.vnfm.scaling import check_scale
from lab.vnfm.site import Site, SiteError
from lab.vnfm.states import IllegalTransitionError, Trigger, next_state
from lab.vnfm.tasks import can_be_rolled_back

_log = logging.getLogger(__name__)

Params = Mapping[str, Any]
"""The body of a request as it came."""


class Engine:
    """Accepts operations and tasks; raises ``ProblemError`` for whatever the consumer has to be told."""

    def __init__(
        self, journal: Journal, catalogue: Catalogue, site: Site, procedure: type[UpgradeProcedure], runner: Runner
    ) -> None:
        """Check requests for ``runner``, which does them."""
        self._journal = journal
        self._catalogue = catalogue
        self._site = site
        self._procedure = procedure
        self._runner = runner

    def settle_interrupted(self) -> None:
        """End what a previous process left under way; to be called once, before any request is served."""
        for operation in self._journal.unfinished():
            try:
                next_state(operation.state, Trigger.FAILURE)
            except IllegalTransitionError:
                continue  # FAILED_TEMP: it waits for the consumer
            detail = f"{operation.operation} - interrupted in {operation.state} by a restart of the VNFM"
            _log.warning("operation %s - %s", operation.id, detail)
            self._journal.list_allocated(operation.id)
            self._journal.advance(operation.id, Trigger.FAILURE, error=failure(detail))

    def create(self, body: CreateBody) -> InstanceRecord:
        """Create an instance identifier."""
        package = self._package(body.vnfd_id)
        record = InstanceRecord(
            id=str(uuid4()),
            name=body.vnf_instance_name,
            description=body.vnf_instance_description,
            metadata=body.metadata,
            **identity(package),
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

    def instantiate(self, instance_id: str, body: InstantiateBody, params: Params) -> OperationRecord:
        """Start INSTANTIATE."""
        record = self._journal.idle_instance(instance_id, instantiated=False)
        package = self._package(record.vnfd_id)
        if body.flavour_id != package.flavour_id:
            raise unprocessable(f"flavourId {body.flavour_id!r} - not in the VNFD - Expected: {package.flavour_id!r}")
        return self._start(instance_id, "INSTANTIATE", params, instantiated=False)

    def change_package(self, instance_id: str, body: ChangePackageBody, params: Params) -> OperationRecord:
        """Start CHANGE_VNFPKG by the upgrade procedure."""
        record = self._running_instance(instance_id)
        self._package(body.vnfd_id)
        # After a change that was given up some units may be on another package than the instance: those can change.
        if {body.vnfd_id} == {record.vnfd_id, *(unit.vnfd_id for unit in record.units)}:
            raise unprocessable(f"vnfdId {body.vnfd_id} - the VNF instance is on this package already")
        try:
            self._procedure.check_parameters(body.additional_params)
        except ValueError as error:
            raise bad_request(f"additionalParams - {explain(error)}") from error
        return self._start(instance_id, "CHANGE_VNFPKG", params)

    def scale(self, instance_id: str, body: ScaleBody, params: Params) -> OperationRecord:
        """Start SCALE."""
        record = self._running_instance(instance_id)
        check_scale(record, body)
        return self._start(instance_id, "SCALE", params)

    def heal(self, instance_id: str, body: HealBody, params: Params) -> OperationRecord:
        """Start HEAL."""
        record = self._running_instance(instance_id)
        unknown = sorted(set(body.vnfc_instance_id or ()) - {unit.id for unit in record.units})
        if unknown:
            raise unprocessable(f"vnfcInstanceId {', '.join(unknown)} - not among the VNFC instances of {instance_id}")
        return self._start(instance_id, "HEAL", params)

    def operate(self, instance_id: str, body: OperateBody, params: Params) -> OperationRecord:
        """Start OPERATE; asking for the present state is no error and touches nothing."""
        del body  # its form is all there is to check
        return self._start(instance_id, "OPERATE", params)

    def terminate(self, instance_id: str, body: TerminateBody, params: Params) -> OperationRecord:
        """Start TERMINATE."""
        del body  # its form is all there is to check
        return self._start(instance_id, "TERMINATE", params)

    def retry(self, operation_id: str) -> OperationRecord:
        """Go on with an operation that has failed."""
        record = self._advance(operation_id, Trigger.RETRY, "retried")
        self._runner.resume(record)
        return record

    def roll_back(self, operation_id: str) -> OperationRecord:
        """Undo an operation that has failed."""
        record = self._journal.operation(operation_id)
        if not can_be_rolled_back(record):
            raise not_found(f"operation {operation_id} - task 'rollback' is not supported for {record.operation}")
        record = self._advance(operation_id, Trigger.ROLLBACK, "rolled back")
        self._runner.roll_back(record)
        return record

    def fail(self, operation_id: str) -> OperationRecord:
        """Give an operation up that has failed."""
        return self._advance(operation_id, Trigger.FAIL, "failed")

    def cancel(self, operation_id: str, body: CancelBody) -> OperationRecord:
        """Cancel an operation; where it is under way that takes effect a little later."""
        try:
            record = self._journal.request_cancel(operation_id, body.cancel_mode, failure(CANCELLED))
        except IllegalTransitionError as error:
            raise conflict(
                f"operation {operation_id} - cannot be cancelled - Expected: STARTING, PROCESSING or ROLLING_BACK - "
                f"Actual: {self._journal.operation(operation_id).state}"
            ) from error
        self._runner.cancel(record)
        return record

    def _advance(self, operation_id: str, trigger: Trigger, what: str) -> OperationRecord:
        try:
            return self._journal.advance(operation_id, trigger)
        except IllegalTransitionError as error:
            raise conflict(f"operation {operation_id} - cannot be {what} - Expected: FAILED_TEMP - {error}") from error

    def _running_instance(self, instance_id: str) -> InstanceRecord:
        """An idle instance that is instantiated and not stopped."""
        record = self._journal.idle_instance(instance_id, instantiated=True)
        if record.vnf_state != "STARTED":
            raise conflict(f"VNF instance {instance_id} - vnfState - Expected: STARTED Actual: {record.vnf_state}")
        return record

    def _package(self, vnfd_id: str) -> Package:
        """The package to make units from; a ``ProblemError`` 422 if there is none that can be used."""
        try:
            return self._catalogue[vnfd_id]
        except PackageDisabledError as error:
            raise unprocessable(str(error)) from None
        except KeyError:
            raise unprocessable(f"vnfdId {vnfd_id!r} - no such package is on board") from None
        except PackageError as error:
            raise ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from error

    def _start(self, instance_id: str, operation: str, params: Params, *, instantiated: bool = True) -> OperationRecord:
        # Looked at first without the journal's lock, so that who is refused holds nobody up.
        self._journal.idle_instance(instance_id, instantiated=instantiated)
        record = self._journal.begin(instance_id, operation, params, instantiated=instantiated)
        _log.info("operation %s - %s of VNF instance %s accepted", record.id, operation, instance_id)
        self._runner.run(record)
        return record
