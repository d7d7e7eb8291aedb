"""Rates from counters that only grow: of groups renewed twice a second, of ports about once a second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.generator.counters import Counters, Table

PERIOD_NS = 500_000_000
PUBLISH_EVERY_NS = 520_000_000
# TRex looks at its ports' counters whenever it publishes, and renews their rates if a second has passed: every other
# time.
PORT_PERIOD_NS = 2 * PUBLISH_EVERY_NS
_SMOOTHING = 0.5

Figures = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _PortSample:
    at_ns: int
    sent: Table
    received: Table


@dataclass(frozen=True)
class _Sample:
    at_ns: int
    group_sent: Table
    group_received: Table
    sender_cpu_ns: int
    receiver_cpu_ns: int


def _sample(counters: Counters, at_ns: int) -> _Sample:
    return _Sample(
        at_ns,
        counters.group_sent.copy(),
        counters.group_received.copy(),
        counters.health_of("sender_cpu_ns"),
        counters.health_of("receiver_cpu_ns"),
    )


class Rates:
    """Packets and bits per second.

    Attributes:
        sent: Per port: packets per second, bits per second, errors per second; smoothed, as old as the latest multiple
            of `PORT_PERIOD_NS` since the server's start.
        received: The same for the receiving side.
        group_sent: Per port and row: packets per second, bits per second; of the last half second.
        group_received: The same for the receiving side.
        sender_cpu: Share of a core that the sender uses, in percent.
        receiver_cpu: The same for the receiver.
    """

    def __init__(self, counters: Counters, now_ns: int) -> None:
        self._counters = counters
        self._last = _sample(counters, now_ns)
        self._began_ns = now_ns
        self._last_ports = self._ports(now_ns)
        self.sent: Figures = np.zeros(counters.sent.shape)
        self.received: Figures = np.zeros(counters.received.shape)
        self.group_sent: Figures = np.zeros(counters.group_sent.shape)
        self.group_received: Figures = np.zeros(counters.group_received.shape)
        self.sender_cpu = self.receiver_cpu = 0.0

    def update(self, now_ns: int) -> None:
        """Renews the rates that are due; those of ports before the message that publishes them is."""
        if self._port_period(now_ns) > self._port_period(self._last_ports.at_ns):
            self._update_ports(now_ns)
        self._update_groups(now_ns)

    def _port_period(self, at_ns: int) -> int:
        return (at_ns - self._began_ns) // PORT_PERIOD_NS

    def _ports(self, at_ns: int) -> _PortSample:
        return _PortSample(at_ns, self._counters.sent.copy(), self._counters.received.copy())

    def _update_ports(self, now_ns: int) -> None:
        before, now = self._last_ports, self._ports(now_ns)
        per_s = np.array([1, 8, 1]) * 1e9 / (now_ns - before.at_ns)
        self.sent = _smooth(self.sent, (now.sent - before.sent) * per_s)
        self.received = _smooth(self.received, (now.received - before.received) * per_s)
        self._last_ports = now

    def _update_groups(self, now_ns: int) -> None:
        elapsed_ns = now_ns - self._last.at_ns
        if elapsed_ns < PERIOD_NS:
            return
        before, now = self._last, _sample(self._counters, now_ns)
        per_s = 1e9 / elapsed_ns
        scale = np.array([1, 8])
        self.group_sent = (now.group_sent - before.group_sent) * per_s * scale
        self.group_received = (now.group_received - before.group_received) * per_s * scale
        self.sender_cpu = 100 * (now.sender_cpu_ns - before.sender_cpu_ns) / elapsed_ns
        self.receiver_cpu = 100 * (now.receiver_cpu_ns - before.receiver_cpu_ns) / elapsed_ns
        self._last = now


def _smooth(former: Figures, present: Figures) -> Figures:
    return _SMOOTHING * former + (1 - _SMOOTHING) * present
