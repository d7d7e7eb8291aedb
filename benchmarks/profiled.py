"""Where the time goes on a hot path: `python -m benchmarks.profiled sending|receiving|analysis`, by perf(1).

Sending and receiving are looked at while they run in their namespaces, from outside: what the kernel does in the name
of the process is seen, if perf may see it (root, or kernel.perf_event_paranoid <= 1).
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from benchmarks import machine, sandbox
from benchmarks.cost import descendants
from benchmarks.machine import PROC
from benchmarks.processes import stop
from benchmarks.synthetic import suite_shape, write_recording
from benchmarks.table import markdown

HERTZ = 1997
_FOUND_S, _SETTLE_S, _LOOK_S, _END_S = 30.0, 1.2, 3.0, 60.0
_TOP = 25
_LINE = re.compile(r"\s*([\d.]+)%\s+(\S+)\s+\[([k.])\]\s+(.+?)[\s-]*$")


class ProfileError(RuntimeError):
    """perf cannot be run, or what is to be looked at did not come."""


@dataclass(frozen=True)
class Part:
    """What is looked at: the process whose command line holds `words`, in a part of the benchmark."""

    name: str
    arguments: tuple[str, ...]
    words: tuple[str, ...]


PARTS: Mapping[str, Part] = MappingProxyType(
    {
        "sending": Part(
            "sending", ("--rounds", "1", "--window", "6", "--sizes", "64", "--others"), ("generator.worker", "sender")
        ),
        "receiving": Part(
            "receiving",
            ("--rounds", "1", "--packets", "3000000", "--sizes", "64", "--others"),
            ("generator.worker", "receiver"),
        ),
    }
)


@dataclass(frozen=True)
class Symbol:
    """A function and its part of the samples."""

    percent: float
    library: str
    kernel: bool
    name: str


def read_report(report: str) -> list[Symbol]:
    """Return the functions of `perf report --sort dso,symbol`, the dearest first."""
    matches = (_LINE.match(line) for line in report.splitlines() if not line.startswith("#"))
    found = [Symbol(float(m[1]), m[2].split("/")[-1], m[3] == "k", m[4]) for m in matches if m]
    return sorted(found, key=lambda symbol: -symbol.percent)


def told(symbols: Sequence[Symbol]) -> str:
    """Return how much is the kernel's and which functions are on top.

    Raises:
        ProfileError: there are no samples.
    """
    if not symbols:
        raise ProfileError("profile - samples - Expected: > 0 functions, Actual: 0 - see perf report by hand")
    kernel = sum(symbol.percent for symbol in symbols if symbol.kernel)
    rows = [("kernel" if one.kernel else one.library, one.name, f"{one.percent:.1f}") for one in symbols[:_TOP]]
    return f"kernel {kernel:.0f} %, user space {100 - kernel:.0f} %\n\n" + markdown(
        ("where", "function", "% of samples"), rows, texts=2
    )


def wait_for(roots: Sequence[int], words: Sequence[str], proc: Path = PROC, timeout_s: float = _FOUND_S) -> int:
    """Return the process below `roots` whose command line holds all words, once it is there.

    Raises:
        ProfileError: it does not come.
    """
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        for pid in descendants(roots, proc):
            command = _command_line(pid, proc)
            if all(word in command for word in words):
                return pid
        time.sleep(0.05)
    raise ProfileError(f"profile - process - Expected: {' '.join(words)} within {timeout_s:g} s, Actual: none")


def _command_line(pid: int, proc: Path) -> str:
    try:
        return (proc / str(pid) / "cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _record(folder: Path, words: Sequence[str]) -> None:
    _perf(["record", "-q", "-F", str(HERTZ), "-o", str(folder / "perf.data"), *words])


def _report(folder: Path) -> str:
    words = ["report", "-q", "-i", str(folder / "perf.data"), "--stdio", "--no-children", "--sort", "dso,symbol"]
    return _perf(words)


def _perf(words: Sequence[str]) -> str:
    try:
        done = subprocess.run(["perf", *words], capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError as error:
        raise ProfileError("perf - Expected: installed, Actual: not found - apt install linux-perf") from error
    if done.returncode:
        said = done.stderr[-300:].strip()
        raise ProfileError(f"perf {words[0]} - exit code - Expected: 0, Actual: {done.returncode}: {said}")
    return done.stdout


def on_the_wire(part: Part) -> list[Symbol]:
    """Run a part in its namespaces and look at its process while packets flow."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            sandbox.command(part.name, part.arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            pid = wait_for([process.pid], part.words)
            time.sleep(_SETTLE_S)
            _record(Path(folder), ["-p", str(pid), "--", "sleep", str(_LOOK_S)])
            process.wait(_END_S)
        finally:
            # The namespaces and all that is in them go with it.
            stop(process, signal.SIGKILL)
        return read_report(_report(Path(folder)))


def of_analysis(packets: int = 10**7) -> list[Symbol]:
    """Analyse a recording of the suite's own profile and look at that."""
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder) / "recording"
        write_recording(recording, suite_shape(packets))
        _record(Path(folder), ["--", sys.executable, "-m", "benchmarks.analysed", str(recording), "--cold"])
        return read_report(_report(Path(folder)))


def main(argv: Sequence[str] | None = None) -> int:
    """Look at the paths asked for and print what is on top."""
    looks: dict[str, Callable[[], list[Symbol]]] = {name: partial(on_the_wire, part) for name, part in PARTS.items()}
    looks["analysis"] = of_analysis
    parser = argparse.ArgumentParser(prog="benchmarks.profiled", description=__doc__)
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"of {', '.join(looks)} (default: all)")
    options = parser.parse_args(argv)
    if unknown := set(options.paths) - set(looks):
        parser.error(f"no such path: {', '.join(sorted(unknown))}")
    sys.stdout.write(f"# Profile\n\n{machine.described()}; {machine.load().told()}\n")
    for name in options.paths or looks:
        sys.stdout.write(f"\n## {name.capitalize()}\n\n{told(looks[name]())}")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
