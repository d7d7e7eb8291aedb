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
from dataclasses import replace
from pathlib import Path

from hitless.history import Ending, History
from hitless.recording import RecordingPlan, RecordingWriter, load
from hitless.report.meter_lines import Lines, Switched, clean_lines, outage_lines
from hitless.traffic import PlannedGroup, ServerInfo, TrafficError, TrafficGenerator

PROFILE = Path(__file__).resolve().parents[1] / "traffic_profiles" / "upgrade.py"
PARTS = ("main", "long")
NOT_STARTED = "filler-up"
NOT_MEASURED, COMMAND_FAILED = 1, 3
_COMMAND_LIMIT_S = 20.0
_BEFORE_DROP_S, _AFTER_DROP_S = 2.0, 2.0


class CommandError(Exception):
    """The command that switches the path did not succeed."""


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


def _print(lines: Lines) -> None:
    for name, value in lines:
        print(f"{name}: {value}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
