"""The publisher port: tells that events wait, and the global statistics twice a second."""

from __future__ import annotations

import zmq

from lab.generator import framing, statistics
from lab.generator.clock import ServerClock
from lab.generator.counters import Counters
from lab.generator.rates import PUBLISH_EVERY_NS, Rates


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
        late_ns = -self.wait_ns()
        if late_ns >= 0:
            # Always at multiples since the start: a late message does not make those after it late, too.
            self._next_ns += (late_ns // PUBLISH_EVERY_NS + 1) * PUBLISH_EVERY_NS
            self.publish_global()

    def wait_ns(self) -> int:
        """How long until the next message is due; negative if it is late."""
        return self._next_ns - self._clock.now_ns()
