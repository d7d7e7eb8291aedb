"""Who receives and accounts at which cost: our generator's receiver and capturing tools, one after the other.

trafgen sends the same number of packets to each of them as fast as it can. What the kernel does to hand a packet to a
tap runs while trafgen sends and is part of what trafgen costs then; it is shown beside what the receiver itself costs.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import tools
from benchmarks.cost import Cost, cost_of
from benchmarks.generator import Generator, port_counts
from benchmarks.packets import SIZES
from benchmarks.processes import last_words, running, stop, wait_for_text
from benchmarks.table import Spread, markdown, ratio, spread, thousands
from benchmarks.wire import IDLE_THERE, THERE, Wire

AIM_CPU_S = 0.25
NOBODY = "nobody"
"""Only the sink: what sending costs without any tap."""
_START_S = 15.0
_SEND_TIMEOUT_S = 30.0
_QUIET_S, _QUIET_CPU_S = 0.2, 0.01
_SHORTEST_WAIT_S = 1.4
"""tcpdump's ring hands the last packets over a second after they came; who is interrupted earlier loses them."""
_LONGEST_WAIT_S = 25.0
_DRAIN_S = 0.15
HEADERS = ("frame bytes", "receiver", "offered kpps", "accounted of arrived", "dropped", "CPU s per 10^6",
           "x tcpdump", "sender's CPU s per 10^6")  # fmt: skip
_TCPDUMP = re.compile(r"(\d+) packets? captured.*?(\d+) packets? dropped by kernel", re.DOTALL)
_TSHARK_DROPS = re.compile(r"(\d+) packets? dropped")
_TSHARK_ROW = re.compile(r"\|\s*[\d.]+\s*<>\s*(?:[\d.]+|Dur)\s*\|\s*(\d+)\s*\|\s*\d+\s*\|")


@dataclass(frozen=True)
class Sample:
    """What one receiver made of one batch of packets.

    Attributes:
        tool: its name.
        frame_bytes: with FCS.
        offered_pps: at which rate they came.
        sent: how many they were.
        arrived: how many of them came through the pair, to the sink behind all taps.
        accounted: how many of these the receiver counted.
        dropped: how many it says that it lost.
        cpu_s_per_million: processor seconds of its processes per million packets that it accounted.
        sender_cpu_s_per_million: of trafgen per million packets sent, the kernel's work for the tap with it.
    """

    tool: str
    frame_bytes: int
    offered_pps: float
    sent: int
    arrived: int
    accounted: int
    dropped: int
    cpu_s_per_million: float
    sender_cpu_s_per_million: float


@dataclass(frozen=True)
class Offered:
    """A batch of packets as trafgen sent it.

    Attributes:
        packets: that the pair took.
        arrived: that came to the sink.
        seconds: from the start of trafgen to its end.
        sender_cpu_s: its processor seconds.
    """

    packets: int
    arrived: int
    seconds: float
    sender_cpu_s: float


class ReportError(RuntimeError):
    """A tool's own count cannot be read."""


def tcpdump_counts(report: str) -> tuple[int, int]:
    """Return how many packets tcpdump captured and lost, from what it says at its end.

    Raises:
        ReportError: it says nothing of the kind.
    """
    match = _TCPDUMP.search(report)
    if match is None:
        raise ReportError(f"tcpdump - counts - Expected: captured and dropped, Actual: {report[-300:]!r}")
    return int(match.group(1)), int(match.group(2))


def tshark_counts(report: str) -> tuple[int, int]:
    """Return how many packets tshark's statistics hold, and how many it lost.

    Raises:
        ReportError: it has written no statistics.
    """
    match = _TSHARK_ROW.search(report)
    if match is None:
        raise ReportError(f"tshark - statistics - Expected: a row of frames, Actual: {report[-300:]!r}")
    drops = _TSHARK_DROPS.search(report)
    return int(match.group(1)), int(drops.group(1)) if drops else 0


class Bench:
    """The wire and what runs on it."""

    def __init__(self, wire: Wire, folder: Path, packets: int, others: Sequence[str]) -> None:
        self._wire = wire
        self._others = others
        self._files = tools.Files(folder)
        self._log = folder / "receiver.log"
        self._packets = packets

    def round(self, sizes: Sequence[int]) -> list[Sample]:
        """Send to everybody once with each size."""
        samples = []
        for frame_bytes in sizes:
            self._files.write(frame_bytes)
            samples.append(self._nobody(frame_bytes))
            samples.append(self._ours(frame_bytes))
            samples += [self._tool(tool, frame_bytes) for tool in self._others]
        return samples

    def _nobody(self, frame_bytes: int) -> Sample:
        sent = self._send(frame_bytes)
        return self._sample(NOBODY, frame_bytes, sent, (0, 0), Cost(0.0, 0.0))

    def _ours(self, frame_bytes: int) -> Sample:
        prefix = self._wire.there([])
        with Generator((THERE, IDLE_THERE), prefix) as generator:
            roots = [generator.process.pid]
            first = port_counts(prefix, 0)
            before = wait_until_quiet(lambda: cost_of(roots))
            sent = self._send(frame_bytes)
            cost = wait_until_quiet(lambda: cost_of(roots)).since(before)
            last = port_counts(prefix, 0)
        counts = (last[0] - first[0], last[1] - first[1])
        return self._sample(tools.OURS, frame_bytes, sent, counts, cost)

    def _tool(self, tool: str, frame_bytes: int) -> Sample:
        command = self._wire.there(tools.receiver(tool, THERE, self._files))
        with running(command, self._log) as process:
            if not wait_for_text(
                self._log, "istening on" if tool == tools.TCPDUMP else "apturing on", timeout_s=_START_S
            ):
                raise ReportError(f"{tool} - did not begin - Expected: a device, Actual: {last_words(self._log)}")
            roots = [process.pid]
            before = wait_until_quiet(lambda: cost_of(roots))
            sent = self._send(frame_bytes)
            cost = wait_until_quiet(lambda: cost_of(roots)).since(before)
            stop(process, signal.SIGINT)
        report = self._log.read_text(errors="replace")
        counts = tcpdump_counts(report) if tool == tools.TCPDUMP else tshark_counts(report)
        self._files.written.unlink(missing_ok=True)
        return self._sample(tool, frame_bytes, sent, counts, cost)

    def _send(self, frame_bytes: int) -> Offered:
        """Have trafgen send the packets."""
        command = tools.trafgen(self._files.config(frame_bytes), self._packets)
        first, started = self._wire.passed(), time.monotonic()
        before = _children_cpu_s()
        subprocess.run(command, capture_output=True, timeout=_SEND_TIMEOUT_S, check=True)
        seconds, cpu_s = time.monotonic() - started, _children_cpu_s() - before
        time.sleep(_DRAIN_S)
        last = self._wire.passed()
        return Offered(last.sent - first.sent, last.sunk - first.sunk, seconds, cpu_s)

    def _sample(self, tool: str, frame_bytes: int, offered: Offered, counts: tuple[int, int], cost: Cost) -> Sample:
        return Sample(
            tool,
            frame_bytes,
            offered.packets / offered.seconds,
            offered.packets,
            offered.arrived,
            *counts,
            cost.tree_s / max(counts[0], 1) * 1e6,
            offered.sender_cpu_s / offered.packets * 1e6,
        )


def wait_until_quiet(cost: Callable[[], Cost], sleep: Callable[[float], None] = time.sleep) -> Cost:
    """Wait until processes do next to nothing any more; return what they have used by then."""
    before = cost()
    for number in range(1, round(_LONGEST_WAIT_S / _QUIET_S) + 1):
        sleep(_QUIET_S)
        now = cost()
        if number * _QUIET_S >= _SHORTEST_WAIT_S and now.since(before).tree_s < _QUIET_CPU_S:
            return now
        before = now
    return before


def _children_cpu_s() -> float:
    """Return what processes that have ended and were waited for have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def told(samples: Sequence[Sample]) -> str:
    """Return the table of all samples: medians with their spread."""
    rows = []
    for frame_bytes in sorted({sample.frame_bytes for sample in samples}):
        of_size = [sample for sample in samples if sample.frame_bytes == frame_bytes]
        reference = _spread(of_size, tools.TCPDUMP, "cpu_s_per_million").median
        for name in (NOBODY, tools.OURS, *tools.RECEIVERS):
            mine = [sample for sample in of_size if sample.tool == name]
            cpu = _spread(of_size, name, "cpu_s_per_million")
            accounted = spread([sample.accounted / sample.arrived for sample in mine])
            rows.append(
                (
                    f"{frame_bytes}",
                    name,
                    thousands(_spread(of_size, name, "offered_pps")),
                    "-" if name == NOBODY else accounted.told(3),
                    "-" if name == NOBODY else f"{_spread(of_size, name, 'dropped').median:.0f}",
                    "-" if name == NOBODY else cpu.told(),
                    "-" if name == NOBODY else ratio(cpu.median, reference),
                    _spread(of_size, name, "sender_cpu_s_per_million").told(),
                )
            )
    return markdown(HEADERS, rows, texts=2) + _aim(samples)


def _aim(samples: Sequence[Sample]) -> str:
    """Return what the receiver's cost is beside the aim, over all sizes."""
    ours = [sample for sample in samples if sample.tool == tools.OURS]
    worst = max(
        _spread([sample for sample in ours if sample.frame_bytes == size], tools.OURS, "cpu_s_per_million").median
        for size in {sample.frame_bytes for sample in ours}
    )
    kept = all(sample.accounted == sample.arrived for sample in ours)
    return (
        f"\nAim: the generator accounts at <= {AIM_CPU_S:g} CPU s per 10^6 - Actual: {worst:.2f} "
        f"({worst / AIM_CPU_S:.2f} of it) with the dearest size; "
        f"{'every packet that arrived was accounted' if kept else 'NOT every packet that arrived was accounted'}\n"
    )


def _spread(samples: Sequence[Sample], tool: str, name: str) -> Spread:
    return spread([getattr(sample, name) for sample in samples if sample.tool == tool])


def main() -> int:
    """Measure in this namespace and print the samples as JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.receiving")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--packets", type=int, default=800_000)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--others", nargs="*", choices=tools.RECEIVERS, default=list(tools.RECEIVERS), metavar="TOOL")
    options = parser.parse_args()
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder, Wire() as wire:
        bench = Bench(wire, Path(folder), options.packets, options.others)
        for _ in range(options.rounds):
            samples += bench.round(options.sizes)
    sys.stdout.write(json.dumps([asdict(sample) for sample in samples]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
