"""Bring the lab's processes up in order, run one command beside them, take them down.

It runs as init (pid 1) of the lab's pid namespace, so the kernel removes everything when it ends, in whatever way. It
works as any other process too, without that guarantee.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.processes import Ended, ProcessSpec, reap, send, start_command, start_node, tail
from lab.readiness import Probe
from lab.signals import STOP_SIGNALS, Arrived, SignalInbox

EXIT_NOT_STARTED = 4
EXIT_DIED = 6
_ASK_EVERY_S = 0.05
_LOOK_EVERY_S = 0.25
_TERM_WAIT_S = 2.0
_KILL_WAIT_S = 2.0
# The third time somebody asks a command to stop, it is not asked any more.
_PATIENCE = 2


class NotReadyError(Exception):
    """A process of the lab does not serve; the text says which, what was expected and seen, and where to look."""


class StoppedError(Exception):
    """Somebody asked the supervisor to stop before the command ran."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"stopped by {number.name}")
        self.number = number


@dataclass(frozen=True)
class Surroundings:
    """What the supervisor works with.

    Attributes:
        environment: Variables of all processes, the command's too.
        logs: Folder of the log files; it exists.
        say: Prints one message for people.
        clock: Monotonic time in seconds.
    """

    environment: Mapping[str, str]
    logs: Path
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic


class Supervisor:
    """Starts, watches and ends the processes of one lab."""

    def __init__(self, specs: Sequence[ProcessSpec], surroundings: Surroundings, inbox: SignalInbox) -> None:
        """Take over the given processes; nothing is started yet."""
        self._specs = specs
        self._around = surroundings
        self._inbox = inbox
        self._running: dict[int, ProcessSpec] = {}

    def run(self, command: Sequence[str]) -> int:
        """Put the lab up, run the command, take the lab down.

        Returns:
            The command's exit code, 128 + N after signal N; 4 if the lab did not start, 6 if a process of it died while
            a command ran that nevertheless succeeded: on what was left of the lab, its success says nothing.
        """
        try:
            for spec in self._specs:
                self._bring_up(spec)
            return self._attend(command)
        except NotReadyError as error:
            self._around.say(str(error))
            return EXIT_NOT_STARTED
        except StoppedError as stop:
            self._around.say(str(stop))
            return 128 + stop.number
        finally:
            self._take_down()

    def _log_file(self, spec: ProcessSpec) -> Path:
        return self._around.logs / f"{spec.name}.log"

    def _bring_up(self, spec: ProcessSpec) -> None:
        """Start one process and wait until it serves."""
        started_s = self._around.clock()
        environment = {**self._around.environment, "HITLESS_NODE_NAME": spec.name, **spec.environment}
        try:
            pid = start_node(spec.argv, environment, self._log_file(spec))
        except OSError as error:
            raise NotReadyError(self._complaint(spec, "cannot be started", str(error))) from error
        self._running[pid] = spec
        self._await(spec, spec.ready, started_s)
        if spec.connection is not None:
            try:
                spec.connection.make(pid)
            except (RuntimeError, OSError) as error:
                raise NotReadyError(self._complaint(spec, "serves, but cannot be connected", str(error))) from error
            self._await(spec, spec.connection.done, started_s)
        took_s = self._around.clock() - started_s
        self._around.say(f"{spec.name:<12} ready after {took_s:5.2f} s   pid {pid}   log {self._log_file(spec)}")

    def _await(self, spec: ProcessSpec, probe: Probe, started_s: float) -> None:
        while (seen := probe.ask()) is not None:
            took_s = self._around.clock() - started_s
            if took_s >= spec.ready_within_s:
                raise NotReadyError(self._complaint(spec, f"not ready {took_s:.1f} s after its start", seen, probe))
            self._turn_while_starting(took_s)

    def _turn_while_starting(self, took_s: float) -> None:
        arrived = self._inbox.wait(_ASK_EVERY_S)
        for spec, ended in self._ours(reap()):
            problem = f"ended while the lab was starting, {took_s:.1f} s after the last start"
            raise NotReadyError(self._complaint(spec, problem, ended.describe()))
        if arrived is not None and arrived.number in STOP_SIGNALS:
            raise StoppedError(arrived.number)

    def _complaint(self, spec: ProcessSpec, problem: str, actual: str, probe: Probe | None = None) -> str:
        log_file = self._log_file(spec)
        return (
            f"{spec.name} - {problem} - Expected: {(probe or spec.ready).describe()} within {spec.ready_within_s:g} s. "
            f"Actual: {actual} - see {log_file}, which ends with\n{tail(log_file)}"
        )

    def _attend(self, command: Sequence[str]) -> int:
        """Run the command to its end; report processes of the lab that die meanwhile."""
        pid = start_command(command, self._around.environment)
        asked, whole = 0, True
        while True:
            arrived = self._inbox.wait(_LOOK_EVERY_S)
            ended = {one.pid: one for one in reap()}
            for spec, one in self._ours(ended.values()):
                whole = False
                self._around.say(
                    f"{spec.name} died while the command was running: {one.describe()} - see {self._log_file(spec)}, "
                    f"which ends with\n{tail(self._log_file(spec))}"
                )
            if pid in ended:
                return ended[pid].exit_code or (0 if whole else EXIT_DIED)
            if arrived is not None and arrived.number in STOP_SIGNALS:
                asked += 1
                self._pass_on(arrived, pid, asked)

    def _pass_on(self, arrived: Arrived, pid: int, asked: int) -> None:
        if asked > _PATIENCE:
            self._around.say(f"the command did not stop on {arrived.number.name}, it is killed")
            send(pid, signal.SIGKILL)
        elif not arrived.to_group:
            send(pid, arrived.number)

    def _ours(self, ended: Iterable[Ended]) -> list[tuple[ProcessSpec, Ended]]:
        """Those of the ended children that belong to the lab; they no longer count as running."""
        return [(self._running.pop(one.pid), one) for one in ended if one.pid in self._running]

    def _take_down(self) -> None:
        """End the processes in reverse order, each with a moment to tidy up."""
        for pid, spec in reversed(list(self._running.items())):
            send(pid, signal.SIGTERM)
            if not self._gone_within(pid, _TERM_WAIT_S):
                self._around.say(f"{spec.name} did not end within {_TERM_WAIT_S:g} s, it is killed")
                send(pid, signal.SIGKILL, group=True)
                self._gone_within(pid, _KILL_WAIT_S)

    def _gone_within(self, pid: int, timeout_s: float) -> bool:
        deadline_s = self._around.clock() + timeout_s
        while True:
            self._ours(reap())
            if pid not in self._running:
                return True
            if self._around.clock() >= deadline_s:
                return False
            self._inbox.wait(_ASK_EVERY_S)
