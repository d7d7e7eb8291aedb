"""Sessions that were dropped by a share change: served until then, not served after it, while new sessions are.

A session that is sent to a unit that does not know it may simply be dropped there; then no packet comes back that
could show the wrong mark. What tells it from an outage is that sessions opened after the change are served, and what
tells it from random loss is a run of lost packets that their loss ratio does not explain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hitless.history import Int64Array
from hitless.measures.changes import ShareChange
from hitless.measures.timelines import Timeline

_MARGIN_NS = 500_000_000
_OBSERVED_NS = 10_000_000_000
_SHORTEST_RUN = 3
_FALSE_ALARMS = 1e-3
"""How many sessions may be called dropped by chance, on average, in one recording."""
_LEAST_LOSS_RATIO = 1e-3
_OUTAGE_LOSS_RATIO = 0.5
"""Where half of the new sessions' packets are lost as well, the service is out, not the affinity."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Sessions dropped at a share change, and their users; a session may be dropped more than once."""

    session: Int64Array
    user: Int64Array
    at_ns: Int64Array
    """When the first packet that was lost was sent."""


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of lost packets within sessions."""

    session: Int64Array
    user: Int64Array
    length: Int64Array
    served_ns: Int64Array
    """When the packet before the run was sent."""
    lost_ns: Int64Array
    """When its first packet was sent."""
    until_ns: Int64Array
    """When its last packet was sent."""

    def where(self, keep: NDArray[np.bool_]) -> _Runs:
        """Return some of the runs."""
        return _Runs(*(getattr(self, field.name)[keep] for field in fields(self)))


def dropped_sessions(streams: Sequence[Timeline], changes: Sequence[ShareChange], session_timeout_s: float) -> Dropped:
    """Find the sessions that share changes dropped."""
    service = _Service.of(streams)
    runs = [_runs(stream, order, session_timeout_s) for stream in streams for order in stream.by_session()]
    runs = [run.where(service.served_during(run)) for run in runs if len(run.session)]
    session_count = sum(stream.session_count(stream.numbers) for stream in streams)
    names: list[Int64Array] = [np.zeros(0, np.int64)]
    users: list[Int64Array] = [np.zeros(0, np.int64)]
    instants: list[Int64Array] = [np.zeros(0, np.int64)]
    for change in changes:
        shortest = _shortest_run(_new_session_loss(streams, change), session_count)
        if shortest is None:
            continue
        for run in runs:
            hit = (
                (run.length >= shortest)
                & (run.served_ns <= change.at.latest_ns + _MARGIN_NS)
                & (run.lost_ns >= change.at.earliest_ns - _MARGIN_NS)
            )
            names.append(run.session[hit])
            users.append(run.user[hit])
            instants.append(run.lost_ns[hit])
    return Dropped(np.concatenate(names), np.concatenate(users), np.concatenate(instants))


def _runs(stream: Timeline, order: Int64Array, session_timeout_s: float) -> _Runs:
    """Find each run of lost packets, in some sessions, that follows a packet of the same session that came back."""
    lost = np.flatnonzero(~stream.received[order])
    names = stream.sessions_of(order[lost])
    same = (lost > 0) & (names == stream.sessions_of(order[np.maximum(lost - 1, 0)]))
    # A run ends at the next packet that came back or belongs to another session.
    begins = np.flatnonzero(~same | (np.diff(lost, prepend=-2) != 1))
    length = np.diff(begins, append=len(lost))
    # What was lost before anything of the session came back follows no packet that did.
    begins, length = begins[same[begins]], length[same[begins]]
    first = lost[begins]
    before, start, end = order[first - 1], order[first], order[first + length - 1]
    active = stream.sent_ns[start] - stream.sent_ns[before] <= session_timeout_s * 1e9
    before, start, end = before[active], start[active], end[active]
    return _Runs(
        session=stream.sessions_of(start),
        user=stream.users_of(start),
        length=length[active],
        served_ns=stream.sent_ns[before],
        lost_ns=stream.sent_ns[start],
        until_ns=stream.sent_ns[end],
    )


@dataclass(frozen=True, slots=True)
class _Service:
    """All packets of short sessions in the order of sending."""

    sent_ns: Int64Array
    lost_before: Int64Array
    """How many packets before each were lost; one place more than packets."""

    @classmethod
    def of(cls, streams: Sequence[Timeline]) -> _Service:
        """Collect the packets of the streams with short sessions."""
        short = [stream for stream in streams if stream.layout.short_sessions]
        sent = np.concatenate([np.zeros(0, np.int64), *(stream.sent_ns for stream in short)])
        lost = np.concatenate([np.zeros(0, np.bool_), *(~stream.received for stream in short)])
        order = np.argsort(sent, kind="stable")
        return cls(sent[order], np.concatenate(([0], np.cumsum(lost[order]))))

    def served_during(self, runs: _Runs) -> NDArray[np.bool_]:
        """Tell of which runs the service was not out: most packets of short sessions came back while they lasted."""
        first = np.searchsorted(self.sent_ns, runs.lost_ns, side="left")
        last = np.searchsorted(self.sent_ns, runs.until_ns, side="right")
        served: NDArray[np.bool_] = self.lost_before[last] - self.lost_before[first] < _OUTAGE_LOSS_RATIO * (
            last - first
        )
        return served


def _new_session_loss(streams: Sequence[Timeline], change: ShareChange) -> float:
    """Return the loss ratio of sessions opened after the change, of the instance where it is highest; 1 without any."""
    worst, seen = 0.0, False
    for stream in streams:
        if not stream.layout.short_sessions:
            continue
        rows = np.flatnonzero(stream.sent_ns <= change.at.latest_ns + _OBSERVED_NS)
        if stream.in_order_of_time:  # then nothing was opened later than it was used
            rows = rows[np.searchsorted(stream.sent_ns, change.at.latest_ns, side="right") :]
        openers = rows - stream.layout.position(rows) * stream.layout.session_step
        rows = rows[stream.sent_ns[openers] > change.at.latest_ns]
        if len(rows):
            seen = True
            worst = max(worst, _worst_ratio(stream, rows))
    return worst if seen else 1.0


def _worst_ratio(stream: Timeline, rows: Int64Array) -> float:
    _, session = np.unique(stream.sessions_of(rows), return_inverse=True)
    lost: NDArray[np.bool_] = ~stream.received[rows]
    mark = (
        np.maximum(stream.instance[rows], stream.version[rows]) if stream.instance.max() < 0 else stream.instance[rows]
    )
    server = np.full(int(session.max()) + 1, -1, np.int64)
    marked = mark >= 0
    server[session[marked]] = mark[marked]
    served_by = server[session]
    ratios = [float(np.mean(lost))]
    ratios += [float(np.mean(lost[served_by == name])) for name in np.unique(served_by[served_by >= 0])]
    return max(ratios)


def _shortest_run(loss_ratio: float, session_count: int) -> int | None:
    """Return how many losses in a row are no chance; None when the service is out anyway."""
    if loss_ratio >= _OUTAGE_LOSS_RATIO or session_count == 0:
        return None
    ratio = max(loss_ratio, _LEAST_LOSS_RATIO)
    return max(_SHORTEST_RUN, math.ceil(math.log(_FALSE_ALARMS / session_count) / math.log(ratio)))
