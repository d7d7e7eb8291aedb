"""Shares of the new version, user by user; likelihoods and exact binomial sums without numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from tests.properties.reference_packets import Packet

GAIN_NATS, SUPPORT_NATS, SMALLEST_STEP, SHORTEST = 12.0, 3.0, 0.02, 64
CLOSE = 1e-7
"""Likelihoods closer than this cannot be told apart in floating point."""


class Ambiguous(Exception):  # noqa: N818 - no error: the example says nothing
    """Two ways to divide the openers are equally good but for rounding."""


def openers(packets: Sequence[Packet]) -> list[tuple[int, bool]]:
    """Return first packets of short sessions with a mark: when they were sent, and if to the new version."""
    return sorted(
        (packet.sent_ns, packet.version > 0)
        for packet in packets
        if packet.short and packet.place == 0 and packet.version >= 0
    )


@dataclass
class Came:
    """Users who came anew: first marked openers, how many came back unmarked only, and when the others began."""

    opened: list[tuple[int, bool]]
    unmarked: int
    unanswered: list[int]
    late: list[int]


def arrivals(packets: Sequence[Packet], timeout_s: float) -> Came:
    """Return the users who came anew, visit by visit."""
    found = Came([], 0, [], [])
    for user in {packet.user_name for packet in packets if packet.short}:
        visits: list[list[Packet]] = []
        for packet in (one for one in packets if one.user_name == user):
            if not visits or packet.sent_ns - visits[-1][-1].sent_ns > timeout_s * 1e9:
                visits.append([])
            visits[-1].append(packet)
        for visit in visits:
            came = [packet for packet in visit if packet.place == 0 and packet.received]
            marked = [packet for packet in came if packet.version >= 0]
            if marked:
                found.opened.append((marked[0].sent_ns, marked[0].version > 0))
            elif came:
                found.unmarked += 1
            else:
                served = [packet.version for packet in visit if packet.version >= 0]
                begun = [packet.sent_ns for packet in visit if packet.place == 0][:1]
                (found.late if served and served[0] > 0 else found.unanswered).extend(begun)
    return found


def likelihood(hits: int, count: int) -> float:
    """Return the log likelihood of so many hits at the share that explains them best."""
    parts = [hits, count - hits]
    return sum(part * math.log(part / count) for part in parts if part)


def split_likelihood(on_new: Sequence[bool], left: int, middle: int, right: int) -> float:
    """Return the log likelihood of two stretches with a share each."""
    return likelihood(sum(on_new[left:middle]), middle - left) + likelihood(sum(on_new[middle:right]), right - middle)


def splits(on_new: Sequence[bool], low: int, high: int) -> list[int]:
    """Divide where it explains most, as long as it explains enough, and both parts again.

    Raises:
        Ambiguous: rounding decides.
    """
    places = range(low + SHORTEST, high - SHORTEST + 1)
    if not places:
        return []
    values = {middle: split_likelihood(on_new, low, middle, high) for middle in places}
    whole = likelihood(sum(on_new[low:high]), high - low)
    best = max(values.values())
    if abs(best - whole - GAIN_NATS) < CLOSE:
        raise Ambiguous
    if best - whole < GAIN_NATS:
        return []
    equal = [middle for middle, value in values.items() if value > best - CLOSE]
    if len(equal) > 1:
        raise Ambiguous
    step = sum(on_new[equal[0] : high]) / (high - equal[0]) - sum(on_new[low : equal[0]]) / (equal[0] - low)
    if abs(step) < SMALLEST_STEP:
        return []
    return [*splits(on_new, low, equal[0]), equal[0], *splits(on_new, equal[0], high)]


@dataclass(frozen=True)
class Change:
    """Between which openers the share changed, and from what to what."""

    earliest: int
    latest: int
    before: float
    after: float


def change(on_new: Sequence[bool], edges: tuple[int, int, int], *, first: bool) -> Change:
    """Return all places to divide two stretches that explain them nearly as well as the best one.

    Raises:
        Ambiguous: rounding decides.
    """
    left, middle, right = edges
    values = {
        place: split_likelihood(on_new, left, place, right) for place in range(left + 1, middle + 1 if first else right)
    }
    worst = max(values.values()) - SUPPORT_NATS
    if any(abs(value - worst) < CLOSE for value in values.values()):
        raise Ambiguous
    near = [place for place, value in values.items() if value >= worst]
    before, after = on_new[left:middle], on_new[middle:right]
    return Change(
        min(*near, middle) - 1 if len(near) > 1 else min(near[0], middle) - 1,
        max([*near, middle]),
        sum(before) / len(before),
        sum(after) / len(after),
    )


def changes(on_new: Sequence[bool]) -> list[Change]:
    """Return all changes of the share: the first session on the new version, and where later ones divide.

    Raises:
        Ambiguous: rounding decides.
    """
    first_new = on_new.index(True) if True in on_new else 0
    starts = [*([first_new] if first_new else []), *splits(on_new, first_new, len(on_new))]
    edges = [0, *starts, len(on_new)]
    return [
        change(on_new, (edges[place - 1], edges[place], edges[place + 1]), first=edges[place] == first_new)
        for place in range(1, len(edges) - 1)
    ]


def best_partition(on_new: Sequence[bool]) -> float:
    """Return the value of the best of all ways to cut: the likelihood of the parts, less a price for each cut."""
    count = len(on_new)
    total = [sum(on_new[:end]) for end in range(count + 1)]
    best = [GAIN_NATS, *[-math.inf] * count]
    for end in range(1, count + 1):
        for begin in range(max(0, end - SHORTEST + 1)):
            if best[begin] > -math.inf:
                value = best[begin] + likelihood(total[end] - total[begin], end - begin) - GAIN_NATS
                best[end] = max(best[end], value)
    return best[count]


def value_of(on_new: Sequence[bool], cuts: Sequence[int]) -> float:
    """Return the value of one way to cut."""
    edges = [0, *cuts, len(on_new)]
    parts = [likelihood(sum(on_new[a:b]), b - a) for a, b in pairwise(edges)]
    return sum(parts) - GAIN_NATS * len(cuts)


def at_most(events: int, trials: int, probability: float) -> float:
    """Return how likely so many events or fewer are: the binomial sum, exactly."""
    p = Fraction(probability)
    return float(sum(math.comb(trials, k) * p**k * (1 - p) ** (trials - k) for k in range(events + 1)))
