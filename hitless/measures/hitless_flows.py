"""Loss of probes by who serves their session: users of the old version must not notice what happens to the new one.

A session is served by the version whose mark its first marked packet carries. Of a session without any mark it is not
known who lost its packets; users of the source version are served throughout, so that such sessions count to whoever
else was in service.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import UNMARKED, Int16Array, Int64Array
from hitless.measures.spans import Span
from hitless.measures.timelines import Timeline

_GROUP_SHIFT = 40
"""Beyond any packet number."""


@dataclass(frozen=True, slots=True)
class ServedLoss:
    """Loss among the packets of some sessions.

    Attributes:
        sent, lost: packets.
        sessions, sessions_with_loss: sessions with a packet among them.
        lost_ns: when the lost packets were sent, in order.
        lost_sessions: their sessions.
    """

    sent: int
    lost: int
    sessions: int
    sessions_with_loss: int
    lost_ns: Int64Array
    lost_sessions: Int64Array


def served_by(stream: Timeline) -> Int16Array:
    """Return for each packet the version that serves its session, UNMARKED where no packet of it has a mark."""
    sessions = stream.sessions
    marked = np.flatnonzero(stream.version >= 0)
    result = np.full(len(stream), UNMARKED, np.int16)
    if len(marked) == 0:
        return result
    names, first = np.unique(sessions[marked], return_index=True)
    place = np.minimum(np.searchsorted(names, sessions), len(names) - 1)
    known = names[place] == sessions
    result[known] = stream.version[marked[first]][place[known]]
    return result


def loss_of_version(streams: Sequence[Timeline], spans: Sequence[Span], version: int) -> ServedLoss:
    """Count the loss, in disjoint spans, of the sessions that a version serves."""
    return _loss(streams, spans, [served_by(stream) == version for stream in streams])


def loss_of_others(streams: Sequence[Timeline], spans: Sequence[Span], version: int) -> ServedLoss:
    """Count the loss, in disjoint spans, of all sessions that are not known to be served by a version."""
    return _loss(streams, spans, [served_by(stream) != version for stream in streams])


def duplicates_in(numbers: Int64Array, sent_ns: Int64Array, pg_id: NDArray[np.int32], span: Span) -> int:
    """Return how many copies beyond the first came back of the probes that were sent in a span."""
    inside = (sent_ns >= span.start_ns) & (sent_ns < span.end_ns)
    different = len(np.unique((pg_id[inside].astype(np.int64) << _GROUP_SHIFT) + numbers[inside]))
    return int(np.count_nonzero(inside)) - different


def _loss(streams: Sequence[Timeline], spans: Sequence[Span], members: Sequence[NDArray[np.bool_]]) -> ServedLoss:
    sent = sessions = 0
    lost_ns: list[Int64Array] = [np.zeros(0, np.int64)]
    lost_sessions: list[Int64Array] = [np.zeros(0, np.int64)]
    for stream, member in zip(streams, members, strict=True):
        inside = np.zeros(len(stream), np.bool_)
        for span in spans:
            inside |= stream.rows_in(span)
        rows = np.flatnonzero(inside & member)
        gone = rows[~stream.received[rows]]
        names = stream.sessions
        sent += len(rows)
        sessions += len(np.unique(names[rows]))
        lost_ns.append(stream.sent_ns[gone])
        lost_sessions.append(names[gone])
    times, names = np.concatenate(lost_ns), np.concatenate(lost_sessions)
    order = np.argsort(times, kind="stable")
    return ServedLoss(sent, len(times), sessions, len(np.unique(names)), times[order], names[order])
