"""Loss, duplicates and reordering of one probe stream, session by session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hitless.history import Int64Array, ProbeRecords
from hitless.measures.timelines import Timeline

_PORT_BITS = 16


@dataclass(frozen=True, slots=True)
class SessionTallies:
    """What became of each session's packets; one row per session, in the order of their names.

    Attributes:
        session: name of the session, unique over all groups.
        sent, lost: packets.
        duplicates: copies beyond the first.
        reordered: packets that came back after a later one of the same session (RFC 4737, section 3: the type P
            singleton). Of a packet that came twice the first copy counts: the second is a duplicate, not late.
    """

    session: Int64Array
    sent: Int64Array
    lost: Int64Array
    duplicates: Int64Array
    reordered: Int64Array

    def __len__(self) -> int:
        return len(self.session)


def session_tallies(probes: ProbeRecords, stream: Timeline) -> SessionTallies:
    """Count per session of a stream.

    Args:
        probes: all probes that came back, in order of reception.
        stream: the stream's packets in order of sending.
    """
    names, place = np.unique(stream.sessions, return_inverse=True)
    arrival = probes.number[probes.pg_id == stream.group.pg_id]
    first = _first_copies(arrival)
    late = _overtaken(arrival[first], place[arrival[first]])

    def per_session(packets: Int64Array) -> Int64Array:
        return np.bincount(place[packets], minlength=len(names)).astype(np.int64)

    return SessionTallies(
        session=names,
        sent=np.bincount(place, minlength=len(names)).astype(np.int64),
        lost=per_session(np.flatnonzero(~stream.received)),
        duplicates=per_session(arrival) - per_session(arrival[first]),
        reordered=per_session(arrival[first][late]),
    )


def reordered_packets(probes: ProbeRecords, stream: Timeline) -> int:
    """Return how many packets of a stream came back after a later one of it; copies beyond the first do not count."""
    arrival = probes.number[probes.pg_id == stream.group.pg_id]
    first = _first_copies(arrival)
    return len(_overtaken(arrival[first], np.zeros(len(first), np.int64)))


def session_name(stream: Timeline, addresses: Int64Array, ports: Int64Array) -> Int64Array:
    """Return the session that each pair of user address and user port belongs to, -1 where the stream sent no such.

    A pair that comes back after the stream's ports are used up is taken for its first session.
    """
    sessions, first_packet = np.unique(stream.sessions, return_index=True)
    if len(sessions) == 0:
        return np.full(len(addresses), -1, np.int64)
    fields = stream.layout.fields(first_packet.astype(np.int64))
    keys = (fields.address << _PORT_BITS) | fields.port
    order = np.argsort(keys, kind="stable")
    wanted = (addresses << _PORT_BITS) | ports
    found = order[np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)]
    return np.where(keys[found] == wanted, sessions[found], np.int64(-1))


def _first_copies(arrival: Int64Array) -> Int64Array:
    """Return the rows of the first copy of each packet, in order of reception."""
    _, first = np.unique(arrival, return_index=True)
    return np.sort(first).astype(np.int64)


def _overtaken(numbers: Int64Array, keys: Int64Array) -> Int64Array:
    """Return the rows of packets that came after one with the same key and a larger number."""
    if len(numbers) == 0:
        return np.zeros(0, np.int64)
    order = np.argsort(keys, kind="stable")
    # Numbers are lifted by their key's rank, so that one running maximum serves all keys.
    _, rank = np.unique(keys[order], return_inverse=True)
    lifted = numbers[order] + rank.astype(np.int64) * (int(np.max(numbers)) + 1)
    late = lifted < np.maximum.accumulate(lifted)
    return np.sort(order[late]).astype(np.int64)
