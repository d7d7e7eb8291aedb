"""When the tester itself did not get to run, as far as the probes show it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from hitless.history import Stall
from hitless.measures.spans import Span, merged
from hitless.measures.timelines import Timeline

SENDING_STALL_NS = 20_000_000
_PERIODS = 5


def sending_stalls(streams: Sequence[Timeline]) -> tuple[Stall, ...]:
    """Find where the generator paused between two packets that both came back.

    A pause is longer than 20 ms and longer than five packet periods.
    """
    found = []
    for stream in streams:
        least_ns = max(SENDING_STALL_NS, _PERIODS * 1e9 / stream.group.rate_pps)
        pause = np.diff(stream.sent_ns)
        rows = np.flatnonzero((pause > least_ns) & stream.received[1:] & stream.received[:-1])
        found += [
            Stall(f"generator, {stream.group.name}", int(stream.sent_ns[row]), int(stream.sent_ns[row + 1]))
            for row in rows
        ]
    return tuple(sorted(found, key=lambda stall: (stall.started_ns, stall.ended_ns, stall.process)))


def stall_spans(stalls: Iterable[Stall]) -> tuple[Span, ...]:
    """Return the time in which any process of the tester stalled."""
    return merged(Span(stall.started_ns, stall.ended_ns) for stall in stalls)
