"""Loss of probes by who serves their session: users of the old version must not notice what happens to the new one.

A session is served by the version whose mark its first marked packet carries. Who lost a packet before that is not
known: as long as the source version alone has served anything it can only be that one; afterwards such packets count to
whoever else is in service, as a failing version may well have lost the beginning of a session.
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
_NEVER = np.iinfo(np.int64).max


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
    row = _first_marked(stream)
    return np.where(row >= 0, stream.version[row], UNMARKED).astype(np.int16)


def loss_of_version(streams: Sequence[Timeline], spans: Sequence[Span], version: int) -> ServedLoss:
    """Count the loss, in disjoint spans, of the sessions that a version serves."""
    return _loss(streams, spans, _members(streams, version))


def loss_of_others(streams: Sequence[Timeline], spans: Sequence[Span], version: int) -> ServedLoss:
    """Count the loss, in disjoint spans, of all sessions that are not known to be served by a version."""
    return _loss(streams, spans, [~member for member in _members(streams, version)])


def duplicates_in(numbers: Int64Array, sent_ns: Int64Array, pg_id: NDArray[np.int32], span: Span) -> int:
    """Return how many copies beyond the first came back of the probes that were sent in a span."""
    inside = (sent_ns >= span.start_ns) & (sent_ns < span.end_ns)
    different = len(np.unique((pg_id[inside].astype(np.int64) << _GROUP_SHIFT) + numbers[inside]))
    return int(np.count_nonzero(inside)) - different


def _members(streams: Sequence[Timeline], version: int) -> list[NDArray[np.bool_]]:
    """Tell which packets of each stream are of sessions that a version is known to serve."""
    others = [stream.sent_ns[(stream.version >= 0) & (stream.version != version)] for stream in streams]
    first_other_ns = min((int(sent[0]) for sent in others if len(sent)), default=_NEVER)
    members = []
    for stream in streams:
        row = _first_marked(stream)
        known = (row >= 0) & (row <= stream.numbers)
        members.append(np.where(known, stream.version[row] == version, stream.sent_ns < first_other_ns))
    return members


def _first_marked(stream: Timeline) -> Int64Array:
    """Return for each packet the row of the first marked packet of its session, -1 where there is none."""
    sessions = stream.sessions
    marked = np.flatnonzero(stream.version >= 0)
    if len(marked) == 0:
        return np.full(len(stream), -1, np.int64)
    names, first = np.unique(sessions[marked], return_index=True)
    place = np.minimum(np.searchsorted(names, sessions), len(names) - 1)
    rows: Int64Array = np.where(names[place] == sessions, marked[first][place], np.int64(-1))
    return rows


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
