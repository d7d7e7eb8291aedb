"""The publisher port: tells that events wait, and the global statistics twice a second."""

from __future__ import annotations

import zmq

from lab.generator import framing, statistics
from lab.generator.clock import ServerClock
from lab.generator.counters import Counters
from lab.generator.rates import Rates

_PUBLISH_EVERY_NS = 520_000_000


class Publisher:
    """The publisher port."""

    def __init__(self, sink: zmq.Socket[bytes], totals: Counters, rates: Rates, clock: ServerClock) -> None:
        self._sink, self._totals, self._rates, self._clock = sink, totals, rates, clock
        self._next_ns = clock.now_ns()

    def announce(self) -> None:
        """An empty object: events wait."""
        self._sink.send(b"{}")

    def publish_global(self) -> None:
        """The global statistics."""
        message = statistics.published_global(self._totals, self._rates, self._clock.now_ns())
        self._sink.send(framing.pack(framing.Message(framing.to_json(message), compressed=True)))

    def publish_in_time(self) -> None:
        """The global statistics, about twice a second."""
        if self._clock.now_ns() >= self._next_ns:
            self._next_ns = self._clock.now_ns() + _PUBLISH_EVERY_NS
            self.publish_global()
