"""How evenly the generator sends: gaps between packets as the kernel stamps them at the other end of the pair."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.generator import LATENCY, Client, Generator, stream
from benchmarks.processes import last_words, running, stop, wait_for_text
from benchmarks.table import markdown, spread
from benchmarks.tools import tcpdump
from benchmarks.wire import HERE, IDLE_HERE, THERE, Wire
from hitless.history import Int64Array
from hitless.recording.pcap import PcapReader

RATES_PPS = (1_000, 10_000, 50_000)
FRAME_BYTES = 128
PERCENTILES = (50.0, 90.0, 99.0, 99.9, 100.0)
_CUT_S = 0.3
"""So much at the beginning is left out: programs are warmed up in it."""
HEADERS = ("rate pps", "of", "p50 us", "p90 us", "p99 us", "p99.9 us", "largest us", "packets")


@dataclass(frozen=True)
class Sample:
    """One stretch of sending at one rate.

    Attributes:
        rate_pps: planned.
        packets: that were seen.
        gap_error_us: percentiles of the difference between a gap and the planned one.
        late_us: percentiles of the time behind the schedule that the earliest packet sets.
    """

    rate_pps: int
    packets: int
    gap_error_us: tuple[float, ...]
    late_us: tuple[float, ...]


def judged(times_ns: Int64Array, rate_pps: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return percentiles of gap errors and of lateness, in microseconds.

    Raises:
        ValueError: fewer than two packets.
    """
    if len(times_ns) < 2:
        raise ValueError(f"pacing - packets - Expected: >= 2, Actual: {len(times_ns)}")
    period_ns = 1e9 / rate_pps
    error = np.abs(np.diff(times_ns) - period_ns) / 1e3
    behind = (times_ns - times_ns[0]) - np.arange(len(times_ns)) * period_ns
    late = (behind - behind.min()) / 1e3
    return _percentiles(error), _percentiles(late)


def _percentiles(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, ...]:
    return tuple(float(one) for one in np.percentile(values, PERCENTILES))


def read_times(path: Path) -> Int64Array:
    """Return when each packet of a capture was received."""
    with PcapReader(path) as reader:
        parts = [block.times_ns.copy() for block in reader.blocks()]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def measure(wire: Wire, client: Client, folder: Path, rate_pps: int, seconds: float) -> Sample:
    """Send for a while and look at the other end.

    Raises:
        RuntimeError: the capture did not begin, or lost packets.
    """
    path, log = folder / "paced.pcap", folder / "tcpdump.log"
    words = tcpdump(THERE, path, "--time-stamp-precision=nano", "-s", "60", "-B", "32768")
    with running(wire.there(words), log) as capture:
        if not wait_for_text(log, "listening on"):
            raise RuntimeError(f"tcpdump - did not begin - Expected: listening, Actual: {last_words(log)}")
        client.start(stream(FRAME_BYTES, rate_pps, LATENCY), seconds)
        time.sleep(seconds + 0.5)
        stop(capture, signal.SIGINT)
    if "0 packets dropped by kernel" not in log.read_text():
        raise RuntimeError(f"tcpdump - lost packets - Expected: 0 dropped, Actual: {last_words(log)}")
    times_ns = read_times(path)
    times_ns = times_ns[times_ns >= times_ns[0] + round(_CUT_S * 1e9)]
    return Sample(rate_pps, len(times_ns), *judged(times_ns, rate_pps))


def told(samples: Sequence[Sample]) -> str:
    """Return the table: of each percentile the median of the stretches with its range."""
    rows = []
    for rate_pps in sorted({sample.rate_pps for sample in samples}):
        of_rate = [sample for sample in samples if sample.rate_pps == rate_pps]
        packets = f"{sum(sample.packets for sample in of_rate)}"
        for name, field in (("gap error", "gap_error_us"), ("lateness", "late_us")):
            columns = zip(*(getattr(sample, field) for sample in of_rate), strict=True)
            rows.append((f"{rate_pps}", name, *(spread(column).told(0) for column in columns), packets))
    return markdown(HEADERS, rows, texts=2)


def main() -> int:
    """Measure in this namespace and print the samples as JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.pacing")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rates", type=int, nargs="+", default=list(RATES_PPS))
    options = parser.parse_args()
    samples = []
    with tempfile.TemporaryDirectory() as folder, Wire() as wire, Generator((HERE, IDLE_HERE)):
        client = Client()
        for _ in range(options.rounds):
            samples += [measure(wire, client, Path(folder), rate, options.seconds) for rate in options.rates]
        client.close()
    sys.stdout.write(json.dumps([asdict(sample) for sample in samples]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
