"""Whether a session stays with the version and the instance that served it before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int16Array, Int64Array
from hitless.measures.changes import ShareChange
from hitless.measures.timelines import Timeline


@dataclass(frozen=True, slots=True)
class Moves:
    """Places where two successive marked packets of a session were not served by the same; one row per place.

    Attributes:
        before_ns, after_ns: when these two packets were sent.
    """

    session: Int64Array
    user: Int64Array
    before_ns: Int64Array
    after_ns: Int64Array
    old_version: Int16Array
    new_version: Int16Array
    old_instance: Int16Array
    new_instance: Int16Array

    def __len__(self) -> int:
        return len(self.session)

    def where(self, keep: NDArray[np.bool_]) -> Moves:
        """Return some of the moves."""
        return Moves(*(getattr(self, field.name)[keep] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class Countable:
    """Sessions with a marked packet before and one after some share change, and their users."""

    sessions: Int64Array
    users: Int64Array
    by_change: tuple[int, ...]
    """How many of them for each change."""


def session_moves(streams: Sequence[Timeline], session_timeout_s: float) -> Moves:
    """Find all moves, except of sessions that were idle for longer than the timeout: these are over for the service."""
    parts = [_moves(stream, order, session_timeout_s) for stream in streams for order in _marked_by_session(stream)]
    return Moves(
        *(
            np.concatenate([getattr(part, field.name) for part in parts] or [np.zeros(0, np.int64)])
            for field in fields(Moves)
        )
    )


def countable_sessions(streams: Sequence[Timeline], changes: Sequence[ShareChange]) -> Countable:
    """Find the sessions that can show whether a share change moved them."""
    sessions, users, counts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], np.zeros(len(changes), np.int64)
    for stream in streams:
        for order in _marked_by_session(stream):
            names = stream.sessions_of(order)
            edge = names[1:] != names[:-1]
            first, last = order[np.concatenate(([True], edge))], order[np.concatenate((edge, [True]))]
            begun_ns, ended_ns = stream.sent_ns[first], stream.sent_ns[last]
            spans_any = np.zeros(len(first), np.bool_)
            for number, change in enumerate(changes):
                spans = (begun_ns < change.at.earliest_ns) & (ended_ns > change.at.latest_ns)
                counts[number] += np.count_nonzero(spans)
                spans_any |= spans
            sessions.append(stream.sessions_of(first[spans_any]))
            users.append(stream.users_of(first[spans_any]))
    return Countable(np.concatenate(sessions), np.unique(np.concatenate(users)), tuple(counts.tolist()))


def _moves(stream: Timeline, order: Int64Array, session_timeout_s: float) -> Moves:
    """Find the moves among the marked packets of some sessions."""
    version, instance = stream.version[order], stream.instance[order]
    known = (instance[1:] >= 0) & (instance[:-1] >= 0)
    # Another server at the next row: mostly that of another session.
    rows = np.flatnonzero((version[1:] != version[:-1]) | (known & (instance[1:] != instance[:-1])))
    before, after = order[rows], order[rows + 1]
    # Packets between the two that were lost were sent all the same: the session was not idle then.
    packets = (after - before) // stream.layout.session_step
    idle_ns = (stream.sent_ns[after] - stream.sent_ns[before]) / np.maximum(packets, 1)
    same = stream.sessions_of(before) == stream.sessions_of(after)
    kept = same & (idle_ns <= session_timeout_s * 1e9)
    rows, before, after = rows[kept], before[kept], after[kept]
    return Moves(
        session=stream.sessions_of(before),
        user=stream.users_of(before),
        before_ns=stream.sent_ns[before],
        after_ns=stream.sent_ns[after],
        old_version=version[rows],
        new_version=version[rows + 1],
        old_instance=instance[rows],
        new_instance=instance[rows + 1],
    )


def _marked_by_session(stream: Timeline) -> Iterator[Int64Array]:
    """Return the numbers of all packets with a version mark, by session and in each by number, in pieces."""
    for order in stream.by_session():
        marked = order[stream.version[order] >= 0]
        if len(marked):
            yield marked
