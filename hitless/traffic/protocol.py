"""How the suite and its traffic worker talk: one JSON object a line, both ways.

Request ``{"id": 7, "command": "start", "arguments": {"part": "main"}}``; answer ``{"id": 7, "result": ...}`` or
``{"id": 7, "error": {"subject": ..., "problem": ..., "look_at": ...}}``. ``{"farewell": "..."}`` is what a worker says
when it ends without having been asked to.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Callable
from typing import Any

COMMANDS = (
    "connect",
    "prepare",
    "start",
    "stop",
    "record_start",
    "record_stop",
    "snapshot",
    "sample_packets",
    "reset",
    "close",
)
"""All there are."""
_READ_BYTES = 65536


def encode(message: dict[str, Any]) -> bytes:
    """Return the message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class LineReader:
    """Reads JSON lines from a pipe without ever blocking longer than it is told."""

    def __init__(self, fd: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._fd = fd
        self._clock = clock
        self._pending = b""
        self.ended = False
        """The other side has closed the pipe and every line has been read."""

    def read(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next message, None if there is none within the time or the pipe has ended.

        Raises:
            ValueError: the line is not a JSON object.
        """
        deadline_s = self._clock() + timeout_s
        while b"\n" not in self._pending:
            remaining_s = deadline_s - self._clock()
            ready, _, _ = select.select([self._fd], [], [], max(0.0, remaining_s))
            if not ready:
                return None
            chunk = os.read(self._fd, _READ_BYTES)
            if not chunk:
                self.ended = True
                return None
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError(f"expected a JSON object, got {type(message).__name__}")  # noqa: TRY004 - a bad value on the wire
        return message
