"""The worker process as seen from outside: started, asked, ended, and never waited for longer than a deadline."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from hitless.traffic.errors import TrafficError
from hitless.traffic.protocol import LineReader, encode

_EXIT_S = 5.0


class WorkerProcess:
    """One worker process. After it was lost every call raises the same error."""

    def __init__(self, log_path: Path) -> None:
        """Start it; ``log_path`` gets whatever it says besides its answers."""
        self._log_path = log_path
        self._request_id = 0
        self._lost: TrafficError | None = None
        with log_path.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the suite, which tells the worker.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hitless.traffic.worker", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._stdin, self._stdout = _pipe(self._process.stdin), _pipe(self._process.stdout)
        self._reader = LineReader(self._stdout.fileno())

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def lost(self) -> bool:
        """The worker died, or hung and was killed; it has left its ports as they were."""
        return self._lost is not None

    def call(self, command: str, arguments: Mapping[str, Any], deadline_s: float) -> Any:
        """Have a command carried out and return its result.

        Raises:
            TrafficError: the command failed, or the worker ended or did not answer within the deadline.
        """
        if self._lost is not None:
            raise self._lost
        self._request_id += 1
        try:
            self._stdin.write(encode({"id": self._request_id, "command": command, "arguments": arguments}))
            self._stdin.flush()
        except (OSError, ValueError) as error:
            raise self._lose(f"ended before command {command}") from error
        answer = self._answer(command, deadline_s)
        if "error" in answer:
            raise TrafficError.from_plain(answer["error"], self._look_at())
        return answer.get("result")

    def end(self, patience_s: float) -> None:
        """Wait for the process to end by itself, kill it when it does not. May be called again."""
        with contextlib.suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stdout.close()

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
                reason = message["farewell"] if message else f"exit status {self._exit_status()}"
                raise self._lose(f"ended during command {command}: {reason}")
            if message.get("id") == self._request_id:
                return message
        raise self._lose(f"command {command}: no answer - Expected: within {deadline_s:g} s")

    def _exit_status(self) -> int | str:
        try:
            return self._process.wait(_EXIT_S)
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
