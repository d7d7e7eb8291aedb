"""Whether one version serves all sessions of a user at any one time, and whether a user ever goes back.

A *stretch* is what one version serves of one session without a change in between. A user is mixed when two stretches of
theirs on different versions overlap: a packet of the one was sent between two packets of the other. A user goes back
when a stretch on the source version begins after one on the target version has begun. Both compare send times of one
stream, so that neither clocks nor latency matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int16Array, Int64Array
from hitless.measures.changes import ShareChange
from hitless.measures.timelines import Timeline

_SOURCE = 0
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Stretches:
    """Stretches by user and, for each user, by their beginning; one row per stretch.

    Attributes:
        first_ns, last_ns: when its first and its last packet were sent.
    """

    user: Int64Array
    session: Int64Array
    version: Int16Array
    first_ns: Int64Array
    last_ns: Int64Array

    def __len__(self) -> int:
        return len(self.user)

    def where(self, keep: NDArray[np.bool_] | Int64Array) -> Stretches:
        """Return some of the stretches, or all in another order."""
        return Stretches(*(getattr(self, field.name)[keep] for field in fields(self)))


@dataclass(frozen=True, slots=True)
class UserEvents:
    """Stretches with which a user became mixed or went back; a user may appear more than once.

    Attributes:
        at_ns: when the first packet of the stretch was sent.
        version: who served it.
    """

    user: Int64Array
    session: Int64Array
    version: Int16Array
    at_ns: Int64Array

    def users(self, since_ns: int, until_ns: int = _NEVER) -> Int64Array:
        """Return the users with an event from an instant on, each once."""
        return np.unique(self.user[(self.at_ns >= since_ns) & (self.at_ns < until_ns)])


def served_stretches(streams: Sequence[Timeline], session_timeout_s: float) -> Stretches:
    """Cut the sessions into stretches; a session that was idle for longer than the timeout is over and begins anew."""
    parts = [_stretches(stream, session_timeout_s) for stream in streams]
    if not parts:
        return _none()
    joined = Stretches(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Stretches)))
    return joined.where(np.lexsort((joined.first_ns, joined.user)))


def mixed_users(stretches: Stretches) -> UserEvents:
    """Find the stretches that begin while another one of the user on another version is open."""
    mixed = np.zeros(len(stretches), np.bool_)
    for version in np.unique(stretches.version):
        others_last = np.where(stretches.version == version, 0, stretches.last_ns)
        mixed |= (stretches.version == version) & (_latest_so_far(stretches.user, others_last) > stretches.first_ns)
    return _events(stretches, mixed)


def back_switches(stretches: Stretches) -> UserEvents:
    """Find the stretches on the source version that begin after one of the user on another version has begun."""
    on_source = stretches.version == _SOURCE
    begun = np.where(on_source, 0, stretches.first_ns)
    latest = _latest_so_far(stretches.user, begun)
    return _events(stretches, on_source & (latest > 0) & (latest < stretches.first_ns))


def parallel_users(stretches: Stretches) -> Int64Array:
    """Return the users with two sessions open at one instant; nobody else can be served by two versions at once."""
    open_until_ns = _latest_so_far(stretches.user, stretches.last_ns)
    return np.unique(stretches.user[open_until_ns > stretches.first_ns])


def countable_users(stretches: Stretches, changes: Sequence[ShareChange]) -> Int64Array:
    """Return the users with two or more sessions who were served both before and after some share change."""
    if len(stretches) == 0:
        return np.zeros(0, np.int64)
    users, first = np.unique(stretches.user, return_index=True)
    begun, ended = stretches.first_ns[first], np.maximum.reduceat(stretches.last_ns, first)
    several = np.minimum.reduceat(stretches.session, first) < np.maximum.reduceat(stretches.session, first)
    spans = np.zeros(len(users), np.bool_)
    for change in changes:
        spans |= (begun < change.at.earliest_ns) & (ended > change.at.latest_ns)
    return users[several & spans]


def _none() -> Stretches:
    nothing = np.zeros(0, np.int64)
    return Stretches(nothing, nothing, nothing.astype(np.int16), nothing, nothing)


def _stretches(stream: Timeline, session_timeout_s: float) -> Stretches:
    marked = np.flatnonzero(stream.version >= 0)
    order = marked[np.argsort(stream.sessions[marked], kind="stable")]
    if len(order) == 0:
        return _none()
    sessions, sent, version = stream.sessions[order], stream.sent_ns[order], stream.version[order]
    # Packets between the two that were lost were sent all the same: the session was not idle then.
    packets = np.maximum((order[1:] - order[:-1]) // stream.layout.session_step, 1)
    idle = (sent[1:] - sent[:-1]) / packets > session_timeout_s * 1e9
    edge = (sessions[1:] != sessions[:-1]) | (version[1:] != version[:-1]) | idle
    first, last = np.concatenate(([True], edge)), np.concatenate((edge, [True]))
    return Stretches(stream.users[order[first]], sessions[first], version[first], sent[first], sent[last])


def _latest_so_far(user: Int64Array, value_ns: Int64Array) -> Int64Array:
    """Return for each row the largest value among the rows of its user that stand before it, 0 if there is none."""
    if len(user) == 0:
        return value_ns
    begins = np.concatenate(([True], user[1:] != user[:-1]))
    # Ranks of values instead of values: what is added for each further user then fits into 64 bits.
    known, rank = np.unique(value_ns, return_inverse=True)
    level = np.cumsum(begins) * np.int64(len(known) + 1)
    highest = np.maximum.accumulate(level + rank + 1)
    before = np.concatenate(([0], highest[:-1])) - level
    return np.where(before > 0, known[np.clip(before - 1, 0, None)], 0)


def _events(stretches: Stretches, rows: NDArray[np.bool_]) -> UserEvents:
    found = stretches.where(rows)
    return UserEvents(found.user, found.session, found.version, found.first_ns)
