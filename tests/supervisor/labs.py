"""Starts labs of fake nodes and looks at what they leave behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def node(name, *behaviours, ready_within_s=20.0):
    return {"name": name, "port": free_port(), "behaviours": list(behaviours), "ready_within_s": ready_within_s}


def python(code):
    return [sys.executable, "-c", code]


class FakeLab:
    """One driver process with its output in a file, so that a killed run cannot block on a pipe."""

    def __init__(self, folder, nodes, command, *, isolated=False, stdin=subprocess.DEVNULL):
        self.run_id = secrets.token_hex(6)
        self.logs = folder / "logs"
        self.logs.mkdir()
        self._output = folder / "output.txt"
        plan = {"nodes": nodes, "command": command, "isolated": isolated, "logs": str(self.logs)}
        (folder / "plan.json").write_text(json.dumps(plan))
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.supervisor.driver", str(folder / "plan.json")],
                cwd=ROOT,
                env={**os.environ, "HITLESS_RUN_ID": self.run_id},
                stdin=stdin,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self):
        return self._output.read_text()

    def wait_for(self, text):
        deadline_s = time.monotonic() + PATIENCE_S
        while text not in self.output:
            assert time.monotonic() < deadline_s, f"'{text}' did not appear:\n{self.output}"
            assert self.process.poll() is None, f"ended before '{text}' appeared:\n{self.output}"
            time.sleep(0.02)

    def end(self):
        return self.process.wait(timeout=PATIENCE_S)

    def host_pids(self, pattern):
        """Pids, as seen from here, of the run's processes whose command line matches; the eldest first."""
        return [pid for pid, line in sorted(processes_of(self.run_id).items()) if re.search(pattern, line)]

    def clean_up(self):
        for pid in processes_of(self.run_id):
            kill(pid)
        self.process.kill()
        self.process.wait(timeout=PATIENCE_S)


def kill(pid, number=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def processes_of(run_id):
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"HITLESS_RUN_ID={run_id}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:
            continue
    return found


def left_after_a_while(run_id):
    deadline_s = time.monotonic() + PATIENCE_S
    while (left := processes_of(run_id)) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return left


def network_namespaces(run_id):
    """Namespaces that processes of a run live in, those of the machine itself excluded."""
    found = set()
    for pid in processes_of(run_id):
        try:
            found.add(Path(f"/proc/{pid}/ns/net").readlink())
        except OSError:
            continue
    return found - {Path("/proc/self/ns/net").readlink()}


def inhabitants(namespaces):
    """Processes that keep one of these network namespaces alive."""
    found = []
    for link in Path("/proc").glob("[0-9]*/ns/net"):
        try:
            if link.readlink() in namespaces:
                found.append(link.parts[2])
        except OSError:
            continue
    return found


def interfaces():
    return {path.name for path in Path("/sys/class/net").iterdir()}
