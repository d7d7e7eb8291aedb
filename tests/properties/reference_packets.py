"""Packets one by one: the obvious way from a timeline, or from a whole history, to a list of packets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hitless.history import UNMARKED, History, TrafficGroup
from hitless.measures.timelines import Timeline


@dataclass(frozen=True)
class Packet:
    """What is known of one packet; ``place`` is its place in the session, from 0."""

    pg_id: int
    short: bool
    number: int
    sent_ns: int
    received: bool
    version: int
    instance: int
    user: tuple[int, int]
    session: tuple[int, int]
    place: int

    @property
    def name(self) -> int:
        """Session number as histories have it."""
        return self.session[0] * 2**40 + self.session[1]

    @property
    def user_name(self) -> int:
        """User number as histories have it."""
        return self.user[0] * 2**40 + self.user[1]


def place_of(layout: Mapping[str, Any], number: int) -> tuple[int, int, int]:
    """Return user, session and place in the session of a packet: the table "who is who in a packet", by division."""
    rest, lane = divmod(number, 2 ** layout["lane_bits"])
    rest, slot = divmod(rest, 2 ** layout["session_of_user_bits"])
    sessions_at_a_time = 2 ** layout["lane_bits"] * 2 ** layout["session_of_user_bits"]
    if layout["index_position"] == "above-session":
        return lane, lane + 2 ** layout["lane_bits"] * slot, rest
    generation, place = divmod(rest, 2 ** layout["index_bits"])
    user = generation % 2 ** layout["generation_user_bits"] * 2 ** layout["lane_bits"] + lane
    return user, generation * sessions_at_a_time + slot * 2 ** layout["lane_bits"] + lane, place


def packets_of(timeline: Timeline) -> list[Packet]:
    """Return the packets of a timeline."""
    group, packets = timeline.group, []
    for number in range(len(timeline)):
        user, session, place = place_of(group.layout, number)
        packets.append(
            Packet(
                pg_id=group.pg_id,
                short=group.layout["index_position"] == "above-lane",
                number=number,
                sent_ns=int(timeline.sent_ns[number]),
                received=bool(timeline.received[number]),
                version=int(timeline.version[number]),
                instance=int(timeline.instance[number]),
                user=(group.pg_id, user),
                session=(group.pg_id, session),
                place=place,
            )
        )
    return packets


def all_packets(streams: Sequence[Timeline]) -> list[Packet]:
    """Return the packets of all timelines, one timeline after the other."""
    return [packet for stream in streams for packet in packets_of(stream)]


def by_session(packets: Sequence[Packet]) -> dict[int, list[Packet]]:
    """Return the packets of each session in the order of sending."""
    found: dict[int, list[Packet]] = {}
    for packet in packets:
        found.setdefault(packet.name, []).append(packet)
    return found


@dataclass(frozen=True)
class Followed:
    """A stream as a history shows it; send times of lost packets are fractions of nanoseconds here."""

    sent_ns: list[float]
    first_copies: dict[int, tuple[int, int, int]]
    """By packet number: when it was sent, its version, its instance."""
    duplicates: int
    reordered: int


def followed(history: History, group: TrafficGroup) -> Followed:
    """Go through the captured packets of a stream in the order of reception."""
    probes = history.probes
    copies: dict[int, tuple[int, int, int]] = {}
    duplicates, reordered, largest = 0, 0, -1
    for row in range(len(probes.number)):
        if probes.pg_id[row] != group.pg_id:
            continue
        number = int(probes.number[row])
        if number in copies:
            duplicates += 1
        else:
            reordered += number < largest
            largest = max(largest, number)
            copies[number] = (int(probes.sent_ns[row]), int(probes.version[row]), int(probes.instance[row]))
    counted = 0
    for column, pg_id in enumerate(history.counters.pg_ids):
        if pg_id == group.pg_id and len(history.counters.tx):
            counted = int(history.counters.tx[-1][column])
    count = max([counted, *(number + 1 for number in copies)])
    return Followed(_send_times(history, group, copies, count), copies, duplicates, reordered)


def _send_times(
    history: History, group: TrafficGroup, copies: dict[int, tuple[int, int, int]], count: int
) -> list[float]:
    period_ns = 1e9 / group.rate_pps
    times: list[float] = []
    for number in range(count):
        before = [one for one in copies if one <= number]
        after = [one for one in copies if one >= number]
        if before and after:
            low, high = max(before), min(after)
            part = (number - low) / (high - low) if high > low else 0.0
            times.append(copies[low][0] + part * (copies[high][0] - copies[low][0]))
        elif before:
            times.append(copies[max(before)][0] + (number - max(before)) * period_ns)
        elif after:
            times.append(copies[min(after)][0] - (min(after) - number) * period_ns)
        else:
            times.append(_begun_ns(history, group.pg_id) + number * period_ns)
    return times


def _begun_ns(history: History, pg_id: int) -> int:
    """Nothing came back: the stream began after the last sample that counted nothing was asked for."""
    column = list(history.counters.pg_ids).index(pg_id)
    begun = int(history.counters.asked_ns[0])
    for asked_ns, sent in zip(history.counters.asked_ns, history.counters.tx, strict=True):
        if sent[column] > 0:
            return begun
        begun = int(asked_ns)
    return begun


def served_by(packets: Sequence[Packet]) -> dict[int, int]:
    """Return by session the version that serves it: the mark of its first marked packet; UNMARKED without one."""
    servers: dict[int, int] = {}
    for name, mine in by_session(packets).items():
        marks = [packet.version for packet in mine if packet.version >= 0]
        servers[name] = marks[0] if marks else UNMARKED
    return servers
