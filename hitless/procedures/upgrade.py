"""Upgrade under load: the VNF goes from its source to its target package while users offer traffic."""

from __future__ import annotations

from pathlib import Path

from hitless.mano.resources import FINAL_STATES
from hitless.procedures.bench import Bench
from hitless.procedures.rig import Rig, Script, record

PROCEDURE = "upgrade-under-load"


def record_upgrade(bench: Bench, folder: Path, *, load_percent: float) -> None:
    """Record one upgrade under load into an empty folder and leave the VNF as the upgrade left it.

    Args:
        bench: what the tester brings along.
        folder: takes the recording.
        load_percent: offered load in percent of the declared rated capacity.

    Raises:
        InitialStateError, TrafficError: as ``rig.record``.
    """
    record(bench, folder, Script(PROCEDURE, load_percent, _perform))


def _perform(rig: Rig) -> None:
    rig.settle_in()
    rig.read_package(rig.bench.sut.vnf.source.vnfd_id, "source")
    rig.read_package(rig.bench.sut.vnf.target.vnfd_id, "target")
    rig.read_instance("before")
    rig.let_cohort_end()
    accepted = rig.request_upgrade(rig.bench.sut.vnf.target.vnfd_id, "upgrade")
    state = rig.following.follow(accepted.operation_id, accepted.asked_ns)
    if state not in FINAL_STATES:
        rig.event("failed", operation_id=accepted.operation_id)
    rig.event("operation-ended", operation_id=accepted.operation_id, state=state)
    rig.read_instance("after")
    rig.cohort.end("the operation has ended")
    rig.tail()
