"""Traffic that went to a next hop whose MAC address had changed while the tester kept the old one.

Whoever can see the neighbour of a tester port writes events ``next-hop`` with ``port`` (0: users, 1: network),
``configured_mac`` (where the generator sends to) and ``neighbour_mac`` (who is there). Without a resolution of
addresses (attachment l2) nobody can, and nothing is excused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitless.history import CounterSeries, Event, History
from hitless.measures import counting

NEXT_HOP = "next-hop"
SLACK_NS = 200_000_000
"""Counters are sampled, so that the last packet that came back is known to two samples."""
_DIRECTIONS = ("up", "down")


@dataclass(frozen=True, slots=True)
class Unfollowed:
    """Packets of one direction that all went astray from some instant on.

    Attributes:
        port: the tester port that sent them.
        since_ns: the last of them that came back had done so by then.
        pg_ids: their groups.
        configured_mac, neighbour_mac: where they went, and who was there.
    """

    port: int
    since_ns: int
    pg_ids: tuple[int, ...]
    configured_mac: str
    neighbour_mac: str


def unfollowed(history: History) -> tuple[Unfollowed, ...]:
    """Return for each port whether everything was lost from a change of its neighbour to the end of the recording.

    The neighbour has to be seen as configured first and as another one to the end, and the last packet has to have come
    back between these two: loss that began before, or ended again, has another cause.
    """
    found = (_of_port(history, port) for port in range(len(_DIRECTIONS)))
    return tuple(one for one in found if one is not None)


def lost_unfollowed(counters: CounterSeries, rows: tuple[int, int], astray: Sequence[Unfollowed]) -> int:
    """Return how many packets that were sent between two samples went astray."""
    lost = 0
    for one in astray:
        first = max(rows[0], counting.row_before(counters, one.since_ns))
        columns = np.isin(counters.pg_ids, one.pg_ids)
        if first < rows[1]:
            lost += int((counters.tx[rows[1], columns] - counters.tx[first, columns]).sum())
    return lost


def _of_port(history: History, port: int) -> Unfollowed | None:
    seen = [event for event in history.events if event.name == NEXT_HOP and event.detail.get("port") == port]
    changed = next((index for index, event in enumerate(seen) if _differs(event)), 0)
    if not changed or not all(_differs(event) for event in seen[changed:]):
        return None
    pg_ids = tuple(group.pg_id for group in history.groups if group.direction == _DIRECTIONS[port])
    since_ns = _last_back_ns(history.counters, pg_ids)
    if since_ns is None or not seen[changed - 1].at_ns - SLACK_NS <= since_ns <= seen[changed].at_ns + SLACK_NS:
        return None
    detail = seen[changed].detail
    return Unfollowed(port, since_ns, pg_ids, str(detail["configured_mac"]), str(detail["neighbour_mac"]))


def _differs(event: Event) -> bool:
    configured, neighbour = (str(event.detail.get(name, "")).lower() for name in ("configured_mac", "neighbour_mac"))
    return bool(configured) and bool(neighbour) and configured != neighbour


def _last_back_ns(counters: CounterSeries, pg_ids: Sequence[int]) -> int | None:
    """Return before which sample the last packet of some groups came back, None if packets were not sent after it."""
    columns = np.isin(counters.pg_ids, pg_ids)
    if len(counters.rx) < 2 or not np.any(columns):
        return None
    sent, received = counters.tx[:, columns].sum(axis=1), counters.rx[:, columns].sum(axis=1)
    grew = np.flatnonzero(np.diff(received) > 0)
    last = int(grew[-1]) + 1 if len(grew) else 0
    return int(counters.asked_ns[last]) if sent[-1] > sent[last] else None
