"""Longest gaps, by level: an outage that was not noticed is shorter than the longest gap between two packets.

A gap is measured in send time between two packets that came back, so that neither latency nor a burst after a pause
counts. A level is what the packets are taken together by: the whole service, a version, an instance, one session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array
from hitless.measures.spans import Span
from hitless.measures.timelines import Timeline


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
    sent, received, version, instance = [], [], [], []
    sessions: list[int] = []
    for stream in streams:
        rows = stream.rows_in(span)
        sent.append(stream.sent_ns[rows])
        received.append(stream.received[rows])
        version.append(stream.version[rows])
        instance.append(stream.instance[rows])
        gap = _longest_by_key(stream.sessions[rows], sent[-1], received[-1])
        sessions.extend([] if gap is None else [gap])
    if not sent:
        return LongestGaps(None, None, None, None)
    all_sent, came_back = np.concatenate(sent), np.concatenate(received)
    order = np.argsort(all_sent, kind="stable")
    return LongestGaps(
        service_ns=_longest_by_key(np.zeros(len(order), np.int64), all_sent[order], came_back[order]),
        version_ns=_longest_of_mark(np.concatenate(version)[order], all_sent[order]),
        instance_ns=_longest_of_mark(np.concatenate(instance)[order], all_sent[order]),
        session_ns=max(sessions, default=None),
    )


def probe_loss(streams: Sequence[Timeline], span: Span) -> ProbeLoss:
    """Count the lost probe packets that were sent in the span."""
    sent = lost = sessions = with_loss = periods = 0
    for stream in streams:
        rows = stream.rows_in(span)
        gone = ~stream.received[rows]
        names = stream.sessions[rows]
        sent += len(gone)
        lost += int(np.count_nonzero(gone))
        sessions += len(np.unique(names))
        with_loss += len(np.unique(names[gone]))
        periods += int(np.count_nonzero(gone & ~np.concatenate(([False], gone[:-1])))) if len(gone) else 0
    return ProbeLoss(sent, lost, sessions, with_loss, periods)


def _longest_by_key(keys: Int64Array, sent_ns: Int64Array, received: NDArray[np.bool_]) -> int | None:
    """Return the longest time without a packet that came back, within a key, from its first packet to its last."""
    if len(keys) == 0:
        return None
    order = np.argsort(keys, kind="stable")
    keys, sent_ns, received = keys[order], sent_ns[order], received[order]
    edge = np.concatenate(([True], keys[1:] != keys[:-1]))
    edge |= np.concatenate((keys[1:] != keys[:-1], [True]))
    kept = received | edge
    keys, sent_ns = keys[kept], sent_ns[kept]
    gaps = np.diff(sent_ns)[keys[1:] == keys[:-1]]
    return int(np.max(gaps)) if len(gaps) else None


def _longest_of_mark(mark: NDArray[np.int16], sent_ns: Int64Array) -> int | None:
    marked = mark >= 0
    names, times = mark[marked].astype(np.int64), sent_ns[marked]
    return _longest_by_key(names, times, np.ones(len(names), np.bool_))
