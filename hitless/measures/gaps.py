"""Longest gaps, by level: an outage that was not noticed is shorter than the longest gap between two packets.

A gap is measured in send time between two packets that came back, so that neither latency nor a burst after a pause
counts. A level is what the packets are taken together by: the whole service, a version, an instance, one session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array
from hitless.measures.spans import Span
from hitless.measures.timelines import Timeline

_FEW_MARKS = 16
"""So few can be looked for one after the other."""


@dataclass(frozen=True, slots=True)
class LongestGaps:
    """Longest gap of each level in nanoseconds, None where the level has no packets.

    For versions and instances from their first packet to their last; for service and sessions from the first packet
    sent to the last one sent, lost or not, so that an outage that is open at the end counts.
    """

    service_ns: int | None
    version_ns: int | None
    instance_ns: int | None
    session_ns: int | None


@dataclass(frozen=True, slots=True)
class ProbeLoss:
    """Loss of probe packets in a span."""

    sent: int
    lost: int
    sessions: int
    sessions_with_loss: int
    loss_periods: int
    """Runs of consecutive lost packets, per stream (RFC 3357's loss periods)."""


def longest_gaps(streams: Sequence[Timeline], span: Span) -> LongestGaps:
    """Measure the longest gap of each level among the packets sent in the span."""
    if not streams:
        return LongestGaps(None, None, None, None)
    rows = [stream.rows_in(span) for stream in streams]
    pairs = tuple(zip(streams, rows, strict=True))
    sent = np.concatenate([stream.sent_ns[inside] for stream, inside in pairs])
    order = np.argsort(sent, kind="stable")
    columns = (
        np.concatenate([stream.received[inside] for stream, inside in pairs])[order],
        np.concatenate([stream.version[inside] for stream, inside in pairs])[order],
        np.concatenate([stream.instance[inside] for stream, inside in pairs])[order],
    )
    sent = sent[order]
    del order
    sessions = (_longest_of_session(stream, inside) for stream, inside in pairs)
    return LongestGaps(
        service_ns=_longest_by_key(np.zeros(len(sent), np.bool_), sent, columns[0]),
        version_ns=_longest_of_mark(columns[1], sent),
        instance_ns=_longest_of_mark(columns[2], sent),
        session_ns=max((gap for gap in sessions if gap is not None), default=None),
    )


def probe_loss(streams: Sequence[Timeline], span: Span) -> ProbeLoss:
    """Count the lost probe packets that were sent in the span."""
    sent = lost = sessions = with_loss = periods = 0
    for stream in streams:
        rows = stream.rows_in(span)
        gone = ~stream.received[rows]
        numbers = np.flatnonzero(rows)
        sent += len(gone)
        lost += int(np.count_nonzero(gone))
        sessions += stream.session_count(numbers)
        with_loss += stream.session_count(numbers[gone])
        periods += int(np.count_nonzero(gone & ~np.concatenate(([False], gone[:-1])))) if len(gone) else 0
    return ProbeLoss(sent, lost, sessions, with_loss, periods)


def _longest_of_session(stream: Timeline, inside: NDArray[np.bool_]) -> int | None:
    longest = []
    for order in stream.by_session():
        numbers = order[inside[order]]
        longest.append(_longest_by_key(stream.sessions_of(numbers), stream.sent_ns[numbers], stream.received[numbers]))
    return max((gap for gap in longest if gap is not None), default=None)


def _longest_by_key(keys: NDArray[np.generic], sent_ns: Int64Array, received: NDArray[np.bool_]) -> int | None:
    """Return the longest time without a packet that came back, within a key, from its first packet to its last.

    Packets of a key stand together.
    """
    if len(keys) == 0:
        return None
    edge = keys[1:] != keys[:-1]
    kept = received.copy()
    kept[0] = kept[-1] = True
    kept[1:] |= edge
    kept[:-1] |= edge
    if not bool(kept.all()):
        keys, sent_ns = keys[kept], sent_ns[kept]
        edge = keys[1:] != keys[:-1]
    gaps = np.diff(sent_ns)
    if np.count_nonzero(edge) == len(gaps):
        return None
    gaps[edge] = np.iinfo(np.int64).min
    return int(np.max(gaps))


def _longest_of_mark(mark: NDArray[np.int16], sent_ns: Int64Array) -> int | None:
    gaps = [np.diff(times).max() for times in _by_mark(mark, sent_ns) if len(times) > 1]
    return int(max(gaps)) if gaps else None


def _by_mark(mark: NDArray[np.int16], sent_ns: Int64Array) -> Iterable[Int64Array]:
    """Return the send times of the packets of each mark."""
    names = range(int(mark.max(initial=-1)) + 1)
    if len(names) <= _FEW_MARKS:
        return (sent_ns[mark == name] for name in names)
    order = np.argsort(mark, kind="stable")  # numbers of two bytes are sorted without comparing them
    return np.split(sent_ns[order], np.searchsorted(mark, names, sorter=order))[1:]
