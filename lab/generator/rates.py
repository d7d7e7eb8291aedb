"""Rates from counters that only grow, renewed twice a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.generator.counters import Counters, Table

PERIOD_NS = 500_000_000
_SMOOTHING = 0.5

Figures = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Sample:
    at_ns: int
    sent: Table
    received: Table
    group_sent: Table
    group_received: Table
    sender_cpu_ns: int
    receiver_cpu_ns: int


def _sample(counters: Counters, at_ns: int) -> _Sample:
    return _Sample(
        at_ns,
        counters.sent.copy(),
        counters.received.copy(),
        counters.group_sent.copy(),
        counters.group_received.copy(),
        counters.health_of("sender_cpu_ns"),
        counters.health_of("receiver_cpu_ns"),
    )


class Rates:
    """Packets and bits per second.

    Attributes:
        sent: Per port: packets per second, bits per second, errors per second; smoothed.
        received: The same for the receiving side.
        group_sent: Per port and row: packets per second, bits per second; of the last half second.
        group_received: The same for the receiving side.
        sender_cpu: Share of a core that the sender uses, in percent.
        receiver_cpu: The same for the receiver.
    """

    def __init__(self, counters: Counters, now_ns: int) -> None:
        self._counters = counters
        self._last = _sample(counters, now_ns)
        self.sent: Figures = np.zeros(counters.sent.shape)
        self.received: Figures = np.zeros(counters.received.shape)
        self.group_sent: Figures = np.zeros(counters.group_sent.shape)
        self.group_received: Figures = np.zeros(counters.group_received.shape)
        self.sender_cpu = self.receiver_cpu = 0.0

    def update(self, now_ns: int) -> None:
        """Renews the rates if half a second has passed."""
        elapsed_ns = now_ns - self._last.at_ns
        if elapsed_ns < PERIOD_NS:
            return
        before, now = self._last, _sample(self._counters, now_ns)
        per_s = 1e9 / elapsed_ns
        scale = np.array([1, 8])
        self.sent = _smooth(self.sent, (now.sent - before.sent) * per_s * np.array([1, 8, 1]))
        self.received = _smooth(self.received, (now.received - before.received) * per_s * np.array([1, 8, 1]))
        self.group_sent = (now.group_sent - before.group_sent) * per_s * scale
        self.group_received = (now.group_received - before.group_received) * per_s * scale
        self.sender_cpu = 100 * (now.sender_cpu_ns - before.sender_cpu_ns) / elapsed_ns
        self.receiver_cpu = 100 * (now.receiver_cpu_ns - before.receiver_cpu_ns) / elapsed_ns
        self._last = now


def _smooth(former: Figures, present: Figures) -> Figures:
    return _SMOOTHING * former + (1 - _SMOOTHING) * present
