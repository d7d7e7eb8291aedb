"""Everything that a recording on the wire stands on: path, MANO, generator, worker, and the processes to be stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from hitless.procedures.bench import Bench, Timing
from hitless.sut import parse
from hitless.traffic import TrafficGenerator
from tests.lying import path
from tests.lying.mano import INSTANCE, PORT, SmallMano

PROFILE = Path(__file__).resolve().parents[2] / "traffic_profiles" / "upgrade.py"
SMALL = Path(__file__).resolve().parent / "small"
LEAD_IN_S, TAIL_S = 0.35, 0.5
DECLARATION = """
schema_version: 1
name: lying
vnf:
  source: {{vnfd_id: vnfd-1, software_version: "1.0"}}
  target: {{vnfd_id: vnfd-2, software_version: "2.0"}}
  failing: {{vnfd_id: vnfd-bad, software_version: "2.0-bad"}}
  flavour_id: default
  instance_id: {instance}
  rated_capacity: {{value_pps: {load_pps}, frame_bytes: 128, new_sessions_per_s: 125}}
  session_timeout_s: 5
  marks: {{versions: {{"1.0": "ip[1] & 0xfc = 0x28", "2.0": "ip[1] & 0xfc = 0x48"}}, instance: source_mac}}
mano: {{sol003: {{api_root: "http://127.0.0.1:{port}", timeout_s: 0.3}}, poll_interval_ms: 50}}
notifications: {{bind: 127.0.0.1, port: 9900}}
upgrade: {{deadline_s: 20, drain_timeout_s: 20}}
traffic: {{profile: {profile}, trex: {{server: 127.0.0.1}}, ports: {{users: 0, network: 1}}, attachment: l2}}
"""


class World:
    """What acts of a lie work on."""

    def __init__(self, folder: Path, mano: SmallMano) -> None:
        self.folder, self.mano = folder, mano
        self.changes: list[dict[str, Any]] = []
        self._generator: subprocess.Popen[str] | None = None
        self._traffic: TrafficGenerator | None = None
        self._small: Mapping[str, str] = {}
        self._keeper: path.Keeper | None = None

    def change(self, commands: str) -> None:
        """Change what the system under test does to packets, and keep when."""
        began_ns = time.monotonic_ns()
        path.nft(commands)
        self.changes.append({"commands": commands, "began_ns": began_ns, "done_ns": time.monotonic_ns()})

    def begin_to_keep(self) -> None:
        self._keeper = path.Keeper()

    def keep(self, count: int) -> None:
        assert self._keeper is not None
        self._keeper.keep(count)
        self._keeper.close()

    def deliver(self) -> None:
        assert self._keeper is not None
        assert self._keeper.frames
        self._keeper.deliver()

    def stop(self, role: str) -> None:
        os.kill(pid_of(role), signal.SIGSTOP)

    def go_on(self, role: str) -> None:
        os.kill(pid_of(role), signal.SIGCONT)

    @contextlib.contextmanager
    def traffic(self, small: Mapping[str, str], *, silent: bool) -> Iterator[TrafficGenerator]:
        """Lend the generator, a new one where it is to have another size; it stays for the next run."""
        if self._traffic is None or self._small != small:
            self.close()
            self._small = small
            self._start(small)
        assert self._traffic is not None
        yield Lent(self._traffic, silent=silent)

    def _start(self, small: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "lab.generator", "--port0", "p0", "--port1", "p1"]
        with (self.folder / "generator.log").open("a") as log, environment(small):
            self._generator = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
            line = self._generator.stdout.readline() if self._generator.stdout else ""
            assert "ready" in line, line
            self._traffic = TrafficGenerator(self.folder / "worker.log")
        self._traffic.connect()

    def close(self) -> None:
        """End generator and worker."""
        if self._traffic is not None:
            self._traffic.close()
        if self._generator is not None:
            self._generator.terminate()
            self._generator.wait(10)
        self._traffic = self._generator = None


class Lent:
    """A generator that is connected already and is not ended with the recording."""

    def __init__(self, traffic: TrafficGenerator, *, silent: bool) -> None:
        self._traffic, self._silent = traffic, silent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._traffic, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Keep it."""

    def connect(self, *_: object) -> None:
        """It is."""

    def start(self, part: str) -> tuple[int, int]:
        """Start a part, or say so."""
        return (time.monotonic_ns(),) * 2 if self._silent else self._traffic.start(part)

    def stop(self, part: str) -> tuple[int, int]:
        return (time.monotonic_ns(),) * 2 if self._silent else self._traffic.stop(part)


@contextlib.contextmanager
def environment(more: Mapping[str, str]) -> Iterator[None]:
    """Let processes that are started meanwhile see some variables, and sitecustomize."""
    before = dict(os.environ)
    os.environ |= {**more, "PYTHONPATH": os.pathsep.join((str(SMALL), before.get("PYTHONPATH", "")))}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def pid_of(role: str) -> int:
    """Return a process of this namespace by a word of its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if role.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                return int(entry.name)
    raise LookupError(role)


def bench_of(folder: Path, load_pps: int, baseline_s: float, lent: TrafficGenerator) -> Bench:
    """Return the tester's bench for one recording."""
    declared = DECLARATION.format(instance=INSTANCE, load_pps=load_pps, port=PORT, profile=PROFILE)
    timing = Timing(LEAD_IN_S, baseline_s, TAIL_S)
    return Bench(parse(declared), "quick", timing, print, folder, make_traffic=lambda _: lent)
