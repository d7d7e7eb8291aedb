"""The suite's side of the traffic worker: start it, talk to it, never wait for it longer than a deadline."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from hitless.history import TrafficGroup
from hitless.traffic.errors import TrafficError
from hitless.traffic.protocol import LineReader, encode

_log = logging.getLogger(__name__)

_DEADLINES_S: Mapping[str, float] = {
    "connect": 20.0,
    "prepare": 30.0,
    "start": 15.0,
    "stop": 15.0,
    "record_start": 15.0,
    "record_stop": 45.0,
    "snapshot": 15.0,
    "sample_packets": 15.0,
    "reset": 20.0,
    "close": 20.0,
}
"""Longer than the worker itself waits for TRex, so that it is the one to say what is wrong."""


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A port of the TRex server."""

    port: int
    mac: str
    driver: str
    speed_gbps: float | None
    link_up: bool | None
    owner: str
    state: str


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A TRex server."""

    version: str
    mode: str
    hostname: str
    ports: tuple[PortInfo, ...]


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """A traffic group.

    Attributes:
        group: what is counted.
        part: the part of the profile that it starts and stops with.
        port: 0 if it is sent on the users' port, 1 on the network's.
    """

    group: TrafficGroup
    part: str
    port: int


class TrafficGenerator:
    """A TRex server, driven by a worker process. Use it as a context manager; leaving it stops the traffic."""

    def __init__(self, log_path: Path | None = None) -> None:
        """Start the worker.

        Args:
            log_path: the worker's log; None puts it into the folder for temporary files.
        """
        self._log_path = log_path or Path(tempfile.mkdtemp(prefix="hitless-")) / "traffic-worker.log"
        self._endpoint: dict[str, Any] = {}
        self._prepared_ports: tuple[int, ...] = ()
        self._lost: TrafficError | None = None
        self._request_id = 0
        self._spawn()

    def _spawn(self) -> None:
        with self._log_path.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for us; we tell the worker.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hitless.traffic.worker", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._reader = LineReader(_pipe(self._process.stdout).fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def worker_pid(self) -> int:
        """Process id of the worker."""
        return self._process.pid

    @property
    def log_path(self) -> Path:
        """The worker's log."""
        return self._log_path

    def connect(
        self, server: str = "127.0.0.1", sync_port: int = 4501, async_port: int = 4500, timeout_s: float = 3.0
    ) -> ServerInfo:
        """Connect to a TRex server.

        Args:
            server: name or address.
            sync_port: port of its RPC.
            async_port: port of its publications.
            timeout_s: how long one call may take.

        Raises:
            TrafficError: nobody answers, or something else than a stateless TRex.
        """
        endpoint = {"server": server, "sync_port": sync_port, "async_port": async_port, "timeout_s": timeout_s}
        info = self._call("connect", deadline_s=_DEADLINES_S["connect"] + 5 * timeout_s, **endpoint)
        self._endpoint = endpoint
        ports = tuple(PortInfo(**port) for port in info["ports"])
        return ServerInfo(info["version"], info["mode"], info["hostname"], ports)

    def prepare(
        self, profile: Path, tunables: Sequence[str] = (), ports: Sequence[int] = (0, 1), *, force: bool = False
    ) -> tuple[PlannedGroup, ...]:
        """Acquire and clear two ports, load every part of a profile.

        Args:
            profile: a TRex profile with ``register()`` and ``describe()``.
            tunables: what would follow ``-t`` in trex-console, without ``--part``.
            ports: the users' port and the network's.
            force: take the ports away from whoever owns them.

        Raises:
            TrafficError: a port is missing or taken, or the profile is wrong.
        """
        path = str(profile.resolve())
        groups = self._call("prepare", profile=path, tunables=list(tunables), ports=list(ports), force=force)
        self._prepared_ports = tuple(ports)
        return tuple(_planned(group) for group in groups)

    def start(self, part: str) -> tuple[int, int]:
        """Start a part of the profile; return the interval of the tester's clock, in ns, in which it started.

        Raises:
            TrafficError: no such part, started before, or the server refuses.
        """
        return _interval(self._call("start", part=part))

    def stop(self, part: str) -> tuple[int, int]:
        """Stop a part of the profile; return the interval of the tester's clock, in ns, in which it stopped.

        Raises:
            TrafficError: no such part, or the server does not answer.
        """
        return _interval(self._call("stop", part=part))

    def record_start(self, folder: Path) -> int:
        """Record into a folder that exists, from now on; return the tester's clock in ns. Do this before ``start``.

        Raises:
            TrafficError: nothing is prepared, or the server refuses the capture.
        """
        return int(self._call("record_start", folder=str(folder.resolve()))["started_ns"])

    def record_stop(self) -> dict[str, Any]:
        """Stop what still runs, wait until nothing moves, write the files; return the accounting.

        The files are written with what there is even when this raises.

        Raises:
            TrafficError: the generator was lost while recording.
        """
        return dict(self._call("record_stop"))

    def snapshot(self) -> dict[str, Any]:
        """Return the latest counters per group and port, and the seconds since the recording began.

        Raises:
            TrafficError: nothing is prepared, or the generator is lost.
        """
        return dict(self._call("snapshot"))

    def sample_packets(self, bpf: str = "udp", count: int = 50, within_s: float = 3.0) -> list[bytes]:
        """Return some packets as they arrive at the probes' receiving port; traffic must be running.

        Raises:
            TrafficError: a recording runs, or the server refuses the filter.
        """
        deadline_s = _DEADLINES_S["sample_packets"] + within_s
        packets = self._call("sample_packets", deadline_s=deadline_s, bpf=bpf, count=count, within_s=within_s)
        return [bytes.fromhex(packet) for packet in packets]

    def reset(self, ports: Sequence[int] = (0, 1)) -> None:
        """Take the ports from whoever owns them, stop all traffic there, release them.

        Raises:
            TrafficError: the server does not answer.
        """
        self._call("reset", ports=list(ports))

    def close(self) -> None:
        """Stop the traffic, release the ports, end the worker. Does not raise; may be called again."""
        if self._process.poll() is None and self._lost is None:
            with contextlib.suppress(TrafficError):
                self._call("close")
        self._end_process(_DEADLINES_S["close"] if self._lost is None else 0.0)
        if self._lost is not None and self._prepared_ports:
            self._clear_up()
        self._prepared_ports = ()

    def _clear_up(self) -> None:
        """A worker that was lost left its ports taken and maybe sending: a new one puts that right."""
        ports, self._prepared_ports, self._lost = self._prepared_ports, (), None
        try:
            self._spawn()
            self._call("connect", **self._endpoint)
            self._call("reset", ports=list(ports))
            self._call("close")
        except TrafficError as error:
            _log.warning("traffic could not be cleared up: %s", error)
        finally:
            self._end_process(_DEADLINES_S["close"])

    def _end_process(self, patience_s: float) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and (pipe is self._process.stdin or self._lost is not None):
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process.stdout).close()

    def _call(self, command: str, deadline_s: float | None = None, **arguments: Any) -> Any:
        if self._lost is not None:
            raise self._lost
        self._request_id += 1
        request = {"id": self._request_id, "command": command, "arguments": arguments}
        try:
            _pipe(self._process.stdin).write(encode(request))
            _pipe(self._process.stdin).flush()
        except (OSError, ValueError) as error:
            raise self._lose(f"ended before command {command}") from error
        answer = self._answer(command, deadline_s or _DEADLINES_S[command])
        if "error" in answer:
            raise TrafficError.from_plain(answer["error"], self._look_at())
        return answer.get("result")

    def _answer(self, command: str, deadline_s: float) -> dict[str, Any]:
        end_s = time.monotonic() + deadline_s
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                message = self._reader.read(left_s)
            except ValueError as error:
                raise self._lose(f"command {command}: the answer is no message: {error}") from error
            if message is None and not self._reader.ended:
                break
            if message is None or "farewell" in message:
                reason = message["farewell"] if message else f"exit status {self._wait_for_status()}"
                raise self._lose(f"ended during command {command}: {reason}")
            if message.get("id") == self._request_id:
                return message
        raise self._lose(f"command {command}: no answer - Expected: within {deadline_s:g} s")

    def _wait_for_status(self) -> int | str:
        try:
            return self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "unknown"

    def _lose(self, problem: str) -> TrafficError:
        """Give up the worker: whatever it does now, nobody listens any more."""
        self._process.kill()
        self._lost = TrafficError("traffic worker", problem, self._look_at())
        return self._lost

    def _look_at(self) -> str:
        return f"worker log {self._log_path}"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # cannot be: the process is started with pipes
        raise RuntimeError("the traffic worker has no pipe")
    return pipe


def _interval(answer: Mapping[str, int]) -> tuple[int, int]:
    return answer["asked_ns"], answer["answered_ns"]


def _planned(data: Mapping[str, Any]) -> PlannedGroup:
    fields = ("pg_id", "name", "kind", "direction", "rate_pps", "frame_bytes", "layout")
    return PlannedGroup(TrafficGroup(**{name: data[name] for name in fields}), data["part"], data["port"])
