"""Tells people who watch how the traffic is doing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

TELL_INTERVAL_NS = 5_000_000_000


class LoadTeller:
    """Says every few seconds what is offered and what came back."""

    def __init__(
        self,
        snapshot: Callable[[], Mapping[str, Any]],
        say: Callable[[str], None],
        *,
        clock_ns: Callable[[], int],
        interval_ns: int = TELL_INTERVAL_NS,
    ) -> None:
        """Prepare; the first call of ``look`` only takes the counters that later ones are compared with."""
        self._snapshot = snapshot
        self._say = say
        self._clock_ns = clock_ns
        self._interval_ns = interval_ns
        self._last: tuple[int, int, int] | None = None

    def look(self, target_share: float | None = None) -> None:
        """Say something if it is time.

        Raises:
            TrafficError: the generator is lost.
        """
        now_ns = self._clock_ns()
        if self._last is not None and now_ns - self._last[0] < self._interval_ns:
            return
        groups = self._snapshot()["groups"]
        sent, received = sum(one["tx"] for one in groups), sum(one["rx"] for one in groups)
        if self._last is not None:
            then_ns, sent_then, received_then = self._last
            seconds = (now_ns - then_ns) / 1e9
            share = "" if target_share is None else f", target version serves {target_share:.0%} of new sessions"
            offered_pps, received_pps = (sent - sent_then) / seconds, (received - received_then) / seconds
            self._say(
                f"offered {offered_pps:.0f} pps, received {received_pps:.0f} pps, "
                f"missing so far {sent - received} (packets on their way included){share}"
            )
        self._last = (now_ns, sent, received)
