"""Clocks of the VNFM: one to wait by, one for people."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from lab.vnfm.procedure import Interrupted


class StoppablePace:
    """Real time for procedures; ``stop`` ends every sleep at once."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now_s(self) -> float:
        """Return seconds of the monotonic clock."""
        return time.monotonic()

    def sleep(self, seconds: float, *, action: bool = False) -> None:  # noqa: ARG002 - nothing can be cancelled here
        """Let time pass.

        Raises:
            Interrupted: ``stop`` was called, before or meanwhile.
        """
        if self._stopped.wait(seconds):
            raise Interrupted

    def stop(self) -> None:
        """End every sleep, now and later."""
        self._stopped.set()


def wall_clock() -> str:
    """Return the date and time in UTC as RFC 3339 writes it, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
