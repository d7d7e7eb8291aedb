"""Processor time: of a tree of processes, to the nanosecond, and of the whole machine.

The kernel's scheduler counts the time for which each thread had a processor (/proc/PID/task/TID/schedstat). Interrupts
that arrive meanwhile are part of it, unless the kernel accounts them by themselves (CONFIG_IRQ_TIME_ACCOUNTING): what a
packet costs at the other end of a veth pair, up to the tap and the sink, is paid by whoever sends it. What the kernel
puts off to a thread of its own is only seen in the time of the whole machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import PROC, busy_s

_PARENT_FIELD = 1  # behind the name, in /proc/PID/stat


@dataclass(frozen=True)
class Cost:
    """Processor seconds so far.

    Attributes:
        tree_s: of the processes that are looked at.
        machine_s: of all processors together, whoever used them; in steps of a tick.
    """

    tree_s: float
    machine_s: float

    def since(self, earlier: Cost) -> Cost:
        """Return what was used since an earlier reading."""
        return Cost(self.tree_s - earlier.tree_s, self.machine_s - earlier.machine_s)


def cost_of(roots: Iterable[int], proc: Path = PROC) -> Cost:
    """Return what processes and everything that they have started have used so far; who has ended is left out."""
    pids = descendants(roots, proc)
    return Cost(sum(_scheduled_ns(pid, proc) for pid in pids) / 1e9, busy_s(proc))


def descendants(roots: Iterable[int], proc: Path = PROC) -> set[int]:
    """Return processes and all that descend from them."""
    parents = dict(_parents(proc))
    found = {pid for pid in roots if pid in parents}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _parents(proc: Path) -> Iterable[tuple[int, int]]:
    for folder in proc.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The name stands in parentheses and may hold anything.
            yield int(folder.name), int(text.rpartition(")")[2].split()[_PARENT_FIELD])


def _scheduled_ns(pid: int, proc: Path) -> int:
    total = 0
    try:
        for task in (proc / str(pid) / "task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total
