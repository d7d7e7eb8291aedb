"""Start child processes and learn how they ended. The supervisor's only way to touch them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.readiness import Probe

_LOG_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_TAIL_BYTES = 64 * 1024


@dataclass(frozen=True)
class Connection:
    """Joins a process that serves to its surroundings.

    Attributes:
        make: Called with its pid; raises RuntimeError or OSError when it cannot do its work.
        done: Tells whether the process works with it.
    """

    make: Callable[[int], None]
    done: Probe


@dataclass(frozen=True)
class ProcessSpec:
    """One process of the lab: how to start it and how to see that it works.

    Attributes:
        name: Its short name; the log file is `<name>.log`.
        argv: Command line; the first word is looked up in PATH.
        ready: Tells whether it serves yet.
        ready_within_s: Time it has from its start until `ready` is content, in seconds.
        environment: Variables on top of those that all processes of the lab get.
        connection: What has to be done to it as soon as it serves, before the next process starts.
    """

    name: str
    argv: tuple[str, ...]
    ready: Probe
    ready_within_s: float = 15.0
    environment: Mapping[str, str] = field(default_factory=dict)
    connection: Connection | None = None


@dataclass(frozen=True)
class Ended:
    """A child that is gone: `status` is as `os.waitpid` gives it."""

    pid: int
    status: int

    @property
    def exit_code(self) -> int:
        """What a shell would report: the exit code, or 128 + N after signal N."""
        code = os.waitstatus_to_exitcode(self.status)
        return code if code >= 0 else 128 - code

    def describe(self) -> str:
        """How it ended, for people: `exit code 1` or `SIGKILL`."""
        code = os.waitstatus_to_exitcode(self.status)
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def start_node(argv: Sequence[str], environment: Mapping[str, str], log_file: Path) -> int:
    """Start a process of the lab: own session, no input, output to `log_file`. Returns its pid.

    The own session keeps the terminal's Ctrl-C away from it: the command under the lab ends first, then the lab.

    Raises:
        OSError: the program cannot be started or the log file not be written.
    """
    return os.posix_spawnp(
        argv[0],
        list(argv),
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.fspath(log_file), _LOG_FLAGS, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=_DEFAULTED,
    )


def start_command(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Start the user's command with our input, output and process group. Returns its pid.

    It stays in our process group because the terminal's foreground group lives outside of the namespace: nobody in here
    could give the terminal back.

    Raises:
        OSError: the program cannot be started.
    """
    return os.posix_spawnp(argv[0], list(argv), dict(environment), setsigmask=[], setsigdef=_DEFAULTED)


# Dispositions that Python or a shell's `&` leave behind and that would make a child deaf.
_DEFAULTED = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGCHLD)


def reap() -> list[Ended]:
    """Collect every child that has ended, orphans that init inherited included."""
    ended: list[Ended] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if pid == 0:
            return ended
        ended.append(Ended(pid, status))


def send(pid: int, number: signal.Signals, *, group: bool = False) -> None:
    """Send a signal to a process, or to the group it leads; a process that is gone is no error."""
    try:
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        return


def tail(log_file: Path, lines: int = 15) -> str:
    """The last lines of a log file, indented; says so when there is nothing."""
    try:
        with log_file.open("rb") as stream:
            stream.seek(max(0, log_file.stat().st_size - _TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except OSError as error:
        return f"    (no log: {error.strerror})"
    last = text.splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in last) or "    (the log is empty)"
