"""The lab's data plane, without a supervisor: decider, VIM, controller, and the tester's two ports."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import requests

from lab.decider.rules import PinnedRules
from lab.devices import quiet_namespace
from lab.network import bring_up_loopback, create_tester_links
from lab.parts import STANDARD
from lab.plan import Places, plan
from lab.readiness import RedisProbe
from lab.vim.catalogue import Flavor, Image, StandardCatalogue, UnitOptions

DECIDER = "http://127.0.0.1:8003"
VIM = "http://127.0.0.1:8002"
CONTROLLER = "http://127.0.0.1:8005"
STORE = "127.0.0.1:6379"

Seen = TypeVar("Seen")


class WideCatalogue(StandardCatalogue):
    """Units so large that their policer never matters."""

    def flavors(self) -> tuple[Flavor, ...]:
        return (*super().flavors(), Flavor("gateway.wide", rated_pps=100_000))


class MidstreamCatalogue(WideCatalogue):
    """Units that take up sessions whose opening packet they did not see."""

    def unit(self, image: Image, flavor: Flavor) -> UnitOptions:
        return UnitOptions(image.package, flavor.rated_pps, session_pickup="midstream")


class UnpinnedRules(PinnedRules):
    """A decider that looks at buckets only, for every packet."""

    def __init__(self, pin_timeout_s: int) -> None:
        super().__init__(pin_timeout_s, pins=None)

    def initial(self) -> str:
        return "\n".join(line for line in super().initial().splitlines() if "@pins" not in line) + "\n"


def wait_for(question: Callable[[], Seen | None], *, what: str, within_s: float = 20) -> Seen:
    """The first answer that is not None or false. The deadline is only there to fail instead of hanging."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        with contextlib.suppress(requests.ConnectionError):
            answer = question()
            if answer:
                return answer
        time.sleep(0.02)
    raise AssertionError(f"{what} - not within {within_s} s")


class World:
    """Calls to the running processes."""

    def __init__(self, processes: dict[str, subprocess.Popen[bytes]]) -> None:
        self.processes = processes
        self.session = requests.Session()

    def get(self, url: str) -> Any:
        answer = self.session.get(url, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def start_servers(self, *specifications: tuple[str, str], flavor: str = "gateway.wide") -> list[str]:
        """Create servers from (name, software version) and wait until all are ACTIVE; returns their ids."""
        ids = [self.create_server(name, version, flavor) for name, version in specifications]
        wait_for(lambda: all(self._active(server_id) for server_id in ids), what="all servers ACTIVE")
        return ids

    def create_server(self, name: str, version: str, flavor: str = "gateway.wide") -> str:
        body = {"server": {"name": name, "imageRef": f"lab-gateway-{version}", "flavorRef": flavor}}
        answer = self.session.post(f"{VIM}/v2.1/servers", json=body, timeout=10)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["server"]["id"])

    def server(self, server_id: str) -> Any:
        return self.get(f"{VIM}/v2.1/servers/{server_id}")["server"]

    def _active(self, server_id: str) -> bool:
        server = self.server(server_id)
        assert server["status"] != "ERROR", server
        return bool(server["status"] == "ACTIVE")

    def delete_server(self, server_id: str) -> None:
        answer = self.session.delete(f"{VIM}/v2.1/servers/{server_id}", timeout=30)
        assert answer.status_code == 204, answer.text

    def unit_status(self, number: int) -> Any:
        return self.get(f"http://127.0.0.1:{8100 + number}/status")

    def split(self, *groups: tuple[Any, ...], forget: Sequence[str] = ()) -> Any:
        """Each group is (units, share) or (units, share, version)."""
        shares = [dict(zip(("units", "share", "version"), group, strict=False)) for group in groups]
        body = {"shares": shares, "order": "stable", "forget": list(forget)}
        answer = self.session.put(f"{CONTROLLER}/split", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def set_buckets(self, names: Sequence[str]) -> None:
        answer = self.session.put(f"{DECIDER}/buckets", json={"buckets": list(names)}, timeout=10)
        assert answer.status_code == 204, answer.text

    def select(self, *selections: tuple[str | None, int | None, Sequence[str]]) -> float:
        """Put selections (users, service port, units) in force; returns how long that took, in seconds."""
        members = ("users", "service_port", "units")
        body = {"selections": [dict(zip(members, selection, strict=True)) for selection in selections]}
        before_s = time.monotonic()
        answer = self.session.put(f"{DECIDER}/selections", json=body, timeout=10)
        assert answer.status_code == 204, answer.text
        return time.monotonic() - before_s

    def set_rules(self, *rules: tuple[str, str | None, int | None, str]) -> Any:
        """Put rules (name, users, service port, version) in force at the controller."""
        members = ("name", "users", "service_port", "version")
        body = {"rules": [dict(zip(members, rule, strict=True)) for rule in rules]}
        answer = self.session.put(f"{CONTROLLER}/rules", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def flush(self, number: int) -> int:
        return self.session.post(f"http://127.0.0.1:{8100 + number}/flush", timeout=10).status_code

    def adopt(self, number: int, *others: int) -> Any:
        url = f"http://127.0.0.1:{8100 + number}/adopt"
        answer = self.session.post(url, json={"units": list(others)}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pins(self) -> dict[str, int]:
        return dict(self.get(f"{DECIDER}/pins"))

    def decider(self) -> Any:
        return self.get(f"{DECIDER}/status")

    def decider_devices(self) -> list[str]:
        """Devices in the decider's namespace."""
        return devices_of(self.processes["decider"].pid)


def devices_of(pid: int) -> list[str]:
    """Devices in the network namespace of a process."""
    lines = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
    return sorted(line.partition(":")[0].strip() for line in lines)


def unit_processes() -> list[int]:
    """Processes that are units, zombies included."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"lab.vnf" in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return sorted(found)


def zombies() -> list[int]:
    """Children that nobody has collected."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if path.read_text().rpartition(")")[2].split()[0] == "Z":
                found.append(int(path.parent.name))
    return sorted(found)


def network_namespaces() -> int:
    """Number of network namespaces that processes live in."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/ns/net"):
        with contextlib.suppress(OSError):
            found.add(str(path.readlink()))
    return len(found)


def start_redis() -> subprocess.Popen[bytes]:
    """Redis as the lab starts it, with its words in the folder of the logs."""
    (spec,) = [spec for spec in plan(STANDARD, Places(state=Path("/tmp"))) if spec.name == "redis"]  # noqa: S108 - unused
    with (Path(os.environ["HITLESS_LOG_DIR"]) / "redis.log").open("ab") as log:
        return subprocess.Popen(spec.argv, stdout=log, stderr=log)


@contextlib.contextmanager
def world(
    *,
    pin_timeout_s: int = 5,
    catalogue: str = "WideCatalogue",
    rules: str | None = None,
    switching: str | None = None,
) -> Iterator[World]:
    """The processes, up and linked; they are ended at the end."""
    bring_up_loopback()
    quiet_namespace()
    decider_options = ["--pin-timeout-s", str(pin_timeout_s), *(["--rules", rules] if rules else [])]
    decider_options += ["--switching", switching] if switching else []
    commands = {
        "decider": ["lab.decider", *decider_options],
        "vim": ["lab.vim", "--catalogue", f"tests.dataplane.world:{catalogue}", "--store", STORE],
        "controller": ["lab.controller"],
    }
    processes = {name: subprocess.Popen([sys.executable, "-m", *command]) for name, command in commands.items()}
    processes["redis"] = start_redis()
    try:
        here = World(processes)
        wait_for(lambda: RedisProbe(6379).ask() is None, what="Redis serves")
        wait_for(here.decider, what="decider serves")
        create_tester_links(processes["decider"].pid)
        wait_for(lambda: here.decider()["linked"], what="decider linked")
        wait_for(lambda: here.get(f"{VIM}/status")["ready"], what="VIM serves")
        wait_for(lambda: here.get(f"{CONTROLLER}/status")["ready"], what="controller serves")
        yield here
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(timeout=10)
