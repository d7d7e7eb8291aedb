"""Who sends how fast at which cost: our generator and other tools, side by side on one veth pair.

Every round visits all of them one after the other, every second round the other way round, so that what changes on the
machine meanwhile meets all alike.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import tools
from benchmarks.cost import cost_of
from benchmarks.generator import LATENCY, Client, Generator, stream
from benchmarks.machine import busy_s
from benchmarks.packets import SIZES
from benchmarks.processes import last_words, running, wait_for_text
from benchmarks.table import Spread, markdown, ratio, spread, thousands
from benchmarks.window import NothingSentError, Steady, look
from benchmarks.wire import HERE, IDLE_HERE, Wire

FLAT_OUT_PPS = 2e6
"""More than anybody sends here; the generator then sends as fast as it can."""
_SETTLE_S = 0.5
_LONGEST_S = 15.0
_DRAIN_S = 0.15
HEADERS = ("frame bytes", "sender", "kpps", "x best other", "CPU s per 10^6", "x best other", "machine s per 10^6",
           "lost of 10^6")  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """One look at one sender.

    Attributes:
        tool: its name.
        frame_bytes: with FCS.
        pps: packets per second.
        cpu_s_per_million: processor seconds of its processes per million packets.
        machine_s_per_million: of the whole machine, beyond what it takes idle.
        lost_per_million: packets that the pair took and that never came to the sink.
    """

    tool: str
    frame_bytes: int
    pps: float
    cpu_s_per_million: float
    machine_s_per_million: float
    lost_per_million: float


class Bench:
    """The wire and what runs on it."""

    def __init__(self, wire: Wire, folder: Path, window_s: float, others: Sequence[str]) -> None:
        self._wire = wire
        self._others = others
        self._files = tools.Files(folder)
        self._log = folder / "tool.log"
        self._window_s = window_s

    def round(self, sizes: Sequence[int], number: int = 0) -> list[Sample]:
        """Look at everybody once with each size; in rounds of odd number the last one comes first."""
        samples = []
        names = (tools.OURS, *self._others)
        for frame_bytes in sizes:
            self._files.write(frame_bytes)
            idle = idle_machine_ratio(self._window_s / 2)
            samples += [self._one(tool, frame_bytes, idle) for tool in (reversed(names) if number % 2 else names)]
        return samples

    def _one(self, tool: str, frame_bytes: int, idle: float) -> Sample:
        before = self._wire.passed()
        steady = self._ours(frame_bytes, idle) if tool == tools.OURS else self._tool(tool, frame_bytes, idle)
        time.sleep(_DRAIN_S)
        after = self._wire.passed()
        sent = after.sent - before.sent
        return Sample(
            tool,
            frame_bytes,
            steady.pps,
            steady.cpu_s_per_million,
            steady.machine_s_per_million,
            max(0, sent - (after.sunk - before.sunk)) / sent * 1e6,
        )

    def _ours(self, frame_bytes: int, idle: float) -> Steady:
        with Generator((HERE, IDLE_HERE)) as generator:
            client = Client()
            try:
                client.start(stream(frame_bytes, FLAT_OUT_PPS, LATENCY), _LONGEST_S)
                return self._look([generator.process.pid], idle)
            finally:
                client.stop()
                client.close()

    def _tool(self, tool: str, frame_bytes: int, idle: float) -> Steady:
        with ExitStack() as stack:
            if tool == tools.IPERF3:
                server = self._wire.there(["iperf3", "--server", "--port", str(tools.IPERF3_PORT), "--one-off"])
                log = self._log.with_name("server.log")
                stack.enter_context(running([*server, "--forceflush"], log))
                wait_for_text(log, "listening")
            process = stack.enter_context(running(tools.sender(tool, frame_bytes, self._files), self._log))
            try:
                return self._look([process.pid], idle)
            except NothingSentError as error:
                raise NothingSentError(f"{tool} - {error}\n{last_words(self._log)}") from error

    def _look(self, roots: list[int], idle: float) -> Steady:
        return look(
            self._wire.sent,
            lambda: cost_of(roots),
            settle_s=_SETTLE_S,
            window_s=self._window_s,
            idle_machine_ratio=idle,
        )


def idle_machine_ratio(seconds: float) -> float:
    """Return how many processors the machine keeps busy while the benchmark does nothing."""
    first, started = busy_s(), time.monotonic()
    time.sleep(seconds)
    return (busy_s() - first) / (time.monotonic() - started)


def told(samples: Sequence[Sample]) -> str:
    """Return the table of all samples: medians with their spread, and ours against the best of the others."""
    rows, aims = [], []
    for frame_bytes in sorted({sample.frame_bytes for sample in samples}):
        of_size = [sample for sample in samples if sample.frame_bytes == frame_bytes]
        names = [name for name in (tools.OURS, *tools.SENDERS) if any(one.tool == name for one in of_size)]
        pps = {name: _spread(of_size, name, "pps") for name in names}
        cpu = {name: _spread(of_size, name, "cpu_s_per_million") for name in names}
        others = [name for name in names if name != tools.OURS]
        fastest = max((pps[name].median for name in others if name not in tools.SEVERAL_CORES), default=0.0)
        cheapest = min((cpu[name].median for name in others), default=0.0)
        aims.append(_aim(frame_bytes, pps[tools.OURS].median / (fastest or 1), cheapest / cpu[tools.OURS].median))
        rows += [
            (
                f"{frame_bytes}",
                name,
                thousands(pps[name]),
                ratio(pps[name].median, fastest),
                cpu[name].told(),
                ratio(cpu[name].median, cheapest),
                _spread(of_size, name, "machine_s_per_million").told(),
                f"{_spread(of_size, name, 'lost_per_million').median:.0f}",
            )
            for name in names
        ]
    return markdown(HEADERS, rows, texts=2) + "\n" + "".join(aims)


def _aim(frame_bytes: int, pps_ratio: float, per_cpu_ratio: float) -> str:
    """Return how ours does beside the best of the others: in packets per second, and per processor second."""
    verdict = "reached" if min(pps_ratio, per_cpu_ratio) > 1 else "MISSED"
    return (
        f"Aim at {frame_bytes} bytes: more than the best other with one process - Actual: {pps_ratio:.2f} times its "
        f"pps, {per_cpu_ratio:.2f} times the packets per CPU second of the cheapest - {verdict}\n"
    )


def _spread(samples: Sequence[Sample], tool: str, name: str) -> Spread:
    return spread([getattr(sample, name) for sample in samples if sample.tool == tool])


def main() -> int:
    """Measure in this namespace and print the samples as JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.sending")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=float, default=1.0, metavar="S")
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--others", nargs="*", choices=tools.SENDERS, default=list(tools.SENDERS), metavar="TOOL")
    options = parser.parse_args()
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        bench = Bench(wire, Path(folder), options.window, options.others)
        for number in range(options.rounds):
            samples += bench.round(options.sizes, number)
    sys.stdout.write(json.dumps([asdict(sample) for sample in samples]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
