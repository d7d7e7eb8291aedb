"""Longest gaps, by level: an outage that was not noticed is shorter than the longest gap between two packets.

A gap is measured in send time between two packets that came back, so that neither latency nor a burst after a pause
counts. A level is what the packets are taken together by: the whole service, a version, an instance, one session.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array
from hitless.measures.spans import Span
from hitless.measures.timelines import PIECE, Timeline

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
    service, version, instance, sessions = _Level(), _Level(), _Level(), _Level()
    last_ns, last_kept = None, True
    for sent, received, versions, instances in _merged(streams, span):
        kept = received.copy()
        kept[0] |= last_ns is None
        service.add(0, sent[kept])
        last_ns, last_kept = int(sent[-1]), bool(kept[-1])
        for level, mark in ((version, versions), (instance, instances)):
            for name, times in _by_mark(mark, sent):
                level.add(name, times)
    if last_ns is not None and not last_kept:
        service.add(0, np.asarray([last_ns], np.int64))
    for stream in streams:
        sessions.hear_of(_longest_of_session(stream, stream.rows_in(span)))
    return LongestGaps(service.longest_ns, version.longest_ns, instance.longest_ns, sessions.longest_ns)


class _Level:
    """The longest gap of a level so far; packets come in order of time, piece by piece."""

    def __init__(self) -> None:
        self.longest_ns: int | None = None
        self._last_ns: dict[int, int] = {}

    def add(self, name: int, sent_ns: Int64Array) -> None:
        """Take further packets of one version, instance or whatever is told apart."""
        if len(sent_ns) == 0:
            return
        before = self._last_ns.get(name)
        gaps = np.diff(sent_ns) if before is None else np.diff(sent_ns, prepend=before)
        self.hear_of(int(gaps.max()) if len(gaps) else None)
        self._last_ns[name] = int(sent_ns[-1])

    def hear_of(self, gap_ns: int | None) -> None:
        """Take a gap that is known already."""
        self.longest_ns = max((gap for gap in (self.longest_ns, gap_ns) if gap is not None), default=None)


_Columns = tuple[Int64Array, NDArray[np.bool_], NDArray[np.int16], NDArray[np.int16]]


def _merged(streams: Sequence[Timeline], span: Span) -> Iterator[_Columns]:
    """Return send times, receptions, versions and instances of all streams in order of time, piece by piece."""
    if not streams:
        return
    if not all(stream.in_order_of_time for stream in streams):
        yield from _sorted([_part(stream, stream.rows_in(span)) for stream in streams])
        return
    # Where packets are in order a stretch of time is a stretch of rows.
    busiest = max(streams, key=len)
    inner = busiest.sent_ns[PIECE::PIECE]
    edges = [span.start_ns, *inner[(inner > span.start_ns) & (inner < span.end_ns)].tolist(), span.end_ns]
    places = [np.searchsorted(stream.sent_ns, edges) for stream in streams]
    for first, last in pairwise(range(len(edges))):
        yield from _sorted(
            [_part(stream, slice(at[first], at[last])) for stream, at in zip(streams, places, strict=True)]
        )


def _part(stream: Timeline, rows: slice | NDArray[np.bool_]) -> _Columns:
    return stream.sent_ns[rows], stream.received[rows], stream.version[rows], stream.instance[rows]


def _sorted(parts: Sequence[_Columns]) -> Iterator[_Columns]:
    """Return the packets of all parts together, in order of time; nothing if there are none."""
    sent, received, version, instance = (np.concatenate(column) for column in zip(*parts, strict=True))
    if len(sent):
        order = np.argsort(sent, kind="stable")
        yield sent[order], received[order], version[order], instance[order]


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


def _by_mark(mark: NDArray[np.int16], sent_ns: Int64Array) -> Iterable[tuple[int, Int64Array]]:
    """Return the send times of the packets of each mark."""
    names = range(int(mark.max(initial=-1)) + 1)
    if len(names) <= _FEW_MARKS:
        return ((name, sent_ns[mark == name]) for name in names)
    order = np.argsort(mark, kind="stable")  # numbers of two bytes are sorted without comparing them
    parts = np.split(sent_ns[order], np.searchsorted(mark, names, sorter=order))[1:]
    return zip(names, parts, strict=True)
