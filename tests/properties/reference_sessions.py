"""Sessions and users, one at a time: who served them, who dropped them, who left them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from hitless.measures.changes import ShareChange
from tests.properties.reference_packets import Packet, by_session

HALF_SECOND_NS, TEN_SECONDS_NS = 500_000_000, 10_000_000_000


def marked(packets: Sequence[Packet]) -> list[Packet]:
    """Return the packets with exactly one version mark."""
    return [packet for packet in packets if packet.version >= 0]


def idle(earlier: Packet, later: Packet, timeout_s: float) -> bool:
    """Tell whether a session was silent for too long: packets between the two that were lost were sent all the same."""
    periods = later.place - earlier.place
    return (later.sent_ns - earlier.sent_ns) / periods > timeout_s * 1e9


def moves(packets: Sequence[Packet], timeout_s: float) -> list[tuple[Packet, Packet]]:
    """Return successive marked packets of a session that were served by different ones."""
    return [
        (before, after)
        for mine in by_session(marked(packets)).values()
        for before, after in pairwise(mine)
        if not idle(before, after, timeout_s)
        and (
            before.version != after.version
            or (before.instance >= 0 and after.instance >= 0 and before.instance != after.instance)
        )
    ]


def countable(packets: Sequence[Packet], change: ShareChange) -> set[int]:
    """Return the sessions with a marked packet before a change and another one after it."""
    return {
        name
        for name, mine in by_session(marked(packets)).items()
        if any(packet.sent_ns < change.at.earliest_ns for packet in mine)
        and any(packet.sent_ns > change.at.latest_ns for packet in mine)
    }


@dataclass(frozen=True)
class Stretch:
    """What one version serves of one session without a change or a long silence in between."""

    user: int
    session: int
    version: int
    times: tuple[int, ...]

    @property
    def first_ns(self) -> int:
        """When it began."""
        return self.times[0]

    @property
    def last_ns(self) -> int:
        """When it ended."""
        return self.times[-1]


def stretches(packets: Sequence[Packet], timeout_s: float) -> list[Stretch]:
    """Cut each session wherever its version changes or it was silent for too long."""
    found = []
    for mine in by_session(marked(packets)).values():
        part = [mine[0]]
        for before, after in pairwise(mine):
            if before.version != after.version or idle(before, after, timeout_s):
                found.append(part)
                part = []
            part.append(after)
        found.append(part)
    return [
        Stretch(part[0].user_name, part[0].name, part[0].version, tuple(one.sent_ns for one in part)) for part in found
    ]


def becoming_mixed(found: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches that begin between two packets of one of the user's on another version."""
    return [
        one
        for one in found
        if any(
            other.user == one.user and other.version != one.version and other.first_ns < one.first_ns < other.last_ns
            for other in found
        )
    ]


def going_back(found: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches on the source version that begin after one of the user's on another has begun."""
    return [
        one
        for one in found
        if one.version == 0
        and any(other.user == one.user and other.version != 0 and other.first_ns < one.first_ns for other in found)
    ]


def parallel(found: Sequence[Stretch]) -> set[int]:
    """Return the users of whom one stretch begins while another one is open."""
    return {
        one.user
        for one in found
        if any(other.user == one.user and other.first_ns < one.first_ns < other.last_ns for other in found)
    }


def countable_users(found: Sequence[Stretch], changes: Sequence[ShareChange]) -> set[int]:
    """Return the users with several sessions who were served both before and after some change."""
    users = set()
    for user in {one.user for one in found}:
        mine = [one for one in found if one.user == user]
        times = [at for one in mine for at in one.times]
        spans = any(min(times) < one.at.earliest_ns and max(times) > one.at.latest_ns for one in changes)
        if spans and len({one.session for one in mine}) > 1:
            users.add(user)
    return users


@dataclass(frozen=True)
class Run:
    """Packets of a session that were lost one after the other, and the served one before them."""

    before: Packet
    lost: tuple[Packet, ...]


def runs(packets: Sequence[Packet], timeout_s: float) -> Iterator[Run]:
    """Yield the runs of lost packets that follow a packet of the session that came back, not too long before."""
    for mine in by_session(packets).values():
        for number, (before, packet) in enumerate(pairwise(mine), 1):
            if not before.received or packet.received or packet.sent_ns - before.sent_ns > timeout_s * 1e9:
                continue
            end = next((later for later in range(number, len(mine)) if mine[later].received), len(mine))
            yield Run(before, tuple(mine[number:end]))


def dropped(packets: Sequence[Packet], changes: Sequence[ShareChange], timeout_s: float) -> list[tuple[int, int]]:
    """Return sessions that were dropped at a change, and when: too long a run of losses while others were served."""
    found = []
    for change in changes:
        ratio = new_session_loss(packets, change)
        if ratio >= 0.5:
            continue
        session_count = len({packet.name for packet in packets})
        shortest = max(3, math.ceil(math.log(1e-3 / session_count) / math.log(max(ratio, 1e-3))))
        found += [
            (run.lost[0].name, run.lost[0].sent_ns)
            for run in runs(packets, timeout_s)
            if len(run.lost) >= shortest
            and run.before.sent_ns <= change.at.latest_ns + HALF_SECOND_NS
            and run.lost[0].sent_ns >= change.at.earliest_ns - HALF_SECOND_NS
            and _served_meanwhile(packets, run)
        ]
    return found


def _served_meanwhile(packets: Sequence[Packet], run: Run) -> bool:
    first_ns, last_ns = run.lost[0].sent_ns, run.lost[-1].sent_ns
    others = [packet for packet in packets if packet.short and first_ns <= packet.sent_ns <= last_ns]
    return sum(not packet.received for packet in others) < 0.5 * len(others)


def new_session_loss(packets: Sequence[Packet], change: ShareChange) -> float:
    """Return the loss ratio of sessions opened after a change, of the instance where it is highest; 1 without any."""
    worst: list[float] = []
    for pg_id in {packet.pg_id for packet in packets}:
        stream = [packet for packet in packets if packet.pg_id == pg_id]
        # Instances where any packet of the stream shows one, versions in their place where none does.
        with_instances = any(packet.instance >= 0 for packet in stream)
        mine = [
            packet
            for session in by_session(stream).values()
            if session[0].place == 0 and session[0].sent_ns > change.at.latest_ns
            for packet in session
            if packet.short and packet.sent_ns <= change.at.latest_ns + TEN_SECONDS_NS
        ]
        servers: dict[int, int] = {}
        for packet in mine:
            mark = packet.instance if with_instances else packet.version
            if mark >= 0:
                servers[packet.name] = mark
        groups = [mine, *([one for one in mine if servers.get(one.name) == name] for name in set(servers.values()))]
        worst += [sum(not one.received for one in group) / len(group) for group in groups if group]
    return max(worst, default=1.0)
