"""Live progress: one line per event with the time since the start, the same on a terminal and in a CI log."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Callable
from typing import TextIO


class Progress:
    """Prints events as they happen; may be called from any thread.

    A line is written whole and flushed at once, and nothing is ever overwritten, so a log that is read later or
    followed live shows the same.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._start_s = clock()
        self._lock = threading.Lock()

    @property
    def elapsed_s(self) -> float:
        """Seconds since this object was made."""
        return self._clock() - self._start_s

    def event(self, text: str) -> None:
        """Print one event; further lines of the text are indented below the first."""
        first, *further = text.splitlines() or [""]
        lines = [f"[{self.elapsed_s:7.1f} s] {first}", *(" " * 12 + line for line in further)]
        with self._lock:
            self._stream.write("\n".join(line.rstrip() for line in lines) + "\n")
            self._stream.flush()


def beside_capture(stream: TextIO) -> TextIO:
    """Return a stream to where ``stream`` goes now, even when its file descriptor is redirected later.

    pytest captures output by redirecting descriptor 1; a duplicate made before that still reaches the terminal. A
    stream without a descriptor is returned as it is.
    """
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, io.UnsupportedOperation):
        return stream
    return os.fdopen(descriptor, "w", buffering=1, encoding=stream.encoding or "utf-8", errors="backslashreplace")
