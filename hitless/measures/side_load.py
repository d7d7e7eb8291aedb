"""The new side's share of users against the capacity that it has, piece by piece.

Capacity may change within a plateau of the share, and a small change of the share may go unnoticed within what looks
like one plateau. So each plateau is cut where capacity changes, and each piece has the users who came in it: load that
comes before its capacity are users who come before it. A share that nobody meets yet is no load. Users whom nobody
answered are no certain load of the new side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hitless.history import Int64Array
from hitless.measures import confidence
from hitless.measures.changes import Openers
from hitless.measures.shares import Plateau, came_between
from hitless.measures.units import Unit, capacity_pps

_FEW_USERS = 64
"""So few users say less about the share of their piece than all users of the plateau do."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a plateau in which the capacity of the new side stays the same.

    Attributes:
        plateau: which it is a part of.
        start_ns, end_ns: from when to when.
        users, on_new: users who came in it, and those who went to the new version.
        capacity_pps: capacity of the new side, in any case or possibly, as it was asked for.
        unanswered: further users who came in it, of whom nobody knows where they went.
    """

    plateau: Plateau
    start_ns: int
    end_ns: int
    users: int
    on_new: int
    capacity_pps: float
    unanswered: int = 0

    @property
    def share(self) -> float:
        """Share of the new version: of the piece's users, of all users of the plateau where they are few; 0 without."""
        if self.users == 0:
            return 0.0
        return self.on_new / self.users if self.users >= _FEW_USERS else self.plateau.share

    @property
    def least_share(self) -> float:
        """Lower bound of the share by the piece's own users, at 95 % on both sides (Clopper and Pearson)."""
        return confidence.interval(self.on_new, self.users + self.unanswered)[0] if self.users else 0.0


def pieces(
    opened: Openers,
    plateaus: Sequence[Plateau],
    new_units: Sequence[Unit],
    *,
    surely: bool,
    unanswered_ns: Int64Array | None = None,
) -> tuple[Piece, ...]:
    """Cut plateaus where the capacity of the new side changes.

    Args:
        opened: users who came anew.
        plateaus: their plateaus.
        new_units: units of the new side.
        surely: take the capacity that was in service in any case, and with the users of a plateau those after it who
            may be of the next one; otherwise the capacity that can have been in service, and only users who are
            certainly of this one.
        unanswered_ns: when further users came, of whom nobody knows where they went, in order.
    """
    unknown = np.zeros(0, np.int64) if unanswered_ns is None else unanswered_ns
    found: list[Piece] = []
    following = [one.start.latest_ns for one in plateaus[1:]] + [one.end.latest_ns for one in plateaus[-1:]]
    for plateau, next_ns in zip(plateaus, following, strict=True):
        low, high = plateau.start.latest_ns, next_ns if surely else plateau.end.earliest_ns
        edges = sorted({low, high, *(at for at in _edges(new_units, surely=surely) if low < at < high)})
        for start_ns, end_ns in pairwise(edges):
            if surely:
                there = [unit for unit in new_units if unit.surely_in_service(start_ns, end_ns)]
            else:
                there = [unit for unit in new_units if unit.maybe_in_service(start_ns + 1, end_ns - 1)]
            first = int(np.searchsorted(opened.sent_ns, start_ns, side="right"))
            last = max(first, int(np.searchsorted(opened.sent_ns, end_ns, side="right")))
            on_new = int(np.count_nonzero(opened.on_new[first:last]))
            lost = came_between(unknown, start_ns, end_ns)
            found.append(Piece(plateau, start_ns, end_ns, last - first, on_new, capacity_pps(there), lost))
    return tuple(found)


def _edges(units: Iterable[Unit], *, surely: bool) -> Iterable[int]:
    """Return where the capacity that is asked for changes."""
    for unit in units:
        if unit.ready is not None:
            yield unit.ready.latest_ns if surely else unit.ready.earliest_ns
        if unit.gone is not None:
            yield unit.gone.earliest_ns if surely else unit.gone.latest_ns
