"""How an upgrade begins: the tester asks MANO for it, runs a command, or waits for somebody to start it.

Whoever starts it, the tester looks for the operation occurrence that appears, as far as it can see MANO at all.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from hitless.mano.errors import ManoError
from hitless.procedures.rig import Rig, StoppedBySutError, StoppedByTesterError

OPERATION = "CHANGE_VNFPKG"
LOOK_S = 0.1
_KILL_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class Begun:
    """An upgrade that has begun.

    Attributes:
        operation_id: its operation occurrence; empty when MANO cannot be seen.
        since_ns: it did not exist before this instant.
    """

    operation_id: str
    since_ns: int


@contextlib.contextmanager
def begun_upgrade(rig: Rig) -> Iterator[Begun]:
    """Begin the upgrade as declared; what was started for it is ended when the context is left.

    Raises:
        ManoError, StoppedBySutError: it does not begin.
        StoppedByTesterError: nobody has started it.
    """
    sut = rig.bench.sut
    if sut.upgrade.trigger == "sol003":
        accepted = rig.request_upgrade(sut.vnf.target.vnfd_id, "upgrade")
        yield Begun(accepted.operation_id, accepted.asked_ns)
        return
    known = _operations(rig)  # if it is not known what was there, an old operation would pass for the new one
    if sut.upgrade.trigger == "manual":
        yield _somebody_starts(rig, known)
        return
    with _running(rig) as process:
        yield _appearing(rig, known, process)


def _somebody_starts(rig: Rig, known: frozenset[str]) -> Begun:
    target = rig.bench.sut.vnf.target
    who = f" of VNF instance {rig.instance_id}" if rig.instance_id else ""
    rig.event("waiting-for-somebody")
    rig.bench.say(
        f"START THE UPGRADE NOW: software{who} to {target.software_version} (vnfdId {target.vnfd_id}); "
        f"waiting {rig.bench.sut.upgrade.deadline_s:g} s for it"
    )
    return _appearing(rig, known, None)


def _appearing(rig: Rig, known: frozenset[str], process: subprocess.Popen[bytes] | None) -> Begun:
    """Wait until there is a new operation, or a first session of the target version where MANO cannot be seen."""
    share = rig.shares(1_000_000_000)
    deadline_ns = rig.bench.clock_ns() + int(rig.bench.sut.upgrade.deadline_s * 1e9)
    while rig.bench.clock_ns() < deadline_ns:
        not_yet_ns = rig.bench.clock_ns()
        appeared: list[str] = []
        with contextlib.suppress(ManoError):  # there is time to look again
            appeared = sorted(_operations(rig) - known)
        if appeared or (not rig.sees_mano and (process is not None or (share() or 0.0) > 0)):
            known_as = {"operation_id": appeared[0]} if appeared else {}
            rig.event_at(not_yet_ns, "request", operation=OPERATION, purpose="upgrade", trigger="outside", **known_as)
            rig.bench.say(f"the upgrade has begun{f': operation {appeared[0]}' if appeared else ''}")
            return Begun(appeared[0] if appeared else "", not_yet_ns)
        _see_that_it_works(process)
        rig.following.collect(LOOK_S)
    raise StoppedByTesterError(
        f"upgrade - nobody has started it - Expected: an operation {OPERATION} within "
        f"{rig.bench.sut.upgrade.deadline_s:g} s Actual: none"
    )


def _operations(rig: Rig) -> frozenset[str]:
    """Return the identifiers of the package changes of the instance.

    Raises:
        ManoError: they cannot be read.
    """
    if not rig.sees_mano:
        return frozenset()
    return frozenset(one.id for one in rig.vnfm.operations(rig.instance_id) if one.operation == OPERATION)


@contextlib.contextmanager
def _running(rig: Rig) -> Iterator[subprocess.Popen[bytes]]:
    """Run the declared command; what it says goes to a log beside those of the tester."""
    argv, sut = rig.bench.sut.upgrade.command, rig.bench.sut
    environment = {
        **os.environ,
        "HITLESS_VNF_INSTANCE_ID": rig.instance_id,
        "HITLESS_TARGET_VNFD_ID": sut.vnf.target.vnfd_id,
        "HITLESS_TARGET_SOFTWARE_VERSION": sut.vnf.target.software_version,
    }
    log = rig.bench.log_folder / "upgrade-command.log"
    rig.bench.say(f"running {' '.join(argv)} (log: {log})")
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
            )
        except OSError as error:
            raise StoppedByTesterError(
                f"upgrade.command {argv[0]} - does not run - Expected: a program Actual: {error.strerror}"
            ) from error
        try:
            yield process
            _see_that_it_works(process)
        finally:
            _end(process)


def _see_that_it_works(process: subprocess.Popen[bytes] | None) -> None:
    code = None if process is None else process.poll()
    if code:
        raise StoppedBySutError(
            f"upgrade.command - failed - Expected: exit code 0 Actual: exit code {code} - see upgrade-command.log"
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that outlives the upgrade."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_KILL_AFTER_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
