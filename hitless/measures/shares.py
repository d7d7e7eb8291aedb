"""The new version's share among users who come anew, and the plateaus between two changes of it.

A user who has a session open is kept where they are, so only users without one show how new requests are divided:
users of whom no packet was sent for as long as the session timeout. With user affinity each of them counts once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitless.history import CounterSeries, Int64Array, Interval
from hitless.measures import confidence, counting
from hitless.measures.changes import GAIN_NATS, Openers, ShareChange
from hitless.measures.partition import best_changes
from hitless.measures.timelines import Timeline


@dataclass(frozen=True, slots=True)
class Plateau:
    """A stretch of time in which the share stayed the same.

    Attributes:
        start: when the first user came who was treated so.
        end: when the share changed again or was last seen.
        users: users who came while it surely held.
        on_new: how many of them went to the new version.
    """

    start: Interval
    end: Interval
    users: int
    on_new: int

    @property
    def share(self) -> float:
        """Share of the new version, 0 without users."""
        return self.on_new / self.users if self.users else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Two-sided 95 % interval of the share (Clopper and Pearson); everything without users."""
        return confidence.interval(self.on_new, self.users) if self.users else (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Users who came anew.

    Attributes:
        opened: first session of each of them that came back with a version mark.
        unmarked: users whose first packets came back without exactly one version mark.
    """

    opened: Openers
    unmarked: int

    @property
    def unmarked_ratio(self) -> float:
        """Part of the users who came back unmarked."""
        total = len(self.opened.sent_ns) + self.unmarked
        return self.unmarked / total if total else 0.0


def arrivals(streams: Sequence[Timeline], session_timeout_s: float) -> Arrivals:
    """Find the users who came anew, in the order of their coming."""
    sent: list[Int64Array] = [np.zeros(0, np.int64)]
    on_new: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
    unmarked = 0
    for stream in streams:
        if not stream.layout.short_sessions:
            continue
        rows, without = _first_openers(stream, session_timeout_s)
        sent.append(stream.sent_ns[rows])
        on_new.append(stream.version[rows] > 0)
        unmarked += without
    times = np.concatenate(sent)
    order = np.argsort(times, kind="stable")
    return Arrivals(Openers(times[order], np.concatenate(on_new)[order]), unmarked)


def plateaus(opened: Openers) -> tuple[Plateau, ...]:
    """Return the plateaus after the first user of the new version, in order of time; none without such a user."""
    changes = best_changes(opened)
    if not changes:
        return ()
    last = int(opened.sent_ns[-1])
    ends = [*(change.at for change in changes[1:]), Interval(last, last)]
    total = np.concatenate(([0], np.cumsum(opened.on_new)))
    return tuple(_plateau(opened, total, change, end) for change, end in zip(changes, ends, strict=True))


def offered_pps(counters: CounterSeries, plateau: Plateau) -> float | None:
    """Return the rate that was offered in a plateau, all groups together; None without two samples inside."""
    at_ns = counting.instants_ns(counters)
    inside = np.flatnonzero((at_ns >= plateau.start.latest_ns) & (at_ns <= plateau.end.earliest_ns))
    if len(inside) < 2 or at_ns[inside[-1]] == at_ns[inside[0]]:
        return None
    sent = int((counters.tx[inside[-1]] - counters.tx[inside[0]]).sum())
    return sent / (int(at_ns[inside[-1]] - at_ns[inside[0]]) / 1e9)


def smallest_step(opened: Openers, seconds: float) -> float:
    """Return about how far the share has to change for so long to be seen, near a half, where it is hardest to see.

    Two stretches of n users each whose shares differ by d are told apart by a gain of about n d^2 nats there.
    """
    if len(opened.sent_ns) < 2:
        return 1.0
    lasted_s = int(opened.sent_ns[-1] - opened.sent_ns[0]) / 1e9
    users = seconds * len(opened.sent_ns) / max(lasted_s, 1e-9)
    return min(1.0, math.sqrt(GAIN_NATS / max(users, 1.0)))


def _plateau(opened: Openers, total: Int64Array, change: ShareChange, end: Interval) -> Plateau:
    # The first user of a plateau is found by where they went; they would bias the share.
    low = int(np.searchsorted(opened.sent_ns, change.at.latest_ns, side="right"))
    high = max(low, int(np.searchsorted(opened.sent_ns, end.earliest_ns, side="right")))
    # Between two users nobody can tell the share, and nobody is treated by it: it begins with the first one of them.
    # Before anybody went to the new version there was none, whatever those who did not go there might have done.
    first = int(opened.sent_ns[np.searchsorted(opened.sent_ns, change.at.earliest_ns, side="right")])
    latest = change.at.latest_ns
    start = Interval(min(first, latest) if change.share_before > 0.0 else latest, latest)
    return Plateau(start, end, high - low, int(total[high] - total[low]))


def _first_openers(stream: Timeline, session_timeout_s: float) -> tuple[Int64Array, int]:
    """Return the first marked opener of each visit of a user, and how many visits came back unmarked."""
    order = np.argsort(stream.users, kind="stable")
    users, sent = stream.users[order], stream.sent_ns[order]
    anew = np.concatenate(([True], (users[1:] != users[:-1]) | (np.diff(sent) > session_timeout_s * 1e9)))
    visit = np.empty(len(order), np.int64)
    visit[order] = np.cumsum(anew)
    opening = (stream.layout.position(stream.numbers) == 0) & stream.received
    rows = np.flatnonzero(opening & (stream.version >= 0))
    visits, first = np.unique(visit[rows], return_index=True)
    seen = np.unique(visit[opening])
    return rows[first], len(seen) - len(visits)
