"""What of the source version is left in traffic when an upgrade is declared complete, and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitless.measures.spans import Span
from hitless.measures.timelines import Timeline


@dataclass(frozen=True, slots=True)
class Census:
    """Sessions at an instant, and in a while after it.

    Attributes:
        open: sessions with a packet before the instant and another one after it, within the session timeout.
        open_served: how many of these one version served before and after the instant.
        heard: sessions of which a marked packet was sent in the while after it.
        heard_served: how many of these the version served in it.
    """

    open: int
    open_served: int
    heard: int
    heard_served: int

    @property
    def ratio(self) -> float:
        """Part of the sessions that the version served, of those open or of those heard of, whichever is larger."""
        return max(self.open_served / max(1, self.open), self.heard_served / max(1, self.heard))


def session_census(
    streams: Sequence[Timeline], at_ns: int, *, heard_ns: int, session_timeout_s: float, version: int
) -> Census:
    """Count the sessions that were open at an instant or heard of shortly after it, and those that a version served."""
    counts = np.zeros(4, np.int64)
    for stream in streams:
        rows = np.flatnonzero(stream.rows_in(Span(at_ns, at_ns + heard_ns)) & (stream.version >= 0))
        heard, served = stream.sessions[rows], stream.sessions[rows[stream.version[rows] == version]]
        counts[:2] += _open(stream, at_ns, session_timeout_s, version)
        counts[2:] += len(np.unique(heard)), len(np.unique(served))
    return Census(*counts.tolist())


def _open(stream: Timeline, at_ns: int, session_timeout_s: float, version: int) -> tuple[int, int]:
    """Count the sessions of one stream that were open at an instant, and those whose neighbours a version served."""
    order = np.argsort(stream.sessions, kind="stable")
    names, sent = stream.sessions[order], stream.sent_ns[order]
    same = names[1:] == names[:-1]
    across = same & (sent[:-1] < at_ns) & (sent[1:] >= at_ns) & (sent[1:] - sent[:-1] <= session_timeout_s * 1e9)
    # The nearest packets that somebody served, on both sides; where one is of another session there is none.
    marked = np.flatnonzero(stream.version[order] >= 0)
    rows = np.flatnonzero(across)
    left = np.searchsorted(marked, rows, side="right") - 1
    known = (left >= 0) & (left + 1 < len(marked))
    left = left[known]
    before, after = marked[left], marked[left + 1]
    mine = (names[before] == names[rows[known]]) & (names[after] == names[rows[known]])
    both = (stream.version[order[before]] == version) & (stream.version[order[after]] == version)
    return len(rows), int(np.count_nonzero(mine & both))


def packets_after(streams: Sequence[Timeline], start_ns: int, end_ns: int, *, version: int) -> tuple[int, int]:
    """Return how many marked packets were sent in a span, and how many of these the version served."""
    span = Span(start_ns, end_ns)
    marked = served = 0
    for stream in streams:
        versions = stream.version[stream.rows_in(span)]
        marked += int(np.count_nonzero(versions >= 0))
        served += int(np.count_nonzero(versions == version))
    return marked, served


def last_served_ns(streams: Sequence[Timeline], *, version: int) -> int | None:
    """Return when the last packet that the version served was sent; None if it served none."""
    sent = [
        int(stream.sent_ns[stream.version == version].max()) for stream in streams if (stream.version == version).any()
    ]
    return max(sent, default=None)
