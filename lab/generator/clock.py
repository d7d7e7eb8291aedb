"""The server's time: CLOCK_MONOTONIC, counted from the server's start."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

# Ticks of the send time in latency packets, and of the published time stamp: nanoseconds of CLOCK_MONOTONIC.
TICKS_HZ = 1_000_000_000


@dataclass(frozen=True)
class ServerClock:
    """Instants in nanoseconds, uptimes in seconds.

    Attributes:
        origin_ns: When the server started.
        now_ns: CLOCK_MONOTONIC.
    """

    origin_ns: int
    now_ns: Callable[[], int] = time.monotonic_ns

    @classmethod
    def started_now(cls) -> ServerClock:
        """A clock whose uptime begins now."""
        return cls(time.monotonic_ns())

    def uptime_s(self) -> float:
        """Seconds since the start."""
        return self.since_start_s(self.now_ns())

    def since_start_s(self, instant_ns: int) -> float:
        """An instant as seconds since the start."""
        return (instant_ns - self.origin_ns) / 1e9

    def at_uptime_ns(self, uptime_s: float) -> int:
        """The instant of an uptime."""
        return self.origin_ns + round(uptime_s * 1e9)
