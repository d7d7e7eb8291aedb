"""Have a traffic generator send through whatever connects its two ports, and print what the suite measures.

Every line is ``name: value``, with the same names in the same order each time. Two outputs, of two servers or of two
versions of one, can therefore be laid side by side (``diff --side-by-side``, ``paste``). Figures that stand for the
server or for the moment (version, rates, latency) differ; those under ``loss``, ``sessions`` and ``capture`` have to
tell the same story: nothing lost, doubled or reordered on a path that loses nothing, and every probe captured.

With a command that makes the path drop everything and one that ends it, a second recording follows, in which the path
is out for a known time.
"""

from __future__ import annotations

import argparse
import contextlib
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hitless.history import Ending, History, TrafficGroup
from hitless.measures.counted_outages import counted_outages
from hitless.measures.counting import group_losses, tester_lost, uncaptured_probes
from hitless.measures.outages import OutageKind, Outages, outages
from hitless.measures.tallies import reordered_packets, session_tallies
from hitless.measures.timelines import Timeline, timelines
from hitless.recording import RecordingPlan, RecordingWriter, load
from hitless.traffic import PlannedGroup, ServerInfo, TrafficError, TrafficGenerator

PROFILE = Path(__file__).resolve().parents[1] / "traffic_profiles" / "upgrade.py"
PARTS = ("main", "long")
NOT_STARTED = "filler-up"
NOTHING = "-"
NOT_MEASURED, COMMAND_FAILED = 1, 3
_COMMAND_LIMIT_S = 20.0
_BEFORE_DROP_S, _AFTER_DROP_S = 2.0, 2.0
_LEAST_LOST = 2
"""A single lost packet is loss, not an outage."""

_GAPS_NS = 20_000_000
"""The gaps between packets at both ends of an outage, with a generator that pauses now and then."""

Lines = Iterator[tuple[str, str]]


class CommandError(Exception):
    """The command that switches the path did not succeed."""


@dataclass(frozen=True, slots=True)
class Switched:
    """When the path was switched off and on again, on the tester's clock: before and after each of the commands."""

    off_asked_ns: int
    off_done_ns: int
    on_asked_ns: int
    on_done_ns: int

    @property
    def at_least_ns(self) -> int:
        """The path was out for so long in any case."""
        return max(0, self.on_asked_ns - self.off_done_ns)

    @property
    def at_most_ns(self) -> int:
        """It can have been out for so long."""
        return self.on_done_ns - self.off_asked_ns


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    options = _parser().parse_args(arguments)
    if bool(options.drop_on) != bool(options.drop_off):
        _parser().error("--drop-on and --drop-off: each needs the other")
    try:
        with _folder(options.keep) as folder, TrafficGenerator() as generator:  # its log stays if an error names it
            server = generator.connect(options.server, options.sync_port, options.async_port, options.timeout_s)
            _print(server_lines(server))
            _print(clean_lines(_record(generator, options, folder / "clean")[0]))
            if options.drop_on:
                history, switched = _record(generator, options, folder / "outage", drop=True)
                _print(outage_lines(history, switched))
    except TrafficError as error:
        where = f"{options.server}:{options.sync_port}"
        sys.stderr.write(f"meter report: {error} - Expected: a stateless TRex server at {where} with two free ports\n")
        return NOT_MEASURED
    except CommandError as error:
        sys.stderr.write(f"meter report: {error}\n")
        return COMMAND_FAILED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="meter_report.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Exit codes: 0 printed, 1 no server there, or it was lost or refused, 2 wrong arguments, 3 a command "
        "failed. Example: meter_report.py 10.0.0.7 --drop-on 'ssh r1 nft -f on.nft' --drop-off 'ssh r1 nft -f off.nft'",
    )
    parser.add_argument("server", help="name or address of a stateless TRex server")
    parser.add_argument("--sync-port", type=int, default=4501, help="port of its RPC (4501)")
    parser.add_argument("--async-port", type=int, default=4500, help="port of its publications (4500)")
    parser.add_argument("--timeout-s", type=float, default=3.0, help="how long one call may take (3)")
    parser.add_argument(
        "--ports", type=int, nargs=2, default=(0, 1), metavar=("USERS", "NETWORK"), help="two ports (0 1)"
    )
    parser.add_argument(
        "--dst-mac-up", metavar="MAC", help="where the users' port sends to (as the server is configured)"
    )
    parser.add_argument("--dst-mac-down", metavar="MAC", help="where the network's port sends to (likewise)")
    parser.add_argument("--rate", type=float, default=10_000.0, metavar="PPS", help="all packets together (10000)")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of the recording without outage (6)")
    parser.add_argument("--drop-on", metavar="COMMAND", help="makes the path drop everything; run without a shell")
    parser.add_argument("--drop-off", metavar="COMMAND", help="ends that")
    parser.add_argument("--outage-ms", type=float, default=500.0, help="time between the two commands (500)")
    parser.add_argument("--force", action="store_true", help="take the ports away from whoever owns them")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the recordings there")
    return parser


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="meter-report-") as folder:
        yield Path(folder)


def _record(
    generator: TrafficGenerator, options: argparse.Namespace, folder: Path, *, drop: bool = False
) -> tuple[History, Switched]:
    """Record once, with an outage or without; return what was recorded and when the path was switched."""
    tunables = ["--load-pps", f"{options.rate:g}"]
    for name, mac in (("--dst-mac-up", options.dst_mac_up), ("--dst-mac-down", options.dst_mac_down)):
        tunables += [name, mac] if mac else []
    groups = generator.prepare(PROFILE, tunables, options.ports, force=options.force)
    with RecordingWriter(folder, _plan(groups)) as writer:
        generator.record_start(folder)
        for part in PARTS:
            generator.start(part)
        if drop:
            switched = _switch(options)
        else:
            time.sleep(options.seconds)
            switched = Switched(0, 0, 0, 0)
        generator.record_stop()
        writer.finish(Ending.COMPLETE)
    history = load(folder)
    return replace(history, groups=tuple(one for one in history.groups if one.name != NOT_STARTED)), switched


def _switch(options: argparse.Namespace) -> Switched:
    time.sleep(_BEFORE_DROP_S)
    off_asked_ns = time.monotonic_ns()
    try:
        _command(options.drop_on)
        off_done_ns = time.monotonic_ns()
        time.sleep(options.outage_ms / 1000)
    finally:  # the path is not left as it is, even when the user gives up
        on_asked_ns = time.monotonic_ns()
        _command(options.drop_off)
    on_done_ns = time.monotonic_ns()
    time.sleep(_AFTER_DROP_S)
    return Switched(off_asked_ns, off_done_ns, on_asked_ns, on_done_ns)


def _command(command: str) -> None:
    try:
        done = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=_COMMAND_LIMIT_S, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"command {command!r} - {error}") from error
    if done.returncode:
        problem = f"Expected: exit code 0, Actual: {done.returncode}"
        raise CommandError(f"command {command!r} - {problem} - it says: {done.stderr.strip()[-500:]}")


def _plan(groups: Sequence[PlannedGroup]) -> RecordingPlan:
    return RecordingPlan(
        procedure="meter-report",
        parameters={"profile": "report"},
        versions={},
        instance_mark="none",
        groups=tuple(planned.group for planned in groups),
        rated_capacity_pps=sum(planned.group.rate_pps for planned in groups if planned.group.name != NOT_STARTED),
        session_timeout_s=10,
    )


def server_lines(server: ServerInfo) -> Lines:
    """Tell what the server says of itself."""
    yield "server.version", server.version
    yield "server.mode", server.mode
    yield "server.ports", str(len(server.ports))


def clean_lines(history: History) -> Lines:
    """Tell loss, sessions, capture and clocks of a recording without outage."""
    yield from _loss_lines(history)
    for group, stream in _streams(history):
        yield from _session_lines(history, group, stream)
    yield from _capture_lines(history)


def _loss_lines(history: History) -> Lines:
    counters = history.counters
    last = len(counters.asked_ns) - 1
    losses = group_losses(counters, 0, last)
    for group in history.groups:
        column = counters.pg_ids.tolist().index(group.pg_id)
        sent, received = int(counters.tx[last, column]), int(counters.rx[last, column])
        yield f"loss.{group.name}.planned_pps", f"{group.rate_pps:g}"
        yield f"loss.{group.name}.sent_pps", _sent_pps(history, column)
        yield f"loss.{group.name}.sent", str(sent)
        yield f"loss.{group.name}.received", str(received)
        yield f"loss.{group.name}.lost", str(losses[group.pg_id].lost)
        yield f"loss.{group.name}.more_received_than_sent", str(max(0, received - sent))
    yield "loss.tester_own_drops", str(tester_lost(counters, 0, last))


def _sent_pps(history: History, column: int) -> str:
    """Return the rate at which a group was really sent: a generator that is asked for too much says nothing."""
    counters = history.counters
    moved = np.flatnonzero(np.diff(counters.tx[:, column]) > 0)
    if len(moved) < 3:
        return NOTHING
    low, high = int(moved[0]) + 1, int(moved[-1])  # the samples between which it was sent all the time
    elapsed_s = float(counters.asked_ns[high] - counters.asked_ns[low]) / 1e9
    return f"{int(counters.tx[high, column] - counters.tx[low, column]) / elapsed_s:.1f}" if high > low else NOTHING


def _session_lines(history: History, group: TrafficGroup, stream: Timeline | None) -> Lines:
    prefix = f"sessions.{group.name}"
    if stream is None:
        for what in ("opened", "with_loss", "lost_packets", "duplicates", "reordered", "most_packets"):
            yield f"{prefix}.{what}", NOTHING
        return
    tallies = session_tallies(history.probes, stream)
    yield f"{prefix}.opened", str(len(tallies))
    yield f"{prefix}.with_loss", str(int(np.count_nonzero(tallies.lost)))
    yield f"{prefix}.lost_packets", str(int(tallies.lost.sum()))
    yield f"{prefix}.duplicates", str(int(tallies.duplicates.sum()))
    yield f"{prefix}.reordered", str(reordered_packets(history.probes, stream))
    yield f"{prefix}.most_packets", str(int(tallies.sent.max(initial=0)))


def _capture_lines(history: History) -> Lines:
    probes = history.probes
    transit_ms = (probes.received_ns - probes.sent_ns) / 1e6
    yield "capture.probes", str(len(probes.number))
    yield "capture.not_identified", str(probes.unidentified_count)
    yield "capture.matched_but_not_stored", str(probes.capture_lost_count)
    yield "capture.counted_but_not_captured", str(uncaptured_probes(history))
    yield "capture.way_ms_p50", f"{np.percentile(transit_ms, 50):.3f}" if len(transit_ms) else NOTHING
    yield "capture.way_ms_p99", f"{np.percentile(transit_ms, 99):.3f}" if len(transit_ms) else NOTHING
    yield "capture.clock_error_ms", f"{probes.clock_error_ns / 1e6:.3f}"
    yield "capture.samples", str(len(history.counters.asked_ns))
    yield "capture.tester_stalls", str(len(history.stalls))


def outage_lines(history: History, switched: Switched) -> Lines:
    """Tell what the suite makes of an outage, per captured stream and by counters."""
    yield "outage.switched_at_least_ms", f"{switched.at_least_ns / 1e6:.1f}"
    yield "outage.switched_at_most_ms", f"{switched.at_most_ns / 1e6:.1f}"
    for group, stream in _streams(history):
        found = outages(history.probes, [] if stream is None else [stream], _LEAST_LOST)
        yield f"outage.{group.name}.count", NOTHING if stream is None else str(len(found))
        yield from _longest_lines(f"outage.{group.name}", found, switched)
    yield from _counted_lines(history)


def _longest_lines(prefix: str, found: Outages, switched: Switched) -> Lines:
    if len(found) == 0:
        for what in ("lost", "ms", "kind", "fits_the_commands"):
            yield f"{prefix}.{what}", NOTHING
        return
    row = int(np.argmax(found.lost))
    length_ns = int(found.length_ns[row])
    over = found.kinds[row] is OutageKind.OVER
    # The computed interval holds the true one and little more; the true one holds the time between the commands.
    fits = over and switched.at_least_ns <= length_ns <= switched.at_most_ns + _GAPS_NS
    yield f"{prefix}.lost", str(int(found.lost[row]))
    yield f"{prefix}.ms", f"{length_ns / 1e6:.3f}"
    yield f"{prefix}.kind", found.kinds[row].value
    yield f"{prefix}.fits_the_commands", "yes" if fits else "no"


def _counted_lines(history: History) -> Lines:
    found = counted_outages(history.counters)
    longest = max(found.located, key=lambda one: one.lost, default=None)
    yield "outage.counters.count", str(len(found.located))
    yield "outage.counters.lost", str(found.lost)
    yield "outage.counters.lost_elsewhere", str(found.lost_elsewhere)
    yield "outage.counters.ms", NOTHING if longest is None else f"{longest.length_ns / 1e6:.3f}"
    yield "outage.counters.over", NOTHING if longest is None else ("yes" if longest.over else "no")


def _streams(history: History) -> list[tuple[TrafficGroup, Timeline | None]]:
    """Return the captured groups in the order of the profile, each with its stream, None if nothing of it was sent."""
    found = {stream.group.pg_id: stream for stream in timelines(history)}
    return [(group, found.get(group.pg_id)) for group in history.groups if group.kind == "probe"]


def _print(lines: Lines) -> None:
    for name, value in lines:
        print(f"{name}: {value}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
