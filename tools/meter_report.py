"""Have a traffic generator send through whatever connects its two ports, and print what the suite measures.

Every line is ``name: value``, with the same names in the same order each time. Two outputs, of two servers or of two
versions of one, can therefore be laid side by side (``diff --side-by-side``, ``paste``). Figures that stand for the
server or for the moment (version, rates, latency) differ; those under ``loss``, ``sessions`` and ``capture`` have to
tell the same story: nothing lost, doubled or reordered on a path that loses nothing, and every probe captured.

With a command that makes the path drop everything and one that ends it, a second recording follows, in which the path
is out for a known time. Without them the lines under ``outage`` are there, too, and say ``-``.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hitless.cli.meter_options import parse
from hitless.history import Ending, History
from hitless.recording import RecordingError, RecordingPlan, RecordingWriter, load
from hitless.report.meter_lines import Lines, Switched, clean_lines, no_outage_lines, outage_lines
from hitless.report.meter_server import server_lines, silent_directions
from hitless.traffic import PlannedGroup, ServerInfo, TrafficError, TrafficGenerator

PROFILE = Path(__file__).resolve().parents[1] / "traffic_profiles" / "upgrade.py"
PARTS = ("main", "long")
NOT_STARTED = "filler-up"
PRINTED, NOT_MEASURED, WRONG_ARGUMENTS, COMMAND_FAILED, NOTHING_CAME_BACK = range(5)
INTERRUPTED, NOBODY_READS = 130, 141
"""As a shell tells the signals SIGINT and SIGPIPE."""
_COMMAND_LIMIT_S = 20.0
_BEFORE_DROP_S, _AFTER_DROP_S = 2.0, 2.0


class CommandError(Exception):
    """The command that switches the path did not succeed."""


class ArgumentsError(Exception):
    """The traffic profile, or the folder for recordings, refused an argument."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return the exit code."""
    options = parse(arguments, __doc__ or "")
    try:
        with _folder(options.keep) as folder, TrafficGenerator() as generator:  # its log stays if an error names it
            return _report(generator, options, folder)
    except ArgumentsError as error:
        return _complain(WRONG_ARGUMENTS, error)
    except (TrafficError, RecordingError) as error:
        return _complain(NOT_MEASURED, error)
    except CommandError as error:
        return _complain(COMMAND_FAILED, error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains when it ends
        return NOBODY_READS
    except KeyboardInterrupt:
        return _complain(INTERRUPTED, "interrupted")


def _complain(code: int, problem: object) -> int:
    sys.stderr.write(f"meter report: {problem}\n")
    return code


def _report(generator: TrafficGenerator, options: argparse.Namespace, folder: Path) -> int:
    server = _connect(generator, options)
    _print(server_lines(server, options.ports))
    clean = _record(generator, options, folder / "clean")[0]
    _print(clean_lines(clean))
    silent = tuple(silent_directions(clean, server, options.ports))
    if options.drop_on is None or silent:  # there is no outage to be found where nothing comes back anyway
        _print(no_outage_lines(clean))
    else:
        _print(outage_lines(*_record(generator, options, folder / "outage", drop=True)))
    for problem in silent:
        _complain(NOTHING_CAME_BACK, problem)
    return NOTHING_CAME_BACK if silent else PRINTED


def _connect(generator: TrafficGenerator, options: argparse.Namespace) -> ServerInfo:
    try:
        return generator.connect(options.server, options.sync_port, options.async_port, options.timeout_s)
    except TrafficError as error:
        expected = f"Expected: a stateless TRex server at {options.server}:{options.sync_port}"
        raise TrafficError(error.subject, f"{error.problem} - {expected}", error.look_at) from error


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        try:
            kept.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ArgumentsError(f"argument --keep: {error}") from error
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="meter-report-") as folder:
        yield Path(folder)


def _record(
    generator: TrafficGenerator, options: argparse.Namespace, folder: Path, *, drop: bool = False
) -> tuple[History, Switched]:
    """Record once, with an outage or without; return what was recorded and when the path was switched."""
    groups = _prepare(generator, options)
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


def _prepare(generator: TrafficGenerator, options: argparse.Namespace) -> tuple[PlannedGroup, ...]:
    given = [("--load-pps", repr(options.rate)), ("--dst-mac-up", options.dst_mac_up)]
    given += [("--dst-mac-down", options.dst_mac_down), *options.tunable]
    tunables = [word for name, value in given if value is not None for word in (name, value)]
    try:
        return generator.prepare(PROFILE, tunables, options.ports, force=options.force)
    except TrafficError as error:
        if error.subject.startswith("traffic profile"):  # it knows best what goes together
            raise ArgumentsError(f"--rate (the profile's --load-pps) or --tunable: {error.problem}") from error
        raise


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


def _command(command: Sequence[str]) -> None:
    subject = f"command {shlex.join(command)}"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{subject} - {error}") from error
    if done.returncode:
        problem = f"Expected: exit code 0, Actual: {done.returncode}"
        said = f" - it says: {said}" if (said := done.stderr.strip()[-500:]) else ""
        raise CommandError(f"{subject} - {problem}{said}")


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


def _print(lines: Lines) -> None:
    for name, value in lines:
        print(f"{name}: {value}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
