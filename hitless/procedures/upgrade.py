"""Upgrade under load: the VNF goes from its source to its target package while users offer traffic."""

from __future__ import annotations

from pathlib import Path

from hitless.procedures.bench import Bench
from hitless.procedures.rig import Rig, StoppedBySutError
from hitless.procedures.script import Script, record
from hitless.procedures.triggers import LOOK_S, begun_upgrade

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
    vnf = rig.bench.sut.vnf
    rig.settle_in()
    rig.read_package(vnf.source.vnfd_id, "source")
    rig.read_package(vnf.target.vnfd_id, "target")
    rig.read_instance("before")
    rig.let_cohort_end()
    with begun_upgrade(rig) as begun:
        if begun.operation_id:
            state = rig.following.follow(begun.operation_id, begun.since_ns)
        else:
            state = _follow_marks(rig, begun.since_ns)
    if state == "FAILED_TEMP":
        rig.event("failed", operation_id=begun.operation_id)
    rig.event("operation-ended", operation_id=begun.operation_id, state=state)
    rig.read_instance("after")
    rig.cohort.end("the operation has ended")
    rig.tail()


def _follow_marks(rig: Rig, since_ns: int) -> str:
    """Wait until the target version serves every new session and old sessions are over; return "" for no state.

    Raises:
        StoppedBySutError: that does not come about in time.
    """
    sut = rig.bench.sut
    deadline_ns = since_ns + int(sut.upgrade.deadline_s * 1e9)
    while not rig.cohort.complete:
        if rig.bench.clock_ns() > deadline_ns:
            share = rig.cohort.target_share
            raise StoppedBySutError(
                f"upgrade - not finished - Expected: version {sut.vnf.target.software_version} serves every new "
                f"session within {sut.upgrade.deadline_s:g} s Actual: {'unknown' if share is None else f'{share:.0%}'}"
            )
        rig.following.collect(LOOK_S)
    rig.cohort.end("the target version serves every new session")
    rig.following.collect(sut.vnf.session_timeout_s + LOOK_S)
    return ""
