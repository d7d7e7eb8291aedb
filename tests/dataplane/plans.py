"""Plans of traffic, and what came of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.dataplane.packets import DOWN, UP, Plan, Received


def rounds(users: NDArray[np.int64], count: int, *, first_index: int = 0, session: int = 0, both: bool = True) -> Plan:
    """Each round, every user sends one packet up and (`both`) gets one down; indices count from `first_index`."""
    ways = 2 if both else 1
    total = len(users) * count * ways
    return Plan(
        direction=np.tile(np.arange(ways), len(users) * count),
        user=np.tile(np.repeat(users, ways), count),
        session=np.full(total, session),
        index=np.repeat(np.arange(first_index, first_index + count), len(users) * ways),
    )


def join(*plans: Plan) -> Plan:
    return Plan(
        direction=np.concatenate([plan.direction for plan in plans]),
        user=np.concatenate([plan.user for plan in plans]),
        session=np.concatenate([plan.session for plan in plans]),
        index=np.concatenate([plan.index for plan in plans]),
    )


def interleave(first: Plan, second: Plan) -> Plan:
    """Two plans of the same length, one packet of each in turn."""
    return Plan(
        direction=np.stack((first.direction, second.direction), axis=1).ravel(),
        user=np.stack((first.user, second.user), axis=1).ravel(),
        session=np.stack((first.session, second.session), axis=1).ravel(),
        index=np.stack((first.index, second.index), axis=1).ravel(),
    )


def visitors(first_user: int, count: int, packets: int) -> Plan:
    """Users that come one after the other, each with `packets` packets up and as many down in a row."""
    users = np.arange(first_user, first_user + count)
    return Plan(
        direction=np.tile([UP, DOWN], count * packets),
        user=np.repeat(users, 2 * packets),
        session=np.zeros(count * packets * 2, dtype=np.int64),
        index=np.tile(np.repeat(np.arange(packets), 2), count),
    )


def turned(plan: Plan) -> Plan:
    """The same with up and down exchanged."""
    return Plan(direction=1 - plan.direction, user=plan.user, session=plan.session, index=plan.index)


def tally(plan: Plan, received: Received) -> dict[str, int]:
    """Loss, duplicates and broken affinity of everything that was planned."""
    seen = received.times_seen(len(plan))
    units = received.unit_of(len(plan))
    served = units > 0
    # Users whose packets came back from more than one unit.
    pairs = np.unique(np.stack((plan.user[served], units[served])), axis=1)
    _, units_per_user = np.unique(pairs[0], return_counts=True)
    return {
        "sent": len(plan),
        "lost": int((seen == 0).sum()),
        "duplicated": int((seen > 1).sum()),
        "affinity_breaks": int((units_per_user > 1).sum()),
        "ring_drops": received.ring_drops,
    }


def only(received: Received, first: int, behind: int) -> Received:
    chosen = (received.sequence >= first) & (received.sequence < behind)
    return _where(received, chosen, received.sequence)


def renumber(received: Received, first_plan: int) -> Received:
    """Two plans were sent one after the other, each counted from 0: make the second one go on where the first ended.

    Nothing is lost or reordered within a direction, so each direction's first packets belong to the first plan.
    """
    sequence = received.sequence.copy()
    for direction in (UP, DOWN):
        places = np.flatnonzero(received.direction == direction)
        second = places[first_plan // 2 :]
        sequence[second] += first_plan
    return _where(received, np.ones(len(sequence), dtype=bool), sequence)


def _where(received: Received, chosen: NDArray[np.bool_], sequence: NDArray[np.int64]) -> Received:
    return Received(
        direction=received.direction[chosen],
        sequence=sequence[chosen],
        unit=received.unit[chosen],
        tos=received.tos[chosen],
        checksum_right=received.checksum_right[chosen],
        ring_drops=received.ring_drops,
    )
