"""Packets that came back more than once, and counters that have counted them so.

A receiver counts packets, not which ones: where one is lost and another one comes twice, sent and received are equal.
What a capture holds tells copies by their numbers, so that probes can be counted once each. Of traffic that is not
captured nobody knows, but what doubles probes may double it as well.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hitless.history import CounterSeries, History, Int64Array
from hitless.measures.hitless_flows import duplicates_in
from hitless.measures.spans import Span


def doubled_probes(history: History) -> int:
    """Return how many copies beyond the first of probes came back in the whole recording."""
    probes = history.probes
    if len(probes.number) == 0:
        return 0
    every = Span(int(np.min(probes.sent_ns)), int(np.max(probes.sent_ns)) + 1)
    return duplicates_in(probes.number, probes.sent_ns, probes.pg_id, every)


def counted_once(history: History) -> CounterSeries:
    """Return the counters without the copies of probes that the capture knows.

    A copy is taken off as soon as it may have come: for one sample too much may seem to be missing, as if packets were
    on their way, but no loss is hidden. Never less is left than the different probes that had surely come, so that a
    capture that holds a packet twice takes nothing off.
    """
    counters = history.counters
    if len(counters.rx) == 0 or doubled_probes(history) == 0:
        return counters
    rx = counters.rx.copy()
    for group in history.groups:
        for column in np.flatnonzero(counters.pg_ids == group.pg_id).tolist() if group.kind == "probe" else ():
            rx[:, column] = _of_group(history, group.pg_id, rx[:, column])
    return replace(counters, rx=rx)


def _of_group(history: History, pg_id: int, received: Int64Array) -> Int64Array:
    """Return how many different probes of a group had come by each sample."""
    probes, counters = history.probes, history.counters
    mine = np.flatnonzero(probes.pg_id == pg_id)
    _, first = np.unique(probes.number[mine], return_index=True)
    is_first = np.zeros(len(mine), np.bool_)
    is_first[first] = True
    came_ns, error_ns = probes.received_ns[mine], probes.clock_error_ns
    copies = np.searchsorted(np.sort(came_ns[~is_first]) - error_ns, counters.answered_ns, side="right")
    different = np.searchsorted(np.sort(came_ns[is_first]) + error_ns, counters.asked_ns, side="right")
    once: Int64Array = np.minimum(received, np.maximum(received - copies, different))
    return once
