"""Every procedure begins by establishing its initial state: the VNF in service with its source software version."""

from __future__ import annotations

from collections.abc import Callable

from hitless.mano.client import VnfmClient
from hitless.mano.errors import ManoError
from hitless.mano.resources import SETTLED_STATES, Accepted, VnfInstance
from hitless.sut import SystemUnderTest

CANCEL_PATIENCE_S = 10.0
"""How long an operation of an earlier run may take to end when it is cancelled."""
CONFLICT_PATIENCE_S = 10.0
"""For how long a 409 directly after the end of the operation before is waited out."""


class InitialStateError(Exception):
    """The initial state could not be established; nothing can be said about the requirement."""


class InitialState:
    """Brings the VNF into service with its source software version."""

    def __init__(
        self,
        sut: SystemUnderTest,
        vnfm: VnfmClient,
        *,
        say: Callable[[str], None],
        clock_ns: Callable[[], int],
        sleep: Callable[[float], None],
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            sut: the declaration.
            vnfm: how to reach the VNFM.
            say: takes a sentence for people who watch.
            clock_ns: the tester's clock.
            sleep: how the tester waits.
        """
        self._sut = sut
        self._vnfm = vnfm
        self._say = say
        self._clock_ns = clock_ns
        self._sleep = sleep

    @property
    def instance_name(self) -> str:
        """Name of the instances that the tester makes, and the only ones that it removes."""
        return f"hitless-{self._sut.name}"

    def establish(self) -> VnfInstance:
        """Return the instance in service with its source version; makes one unless an existing one is declared.

        Raises:
            InitialStateError: with the reason and where to look.
        """
        try:
            if self._sut.vnf.instance_id is not None:
                return self._existing(self._sut.vnf.instance_id)
            self.remove()
            return self._new()
        except ManoError as error:
            raise InitialStateError(f"initial state not reached - {error}") from error

    def remove(self) -> None:
        """Terminate and delete what earlier runs of the tester left.

        Raises:
            ManoError: when the VNFM does not do it.
            InitialStateError: when terminating does not succeed.
        """
        for summary in self._vnfm.instances():
            if summary.document.get("vnfInstanceName") != self.instance_name:
                continue
            if summary.instantiated:
                self._say(f"terminating the instance {summary.id} of an earlier run")
                self._give_up(summary.id)
                accepted = self._vnfm.terminate(summary.id, conflict_patience_s=CONFLICT_PATIENCE_S)
                self._wait(accepted, "TERMINATE")
            self._vnfm.delete(summary.id, conflict_patience_s=CONFLICT_PATIENCE_S)

    def _give_up(self, instance_id: str) -> None:
        """Cancel operations that go on, fail those that wait for a decision: both stand in the way of terminating."""
        for operation in self._vnfm.operations(instance_id):
            state = operation.state
            if state in {"PROCESSING", "ROLLING_BACK"}:
                self._vnfm.try_task(operation.id, "cancel", {"cancelMode": "FORCEFUL"}, state=state)
                state = self._left(operation.id, state)
            if state == "FAILED_TEMP":
                self._vnfm.try_task(operation.id, "fail", state=state)

    def _left(self, operation_id: str, state: str) -> str:
        """Return the state of an operation once it has left one, or that one after some time."""
        deadline_ns = self._clock_ns() + int(CANCEL_PATIENCE_S * 1e9)
        while self._clock_ns() < deadline_ns:
            now = self._vnfm.operation(operation_id).state
            if now != state:
                return now
            self._sleep(self._sut.mano.poll_interval_ms / 1000)
        return state

    def _existing(self, instance_id: str) -> VnfInstance:
        found = self._vnfm.instance(instance_id)
        wanted = self._sut.vnf.source.vnfd_id
        if not found.instantiated:
            raise InitialStateError(
                f"VNF instance {instance_id} - not in service - Expected: INSTANTIATED Actual: "
                f"{found.document.get('instantiationState', 'unknown')} - instantiate it first"
            )
        if found.vnfd_id == self._sut.vnf.target.vnfd_id and self._may_take_back():
            return self._taken_back(instance_id)
        if found.vnfd_id != wanted:
            raise InitialStateError(
                f"VNF instance {instance_id} - other package - Expected: vnfdId {wanted} (source) Actual: "
                f"{found.vnfd_id} - bring it back to the source package, or correct vnf.source in sut.yaml"
            )
        return found

    def _may_take_back(self) -> bool:
        sut = self._sut
        return sut.disruptive_allowed and sut.rollback.downgrade and sut.upgrade.trigger == "sol003"

    def _taken_back(self, instance_id: str) -> VnfInstance:
        """Bring the instance from the target package, where an earlier procedure has left it, back to the source."""
        vnf = self._sut.vnf
        self._say(f"taking VNF instance {instance_id} back to software version {vnf.source.software_version}")
        accepted = self._vnfm.change_vnfpkg(
            instance_id, {"vnfdId": vnf.source.vnfd_id}, conflict_patience_s=CONFLICT_PATIENCE_S
        )
        self._wait(accepted, "CHANGE_VNFPKG")
        return self._vnfm.instance(instance_id)

    def _new(self) -> VnfInstance:
        vnf = self._sut.vnf
        self._say(f"instantiating a VNF with software version {vnf.source.software_version}")
        created = self._vnfm.create(vnf.source.vnfd_id, name=self.instance_name, description="made by the tester")
        extra = vnf.instantiate
        request: dict[str, object] = {"flavourId": vnf.flavour_id}
        optional = {
            "instantiationLevelId": extra.instantiation_level_id,
            "extVirtualLinks": list(extra.ext_virtual_links),
            "vimConnectionInfo": dict(extra.vim_connection_info),
            "additionalParams": dict(extra.additional_params),
        }
        request.update({name: value for name, value in optional.items() if value})
        self._wait(self._vnfm.instantiate(created.id, request), "INSTANTIATE")
        return self._vnfm.instance(created.id)

    def _wait(self, accepted: Accepted, what: str) -> None:
        """Wait until an operation has completed.

        Raises:
            InitialStateError: when it ends otherwise or not within the declared deadline.
        """
        deadline_s = self._sut.upgrade.deadline_s
        deadline_ns = self._clock_ns() + int(deadline_s * 1e9)
        while True:
            operation = self._vnfm.operation(accepted.operation_id)
            if operation.state == "COMPLETED":
                return
            if operation.state in SETTLED_STATES:
                raise InitialStateError(
                    f"operation {what} {accepted.operation_id} - did not complete - Expected: COMPLETED Actual: "
                    f"{operation.state} {operation.error or ''}".rstrip()
                )
            if self._clock_ns() > deadline_ns:
                raise InitialStateError(
                    f"operation {what} {accepted.operation_id} - too slow - Expected: COMPLETED within "
                    f"{deadline_s:g} s Actual: {operation.state} - upgrade.deadline_s in sut.yaml sets the time"
                )
            self._sleep(self._sut.mano.poll_interval_ms / 1000)
