"""The decider's nftables rules as text.

A packet's way: the first packet of a user towards a service is decided: by the first selection rule that it matches, or
else by its bucket (the low eight bits of the user's address). That pins the user, for this service, to a unit; every
further packet, in either direction, keeps the pin alive, so that changed decisions only concern users that come anew.

Rules know a unit by a mark, a number; a mark leads to the devices `a<N>` (the unit's access side) and `c<N>` (its core
side). A unit that gets a new mark loses its pins, all of them and with the transaction that changes the mark: a pin to
a mark that leads nowhere is deleted by the packet that finds it, and the user decided anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from lab.decider.selections import MAX_SELECTIONS, Selection
from lab.devices import decider_devices

BUCKETS: Final = 256
"""Number of buckets; a user's bucket is the user's address modulo this."""

_TABLE: Final = "decider"

Bank = Literal[0, 1]
"""Which of two sets of maps a change of selections writes; the rules in force read the other one."""


@dataclass(frozen=True)
class Side:
    """One of the two chains in which decisions are made.

    Attributes:
        device: Where packets come in, and the chain's name.
        user: The field that holds the user's address.
        user_port: The field that holds the user's port.
        service_port: The field that holds the port of the service.
        towards: The map that leads to the devices on the other side.
    """

    device: str
    user: str
    user_port: str
    service_port: str
    towards: str


UP: Final = Side("users", "ip saddr", "udp sport", "udp dport", "access")
DOWN: Final = Side("network", "ip daddr", "udp dport", "udp sport", "core")
SIDES: Final = (UP, DOWN)


class DeciderRules(Protocol):
    """What the decider's behaviour is made of: texts, committed alone or joined, each time as one transaction.

    Attributes:
        table: Name of the netdev table that holds counters and pins.
        pins: Name of the map from users and services to marks, or None where nobody is pinned.
    """

    @property
    def table(self) -> str: ...  # noqa: D102 - described above

    @property
    def pins(self) -> str | None: ...  # noqa: D102 - described above

    def initial(self) -> str:
        """Everything that is needed before the first unit comes; devices `users` and `network` exist."""

    def add_unit(self, number: int, mark: int) -> str:
        """Unit `number` can be reached through its devices from now on; no decision leads to it yet."""

    def remove_unit(self, number: int, mark: int, buckets: Sequence[int]) -> str:
        """Unit `number` is gone; `buckets` are those that still led to it and lead nowhere now."""

    def renew_unit(self, number: int, old: int, new: int) -> str:
        """Unit `number` has mark `new` instead of `old`, and nobody is pinned to it any more."""

    def set_buckets(self, marks: Sequence[int]) -> str:
        """All 256 buckets lead to the units with these marks from now on."""

    def clear_buckets(self) -> str:
        """No bucket leads anywhere from now on."""

    def set_selections(self, selections: Sequence[Selection], bank: Bank) -> str:
        """New users who match a selection, the first that they match, are dealt to its units from now on."""

    def drop_pins(self) -> str:
        """Every user is decided anew with the next packet."""


@dataclass(frozen=True)
class PinnedRules:
    """Users stay with their unit, per service, until they have been silent there for `pin_timeout_s` seconds."""

    pin_timeout_s: int = 5
    table: str = _TABLE
    pins: str | None = "pins"

    def initial(self) -> str:
        """Maps, counters and the chains in which decisions are made."""
        selections = "\n".join(
            f"  map {_selection_map(bank, place)} {{ type ipv4_addr : mark; size {BUCKETS}; }}"
            for bank in (0, 1)
            for place in range(MAX_SELECTIONS)
        )
        chains = "\n".join(self._chains(side) for side in SIDES)
        return f"""\
table netdev {_TABLE} {{
  map pins {{
    type ipv4_addr . inet_service : mark; flags dynamic,timeout; timeout {self.pin_timeout_s}s; size 65536;
  }}
  map buckets {{ type {self.bucket_type()} : mark; size {BUCKETS}; }}
  map access {{ type mark : iface_index; size 256; }}
  map core {{ type mark : iface_index; size 256; }}
{selections}
  counter not_ipv4 {{ }}
  counter no_unit {{ }}
{chains}
}}
"""

    def add_unit(self, number: int, mark: int) -> str:
        """Two map entries on the way to the unit, and its own table with the way back."""
        access, core = decider_devices(number)
        return f"""\
{_way_to(number, mark)}\
table netdev {_TABLE}_unit_{number} {{
  chain access {{
    type filter hook ingress device "{access}" priority 0; policy drop;
    fwd to "users"
  }}
  chain core {{
    type filter hook ingress device "{core}" priority 0; policy drop;
    fwd to "network"
  }}
}}
"""

    def remove_unit(self, number: int, mark: int, buckets: Sequence[int]) -> str:
        """Works as well after the unit's devices have vanished; its users are decided anew."""
        lines = [
            *_no_way_to(mark),
            f"delete table netdev {_TABLE}_unit_{number}",
            *(f"delete element netdev {_TABLE} buckets {{ {self.bucket_key(bucket)} }}" for bucket in buckets),
        ]
        return "\n".join(lines) + "\n"

    def renew_unit(self, number: int, old: int, new: int) -> str:
        """The old mark leads nowhere, which frees its users without any of them being named."""
        return "\n".join(_no_way_to(old)) + "\n" + _way_to(number, new)

    def set_buckets(self, marks: Sequence[int]) -> str:
        """The whole map in one transaction: each packet sees all of the old one or all of the new one."""
        entries = ",\n  ".join(f"{self.bucket_key(bucket)} : {mark}" for bucket, mark in enumerate(marks))
        return f"{self.clear_buckets()}add element netdev {_TABLE} buckets {{\n  {entries}\n}}\n"

    def clear_buckets(self) -> str:
        """Empty the map."""
        return f"flush map netdev {_TABLE} buckets\n"

    def set_selections(self, selections: Sequence[Selection], bank: Bank) -> str:
        """Maps of one bank filled, and all rules replaced by such as read them.

        A packet that is on its way meanwhile goes on with the old rules, but would look into the maps as they are now.
        So these keep what they hold until the change after this one.
        """
        maps = {
            marks: _selection_map(bank, place) for place, marks in enumerate(dict.fromkeys(s.units for s in selections))
        }
        filled = "".join(_dealt(name, marks) for marks, name in maps.items())
        flushed = "".join(f"flush chain netdev {_TABLE} select_{side.device}\n" for side in SIDES)
        rules = "".join(
            f"add rule netdev {_TABLE} select_{side.device} {self.matching(selection, side)}"
            f"meta mark set {side.user} and 0.0.0.255 map @{maps[selection.units]} return\n"
            for side in SIDES
            for selection in selections
        )
        return filled + flushed + rules

    def drop_pins(self) -> str:
        """Empty the pins."""
        return f"flush map netdev {_TABLE} pins\n"

    def pin_key(self, side: Side) -> str:
        """What is pinned: a user's way to one service."""
        return f"{side.user} . {side.service_port}"

    def bucket_type(self) -> str:
        """Type of the keys of the map of buckets."""
        return "ipv4_addr"

    def bucket_key(self, bucket: int) -> str:
        """A bucket as that map knows it."""
        return f"0.0.0.{bucket}"

    def by_bucket(self, side: Side) -> str:
        """A statement that sets the mark by the bucket of the packet's user."""
        return f"meta mark set {side.user} and 0.0.0.255 map @buckets"

    def matching(self, selection: Selection, side: Side) -> str:
        """The conditions of one selection, each with a space behind it."""
        users = "" if selection.users is None else f"{side.user} {selection.users} "
        return users + ("" if selection.service_port is None else f"{side.service_port} {selection.service_port} ")

    def _chains(self, side: Side) -> str:
        """Decisions about what comes in at one device.

        `update` makes a pin only where there is none and refreshes its timeout otherwise, so that the lookup behind it
        is what counts. Only a pin to a mark that leads nowhere gets past the first `fwd`. The second one is passed when
        another packet of the same user, on another processor, had read that pin before it was deleted and has made it
        again: the decision alone counts then, and the next packet deletes the pin once more.
        """
        key, device = self.pin_key(side), side.device
        decide = f"meta mark 0 jump decide_{device}"
        pin = f"meta mark != 0 update @pins {{ {key} : meta mark }}"
        pinned = f"meta mark set {key} map @pins"
        forward = f"fwd to meta mark map @{side.towards}"
        return f"""\
  chain select_{device} {{
  }}
  chain decide_{device} {{
    jump select_{device}
    meta mark 0 {self.by_bucket(side)}
  }}
  chain {device} {{
    type filter hook ingress device "{device}" priority 0; policy drop;
    {pinned}
    {decide}
    {pin}
    {pinned}
    {forward}
    delete @pins {{ {key} : meta mark }}
    meta mark set 0
    {decide}
    {pin}
    {pinned}
    {forward}
    meta mark set 0
    {decide}
    {forward}
    meta protocol != ip counter name not_ipv4 drop
    counter name no_unit drop
  }}"""


def _way_to(number: int, mark: int) -> str:
    access, core = decider_devices(number)
    return f"""\
add element netdev {_TABLE} access {{ {mark} : "{access}" }}
add element netdev {_TABLE} core {{ {mark} : "{core}" }}
"""


def _no_way_to(mark: int) -> tuple[str, str]:
    return f"delete element netdev {_TABLE} access {{ {mark} }}", f"delete element netdev {_TABLE} core {{ {mark} }}"


def _selection_map(bank: int, place: int) -> str:
    return f"selection_{bank}_{place}"


def _dealt(name: str, marks: Sequence[int]) -> str:
    """A map that deals the buckets to some units, in numeric order, as cards are dealt."""
    entries = ",\n  ".join(f"0.0.0.{bucket} : {marks[bucket % len(marks)]}" for bucket in range(BUCKETS))
    return f"flush map netdev {_TABLE} {name}\nadd element netdev {_TABLE} {name} {{\n  {entries}\n}}\n"
