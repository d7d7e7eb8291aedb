"""Who serves whom at an instant or in a span, and what was lost there; one packet after the other."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hitless.history import UNMARKED, TrafficGroup
from hitless.measures.spans import Span
from tests.properties.reference_packets import Packet, by_session, served_by

SECOND_NS = 1_000_000_000


def within(packet: Packet, spans: Sequence[Span]) -> bool:
    """Tell whether a packet was sent in any of the spans."""
    return any(span.start_ns <= packet.sent_ns < span.end_ns for span in spans)


def of_version(packets: Sequence[Packet], version: int) -> list[Packet]:
    """Return the packets of sessions that a version serves.

    Before the first marked packet of a session it is not known who serves it: the version, as long as no other one has
    served anything.
    """
    others = [packet.sent_ns for packet in packets if packet.version >= 0 and packet.version != version]
    found = []
    for mine in by_session(packets).values():
        server = UNMARKED
        for packet in mine:
            server = packet.version if server < 0 else server
            known = server == version if server >= 0 else packet.sent_ns < min(others, default=packet.sent_ns + 1)
            found += [packet] if known else []
    return found


@dataclass(frozen=True)
class Counted:
    """Sessions at an instant and in a while after it."""

    open: int
    open_served: int
    heard: int
    heard_served: int


def census(packets: Sequence[Packet], at_ns: int, heard_ns: int, timeout_s: float, version: int) -> Counted:
    """Count the sessions that were open at an instant or heard of after it, and those that a version served."""
    is_open = open_served = heard = heard_served = 0
    for mine in by_session(packets).values():
        before = [packet for packet in mine if packet.sent_ns < at_ns]
        after = [packet for packet in mine if packet.sent_ns >= at_ns]
        if before and after and after[0].sent_ns - before[-1].sent_ns <= timeout_s * 1e9:
            is_open += 1
            around = [packet.version for packet in reversed(before) if packet.version >= 0][:1]
            around += [packet.version for packet in after if packet.version >= 0][:1]
            open_served += around == [version, version]
        told = {packet.version for packet in after if packet.version >= 0 and packet.sent_ns < at_ns + heard_ns}
        heard += bool(told)
        heard_served += version in told
    return Counted(is_open, open_served, heard, heard_served)


@dataclass(frozen=True)
class Withdrawn:
    """An instance that stopped, and for each session that was active on it: the next packet, whether it came back."""

    instance: int
    last_ns: int
    session_count: int
    sessions: dict[int, tuple[int, bool]]


def withdrawals(packets: Sequence[Packet], timeout_s: float, version: int, since_ns: int) -> list[Withdrawn]:
    """Return the instances of a version that served their last packet a second or more before traffic ended."""
    found = []
    for instance in {packet.instance for packet in packets if packet.version == version and packet.instance >= 0}:
        served = [packet for packet in packets if (packet.version, packet.instance) == (version, instance)]
        last_ns = max(packet.sent_ns for packet in served)
        if not since_ns <= last_ns < max(packet.sent_ns for packet in packets) - SECOND_NS:
            continue
        active = {}
        for name, mine in by_session(packets).items():
            for before, after in pairwise(mine):
                servers = [one for one in mine if one.number <= before.number and one.version >= 0]
                if (
                    before.sent_ns <= last_ns < after.sent_ns
                    and after.sent_ns - before.sent_ns <= timeout_s * 1e9
                    and servers
                    and (servers[-1].version, servers[-1].instance) == (version, instance)
                ):
                    active[name] = (after.sent_ns, after.received)
        count = len({packet.name for packet in served if packet.sent_ns >= since_ns})
        found.append(Withdrawn(instance, last_ns, count, active))
    return sorted(found, key=lambda one: (one.last_ns, one.instance))


@dataclass(frozen=True)
class Session:
    """A session that was opened while rules were in force."""

    opened_ns: int
    name: int
    user: int
    address: int
    service_port: int
    selected: bool
    expected: int
    served: int


def opened_under(
    streams: Sequence[tuple[TrafficGroup, Sequence[Packet]]],
    rules: Sequence[Mapping[str, Any]],
    span: Span,
    versions: Sequence[str],
) -> list[Session]:
    """Return the short sessions that were opened in a span, and what the first rule that matches says of them."""
    found = []
    for group, packets in streams:
        servers = served_by(packets)
        for packet in packets:
            if not packet.short or packet.place != 0 or not span.start_ns <= packet.sent_ns < span.end_ns:
                continue
            address = ipaddress.IPv4Address(group.layout["user_base"]) + packet.user[1]
            port = group.layout["service_port"]
            matching = [
                rule
                for rule in rules
                if (rule["users"] is None or address in ipaddress.ip_network(rule["users"]))
                and rule["service_port"] in {None, port}
            ]
            expected = versions.index(matching[0]["version"]) if matching else 0
            found.append(
                Session(
                    packet.sent_ns,
                    packet.name,
                    packet.user_name,
                    int(address),
                    port,
                    bool(matching),
                    expected,
                    servers[packet.name],
                )
            )
    return found


def sending_stalls(group: TrafficGroup, packets: Sequence[Packet]) -> list[tuple[str, int, int]]:
    """Return pauses between two packets that came back: longer than 20 ms and than five packet periods."""
    return [
        (f"generator, {group.name}", before.sent_ns, after.sent_ns)
        for before, after in pairwise(packets)
        if before.received
        and after.received
        and after.sent_ns - before.sent_ns > max(20_000_000, 5 * 1e9 / group.rate_pps)
    ]
