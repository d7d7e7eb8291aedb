"""When sessions that lost a packet were served again, from their own packets alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array
from hitless.measures.hitless_flows import ServedLoss
from hitless.measures.timelines import Timeline

NEVER = int(np.iinfo(np.int64).max)
_LATEST = NEVER // 4
"""Later than any instant, and the sum of two is still a number."""


@dataclass(frozen=True, slots=True)
class Returns:
    """When the session of each loss was served again; one row per loss, NEVER where it was not.

    Attributes:
        first_ns: its next packet that came back was sent then.
        steady_ns: the first one that came back a given time or more after that was sent then. Packets that were lost in
            between are losses of their own, with a return of their own.
        in_a_row: the loss is one of at least two in a row in its session.
        last_ns: the last packet of its session was sent then.
    """

    first_ns: Int64Array
    steady_ns: Int64Array
    in_a_row: NDArray[np.bool_]
    last_ns: Int64Array


@dataclass(frozen=True, slots=True)
class _Packets:
    """All packets of the sessions that lost any, by session and within each by time."""

    names: Int64Array
    session: Int64Array
    sent_ns: Int64Array
    received: NDArray[np.bool_]
    times_ns: Int64Array
    keys: Int64Array

    @classmethod
    def of(cls, names: Int64Array, streams: Sequence[Timeline]) -> _Packets:
        """Collect the packets of some sessions, whose names are in order."""
        session, sent_ns = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        received = [np.zeros(0, np.bool_)]
        for stream in streams:
            every = stream.sessions
            rows = np.flatnonzero(np.isin(every, names))
            session.append(np.searchsorted(names, every[rows]).astype(np.int64))
            sent_ns.append(stream.sent_ns[rows])
            received.append(stream.received[rows])
        whose, when_ns, came = np.concatenate(session), np.concatenate(sent_ns), np.concatenate(received)
        order = np.lexsort((when_ns, whose))
        whose, when_ns, came = whose[order], when_ns[order], came[order]
        times_ns = np.unique(when_ns)
        keys = whose * (len(times_ns) + 1) + np.searchsorted(times_ns, when_ns)
        return cls(names, whose, when_ns, came, times_ns, keys)

    def rows(self, place: Int64Array, at_ns: Int64Array) -> Int64Array:
        """Return the first packet of each session from an instant on; where there is none, one of another session."""
        wanted = place * (len(self.times_ns) + 1) + np.searchsorted(self.times_ns, at_ns)
        return np.searchsorted(self.keys, wanted).astype(np.int64)

    def back_ns(self, place: Int64Array, rows: Int64Array) -> Int64Array:
        """Return when the first packet of each session from a row on was sent that came back."""
        count = len(self.session)
        following = np.where(self.received, np.arange(count, dtype=np.int64), np.int64(count))
        following = np.append(np.minimum.accumulate(following[::-1])[::-1], count)
        found = following[rows]
        inside = np.minimum(found, max(count - 1, 0))
        mine = (found < count) & (self.session[inside] == place)
        return np.where(mine, self.sent_ns[inside], NEVER)

    def lost(self, place: Int64Array, rows: Int64Array) -> NDArray[np.bool_]:
        """Tell of some rows whether they are lost packets of the given sessions."""
        inside = np.clip(rows, 0, max(len(self.session) - 1, 0))
        lost: NDArray[np.bool_] = (inside == rows) & (self.session[inside] == place) & ~self.received[inside]
        return lost


def returns(loss: ServedLoss, streams: Sequence[Timeline], steady_ns: float) -> Returns:
    """Find when the session of each loss was served again.

    Args:
        loss: some losses of packets of the streams.
        streams: all probe streams.
        steady_ns: for ``Returns.steady_ns``.
    """
    if len(loss.lost_ns) == 0:
        nothing = np.zeros(0, np.int64)
        return Returns(nothing, nothing, np.zeros(0, np.bool_), nothing)
    names = np.unique(loss.lost_sessions)
    packets, place = _Packets.of(names, streams), np.searchsorted(names, loss.lost_sessions).astype(np.int64)
    rows = packets.rows(place, loss.lost_ns)
    first_ns = packets.back_ns(place, rows)
    steady_from_ns = np.minimum(first_ns, _LATEST) + int(min(steady_ns, float(_LATEST)))
    return Returns(
        first_ns=first_ns,
        steady_ns=packets.back_ns(place, packets.rows(place, steady_from_ns)),
        in_a_row=packets.lost(place, rows - 1) | packets.lost(place, rows + 1),
        last_ns=packets.sent_ns[packets.rows(place + 1, np.zeros_like(place)) - 1],
    )
