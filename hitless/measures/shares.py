"""The new version's share among users who come anew, and the plateaus between two changes of it.

A user who has a session open is kept where they are, so only users without one show how new requests are divided:
users of whom no packet was sent for as long as the session timeout. With user affinity each of them counts once.

Of a user whose openers did not come back nobody knows where they went, and a version that drops what opens a session
would look as if fewer were sent to it. They are counted, and a share is known only as far as it does not depend on
them. If the new version answers them later they are its users. If the old one does, they may have been sent back to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

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
        users: users who came while it surely held, and were answered.
        on_new: how many of them went to the new version.
        unanswered: further users who came meanwhile, of whom nobody knows where they went.
    """

    start: Interval
    end: Interval
    users: int
    on_new: int
    unanswered: int = 0

    @property
    def share(self) -> float:
        """Share of the new version among those who were answered, 0 without users."""
        return self.on_new / self.users if self.users else 0.0

    @property
    def bounds(self) -> tuple[float, float]:
        """Two-sided 95 % interval of the share (Clopper and Pearson); everything without users.

        From what it is if nobody who was not answered went to the new version to what it is if all of them did.
        """
        if not self.unanswered:
            return confidence.interval(self.on_new, self.users) if self.users else (0.0, 1.0)
        return self.if_none_went.bounds[0], self.if_all_went.bounds[1]

    @property
    def if_all_went(self) -> Plateau:
        """The plateau if all users who were not answered went to the new version."""
        return self._answered(self.on_new + self.unanswered)

    @property
    def if_none_went(self) -> Plateau:
        """The plateau if none of the users who were not answered went to the new version."""
        return self._answered(self.on_new)

    def _answered(self, on_new: int) -> Plateau:
        return replace(self, users=self.users + self.unanswered, on_new=on_new, unanswered=0)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Users who came anew.

    Attributes:
        opened: first session of each of them that came back with a version mark.
        unmarked: users whose first packets came back without exactly one version mark.
        unanswered_ns: when users came who got no opener back, nor anything else from the new version, in order.
        late_ns: when users came who got no opener back, and whom the new version answered later.
    """

    opened: Openers
    unmarked: int
    unanswered_ns: Int64Array = field(default_factory=lambda: np.zeros(0, np.int64))
    late_ns: Int64Array = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def unmarked_ratio(self) -> float:
        """Part of the users who came back unmarked."""
        total = len(self.opened.sent_ns) + self.unmarked
        return self.unmarked / total if total else 0.0


def arrivals(streams: Sequence[Timeline], session_timeout_s: float) -> Arrivals:
    """Find the users who came anew, in the order of their coming."""
    sent: list[Int64Array] = [np.zeros(0, np.int64)]
    on_new: list[NDArray[np.bool_]] = [np.zeros(0, np.bool_)]
    unanswered: list[Int64Array] = [np.zeros(0, np.int64)]
    late: list[Int64Array] = [np.zeros(0, np.int64)]
    unmarked = 0
    for stream in streams:
        if not stream.layout.short_sessions:
            continue
        visits = _visits(stream, session_timeout_s)
        sent.append(stream.sent_ns[visits.marked])
        on_new.append(stream.version[visits.marked] > 0)
        unanswered.append(stream.sent_ns[visits.unanswered])
        late.append(stream.sent_ns[visits.late])
        unmarked += visits.unmarked
    opened = in_order(np.concatenate(sent), np.concatenate(on_new))
    return Arrivals(opened, unmarked, np.sort(np.concatenate(unanswered)), np.sort(np.concatenate(late)))


def in_order(sent_ns: Int64Array, on_new: NDArray[np.bool_]) -> Openers:
    """Return users in the order of their coming."""
    order = np.argsort(sent_ns, kind="stable")
    return Openers(sent_ns[order], on_new[order])


def plateaus(opened: Openers, unanswered_ns: Int64Array | None = None) -> tuple[Plateau, ...]:
    """Return the plateaus after the first user of the new version, in order of time; none without such a user.

    Args:
        opened: users who came anew.
        unanswered_ns: when further users came, of whom nobody knows where they went.
    """
    changes = best_changes(opened)
    if not changes:
        return ()
    last = int(opened.sent_ns[-1])
    ends = [*(change.at for change in changes[1:]), Interval(last, last)]
    total = np.concatenate(([0], np.cumsum(opened.on_new)))
    found = (_plateau(opened, total, change, end) for change, end in zip(changes, ends, strict=True))
    if unanswered_ns is None or not len(unanswered_ns):
        return tuple(found)
    return tuple(
        replace(one, unanswered=came_between(unanswered_ns, one.start.latest_ns, one.end.earliest_ns)) for one in found
    )


def came_between(sent_ns: Int64Array, after_ns: int, until_ns: int) -> int:
    """Return how many of some users, in the order of their coming, came after an instant and until another one."""
    first, last = np.searchsorted(sent_ns, (after_ns, until_ns), side="right")
    return max(0, int(last - first))


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


@dataclass(frozen=True, slots=True)
class _Visits:
    """The visits of a stream's users; rows are packets.

    Attributes:
        marked: the first opener of each visit that came back with a version mark.
        unmarked: how many visits came back without.
        unanswered, late: the first opener of each visit of which no opener came back; ``late`` if the first packet that
            did come back was marked by the new version.
    """

    marked: Int64Array
    unmarked: int
    unanswered: Int64Array
    late: Int64Array


def _visits(stream: Timeline, session_timeout_s: float) -> _Visits:
    order = np.argsort(stream.users, kind="stable")
    users, sent = stream.users[order], stream.sent_ns[order]
    anew = np.concatenate(([True], (users[1:] != users[:-1]) | (np.diff(sent) > session_timeout_s * 1e9)))
    visit = np.empty(len(order), np.int64)
    visit[order] = np.cumsum(anew)
    opening = stream.layout.position(stream.numbers) == 0
    openers = np.flatnonzero(opening)
    rows = np.flatnonzero(opening & stream.received & (stream.version >= 0))
    visits, first = np.unique(visit[rows], return_index=True)
    answered = np.unique(visit[openers[stream.received[openers]]])
    came, begun = np.unique(visit[openers], return_index=True)
    missed = ~np.isin(came, answered)
    late = np.isin(came[missed], _first_on_new(stream, visit, came[missed]))
    begun = openers[begun[missed]]
    return _Visits(rows[first], len(answered) - len(visits), begun[~late], begun[late])


def _first_on_new(stream: Timeline, visit: Int64Array, wanted: Int64Array) -> Int64Array:
    """Return which of some visits the new version served first, by any packet."""
    rows = np.flatnonzero((stream.version >= 0) & np.isin(visit, wanted))
    visits, first = np.unique(visit[rows], return_index=True)
    return visits[stream.version[rows[first]] > 0]
