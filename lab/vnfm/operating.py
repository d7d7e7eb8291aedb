"""Stopping and starting the units of an instance."""

from __future__ import annotations

from collections.abc import Sequence

from lab.vnfm.bodies import OperateBody, parse
from lab.vnfm.fleet import POLL_S
from lab.vnfm.jobs import READY_TIMEOUT_S, Job, Outcome
from lab.vnfm.procedure import ProcedureError
from lab.vnfm.records import UnitRecord
from lab.vnfm.scaling import even_groups


class Operating(Job):
    """OPERATE: switches the servers of all units off or on; the units stay what they are."""

    def run(self) -> Outcome:
        """Reach the state that was asked for; units that are in it already are not touched."""
        body = parse(OperateBody, self.scene.operation.params)
        units = self.working_units()
        self.fleet.step(f"{body.change_state_to} of {len(units)}")
        if body.change_state_to == "STOPPED":
            if body.stop_type == "GRACEFUL":
                self.fleet.wait_idle(units, timeout_s=body.graceful_stop_timeout)
            for unit in units:
                self.scene.power.stop_server(unit.server_id)
                self.scene.modified(unit)
        else:
            self._start(units)
        return {"instance_changes": {"vnf_state": body.change_state_to}}

    def _start(self, units: Sequence[UnitRecord]) -> None:
        for unit in units:
            self.scene.power.start_server(unit.server_id)
        deadline_s = self.fleet.pace.now_s() + READY_TIMEOUT_S
        for unit in units:
            self._wait_ready(unit, deadline_s)
            self.scene.modified(unit)
        self.fleet.divide(*even_groups(units))

    def _wait_ready(self, unit: UnitRecord, deadline_s: float) -> None:
        while not self._is_ready(unit):
            if self.fleet.pace.now_s() >= deadline_s:
                raise ProcedureError(
                    f"unit {unit.name} - not ready - Expected: within {READY_TIMEOUT_S:g} s - see its log"
                )
            self.fleet.pace.sleep(POLL_S, action=True)

    def _is_ready(self, unit: UnitRecord) -> bool:
        server = self.fleet.site.server(unit.server_id)
        if server.status == "ERROR":
            raise ProcedureError(f"unit {unit.name} - cannot be started: {server.fault or 'no reason given'}")
        if server.status != "ACTIVE":
            return False
        status = self.status_of(unit)
        return status is not None and status.ready
