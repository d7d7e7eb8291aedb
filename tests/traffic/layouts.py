"""What a packet looks like, from its number alone; written from the table of ARCHITECTURE.md, not from the code."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

SERVICE = ("10.2.0.1", 5001)
SERVICE_TYPES = 3


@dataclass(frozen=True)
class Group:
    """Bits of a group: L, I, G, S, the base of its users, and whether its sessions end."""

    lane: int
    index: int
    generation: int
    session: int
    user_base: str
    users: int
    service_port: int = 5001


GROUPS = {
    "load-up": Group(6, 4, 7, 0, "10.1.0.0", 8192),
    "load-down": Group(6, 4, 7, 0, "10.1.0.0", 8192),
    "filler-up": Group(6, 4, 7, 0, "10.1.32.0", 8192),
    "long-sessions": Group(11, 0, 0, 1, "10.1.128.0", 2048),
    "new-sessions": Group(5, 3, 6, 1, "10.1.64.0", 2048),
}
MORE_GROUPS = {
    "new-sessions-2": Group(5, 3, 6, 1, "10.1.72.0", 2048, 5002),
    "new-sessions-3": Group(5, 3, 6, 1, "10.1.80.0", 2048, 5003),
}
"""Of a run with three service types."""


def expected(name: str, number: int) -> tuple[str, int, int]:
    """Return user address, user port and index byte of packet ``number`` of a group."""
    group = {**GROUPS, **MORE_GROUPS}[name]
    lane = number % 2**group.lane
    slot = number // 2**group.lane % 2**group.session
    above = number // 2 ** (group.lane + group.session)
    if name == "long-sessions":
        user, port, index = lane, slot, above
    else:
        index = above % 2**group.index
        generation = above // 2**group.index
        user = (generation % 2**group.generation) * 2**group.lane + lane
        port = (generation // 2**group.generation) % 2**14 * 2**group.session + slot
    return str(IPv4Address(group.user_base) + user), 1024 + port, index % 256
