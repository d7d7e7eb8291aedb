"""Clocks of the VNFM: some to wait by, one for people."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from lab.vnfm.procedure import Cancelled, Interrupted

GRACEFUL: Final = "GRACEFUL"
FORCEFUL: Final = "FORCEFUL"


class Time(Protocol):
    """What every operation waits by."""

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""

    def wait(self, seconds: float, ended: Callable[[], bool]) -> None:
        """Let time pass, or less when ``ended`` becomes true and ``wake`` is called.

        Raises:
            Interrupted: the VNFM stops.
        """

    def wake(self) -> None:
        """Have every wait look at its condition."""


class StoppableTime:
    """Real time; ``stop`` ends every wait at once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._stopped = False

    def now_s(self) -> float:
        """Return seconds of the monotonic clock."""
        return time.monotonic()

    def wait(self, seconds: float, ended: Callable[[], bool]) -> None:
        """Let time pass, or less when ``ended`` becomes true and ``wake`` is called.

        Raises:
            Interrupted: ``stop`` was called, before or meanwhile.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or ended(), seconds)
            if self._stopped:
                raise Interrupted

    def wake(self) -> None:
        """Have every wait look at its condition."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """End every wait, now and later."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class CancellablePace:
    """The time of one operation, which ends when the operation is cancelled."""

    def __init__(self, passing: Time) -> None:
        self._time = passing
        self._mode: str | None = None

    def now_s(self) -> float:
        """Return seconds of a clock that never goes back."""
        return self._time.now_s()

    def sleep(self, seconds: float, *, action: bool = False) -> None:
        """Let time pass.

        Raises:
            Interrupted: the VNFM stops.
            Cancelled: the operation is cancelled, before or meanwhile; gracefully only if no ``action`` is under way.
        """

        def cancelled() -> bool:
            return self._mode == FORCEFUL or (self._mode == GRACEFUL and not action)

        if not cancelled():
            self._time.wait(seconds, cancelled)
        if cancelled():
            raise Cancelled

    def cancel(self, mode: str) -> None:
        """Cancel the operation; after a forceful cancellation a graceful one changes nothing."""
        if self._mode != FORCEFUL:
            self._mode = mode
        self._time.wake()


def wall_clock() -> str:
    """Return the date and time in UTC as RFC 3339 writes it, with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
