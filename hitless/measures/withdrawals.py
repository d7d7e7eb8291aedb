"""Which sessions an instance was serving when it served its last packet.

MANO's names of units and the instance mark in packets need not have anything in common, so that a removed unit is
known by what it does: it stops for good. A session was active on it then if that instance had served it last, and a
further packet of the session was sent after that within the session timeout, whatever became of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array
from hitless.measures.timelines import Timeline

STILL_SERVING_NS = 1_000_000_000
"""An instance that served a packet so shortly before the end of traffic did not stop before it."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An instance that stopped serving while traffic went on.

    Attributes:
        instance: number of its mark.
        last_served_ns: when the last packet that it served was sent.
        session_count: how many sessions it has served since the instant asked for.
        sessions: those that were active on it when it stopped.
        next_ns: when the next packet of each of them was sent.
        elsewhere: whether that packet was served by somebody else; it was lost otherwise.
    """

    instance: int
    last_served_ns: int
    session_count: int
    sessions: Int64Array
    next_ns: Int64Array
    elsewhere: NDArray[np.bool_]


def withdrawals(
    streams: Sequence[Timeline], session_timeout_s: float, *, version: int, since_ns: int
) -> tuple[Withdrawal, ...]:
    """Find the instances of one version that stopped serving before the traffic ended, in the order of stopping.

    Args:
        streams: the probe streams.
        session_timeout_s: a session without a packet for longer is over.
        version: whose instances.
        since_ns: sessions are counted from here on; instances that stopped before it are left out.
    """
    if not streams:
        return ()
    traffic_end_ns = max(int(stream.sent_ns[-1]) for stream in streams)
    names = np.unique(np.concatenate([_served_by(stream, version)[1] for stream in streams]))
    found = (_withdrawal(streams, session_timeout_s, version, int(name), since_ns) for name in names)
    stopped = (one for one in found if since_ns <= one.last_served_ns < traffic_end_ns - STILL_SERVING_NS)
    return tuple(sorted(stopped, key=lambda one: (one.last_served_ns, one.instance)))


def _served_by(stream: Timeline, version: int) -> tuple[Int64Array, NDArray[np.int16]]:
    """Return rows and instance marks of the packets that one version served."""
    rows = np.flatnonzero((stream.version == version) & (stream.instance >= 0))
    return rows, stream.instance[rows]


def _withdrawal(
    streams: Sequence[Timeline], session_timeout_s: float, version: int, instance: int, since_ns: int
) -> Withdrawal:
    rows = [np.flatnonzero((stream.version == version) & (stream.instance == instance)) for stream in streams]
    last_ns = max(int(stream.sent_ns[mine[-1]]) for stream, mine in zip(streams, rows, strict=True) if len(mine))
    count = 0
    sessions: list[Int64Array] = []
    next_ns: list[Int64Array] = []
    elsewhere: list[NDArray[np.bool_]] = []
    for stream, mine in zip(streams, rows, strict=True):
        count += len(np.unique(stream.sessions[mine[stream.sent_ns[mine] >= since_ns]]))
        served = np.zeros(len(stream), np.bool_)
        served[mine] = True
        following = _active_next(stream, served, last_ns, session_timeout_s)
        sessions.append(stream.sessions[following])
        next_ns.append(stream.sent_ns[following])
        elsewhere.append(stream.received[following])
    return Withdrawal(
        instance, last_ns, count, np.concatenate(sessions), np.concatenate(next_ns), np.concatenate(elsewhere)
    )


def _active_next(stream: Timeline, served: NDArray[np.bool_], last_ns: int, session_timeout_s: float) -> Int64Array:
    """Return, for each session that was active on an instance when it stopped, the row of its next packet."""
    order = np.argsort(stream.sessions, kind="stable")
    names, sent = stream.sessions[order], stream.sent_ns[order]
    # The row of the latest packet so far that somebody served; it may belong to another session, which is seen below.
    marked = np.maximum.accumulate(np.where(stream.version[order] >= 0, np.arange(len(order)), -1))
    after = np.flatnonzero(
        (names[1:] == names[:-1])
        & (sent[:-1] <= last_ns)
        & (sent[1:] > last_ns)
        & (sent[1:] - sent[:-1] <= session_timeout_s * 1e9)
        & (marked[:-1] >= 0)
    )
    server = marked[after]
    mine = (names[server] == names[after]) & served[order[server]]
    rows: Int64Array = order[after[mine] + 1]
    return rows
