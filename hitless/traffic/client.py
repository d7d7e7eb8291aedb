"""The traffic generator as the suite sees it; a worker process does the work."""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hitless.history import TrafficGroup
from hitless.traffic.errors import TrafficError
from hitless.traffic.process import WorkerProcess
from hitless.traffic.server import PortInfo, ServerInfo

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
        self._own_folder = None if log_path else Path(tempfile.mkdtemp(prefix="hitless-"))
        self._log_path = log_path or Path(self._own_folder or "", "traffic-worker.log")
        self._log_is_needed = False
        self._endpoint: dict[str, Any] = {}
        self._prepared_ports: tuple[int, ...] = ()
        self._worker: WorkerProcess | None = WorkerProcess(self._log_path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def worker_pid(self) -> int | None:
        """Process id of the worker, None after ``close``."""
        return None if self._worker is None else self._worker.pid

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
        return ServerInfo(info["version"], info["mode"], info["hostname"], ports, info["built_by"])

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
        """Stop the traffic, release the ports, end the worker. Does not raise; may be called again.

        A log that nobody chose a place for goes, unless an error has named it.
        """
        if self._worker is None:
            return
        worker, self._worker = self._worker, None
        if not worker.lost:
            with contextlib.suppress(TrafficError):
                worker.call("close", {}, _DEADLINES_S["close"])
        worker.end(_DEADLINES_S["close"])
        if worker.lost and self._prepared_ports:
            self._clear_up()
        if self._own_folder is not None and not self._log_is_needed:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def _clear_up(self) -> None:
        """A worker that was lost left its ports taken and maybe sending: a new one puts that right."""
        worker = WorkerProcess(self._log_path)
        try:
            worker.call("connect", self._endpoint, _DEADLINES_S["connect"])
            worker.call("reset", {"ports": list(self._prepared_ports)}, _DEADLINES_S["reset"])
            worker.call("close", {}, _DEADLINES_S["close"])
        except TrafficError as error:
            _log.warning("traffic could not be cleared up: %s", error)
        finally:
            worker.end(_DEADLINES_S["close"])

    def _call(self, command: str, deadline_s: float | None = None, **arguments: Any) -> Any:
        if self._worker is None:
            raise TrafficError("traffic worker", "is closed")
        try:
            return self._worker.call(command, arguments, deadline_s or _DEADLINES_S[command])
        except TrafficError:
            self._log_is_needed = True  # the error names it
            raise


def _interval(answer: Mapping[str, int]) -> tuple[int, int]:
    return answer["asked_ns"], answer["answered_ns"]


def _planned(data: Mapping[str, Any]) -> PlannedGroup:
    fields = ("pg_id", "name", "kind", "direction", "rate_pps", "frame_bytes", "layout")
    return PlannedGroup(TrafficGroup(**{name: data[name] for name in fields}), data["part"], data["port"])
