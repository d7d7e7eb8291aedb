"""A steady stretch of sending, looked at from outside: the device's counter and processor time at both ends of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.cost import Cost


@dataclass(frozen=True)
class Steady:
    """What happened in the window.

    Attributes:
        packets: sent in it.
        elapsed_s: its length.
        cost: processor time in it.
        idle_machine_s: processor time of the machine in as long a time in which nothing was sent.
    """

    packets: int
    elapsed_s: float
    cost: Cost
    idle_machine_s: float = 0.0

    @property
    def pps(self) -> float:
        """Packets per second."""
        return self.packets / self.elapsed_s

    @property
    def cpu_s_per_million(self) -> float:
        """Processor seconds of the sender's processes per million packets."""
        return self.cost.tree_s / self.packets * 1e6

    @property
    def machine_s_per_million(self) -> float:
        """Processor seconds of the whole machine per million packets, beyond what it takes when nothing is sent."""
        return max(0.0, self.cost.machine_s - self.idle_machine_s) / self.packets * 1e6


@dataclass(frozen=True)
class Clock:
    """Where time comes from; tests have another one."""

    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class NothingSentError(RuntimeError):
    """A sender has sent nothing in the window."""


def look(
    sent: Callable[[], int],
    cost: Callable[[], Cost],
    *,
    settle_s: float,
    window_s: float,
    idle_machine_ratio: float = 0.0,
    clock: Clock | None = None,
) -> Steady:
    """Wait until sending is steady and look at it for a while.

    Args:
        sent: packets sent so far.
        cost: processor time so far.
        settle_s: wait so long first; programs load and compile in it.
        window_s: length of the window.
        idle_machine_ratio: processor seconds per second that the machine takes when nothing is sent.
        clock: where time comes from.

    Raises:
        NothingSentError: no packet was sent in the window.
    """
    clock = clock or Clock()
    clock.sleep(settle_s)
    first_cost, first_packets, first_s = cost(), sent(), clock.now_s()
    clock.sleep(window_s)
    last_packets, last_s, last_cost = sent(), clock.now_s(), cost()
    if last_packets <= first_packets:
        raise NothingSentError(f"sender - sent nothing - Expected: > 0 packets in {window_s:g} s, Actual: 0")
    elapsed = last_s - first_s
    return Steady(last_packets - first_packets, elapsed, last_cost.since(first_cost), idle_machine_ratio * elapsed)
