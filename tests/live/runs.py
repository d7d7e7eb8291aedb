"""Starts whole runs of the suite on the embedded system and looks at what they leave behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN_ID = re.compile(r"run id:? ([0-9a-f]{12})")


def run_command(reports: Path, *, defect: str | None = None, only: tuple[str, ...] = ()) -> list[str]:
    """Return the command that `make conformance` runs, with its own report folder and without report.html."""
    lab = [sys.executable, "-m", "lab", "run", "--logs", str(reports / "logs")]
    if defect is not None:
        lab += ["--defect", defect]
    suite = ["--sut", "suts/lab.yaml", "--profile", "quick", "--reports", str(reports), "--no-html"]
    for requirement in only:
        suite += ["--only", requirement]
    return [*lab, "--", sys.executable, "-m", "hitless", "run", *suite]


@dataclass
class Finished:
    code: int
    output: str
    verdicts: dict[str, str]
    requirements: dict[str, dict]
    reports: Path


def run_to_the_end(
    reports: Path, *, defect: str | None = None, only: tuple[str, ...] = (), timeout_s: float = 600
) -> Finished:
    """Run the suite once and read its verdicts."""
    command = run_command(reports, defect=defect, only=only)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    output = done.stdout + done.stderr
    path = reports / "verdict.json"
    requirements = json.loads(path.read_text())["requirements"] if path.is_file() else {}
    verdicts = {name: row["verdict"] for name, row in requirements.items()}
    return Finished(done.returncode, output, verdicts, requirements, reports)


@dataclass
class LiveRun:
    """A run that goes on in the background."""

    process: subprocess.Popen
    lines: list[str] = field(default_factory=list)
    reader: threading.Thread | None = None

    @classmethod
    def start(cls, command: list[str]) -> LiveRun:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
        run = cls(process)
        run.reader = threading.Thread(target=run._read, daemon=True)
        run.reader.start()
        return run

    def _read(self) -> None:
        with self.process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def run_id(self) -> str:
        found = RUN_ID.search(self.output)
        assert found, f"no run id in the output:\n{self.output}"
        return found.group(1)

    def wait_for(self, text: str, timeout_s: float = 90) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in self.output:
            assert time.monotonic() < deadline, f"'{text}' did not appear within {timeout_s} s:\n{self.output}"
            assert self.process.poll() is None, f"the run ended before '{text}' appeared:\n{self.output}"
            time.sleep(0.05)

    def wait_for_end(self, timeout_s: float = 150) -> int:
        return self.process.wait(timeout=timeout_s)

    def kill_everything(self) -> None:
        """End the run whatever happened: for the clean-up of a failed test."""
        for pid in processes_of(self.run_id) if RUN_ID.search(self.output) else []:
            with_signal(pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)
        self.reader.join(timeout=10)


def with_signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def processes_of(run_id: str) -> dict[int, str]:
    """Return the processes whose environment holds the run id: pid to command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"HITLESS_RUN_ID={run_id}".encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except (OSError, ValueError):
            continue
    return found


def wait_until_gone(run_id: str, timeout_s: float = 15) -> dict[int, str]:
    """Return the processes of the run that are still there after at most ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while (left := processes_of(run_id)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def network_namespaces(pids: Iterable[int] | None = None) -> set[str]:
    """Return the network namespaces that these processes live in, or all processes."""
    links = Path("/proc").glob("[0-9]*/ns/net") if pids is None else (Path(f"/proc/{pid}/ns/net") for pid in pids)
    found = set()
    for link in links:
        with contextlib.suppress(OSError):
            found.add(str(link.readlink()))
    return found


def interfaces() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def rules() -> str:
    nft = next(path for path in ("/usr/sbin/nft", "/usr/bin/nft", "/sbin/nft") if Path(path).exists())
    return subprocess.run([nft, "list", "ruleset"], capture_output=True, text=True, check=False).stdout
