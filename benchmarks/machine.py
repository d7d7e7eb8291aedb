"""The machine that is measured on: what it is, how busy it is, and who else is."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_IDLE_FIELDS = (3, 4)  # idle, iowait; proc(5), /proc/stat
_COUNTED_FIELDS = 8  # what follows, guest time, is part of user time already
_VERSION_COMMANDS: Mapping[str, Sequence[str]] = {
    "trafgen": ("trafgen", "--version"),
    "mausezahn": ("mausezahn", "-h"),
    "tcpreplay": ("tcpreplay", "--version"),
    "iperf3": ("iperf3", "--version"),
    "tcpdump": ("tcpdump", "--version"),
    "tshark": ("tshark", "--version"),
}
_VERSION = re.compile(r"\d+\.\d+[\w.]*")


@dataclass(frozen=True)
class Load:
    """How busy the machine is.

    Attributes:
        average: load average of the last minute.
        running: processes that could run at that instant, this one left out.
    """

    average: float
    running: int

    def told(self) -> str:
        """Return it in words."""
        return f"load average {self.average:.2f}, {self.running} other runnable processes"


def load(proc: Path = PROC) -> Load:
    """Return how busy the machine is now."""
    words = (proc / "loadavg").read_text().split()
    return Load(float(words[0]), max(0, int(words[3].split("/")[0]) - 1))


def busy_s(proc: Path = PROC, ticks_per_s: int | None = None) -> float:
    """Return for how long all processors together have not been idle since the start of the machine."""
    hertz = ticks_per_s or os.sysconf("SC_CLK_TCK")
    fields = [int(word) for word in (proc / "stat").read_text().split("\n", 1)[0].split()[1:]][:_COUNTED_FIELDS]
    return sum(value for place, value in enumerate(fields) if place not in _IDLE_FIELDS) / hertz


def processor(proc: Path = PROC) -> str:
    """Return the model of the processor."""
    for line in (proc / "cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def described() -> str:
    """Return processor, number of cores, memory and kernel in a line."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, Linux {platform.release()}"


def versions() -> dict[str, str]:
    """Return the versions of the tools that are compared with; those that are not there are left out."""
    found = {}
    for name, command in _VERSION_COMMANDS.items():
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        except (FileNotFoundError, subprocess.TimeoutExpired):
            continue
        match = _VERSION.search(done.stdout + done.stderr)
        found[name] = match.group(0) if match else "unknown"
    return found
