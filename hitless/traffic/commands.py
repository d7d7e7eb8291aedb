"""What the traffic worker does: the commands, and in between whatever a recording has to do next."""

from __future__ import annotations

import logging
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hitless.traffic.capture import Capture
from hitless.traffic.clocks import ClockReader
from hitless.traffic.errors import TrafficError
from hitless.traffic.generator import Generator
from hitless.traffic.protocol import LineReader, encode
from hitless.traffic.recorder import Recorder
from hitless.traffic.trex_shim import import_trex

_log = logging.getLogger(__name__)

_IDLE_S = 0.5
"""How long at most a signal waits to be noticed."""
_SAMPLE_PAUSE_S = 0.05


class CommandServer:
    """Carries out commands and, while recording, what is due in between."""

    def __init__(self, inbox: LineReader, answer_fd: int) -> None:
        self._inbox = inbox
        self._answer_fd = answer_fd
        self._generator: Generator | None = None
        self._server = ("", 0)
        self._clocks: ClockReader | None = None
        self._recorder: Recorder | None = None
        self._failure: TrafficError | None = None
        self._finished = False
        self.farewell = ""
        self._commands: dict[str, Callable[..., Any]] = {
            "connect": self._connect,
            "prepare": self._prepare,
            "start": lambda part: self._ready().start(part),
            "stop": lambda part: self._ready().stop(part),
            "record_start": self._record_start,
            "record_stop": self._record_stop,
            "snapshot": self._snapshot,
            "sample_packets": self._sample_packets,
            "reset": self._reset,
            "close": self._close,
        }

    def run(self) -> None:
        """Serve until told to end."""
        while not self._finished and not self.farewell:
            request = self._next_request()
            if self._inbox.ended:
                _log.info("the parent has closed the pipe")
                return
            if request is not None:
                self._serve(request)
            if self._recorder is not None and self._failure is None:
                self._turn(self._recorder)

    def _next_request(self) -> dict[str, Any] | None:
        if self._recorder is None or self._failure is not None:
            return self._inbox.read(_IDLE_S)
        wanted_ns = max(self._recorder.due_ns, time.monotonic_ns())
        request = self._inbox.read((wanted_ns - time.monotonic_ns()) / 1e9)
        # Also where a request has ended the wait: it may have lain there while this process stood still.
        self._recorder.woke(wanted_ns)
        return request

    def _turn(self, recorder: Recorder) -> None:
        try:
            recorder.turn()
        except TrafficError as error:
            _log.exception("recording is interrupted")
            self._failure = error

    def _serve(self, request: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"id": request.get("id")}
        try:
            answer["result"] = self._command(str(request.get("command")))(**request.get("arguments", {}))
        except TrafficError as error:
            _log.exception("command %s failed", request.get("command"))
            answer["error"] = error.as_plain()
        except Exception as error:  # noqa: BLE001 - the parent has to hear of whatever goes wrong here
            _log.exception("command %s failed", request.get("command"))
            problem = f"command {request.get('command')}: {type(error).__name__}: {error}"
            answer["error"] = TrafficError("traffic worker", problem).as_plain()
        self.send(answer)

    def _command(self, name: str) -> Callable[..., Any]:
        if name not in self._commands:
            raise TrafficError("traffic worker", f"no command {name!r} - Expected: one of {sorted(self._commands)}")
        return self._commands[name]

    def send(self, message: dict[str, Any]) -> None:
        """Write to the parent; a parent that has gone is no error."""
        try:
            data = encode(message)
            while data:
                data = data[os.write(self._answer_fd, data) :]
        except BrokenPipeError:
            self._finished = True

    def _ready(self) -> Generator:
        """Return the generator, or raise what has happened to it."""
        if self._failure is not None:
            raise self._failure
        if self._generator is None:
            raise TrafficError("traffic worker", "not connected - Expected: connect first")
        return self._generator

    def _not_recording(self, command: str) -> Generator:
        if self._recorder is not None:
            raise TrafficError("traffic worker", f"is recording - Expected: record_stop before {command}")
        return self._ready()

    def _connect(self, server: str, sync_port: int, async_port: int, timeout_s: float) -> dict[str, Any]:
        if self._generator is not None:
            raise TrafficError("traffic worker", "is connected already")
        self._generator = Generator(import_trex(), server, sync_port, async_port, timeout_s)
        self._server = (server, async_port)
        return self._generator.info()

    def _prepare(self, profile: str, tunables: list[str], ports: list[int], force: bool) -> list[dict[str, Any]]:  # noqa: FBT001 - comes by name
        generator = self._not_recording("prepare")
        generator.prepare(Path(profile), tunables, ports, force=force)
        return generator.groups

    def _record_start(self, folder: str) -> dict[str, int]:
        generator = self._not_recording("record_start")
        sampler, ports = generator.sampler(), generator.probe_ports()
        if self._clocks is None:
            self._clocks = ClockReader(generator.rpc, *self._server)
        captures = [Capture(generator.rpc, port) for port in ports]
        try:
            self._recorder = Recorder(Path(folder), sampler, captures, self._clocks)
        except (TrafficError, OSError):
            for capture in captures:
                capture.abandon()
            raise
        return {"started_ns": self._recorder.started_ns}

    def _record_stop(self) -> dict[str, Any]:
        recorder, self._recorder = self._recorder, None
        if recorder is None:
            raise TrafficError("traffic worker", "is not recording - Expected: record_start first")
        if self._failure is not None:
            recorder.close()
            raise self._failure
        try:
            self._ready().stop_all()
        except TrafficError:
            recorder.close()
            raise
        return recorder.finish()

    def _snapshot(self) -> dict[str, Any]:
        generator = self._ready()
        sampler = generator.sampler()
        recorder = self._recorder
        sample = recorder.last_sample if recorder is not None else None
        sample = sample or sampler.take()
        started_ns = recorder.started_ns if recorder is not None else sample.asked_ns
        groups = zip(sampler.groups, sample.tx, sample.rx, strict=True)
        ports = zip(sampler.ports, sample.ierrors, sample.oerrors, strict=True)
        return {
            "asked_ns": sample.asked_ns,
            "answered_ns": sample.answered_ns,
            "elapsed_s": (sample.answered_ns - started_ns) / 1e9,
            "groups": [{"pg_id": g.pg_id, "name": g.name, "tx": tx, "rx": rx} for g, tx, rx in groups],
            "ports": [{"port": port, "ierrors": ierrors, "oerrors": oerrors} for port, ierrors, oerrors in ports],
            "generator_cpu_percent": None if math.isnan(sample.cpu_percent) else sample.cpu_percent,
        }

    def _sample_packets(self, bpf: str, count: int, within_s: float) -> list[str]:
        """Return up to ``count`` packets, in hexadecimal, that arrive where probes are expected."""
        generator = self._not_recording("sample_packets")
        ports = generator.probe_ports()
        if not ports:
            raise TrafficError("traffic profile", "has no probes - Expected: a group of kind probe")
        capture = Capture(generator.rpc, ports[0], bpf, limit_packets=count)
        packets: list[bytes] = []
        deadline_s = time.monotonic() + within_s
        try:
            while len(packets) < count and time.monotonic() < deadline_s:
                time.sleep(_SAMPLE_PAUSE_S)
                packets += capture.fetch(most_calls=4).data
        finally:
            capture.abandon()
        return [packet.hex() for packet in packets[:count]]

    def _reset(self, ports: list[int]) -> None:
        self._not_recording("reset").reset(ports)

    def _close(self) -> None:
        self._finished = True

    def leave(self) -> None:
        """Stop traffic, remove the capture, release the ports, whatever state they are in."""
        if self._recorder is not None:
            self._recorder.close()
        if self._generator is not None:
            self._generator.disconnect()
        if self._clocks is not None:
            self._clocks.close()
