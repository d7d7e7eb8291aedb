"""Time and memory to load and measure recordings of any size; each run is a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.synthetic import Shape, shape_of, suite_shape, write_recording
from benchmarks.table import Spread, markdown, spread

AIM_S, AIM_MIB = 2.0, 1024
_TIMEOUT_S = 120
_SESSION_SERIES_PACKETS = 1_000_000
_ROOT = Path(__file__).resolve().parents[1]
HEADERS = (
    "recording", "packets", "sessions", "load s", "measure s", "together s", "CPU s", "ns per packet", "peak MiB",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """What one process said about itself.

    Attributes:
        packets: captured packets of the recording.
        load_s: from the folder to the history.
        measure_s: everything that is measured of session affinity: loss, duplicates, reordering, outages by service,
            version, instance and session, share changes, moves and drops of sessions.
        cpu_s: processor time of both.
        peak_mib: largest resident set, with the interpreter and its libraries.
        idle_mib: resident set before the recording was looked at.
    """

    packets: int
    load_s: float
    measure_s: float
    cpu_s: float
    peak_mib: float
    idle_mib: float

    @property
    def total_s(self) -> float:
        """Both together."""
        return self.load_s + self.measure_s


@dataclass(frozen=True)
class Row:
    """A recording and the runs on it."""

    name: str
    sessions: int
    runs: tuple[Run, ...]

    @property
    def packets(self) -> int:
        """Captured packets."""
        return self.runs[0].packets

    def of(self, name: str) -> Spread:
        """Return a figure of all runs, by its name."""
        return spread([getattr(run, name) for run in self.runs])

    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        return (
            self.name,
            f"{self.packets}",
            f"{self.sessions}",
            self.of("load_s").told(),
            self.of("measure_s").told(),
            self.of("total_s").told(),
            self.of("cpu_s").told(),
            f"{self.of('total_s').median / self.packets * 1e9:.0f}",
            f"{self.of('peak_mib').median:.0f}",
        )


def plan(*, short: bool) -> list[tuple[str, Shape]]:
    """Return the recordings: more and more packets of the suite's own profile, more and more sessions."""
    powers = (5, 6) if short else (5, 6, 7)
    sessions = (2, 4) if short else (2, 3, 4, 5)
    packets = 100_000 if short else _SESSION_SERIES_PACKETS
    series = [("the suite's profile", suite_shape(10**power)) for power in powers]
    return [*series, *(("more sessions", shape_of(packets, 10**power)) for power in sessions)]


def measure(*, short: bool, repeats: int) -> list[Row]:
    """Write each recording, analyse it repeatedly, remove it."""
    rows = []
    for name, shape in plan(short=short):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "recording"
            write_recording(target, shape)
            rows.append(Row(name, shape.sessions, tuple(analyse(target) for _ in range(repeats))))
    return rows


def analyse(folder: Path) -> Run:
    """Analyse a recording in a process of its own.

    Raises:
        subprocess.CalledProcessError: it failed; its last words are with the error.
    """
    command = [sys.executable, "-m", "benchmarks.analysed", str(folder)]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    return Run(**json.loads(done.stdout))


def growth(rows: Sequence[Row]) -> float:
    """Return by how much processor time per packet differs between the two largest recordings of the profile."""
    large, largest = sorted((row for row in rows if row.name == rows[0].name), key=lambda row: row.packets)[-2:]
    return (largest.of("cpu_s").median / largest.packets) / (large.of("cpu_s").median / large.packets)


def told(rows: Sequence[Row]) -> str:
    """Return the table and what it says about the aim."""
    largest = max(rows, key=lambda row: row.packets)
    text = markdown(HEADERS, [row.cells() for row in rows])
    text += f"\nCPU time per packet at {largest.packets} packets over that at a tenth of them: {growth(rows):.2f}\n"
    if largest.packets > 9_000_000:
        seconds, mib = largest.of("total_s").median, largest.of("peak_mib").median
        text += (
            f"Aim: 10^7 packets in <= {AIM_S:g} s and <= {AIM_MIB} MiB - Actual: {seconds:.2f} s "
            f"({seconds / AIM_S:.2f} of it), {mib:.0f} MiB ({mib / AIM_MIB:.2f} of it)\n"
        )
    return text
