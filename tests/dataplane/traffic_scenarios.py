"""What is done to packets on their way, and what was observed. Each function returns plain data."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from tests.dataplane.packets import Capture, send
from tests.dataplane.plans import interleave, join, only, renumber, rounds, tally, turned, visitors
from tests.dataplane.world import world


def marks() -> Any:
    """Two versions side by side; sessions that open, and packets of sessions that never did."""
    with world() as here:
        here.start_servers(("old", "1.0"), ("new", "2.0"))
        split = here.split((["old"], 0.75), (["new"], 0.25))
        opened = np.arange(256)
        known = rounds(opened, 3)
        unknown = rounds(opened, 2, first_index=1, session=7)
        plan = join(known, unknown)
        capture = Capture()
        send(plan, rate_pps=4000)
        received = capture.read()
        units = received.unit_of(len(plan))
        return {
            "known": tally(known, only(received, 0, len(known))),
            "unknown_received": int((received.sequence >= len(known)).sum()),
            "buckets": {name: count for share in split["shares"] for name, count in share["buckets"].items()},
            "users_of_unit": [len(np.unique(plan.user[units == number])) for number in (1, 2)],
            "tos_of_unit": [np.unique(received.tos[received.unit == number]).tolist() for number in (1, 2)],
            "directions": np.unique(received.direction).tolist(),
            "checksums_right": bool(received.checksum_right.all()),
            "status": [here.unit_status(1), here.unit_status(2)],
            "sessions": here.get("http://127.0.0.1:8102/sessions")["sessions"],
            "sessions_1_0": here.session.get("http://127.0.0.1:8101/sessions", timeout=5).status_code,
        }


def bucket_changes(rules: str | None = None, catalogue: str = "WideCatalogue") -> Any:
    """Fifty changes of all buckets at 5000 packets a second: 500 users stay throughout, 1750 come and go meanwhile."""
    generator = random.Random(1)
    with world(rules=rules, catalogue=catalogue) as here:
        names = ["old-1", "old-2", "new-1", "new-2"]
        here.start_servers(*((name, "2.0" if name.startswith("new") else "1.0") for name in names))
        here.split((names[:2], 1.0), (names[2:], 0.0))
        commits_ms: list[float] = []

        def change() -> None:
            for turn in range(50):
                if turn % 2:
                    here.set_buckets([generator.choice(names) for _ in range(256)])
                else:
                    share = generator.random()
                    here.split((names[:2], 1 - share), (names[2:], share))
                commits_ms.append(here.decider()["last_commit"]["duration_ms"])

        plan = interleave(rounds(np.arange(500), 14), visitors(500, 1750, 4))
        capture = Capture()
        rate_pps = send(plan, rate_pps=5000, meanwhile=change)
        received = capture.read()
        return {
            **tally(plan, received),
            "changes": len(commits_ms),
            "commit_ms": {"median": float(np.median(commits_ms)), "max": max(commits_ms)},
            "rate_pps": round(rate_pps),
            "units_used": np.unique(received.unit).tolist(),
            "dropped": here.decider()["dropped"],
        }


def bucket_changes_without_pins() -> Any:
    """The same with a decider that looks at buckets only, and units that take up whatever comes."""
    return bucket_changes("tests.dataplane.world:UnpinnedRules", "MidstreamCatalogue")


def new_users_follow() -> Any:
    """Users come before and after a change of share; the former stay, the latter go by the new buckets."""
    with world() as here:
        here.start_servers(("old", "1.0"), ("new", "2.0"))
        here.split((["old"], 1.0), (["new"], 0.0))
        first, second = rounds(np.arange(256), 2), rounds(np.arange(256, 512), 2)
        again = rounds(np.arange(256), 2, first_index=2)
        plan = join(first, second, again)
        capture = Capture()
        send(first, rate_pps=4000)
        here.split((["old"], 0.5), (["new"], 0.5))
        send(join(second, again), rate_pps=4000)
        frames = capture.read()
        # The second plan counts from 0 again: what came later belongs to it.
        later = renumber(frames, len(first))
        units = later.unit_of(len(plan))
        newcomers = slice(len(first), len(first) + len(second))
        users_on_new = np.unique(plan.user[newcomers][units[newcomers] == 2]) % 256
        return {
            **tally(plan, later),
            "earlier_users_on_new": int((units[len(first) + len(second) :] == 2).sum()),
            "buckets_on_new": users_on_new.tolist(),
        }


def overload() -> Any:
    """One unit gets 1.3 times what it is rated for, another one carries half of what it could."""
    with world() as here:
        here.start_servers(("full", "1.0"), ("spare", "1.0"), flavor="gateway.standard")
        here.set_buckets(["full"] * 128 + ["spare"] * 128)
        rated_pps = here.unit_status(1)["rated_pps"]
        # Of 36 users, 26 are on the full unit and 10 on the spare one: 1.3 and 0.5 of a unit's rate.
        users = np.concatenate((np.arange(26), np.arange(128, 138)))
        rate_pps = rated_pps * 1.8
        plan = rounds(np.random.default_rng(3).permutation(users), int(rate_pps * 8 / len(users) / 2))
        capture = Capture()
        reached_pps = send(plan, rate_pps=rate_pps)
        received = capture.read()
        seen = received.times_seen(len(plan))
        # The burst allowance (250 ms of packets) is used up within the first second at 0.29 of the rate in excess.
        steady = np.arange(len(plan)) > len(plan) * 3 // 8
        on_full = plan.user < 128
        statuses = [here.unit_status(1), here.unit_status(2)]
        # What was lost was packets, not state: afterwards a packet of each session passes.
        check = rounds(users, 1, first_index=1)
        capture = Capture()
        send(check, rate_pps=200)
        return {
            "rate_pps": round(reached_pps),
            "wanted_pps": rate_pps,
            "loss_full": float((seen[steady & on_full] == 0).mean()),
            "lost_spare": int((seen[~on_full] == 0).sum()),
            "ring_drops": received.ring_drops,
            "status": statuses,
            "lost_before_status": int((seen == 0).sum()),
            "afterwards": tally(check, capture.read()),
        }


def midstream() -> Any:
    """Units that take up sessions midstream, in either direction."""
    with world(catalogue="MidstreamCatalogue") as here:
        here.start_servers(("one", "1.0"), ("two", "2.0"))
        here.split((["one", "two"], 1.0))
        # Half of the sessions show up with a packet down first.
        plan = join(rounds(np.arange(64), 2, first_index=1), turned(rounds(np.arange(64, 128), 2, first_index=1)))
        capture = Capture()
        send(plan, rate_pps=4000)
        return {**tally(plan, capture.read()), "status": [here.unit_status(1), here.unit_status(2)]}
