"""TRex's tuple generator: client addresses, each with its ports in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.generator.variables import Variable

Numbers = npt.NDArray[np.uint64]

UNLIMITED_FLOWS = 0x1
_ONE = np.uint64(1)
_FIRST_UNLIMITED_PORT, _PORTS = 1025, 1 << 16
# Part of a tuple and its size in bytes.
PARTS = {"ip": 4, "port": 2, "flow_limit": 4}


@dataclass(frozen=True)
class TupleGenerator:
    """Walks over addresses and, after each round of them, one port further.

    Attributes:
        ip_low: First address.
        ip_high: Last address.
        port_low: First port.
        port_high: Last port.
        limit: Number of flows after which it begins anew, 0 for no limit.
        flags: `UNLIMITED_FLOWS` does without the limits of ports and flows.
    """

    ip_low: int
    ip_high: int
    port_low: int
    port_high: int
    limit: int
    flags: int = 0

    @property
    def unlimited(self) -> bool:
        """Whether ports run on to 65535 and then from 1025."""
        return bool(self.flags & UNLIMITED_FLOWS)

    def _flow(self, ticks: Numbers) -> Numbers:
        """Number of the flow, from 0."""
        if self.unlimited or not self.limit:
            return ticks - _ONE
        return (ticks - _ONE) % np.uint64(self.limit)

    def ip(self, ticks: Numbers) -> Numbers:
        """Address after so many runs; before the first, the last one."""
        clients = np.uint64(self.ip_high - self.ip_low + 1)
        address = np.uint64(self.ip_low) + self._flow(ticks) % clients
        return np.where(ticks == 0, np.uint64(self.ip_high if clients > 1 else self.ip_low), address)

    def port(self, ticks: Numbers) -> Numbers:
        """Port after so many runs; before the first, the last one."""
        rounds = self._flow(ticks) // np.uint64(self.ip_high - self.ip_low + 1)
        if self.unlimited:
            port = self._unlimited_port(rounds)
        else:
            port = np.uint64(self.port_low) + rounds % np.uint64(self.port_high - self.port_low + 1)
        return np.where(ticks == 0, np.uint64(self.port_high), port)

    def _unlimited_port(self, rounds: Numbers) -> Numbers:
        """TRex begins behind the last port of the range and never comes back to its beginning."""
        port = rounds + np.uint64(self.port_high + 1)
        beyond = np.where(port < _PORTS, np.uint64(0), port - np.uint64(_PORTS))
        again = np.uint64(_FIRST_UNLIMITED_PORT) + beyond % np.uint64(_PORTS - _FIRST_UNLIMITED_PORT)
        return np.where(port < _PORTS, port, again)

    def flow_limit(self, ticks: Numbers) -> Numbers:
        """Number of the flow, from 1; 0 without a limit."""
        if self.unlimited or not self.limit:
            return np.zeros_like(ticks)
        return np.where(ticks == 0, np.uint64(0), self._flow(ticks) + _ONE)


@dataclass(frozen=True)
class TuplePart:
    """One part of a tuple generator as a variable.

    Attributes:
        tuples: The generator.
        part: One of `PARTS`.
    """

    tuples: TupleGenerator
    part: str

    @property
    def size(self) -> int:
        """Bytes."""
        return PARTS[self.part]

    @property
    def leads(self) -> tuple[Variable, ...]:
        """It runs with every packet."""
        return ()

    def values(self, ticks: Numbers) -> Numbers:
        """What it shows after so many runs."""
        of_part = {"ip": self.tuples.ip, "port": self.tuples.port, "flow_limit": self.tuples.flow_limit}
        return of_part[self.part](ticks)

    def rounds(self, ticks: Numbers) -> Numbers:
        """Nothing can be chained to it."""
        return ticks
