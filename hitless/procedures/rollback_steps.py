"""A rollback in each step of the upgrade, and a downgrade after it, under load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hitless.mano.resources import SETTLED_STATES
from hitless.procedures.bench import Bench
from hitless.procedures.rig import Rig, StoppedBySutError
from hitless.procedures.script import Script, record
from hitless.procedures.withdrawing import withdraw

PROCEDURE = "rollback-at-every-step"
SHARE_WINDOW_NS = 1_000_000_000
PAUSE_S = 2.0
"""Between two stages: nothing is done, everything must be as before."""
MODES = {"1": "GRACEFUL", "2": "FORCEFUL", "3": "GRACEFUL", "4": "FORCEFUL"}


def record_rollback_steps(bench: Bench, folder: Path, *, load_percent: float) -> None:
    """Record four upgrades that are cancelled and rolled back, each in another step, one that is not, and a downgrade.

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
    for step in MODES:
        _stage(rig, step)
        rig.following.collect(PAUSE_S)
    rig.cohort.end("the last rollback is over")
    vnf = rig.bench.sut.vnf
    _change(rig, "upgrade", vnf.target.vnfd_id)
    if rig.bench.sut.rollback.downgrade:
        _change(rig, "downgrade", vnf.source.vnfd_id)
    rig.tail()


def _stage(rig: Rig, step: str) -> None:
    """Upgrade until a step is reached, then take it back."""
    rig.event("stage", step=step)
    rig.read_instance(f"before-step-{step}")
    sut = rig.bench.sut
    accepted = rig.request_upgrade(
        sut.vnf.target.vnfd_id, "upgrade to be rolled back", params=sut.upgrade.step_params, step=step
    )
    share = rig.shares(SHARE_WINDOW_NS)
    reached = _condition(rig, step, share)
    state = rig.following.follow(accepted.operation_id, accepted.asked_ns, until=reached)
    if state in SETTLED_STATES:
        raise StoppedBySutError(
            f"operation {accepted.operation_id} - ended before it was to be cancelled - Expected: step {step} "
            f"Actual: {state} - upgrade.step_params in sut.yaml may slow the steps down"
        )
    rig.event("step-reached", step=step, share=share(), new_units=_new_units(rig))
    state = withdraw(rig, accepted.operation_id, MODES[step])
    rig.read_instance(f"after-step-{step}")
    rig.event("stage-ended", step=step, state=state)
    if state != "ROLLED_BACK":
        raise StoppedBySutError(
            f"operation {accepted.operation_id} - not rolled back in step {step} - Expected: ROLLED_BACK "
            f"Actual: {state}"
        )


def _change(rig: Rig, step: str, vnfd_id: str) -> None:
    rig.event("stage", step=step)
    accepted = rig.request_upgrade(vnfd_id, step, params=rig.bench.sut.upgrade.step_params, step=step)
    state = rig.following.follow(accepted.operation_id, accepted.asked_ns)
    rig.event("operation-ended", operation_id=accepted.operation_id, state=state)
    rig.event("stage-ended", step=step, state=state)
    if state != "COMPLETED":
        raise StoppedBySutError(
            f"operation {accepted.operation_id} - {step} did not complete - Expected: COMPLETED Actual: {state}"
        )


def _condition(rig: Rig, step: str, share: Callable[[], float | None]) -> Callable[[], bool]:
    """Return what tells that a step is reached: 1 new units, no share; 2 a first share; 3 half; 4 everything."""
    at_least = {"1": 0.0, "2": 0.01, "3": 0.45, "4": 0.999}[step]

    def reached() -> bool:
        present = share() or 0.0
        return _new_units(rig) > 0 and present >= at_least

    return reached


def _new_units(rig: Rig) -> int:
    """Return how many VNFCs are on the target's descriptor, as the VNF instance showed it last."""
    target = rig.bench.sut.vnf.target.vnfd_id
    document = rig.following.instance_document
    info = document.get("instantiatedVnfInfo")
    units = info.get("vnfcResourceInfo", []) if isinstance(info, dict) else []
    own = document.get("vnfdId")
    return sum(1 for unit in units if isinstance(unit, dict) and (unit.get("vnfdId") or own) == target)
