"""VNFMs that accept what they must refuse, or refuse it in another way."""

from __future__ import annotations

import threading
from http import HTTPStatus
from time import sleep
from typing import Any, Final

from lab.vnfm.bodies import ChangePackageBody
from lab.vnfm.engine import Engine, Params
from lab.vnfm.journal import Journal
from lab.vnfm.packages import PackageDisabledError
from lab.vnfm.problem import ProblemError, not_found
from lab.vnfm.records import OperationRecord
from lab.vnfm.runner import failure
from lab.vnfm.states import OperationState, Trigger

_REFUSAL_S: Final = 1.0


class DisabledPackageEngine(Engine):
    """A package that is DISABLED passes; the operation ends when it is needed, so that no unit is touched."""

    def change_package(self, instance_id: str, body: ChangePackageBody, params: Params) -> OperationRecord:
        """Accept everything that the standard engine accepts, and this."""
        if not self._is_disabled(body.vnfd_id):
            return super().change_package(instance_id, body, params)
        record = self._journal.begin(instance_id, "CHANGE_VNFPKG", params, instantiated=True)
        reason = failure(f"package {body.vnfd_id} - is not ENABLED")
        return self._journal.advance(record.id, Trigger.REFUSED, error=reason)

    def _is_disabled(self, vnfd_id: str) -> bool:
        try:
            self._catalogue[vnfd_id]
        except PackageDisabledError:
            return True
        except KeyError:
            return False
        return False


class TraceEngine(Engine):
    """The operation is written down first and the package looked at afterwards."""

    def change_package(self, instance_id: str, body: ChangePackageBody, params: Params) -> OperationRecord:
        """Leave an operation occurrence where the destination is the reason of the refusal."""
        try:
            return super().change_package(instance_id, body, params)
        except ProblemError as refusal:
            if refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                record = self._journal.begin(instance_id, "CHANGE_VNFPKG", params, instantiated=True)
                self._journal.advance(record.id, Trigger.REFUSED, error=refusal.document())
            raise


class NotFoundEngine(Engine):
    """A destination that cannot be used is a resource that was not found."""

    def change_package(self, instance_id: str, body: ChangePackageBody, params: Params) -> OperationRecord:
        """Answer 404 where the standard engine answers 422."""
        try:
            return super().change_package(instance_id, body, params)
        except ProblemError as refusal:
            if refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                raise not_found(refusal.detail) from refusal
            raise


class QueueingJournal(Journal):
    """Accepts operations of a busy instance and lets them wait; when their turn has come they are not granted."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._moved = threading.Condition(self._lock)

    def grant(self, operation_id: str) -> bool:
        """Wait for the operations before this one; having waited is reason enough not to begin."""
        with self._moved:
            if not self._is_behind_another(operation_id):
                return super().grant(operation_id)
            self._moved.wait_for(lambda: not self._waits(operation_id))
            if self.operation(operation_id).state is OperationState.STARTING:
                self.advance(operation_id, Trigger.REFUSED, error=failure("not granted: the VNF has changed meanwhile"))
            return False

    def _refuse_if_busy(self, instance_id: str) -> None:
        """Refuse nobody."""

    def _write(self, *arguments: Any) -> None:
        super()._write(*arguments)
        self._moved.notify_all()

    def _waits(self, operation_id: str) -> bool:
        return self.operation(operation_id).state is OperationState.STARTING and self._is_behind_another(operation_id)

    def _is_behind_another(self, operation_id: str) -> bool:
        instance_id = self.operation(operation_id).instance_id
        waiting = [one.id for one in self.unfinished() if one.instance_id == instance_id]
        return operation_id in waiting[1:]


class SlowRefusalJournal(Journal):
    """Thinks for a second before it refuses."""

    def _refuse_if_busy(self, instance_id: str) -> None:
        try:
            super()._refuse_if_busy(instance_id)
        except ProblemError:
            sleep(_REFUSAL_S)
            raise
