"""`make benchmark`: prints the tables in Markdown; `--short` takes about a minute."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from benchmarks import analysis, machine, pacing, receiving, sandbox, sending, tools
from benchmarks.exactness import __main__ as exactness
from benchmarks.pacing import Sample as Paced
from benchmarks.receiving import Sample as Received
from benchmarks.sending import Sample as Sent


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        rounds: how often everything is looked at.
        sizes: of frames, with FCS.
        window_s: how long a sender is looked at.
        packets: how many packets a receiver gets.
        rates_pps: at which pacing is looked at.
        paced_s: for how long each.
        analyses: how often each recording is analysed.
        share: how long recordings of loss are; 1 for 10^7 packets.
        outages: of each length at each rate.
    """

    rounds: int
    sizes: tuple[int, ...]
    window_s: float
    packets: int
    rates_pps: tuple[int, ...]
    paced_s: float
    analyses: int
    share: float
    outages: int


LONG = Extent(5, (64, 128, 512), 1.0, 800_000, pacing.RATES_PPS, 2.0, 5, 1.0, 3)
SHORT = Extent(2, (64,), 0.4, 300_000, (10_000,), 1.0, 2, 0.1, 1)
_TIMEOUT_S = 800


def _sending(extent: Extent) -> str:
    words = ["--rounds", f"{extent.rounds}", "--window", f"{extent.window_s}", "--sizes", *map(str, extent.sizes)]
    return sending.told([Sent(**one) for one in sandbox.run("sending", words, timeout_s=_TIMEOUT_S)])


def _receiving(extent: Extent) -> str:
    words = ["--rounds", f"{extent.rounds}", "--packets", f"{extent.packets}", "--sizes", *map(str, extent.sizes)]
    return receiving.told([Received(**one) for one in sandbox.run("receiving", words, timeout_s=_TIMEOUT_S)])


def _pacing(extent: Extent) -> str:
    words = ["--rounds", f"{extent.rounds}", "--seconds", f"{extent.paced_s}", "--rates", *map(str, extent.rates_pps)]
    return pacing.told([Paced(**one) for one in sandbox.run("pacing", words, timeout_s=_TIMEOUT_S)])


def _analysis(extent: Extent) -> str:
    return analysis.told(analysis.measure(short=extent is SHORT, repeats=extent.analyses))


PARTS: Mapping[str, Callable[[Extent], str]] = MappingProxyType(
    {"sending": _sending, "receiving": _receiving, "pacing": _pacing, "analysis": _analysis}
)

ALONE = frozenset({"analysis", "exactness"})
"""Parts without another tool to compare with."""


def heading(extent: Extent, versions: Mapping[str, str]) -> str:
    """Return what is measured on, with what."""
    tools_told = ", ".join(f"{name} {version}" for name, version in versions.items())
    form = "short form" if extent is SHORT else "long form"
    return (
        f"# Benchmark\n\n{machine.described()}; {machine.load().told()} at the start; {form}: "
        f"medians of {extent.rounds} (smallest..largest).\nOther tools: {tools_told}.\n"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="less of everything")
    parser.add_argument("--only", nargs="+", choices=(*PARTS, "exactness"), help="parts to measure (default: all)")
    options = parser.parse_args(argv)
    extent, chosen = SHORT if options.short else LONG, options.only or (*PARTS, "exactness")
    absent = tools.missing() if set(chosen) - ALONE else []
    if absent:
        sys.stderr.write(
            f"benchmark - tools to compare with - Expected: {', '.join(absent)}, Actual: not installed - "
            f"apt install netsniff-ng tcpreplay iperf3 tcpdump tshark, or --only {' '.join(sorted(ALONE))}\n"
        )
        return 2
    sys.stdout.write(heading(extent, machine.versions()))
    for name in (name for name in chosen if name in PARTS):
        started, before = time.monotonic(), machine.load()
        table = PARTS[name](extent)
        took = f"{time.monotonic() - started:.0f} s; {before.told()} before, {machine.load().told()} after"
        sys.stdout.write(f"\n## {name.capitalize()}\n\n{table}\n({took})\n")
        sys.stdout.flush()
    return _exactness(extent) if "exactness" in chosen else 0


def _exactness(extent: Extent) -> int:
    sys.stdout.write("\n## Exactness\n\n")
    return exactness.main(["--share", f"{extent.share}", "--repeats", f"{extent.outages}"])


if __name__ == "__main__":
    sys.exit(main())
