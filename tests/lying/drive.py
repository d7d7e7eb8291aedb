"""Run as a program in a private namespace: makes one recording for each lie.

``python -m tests.lying.drive FOLDER [NAME ...]``
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path

from hitless.procedures import following
from hitless.procedures.rig import Rig
from hitless.procedures.script import Script, record
from hitless.procedures.withdrawing import roll_back
from tests.lying import path
from tests.lying.bench import World, bench_of
from tests.lying.lies import LIES, Lie
from tests.lying.mano import serving

WARM_UP_S = 0.5
OUTAGE_LIMIT_S = 0.6
LOAD_PERCENT = 100.5
"""In the middle of what counts as rated capacity: in little more than a second a rate is known to a thousandth only."""
TUNABLES = ("--new-pps", "1000", "--long-pps", "2000")


def main() -> None:
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(LIES)
    following.OUTAGE_LIMIT_S = OUTAGE_LIMIT_S
    path.make()
    with serving() as mano:
        world = World(folder, mano)
        try:
            for name in names:
                began_s = time.monotonic()
                make(world, folder / name, LIES[name])
                sys.stdout.write(f"{name}: {time.monotonic() - began_s:.1f} s\n")
        finally:
            world.close()


def make(world: World, folder: Path, lie: Lie) -> None:
    """Make one recording, and beside it ``NAME.json`` with what was done to packets, and how many were lost."""
    path.nft(path.FRESH)
    path.lost_count()
    world.changes.clear()
    shares = ((0.3, partial(path.nft, path.HALF)), (0.8, partial(path.nft, path.ALL))) if lie.shares else ()
    acts = tuple((seconds, partial(act, world)) for seconds, act in lie.acts.get("request", ()))
    world.mano.new_run(lie.took_s, lie.final, (*shares, *acts))
    with world.traffic(lie.small, silent=lie.silent) as lent:
        bench = bench_of(world.folder, lie.load_pps, lie.baseline_s, lent)
        script = Script("on-the-wire", LOAD_PERCENT, partial(perform, world=world, lie=lie), TUNABLES)
        record(bench, folder, script)
    at_once(world, lie, "after")
    world.mano.wait()
    told = {"changes": world.changes, "lost_count": path.lost_count()}
    folder.with_suffix(".json").write_text(json.dumps(told))


def perform(rig: Rig, world: World, lie: Lie) -> None:
    """Do what every procedure does, in less time."""

    def phase(name: str, seconds: float) -> None:
        for delay_s, act in lie.acts.get(name, ()):
            world.mano.in_s(delay_s, partial(act, world))
        rig.phase(name, seconds)

    try:
        phase("warm-up", WARM_UP_S)
        phase("baseline", lie.baseline_s)
        phase("lead-in", rig.bench.timing.lead_in_s)
        rig.read_operations("start")
        rig.read_instance("before")
        accepted = rig.request_upgrade("vnfd-2" if lie.final == "COMPLETED" else "vnfd-bad", "upgrade")
        state = rig.following.follow(accepted.operation_id, accepted.asked_ns)
        if state == "FAILED_TEMP":
            rig.event("failed", operation_id=accepted.operation_id)
            state = roll_back(rig, accepted.operation_id)
        rig.event("operation-ended", operation_id=accepted.operation_id, state=state)
        rig.read_instance("after")
        for delay_s, act in lie.acts.get("tail", ()):
            world.mano.in_s(delay_s, partial(act, world))
        rig.tail()
    finally:
        at_once(world, lie, "end")


def at_once(world: World, lie: Lie, when: str) -> None:
    for _, act in lie.acts.get(when, ()):
        act(world)


if __name__ == "__main__":
    main()
