"""What is done to units and users, and what was observed. Each function returns plain data."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np

from tests.dataplane.packets import Capture, send
from tests.dataplane.plans import renumber, rounds, tally
from tests.dataplane.world import (
    DECIDER,
    VIM,
    World,
    network_namespaces,
    unit_processes,
    wait_for,
    world,
    zombies,
)


def pins_expire() -> Any:
    """Silent users and sessions are forgotten, those who speak are not."""
    with world(pin_timeout_s=1) as here:
        here.start_servers(("old", "1.0"), ("new", "2.0"))
        here.split((["old"], 1.0), (["new"], 0.0))
        talkers, silent = np.arange(64), np.arange(64, 128)
        capture = Capture()
        send(rounds(np.concatenate((talkers, silent)), 1), rate_pps=4000)
        pinned = wait_for(lambda: _with_sum(here.pins(), 128), what="all users pinned")
        here.split((["old"], 0.0), (["new"], 1.0))
        # Three seconds of talk, one packet per user and direction in 128 ms; the pin lives for one second.
        talk = rounds(talkers, 24, first_index=1)
        send(talk, rate_pps=1000)
        talked = renumber(capture.read(), 256)
        after_talk = here.pins()
        gone = wait_for(lambda: _with_sum(here.pins(), 0), what="pins forgotten")
        capture = Capture()
        send(rounds(silent, 1, session=1), rate_pps=4000)
        units_of_returned = np.unique(capture.read().unit).tolist()
        sessions = wait_for(lambda: _no_sessions(here), what="sessions forgotten")
        return {
            "pinned": pinned,
            "talk_units": np.unique(talked.unit).tolist(),
            "talk_received": int((talked.sequence >= 256).sum()),
            "talk_sent": len(talk),
            "after_talk": after_talk,
            "gone": gone,
            "units_of_returned": units_of_returned,
            "sessions": sessions,
        }


def drop_pins() -> Any:
    """All users are decided anew on demand."""
    with world() as here:
        here.start_servers(("one", "1.0"), ("two", "1.0"))
        here.split((["one"], 1.0), (["two"], 0.0))
        users = np.arange(64)
        send(rounds(users, 1), rate_pps=4000)
        before = here.pins()
        here.split((["one"], 0.0), (["two"], 1.0))
        answer = here.session.delete(f"{DECIDER}/pins", timeout=5)
        after = here.pins()
        capture = Capture()
        send(rounds(users, 1, session=1), rate_pps=4000)
        return {
            "before": before,
            "status": answer.status_code,
            "after": after,
            "units": np.unique(capture.read().unit).tolist(),
        }


def coming_and_going() -> Any:
    """Units come and go while 300 users of another unit have sessions."""
    with world(pin_timeout_s=1) as here:
        here.start_servers(("stays", "1.0"))
        here.split((["stays"], 1.0))
        at_rest = {
            "devices": here.decider_devices(),
            "units": len(unit_processes()),
            "namespaces": network_namespaces(),
        }
        between: list[Any] = []

        def come_and_go() -> None:
            for turn in range(2):
                (server_id,) = here.start_servers((f"guest-{turn}", "2.0"))
                here.split((["stays"], 0.5), ([f"guest-{turn}"], 0.5))
                between.append(here.decider_devices())
                here.split((["stays"], 1.0))
                here.delete_server(server_id)

        plan = rounds(np.arange(300), 40)
        capture = Capture()
        rate_pps = send(plan, rate_pps=3000, meanwhile=come_and_go)
        observed = tally(plan, capture.read())
        wait_for(lambda: network_namespaces() == at_rest["namespaces"], what="namespaces gone")
        return {
            **observed,
            "rate_pps": round(rate_pps),
            "at_rest": at_rest,
            "between": between,
            "afterwards": {
                "devices": here.decider_devices(),
                "units": len(unit_processes()),
                "namespaces": network_namespaces(),
            },
            "zombies": zombies(),
            "servers": here.get(f"{VIM}/v2.1/servers")["servers"],
            "attached": here.decider()["units"],
        }


def killed_unit() -> Any:
    """A unit is killed, its server deleted, another one made."""
    with world() as here:
        ids = here.start_servers(("one", "1.0"), ("two", "1.0"))
        here.split((["one", "two"], 1.0))
        os.kill(unit_processes()[0], signal.SIGKILL)
        fault = wait_for(lambda: here.server(ids[0]).get("fault") or here.server(ids[1]).get("fault"), what="fault")
        dead = next(server_id for server_id in ids if here.server(server_id)["status"] == "ERROR")
        name = here.server(dead)["name"]
        here.delete_server(dead)
        after_delete = {"attached": list(here.decider()["units"]), "zombies": zombies()}
        orphans = here.decider()["unassigned_buckets"]
        here.start_servers(("three", "1.0"))
        survivor = "two" if name == "one" else "one"
        here.split(([survivor, "three"], 1.0))
        plan = rounds(np.arange(256), 2)
        capture = Capture()
        send(plan, rate_pps=4000)
        return {
            "fault": fault["message"],
            "after_delete": after_delete,
            "survivor": survivor,
            "orphans": orphans,
            "traffic": tally(plan, capture.read()),
            "devices": [device for device in here.decider_devices() if device.startswith(("a", "c"))],
        }


def removed_unit() -> Any:
    """A unit that users are pinned to is taken away; their next sessions go elsewhere."""
    with world() as here:
        ids = here.start_servers(("one", "1.0"), ("two", "1.0"))
        here.split((["one"], 1.0), (["two"], 0.0))
        users = np.arange(64)
        send(rounds(users, 1), rate_pps=4000)
        before = here.pins()
        here.split((["one"], 0.0), (["two"], 1.0))
        here.delete_server(ids[0])
        plan = rounds(users, 2, session=1)
        capture = Capture()
        send(plan, rate_pps=4000)
        received = capture.read()
        return {
            **tally(plan, received),
            "pins_before": before,
            "pins_after": wait_for(lambda: _with_sum(here.pins(), 64), what="users pinned again"),
            "units": np.unique(received.unit).tolist(),
            "dropped": here.decider()["dropped"],
        }


def orphaned() -> Any:
    """The VIM is killed: its units go with it, and so do their namespaces and devices."""
    with world() as here:
        here.start_servers(("one", "1.0"), ("two", "2.0"))
        before = {"units": len(unit_processes()), "devices": here.decider_devices()}
        here.processes["vim"].kill()
        here.processes["vim"].wait()
        wait_for(lambda: not _running(unit_processes()), what="units gone")
        wait_for(lambda: len(here.decider_devices()) == 3, what="devices gone")
        return {"before": before, "devices": here.decider_devices(), "namespaces": network_namespaces()}


def no_unit() -> Any:
    """Traffic before there is a unit, and of a kind that nobody forwards."""
    with world() as here:
        capture = Capture()
        plan = rounds(np.arange(64), 1)
        send(plan, rate_pps=2000)
        first = here.decider()["dropped"]
        here.start_servers(("one", "1.0"))
        here.split((["one"], 1.0))
        send(plan, rate_pps=2000)
        received = capture.read()
        # What the tester's ports sent beyond the plans would be an answer of this machine's own IP stack.
        transmitted = {port: _transmitted(port) for port in ("p0", "p1")}
        return {
            "dropped": first,
            "received": len(received.sequence),
            "transmitted": transmitted,
            "sent_per_port": len(plan),
        }


def refused() -> Any:
    """Requests that make no sense, and what is answered."""
    with world() as here:
        (server_id,) = here.start_servers(("one", "1.0"))

        def answer(method: str, url: str, body: Any = None) -> list[Any]:
            response = here.session.request(method, url, json=body, timeout=10)
            return [response.status_code, response.json()]

        server = {"name": "x", "imageRef": "lab-gateway-1.0", "flavorRef": "gateway.wide"}
        return {
            "unknown image": answer("POST", f"{VIM}/v2.1/servers", {"server": {**server, "imageRef": "none"}}),
            "taken name": answer("POST", f"{VIM}/v2.1/servers", {"server": {**server, "name": "one"}}),
            "unknown server": answer("GET", f"{VIM}/v2.1/servers/none"),
            "no devices": answer("PUT", f"{DECIDER}/units/ghost", {"number": 77}),
            "unknown unit": answer("DELETE", f"{DECIDER}/units/ghost"),
            "buckets to nobody": answer("PUT", f"{DECIDER}/buckets", {"buckets": ["ghost"] * 256}),
            "split to nobody": answer(
                "PUT", "http://127.0.0.1:8005/split", {"shares": [{"units": ["ghost"], "share": 1}]}
            ),
            "same unit again": here.session.put(f"{DECIDER}/units/one", json={"number": 1}, timeout=5).status_code,
            "server": here.server(server_id),
        }


def _with_sum(pins: dict[str, int], wanted: int) -> dict[str, int] | None:
    return pins if sum(pins.values()) == wanted else None


def _no_sessions(here: World) -> list[int] | None:
    sessions = [here.unit_status(number)["sessions"] for number in (1, 2)]
    return sessions if sum(sessions) == 0 else None


def _running(pids: list[int]) -> list[int]:
    gone = set(zombies())
    return [pid for pid in pids if pid not in gone]


def _transmitted(port: str) -> int:
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == port:
            return int(numbers.split()[9])
    raise AssertionError(f"no device {port}")
