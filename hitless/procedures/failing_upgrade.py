"""An upgrade to software that fails under traffic: how it is noticed, and how the rollback goes."""

from __future__ import annotations

from pathlib import Path

from hitless.mano.resources import SETTLED_STATES
from hitless.procedures.bench import Bench
from hitless.procedures.rig import Rig, StoppedByTesterError
from hitless.procedures.script import Script, record
from hitless.procedures.withdrawing import roll_back, withdraw

PROCEDURE = "failing-upgrade"
PATIENCE_S = 45.0
"""For how long MANO may leave the failing software in service before the tester cancels the operation itself."""


def record_failing_upgrade(bench: Bench, folder: Path, *, load_percent: float) -> None:
    """Record an upgrade to the declared failing package and its rollback.

    Args:
        bench: what the tester brings along.
        folder: takes the recording.
        load_percent: offered load in percent of the declared rated capacity.

    Raises:
        InitialStateError, TrafficError: as ``rig.record``.
    """
    record(bench, folder, Script(PROCEDURE, load_percent, _perform))


def _perform(rig: Rig) -> None:
    failing = rig.bench.sut.vnf.failing
    if failing is None:
        raise StoppedByTesterError("vnf.failing in sut.yaml - missing - Expected: a package whose software fails")
    rig.settle_in()
    rig.read_instance("before")
    accepted = rig.request_upgrade(failing.vnfd_id, "failing-upgrade")
    share = rig.shares(1_000_000_000)
    in_service_ns: list[int] = []

    def given_up() -> bool:
        if not in_service_ns and (share() or 0.0) > 0:
            in_service_ns.append(rig.bench.clock_ns())
        return bool(in_service_ns) and rig.bench.clock_ns() - in_service_ns[0] > PATIENCE_S * 1e9

    state = rig.following.follow(accepted.operation_id, accepted.asked_ns, until=given_up)
    if state == "FAILED_TEMP":
        rig.event("failed", operation_id=accepted.operation_id)
        state = roll_back(rig, accepted.operation_id)
        rig.event("operation-ended", operation_id=accepted.operation_id, state=state)
    elif state not in SETTLED_STATES:
        rig.bench.say("MANO has not noticed that the new software fails; cancelling")
        state = withdraw(rig, accepted.operation_id, "GRACEFUL")
    else:
        rig.event("operation-ended", operation_id=accepted.operation_id, state=state)
    rig.read_instance("after")
    rig.tail()
