"""Analyses one recording and says what that took: `python -m benchmarks.analysed FOLDER [--cold]`.

With `--cold` memory is not touched beforehand, so that a profile shows the analysis alone.
"""

from __future__ import annotations

import json
import mmap
import sys
import time
from dataclasses import asdict
from pathlib import Path

from benchmarks.analysis import Run
from hitless.judges.affinity import measure_affinity
from hitless.judges.common import window_of
from hitless.recording import load

_LIMITS = {"lead_in_s": 2.0, "baseline_s": 10.0, "tail_s": 5.0}
_WARM_BYTES = 1 << 30
_RESET_PEAK = "5"  # proc(5), /proc/PID/clear_refs


def main(folder: Path, *, warm: bool = True) -> Run:
    """Load and measure.

    Args:
        folder: of the recording.
        warm: whether memory is touched before time is taken.

    Raises:
        ValueError: the recording has no request, so nothing can be measured.
    """
    if warm:
        warm_memory()
    idle_mib = resident_mib("VmRSS")
    Path("/proc/self/clear_refs").write_text(_RESET_PEAK)
    started, started_cpu = time.perf_counter(), time.process_time()
    history = load(folder)
    loaded = time.perf_counter()
    window = window_of(history, _LIMITS)
    if window is None:
        raise ValueError(f"{folder} - no upgrade was requested - Expected: an event 'request', Actual: none")
    measure_affinity(history, window)
    ended, ended_cpu = time.perf_counter(), time.process_time()
    return Run(
        packets=len(history.probes.number),
        load_s=loaded - started,
        measure_s=ended - loaded,
        cpu_s=ended_cpu - started_cpu,
        peak_mib=resident_mib("VmHWM"),
        idle_mib=idle_mib,
    )


def warm_memory() -> None:
    """Touch memory and give it back, so that a virtual machine's host has handed it out before time is taken.

    What the host takes to back a page for the first time is many times what the guest takes to use it, and says nothing
    about the analysis.
    """
    with mmap.mmap(-1, _WARM_BYTES, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        for place in range(0, _WARM_BYTES, mmap.PAGESIZE):
            memory[place] = 1


def resident_mib(name: str) -> float:
    """Return the resident set (VmRSS) or its largest value (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/self/status - {name} - Expected: a line, Actual: none")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(main(Path(sys.argv[1]), warm="--cold" not in sys.argv[2:]))))
