"""Selection rules at work, and while they change. Each function returns plain data."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.dataplane.packets import USER_BASE, Capture, Plan, Received, send
from tests.dataplane.plans import interleave, rounds, tally, visitors
from tests.dataplane.world import World, wait_for, world

OLD, NEW = 1, 2
GROUP = "10.1.2.0/23"
"""Users 512 to 1023."""


def _units_of_users(plan: Plan, received: Received) -> NDArray[np.int64]:
    """The unit of each user of a plan in which every user has one session and nothing was lost."""
    units = received.unit_of(len(plan))
    assert (units > 0).all(), "something was lost"
    of_user = np.zeros(int(plan.user.max()) + 1, dtype=np.int64)
    of_user[plan.user] = units
    return of_user[np.unique(plan.user)]


def _two_versions(here: World) -> None:
    here.start_servers(("old", "1.0"), ("new", "2.0"))
    here.split((["old"], 1.0, "1.0"), (["new"], 0.0, "2.0"))


def _talk(users: NDArray[np.int64], service_port: int, *, session: int = 0) -> NDArray[np.int64]:
    """Two packets each way of one session per user; returns their units."""
    plan = dataclasses.replace(rounds(users, 2, session=session), service_port=service_port)
    capture = Capture()
    send(plan, rate_pps=5000)
    received = capture.read()
    assert tally(plan, received)["affinity_breaks"] == 0
    return _units_of_users(plan, received)


def selecting(rules: str | None = None) -> Any:
    """Which of 1024 users go to the new version by rules for a group, a service, and both; who is pinned stays."""
    users = np.arange(1024)
    with world(rules=rules, pin_timeout_s=30) as here:
        _two_versions(here)

        def new_users(service_port: int) -> list[int]:
            return (np.flatnonzero(_talk(users, service_port) == NEW)).tolist()

        observed: dict[str, Any] = {"without": new_users(5001)}
        observed["answer"] = here.set_rules(
            ("g", GROUP, None, "2.0"), ("s", None, 5003, "2.0"), ("b", GROUP, 5006, "1.0")
        )
        observed["pinned_before"] = new_users(5001)
        observed["group"] = new_users(5002)
        observed["service"] = len(new_users(5003))
        observed["next_service"] = new_users(5004)
        here.set_rules(("b", GROUP, 5006, "1.0"), ("rest", None, 5006, "2.0"))
        observed["first_match"] = new_users(5006)
        here.set_rules()
        observed["pinned_after"] = new_users(5002)
        observed["cleared"] = new_users(5005)
        observed["pins"] = here.pins()
        observed["selections"] = here.decider()["selections"]
        return observed


def dealing() -> Any:
    """A selection of three units deals its users among them; one of them goes, and its users are decided anew."""
    users = np.arange(768)
    with world(pin_timeout_s=30) as here:
        ids = here.start_servers(*((f"unit-{number}", "2.0") for number in range(1, 5)))
        here.split((["unit-1"], 1.0, "1.0"), (["unit-2", "unit-3", "unit-4"], 0.0, "2.0"))
        here.set_rules(("all", None, 5001, "2.0"))
        dealt = np.bincount(_talk(users, 5001), minlength=5).tolist()
        here.delete_server(ids[2])
        left = here.decider()["selections"]
        moved = np.bincount(_talk(users, 5001, session=1), minlength=5).tolist()
        here.split((["unit-1"], 1.0, "1.0"), forget=["unit-2", "unit-4"])
        back = np.bincount(_talk(users, 5001, session=2), minlength=5).tolist()
        return {"dealt": dealt, "left": left, "moved": moved, "back": back, "selections": here.decider()["selections"]}


def changing(rules: str | None = None, switching: str | None = None, *, part: int = 1) -> Any:
    """Sixty changes of selections under load that concern nobody, beside one of a group that stays.

    1000 users stay throughout. Others come anew all the time: 2048 from 10.1.16.0/21, and 2048 from 10.1.24.0/21, which
    is the group.
    With ``part`` 2 there is half of the traffic.
    """
    group = "10.1.24.0/21"
    with world(rules=rules, switching=switching) as here:
        _two_versions(here)
        staying = rounds(np.arange(1000), 30 // part)
        outside, inside = visitors(4096, 2500 // part, 6), visitors(4096 + 2048, 2500 // part, 6)
        assert outside.user.max() < 8192
        inside = dataclasses.replace(inside, user=6144 + (inside.user - 6144) % 2048)
        outside = dataclasses.replace(outside, user=4096 + (outside.user - 4096) % 2048)
        plan = interleave(staying, interleave(outside, inside))
        here.select((group, None, ["new"]))
        changes_s: list[float] = []

        def change() -> None:
            for turn in range(60):
                idle = [(f"10.9.{turn}.{32 * place}/27", 6000 + turn, ["new"]) for place in range(turn % 8)]
                changes_s.append(here.select(*idle, (group, None, ["new"])))

        capture = Capture()
        rate_pps = send(plan, rate_pps=20_000, meanwhile=change)
        received = capture.read()
        units = received.unit_of(len(plan))
        in_group = (plan.user >= 6144) & (plan.user < 8192)
        return {
            **tally(plan, received),
            "changes": len(changes_s),
            "change_ms": {"median": 1e3 * float(np.median(changes_s)), "max": 1e3 * max(changes_s)},
            "commit_ms": here.decider()["last_commit"]["duration_ms"],
            "rate_pps": round(rate_pps),
            "leaked": int((units[~in_group] == NEW).sum()),
            "missed": int((units[in_group] == OLD).sum()),
            "selected": int((units[in_group] == NEW).sum()),
            "dropped": here.decider()["dropped"],
            "users": [int(np.unique(plan.user[in_group]).size), int(np.unique(plan.user[~in_group]).size)],
        }


def acknowledging(switching: str | None = None) -> Any:
    """A rule is set; how long after its acknowledgement the decider works by it, in seconds."""
    with world(switching=switching) as here:
        _two_versions(here)
        here.select((None, None, ["new"]))
        acknowledged_s = time.monotonic()
        wait_for(lambda: here.decider()["selections"], what="rule in force")
        return {"late_s": time.monotonic() - acknowledged_s}


def forgetting() -> Any:
    """Units lose their users under load, again and again: every user is served all the time."""
    with world(catalogue="MidstreamCatalogue", pin_timeout_s=30) as here:
        _two_versions(here)
        commits_ms: list[float] = []

        def move() -> None:
            for turn in range(40):
                names = ["new", "old"] if turn % 2 else ["old", "new"]
                here.split((names[:1], 1.0), forget=names[1:])
                commits_ms.append(here.decider()["last_commit"]["duration_ms"])

        plan = rounds(np.arange(1000), 40)
        capture = Capture()
        rate_pps = send(plan, rate_pps=20_000, meanwhile=move)
        received = capture.read()
        observed = tally(plan, received)
        del observed["affinity_breaks"]
        return {
            **observed,
            "rate_pps": round(rate_pps),
            "moves": len(commits_ms),
            "commit_ms": {"median": float(np.median(commits_ms)), "max": max(commits_ms)},
            "units": np.unique(received.unit).tolist(),
            "pins": here.pins(),
            "dropped": here.decider()["dropped"],
        }


def by_session(rules: str) -> Any:
    """Four sessions of each of 2048 users at two units: how many users have sessions at both, and who is where."""
    users = np.arange(2048)
    with world(rules=rules, pin_timeout_s=30) as here:
        here.start_servers(("one", "1.0"), ("two", "1.0"))
        here.set_buckets(["one"] * 128 + ["two"] * 128)
        units = np.stack([_talk(users, 5001, session=session) for session in range(4)])
        return {
            "split_users": int((units != units[0]).any(axis=0).sum()),
            "at_two": (USER_BASE + np.flatnonzero(units[0] == 2)).tolist(),
            "pins": here.pins(),
            "dropped": here.decider()["dropped"],
        }


def faulty() -> Any:
    """Software with a fault that shows after 0.8 MB: before, and after."""
    users = np.arange(256)
    with world() as here:
        here.start_servers(("bad", "2.0-faulty"))
        here.split((["bad"], 1.0))
        plan = rounds(users, 8)  # 4096 packets of 82 bytes behind the Ethernet header: 0.34 MB
        capture = Capture()
        send(plan, rate_pps=5000)
        before = {**tally(plan, capture.read()), "status": here.unit_status(1)}
        send(rounds(users, 16, first_index=8), rate_pps=5000)
        capture = Capture()
        later = rounds(users, 4, first_index=24)
        send(later, rate_pps=5000)
        lost = capture.read().times_seen(len(later)) == 0
        return {
            "before": before,
            "lost_users": np.unique(later.user[lost]).tolist(),
            "lost": int(lost.sum()),
            "lost_directions": np.unique(later.direction[lost]).tolist(),
            "status": here.unit_status(1),
        }


def port_range() -> Any:
    return selecting("lab.defects.selection:PortRangeRules")


def wide_mask() -> Any:
    return selecting("lab.defects.selection:WideMaskRules")


def narrow_mask() -> Any:
    return selecting("lab.defects.selection:NarrowMaskRules")


def delete_then_add() -> Any:
    return changing(switching="lab.defects.rules:DeleteThenAddSwitching")


def both_generations() -> Any:
    # Half of the packets: the capture has to hold the copies as well.
    return changing("lab.defects.copies:OverlappingRules", "lab.defects.copies:OverlappingSwitching", part=2)


def add_then_delete() -> Any:
    return changing(switching="lab.defects.rules:AddThenDeleteSwitching")


def late() -> Any:
    return acknowledging("lab.defects.rules:LateSwitching")


def slow() -> Any:
    return acknowledging("lab.defects.rules:SlowSwitching")


def session_hash() -> Any:
    return by_session("lab.defects.selection:BySessionRules")


def other_hash() -> Any:
    return by_session("lab.defects.selection:HashedRules")
