"""Sessions in the shared store: written, taken over, and what happens without it. Each function returns plain data."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from lab.vnf.state import decode
from tests.dataplane.packets import Capture, send
from tests.dataplane.plans import rounds, tally
from tests.dataplane.world import World, start_redis, wait_for, world


def _stored(number: int) -> Any:
    from redis import Redis  # noqa: PLC0415 - only in the scenario's process

    with Redis() as redis:
        data = redis.get(f"sessions:{number}")
    return None if data is None else decode(data)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def taking_over() -> Any:
    """Sessions of units of 1.0 and 2.0 are taken over by another one of 1.0, which then serves their users."""
    with world() as here:
        here.start_servers(("old", "1.0"), ("new", "2.0"), ("other", "1.0"))
        here.split((["old"], 0.5), (["new"], 0.5), (["other"], 0.0))
        users = np.arange(512)
        first = rounds(users, 2)
        send(first, rate_pps=4000)
        flushed = [here.flush(1), here.flush(2)]
        stored = {number: _stored(number) for number in (1, 2)}
        adopted = here.adopt(3, 1, 2, 3, 77)
        twice = here.adopt(3, 1, 2)
        before = here.pins()
        here.split((["old"], 0.0), (["new"], 0.0), (["other"], 1.0), forget=["old", "new"])
        after = here.pins()
        capture = Capture()
        second = rounds(users, 2, first_index=2)
        send(second, rate_pps=4000)
        received = capture.read()
        backwards = here.session.post("http://127.0.0.1:8102/adopt", json={"units": [1]}, timeout=5).json()
        return {
            "flushed": flushed,
            "parts": {number: list(each.parts) for number, each in stored.items()},
            "stored": {number: len(each) for number, each in stored.items()},
            "least_ms": min(int(each.remaining_ms.min()) for each in stored.values()),
            "most_ms": max(int(each.remaining_ms.max()) for each in stored.values()),
            "first_users": {number: int(each.keys[:, 0].min()) for number, each in stored.items()},
            "ports": {number: np.unique(each.keys[:, 1:]).tolist() for number, each in stored.items()},
            "adopted": adopted,
            "twice": twice,
            "pins": [before, after, wait_for(lambda: _all_of(here, 512), what="users pinned anew")],
            "traffic": tally(second, received),
            "units": np.unique(received.unit).tolist(),
            "sessions": here.unit_status(3)["sessions"],
            "unknown": here.unit_status(3)["unknown_session"],
            "backwards": backwards,
        }


def _all_of(here: World, users: int) -> dict[str, int] | None:
    pins = here.pins()
    return pins if sum(pins.values()) == users else None


def written_by_itself() -> Any:
    """Nobody asks for it: a unit's sessions are in the store within its period, and vanish with their time."""
    with world() as here:
        here.start_servers(("one", "1.0"))
        here.split((["one"], 1.0))
        send(rounds(np.arange(100), 1), rate_pps=4000)
        seen = wait_for(lambda: _with(100), what="sessions stored")
        gone = wait_for(lambda: _with(0), what="sessions forgotten")
        return {"stored": len(seen[0]), "afterwards": len(gone[0]), "store": here.unit_status(1)["store"]}


def _with(count: int) -> list[Any] | None:
    stored = _stored(1)
    return [stored] if stored is not None and len(stored) == count else None


def without_the_store() -> Any:
    """The store dies under traffic and comes back."""
    with world() as here:
        here.start_servers(("one", "1.0"))
        here.split((["one"], 1.0))
        wait_for(lambda: here.unit_status(1)["store"]["reachable"], what="store reached")
        observed: dict[str, Any] = {}

        def kill_and_restart() -> None:
            here.processes["redis"].kill()
            here.processes["redis"].wait()
            wait_for(lambda: not here.unit_status(1)["store"]["reachable"], what="its absence noticed")
            observed["away"] = here.unit_status(1)
            observed["flush"] = here.flush(1)
            answer = here.session.post("http://127.0.0.1:8101/adopt", json={"units": [2]}, timeout=5)
            observed["adopt"] = [answer.status_code, answer.json()["error"]]
            here.processes["redis"] = start_redis()
            wait_for(lambda: here.unit_status(1)["store"]["reachable"], what="its return noticed")
            observed["back"] = here.unit_status(1)["store"]

        plan = rounds(np.arange(300), 25)
        capture = Capture()
        send(plan, rate_pps=3000, meanwhile=kill_and_restart)
        return {**observed, "traffic": tally(plan, capture.read())}


def cost() -> Any:
    """CPU time of four units with 2000 sessions each, and of a unit that takes over 8000."""
    with world(pin_timeout_s=20) as here:
        names = [f"unit-{number}" for number in range(1, 5)]
        here.start_servers(*((name, "2.0") for name in names), ("taker", "1.0"))
        here.split((names, 1.0), (["taker"], 0.0))
        users = np.arange(8000)
        send(rounds(users, 1, both=False), rate_pps=20_000)
        pids = {
            number: here.session.get(f"http://127.0.0.1:{8100 + number}/status", timeout=5).json()["pid"]
            for number in range(1, 6)
        }
        before = [_cpu_s(pids[number]) for number in range(1, 5)]
        started_s = time.monotonic()
        send(rounds(users, 2, first_index=1, both=False), rate_pps=4000)
        took_s = time.monotonic() - started_s
        per_unit = [(_cpu_s(pids[number]) - was) / took_s for number, was in zip(range(1, 5), before, strict=True)]
        flush_s = []
        for number in range(1, 5):
            asked_s = time.monotonic()
            here.flush(number)
            flush_s.append(time.monotonic() - asked_s)
        sessions = [here.unit_status(number)["sessions"] for number in range(1, 5)]
        cpu_s, asked_s = _cpu_s(pids[5]), time.monotonic()
        adopted = here.adopt(5, 1, 2, 3, 4)
        adopt_s = time.monotonic() - asked_s
        return {
            "sessions": sessions,
            "cpu_share_per_unit": [round(share, 4) for share in per_unit],
            "flush_ms": [round(1e3 * each, 1) for each in flush_s],
            "adopted": adopted,
            "adopt_ms": round(1e3 * adopt_s, 1),
            "adopt_cpu_ms": round(1e3 * (_cpu_s(pids[5]) - cpu_s), 1),
        }
