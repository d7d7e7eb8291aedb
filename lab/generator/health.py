"""Says in the log when the generator itself had trouble: such runs say less about the system under test."""

from __future__ import annotations

import logging

from lab.generator.counters import ERRORS, Counters

_LOG = logging.getLogger(__name__)


class HealthLog:
    """Remembers what it has said already."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._slipped_ns = 0
        self._dropped = 0
        self._refused = 0

    def check(self) -> None:
        """Warns about what is new since the last call."""
        slipped_ns = self._counters.health_of("slipped_ns")
        if slipped_ns > self._slipped_ns:
            _LOG.warning(
                "schedule - slipped by %.0f ms: sending stood still for longer than it catches up",
                (slipped_ns - self._slipped_ns) / 1e6,
            )
        dropped = int(self._counters.received[:, ERRORS].sum())
        if dropped > self._dropped:
            _LOG.warning(
                "receive ring - lost %d packets: the receiver stood still for too long", dropped - self._dropped
            )
        refused = int(self._counters.sent[:, ERRORS].sum())
        if refused > self._refused:
            _LOG.warning("transmit ring - the kernel refused %d packets", refused - self._refused)
        self._slipped_ns, self._dropped, self._refused = slipped_ns, dropped, refused
