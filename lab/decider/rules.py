"""The decider's nftables rules as text.

A packet's way: the user's address picks a bucket (its low eight bits), the bucket names a unit. The first packet of a
user pins the user to that unit; every further packet, in either direction, keeps the pin alive, so that changed buckets
only concern users that come anew. Units are numbers here; a number leads to the devices `a<N>` (its access side) and
`c<N>` (its core side).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from lab.devices import decider_devices

BUCKETS: Final = 256
"""Number of buckets; a user's bucket is the user's address modulo this."""

_TABLE: Final = "decider"


class DeciderRules(Protocol):
    """What the decider's behaviour is made of: texts, each of which is committed as one transaction.

    Attributes:
        table: Name of the netdev table that holds counters and pins.
        pins: Name of the map from user addresses to unit numbers, or None where nobody is pinned.
    """

    @property
    def table(self) -> str: ...  # noqa: D102 - described above

    @property
    def pins(self) -> str | None: ...  # noqa: D102 - described above

    def initial(self) -> str:
        """Everything that is needed before the first unit comes; devices `users` and `network` exist."""

    def add_unit(self, number: int) -> str:
        """Unit `number` can be reached through its devices from now on; no bucket leads to it yet."""

    def remove_unit(self, number: int, buckets: Sequence[int]) -> str:
        """Unit `number` is gone; `buckets` are those that still led to it and lead nowhere now."""

    def set_buckets(self, numbers: Sequence[int]) -> str:
        """All 256 buckets lead to the units with these numbers from now on."""

    def drop_pins(self) -> str:
        """Every user is decided anew with the next packet."""


@dataclass(frozen=True)
class PinnedRules:
    """Users stay with their unit until they have been silent for `pin_timeout_s` seconds."""

    pin_timeout_s: int = 5
    table: str = _TABLE
    pins: str | None = "pins"

    def initial(self) -> str:
        """Maps, counters and the two chains in which decisions are made."""
        return f"""\
table netdev {_TABLE} {{
  map pins {{
    type ipv4_addr : mark; flags dynamic,timeout; timeout {self.pin_timeout_s}s; size 65536;
  }}
  map buckets {{ type ipv4_addr : mark; size {BUCKETS}; }}
  map access {{ type mark : iface_index; size 256; }}
  map core {{ type mark : iface_index; size 256; }}
  counter not_ipv4 {{ }}
  counter no_unit {{ }}
{_chain("users", user="ip saddr", towards="access")}
{_chain("network", user="ip daddr", towards="core")}
}}
"""

    def add_unit(self, number: int) -> str:
        """Two map entries on the way to the unit, and its own table with the way back."""
        access, core = decider_devices(number)
        return f"""\
add element netdev {_TABLE} access {{ {number} : "{access}" }}
add element netdev {_TABLE} core {{ {number} : "{core}" }}
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

    def remove_unit(self, number: int, buckets: Sequence[int]) -> str:
        """Works as well after the unit's devices have vanished; its users are decided anew."""
        lines = [
            f"delete element netdev {_TABLE} access {{ {number} }}",
            f"delete element netdev {_TABLE} core {{ {number} }}",
            f"delete table netdev {_TABLE}_unit_{number}",
            *(f"delete element netdev {_TABLE} buckets {{ {_bucket_key(bucket)} }}" for bucket in buckets),
        ]
        return "\n".join(lines) + "\n"

    def set_buckets(self, numbers: Sequence[int]) -> str:
        """The whole map in one transaction: each packet sees all of the old one or all of the new one."""
        entries = ",\n  ".join(f"{_bucket_key(bucket)} : {number}" for bucket, number in enumerate(numbers))
        return f"flush map netdev {_TABLE} buckets\nadd element netdev {_TABLE} buckets {{\n  {entries}\n}}\n"

    def drop_pins(self) -> str:
        """Empty the pins."""
        return f"flush map netdev {_TABLE} pins\n"


def _bucket_key(bucket: int) -> str:
    return f"0.0.0.{bucket}"


def _chain(device: str, *, user: str, towards: str) -> str:
    """Decisions about what comes in at `device`.

    `update` makes a pin only where there is none and refreshes its timeout otherwise, so that the lookup behind it is
    what counts. Only a pin to a unit that was removed gets past the first `fwd`: it is deleted, the user decided anew.
    """
    bucket = f"meta mark set {user} and 0.0.0.255 map @buckets"
    pin = f"meta mark != 0 update @pins {{ {user} : meta mark }}"
    forward = f"fwd to meta mark map @{towards}"
    return f"""\
  chain {device} {{
    type filter hook ingress device "{device}" priority 0; policy drop;
    {bucket}
    {pin}
    meta mark set {user} map @pins
    {forward}
    delete @pins {{ {user} : meta mark }}
    meta mark set 0
    {bucket}
    {pin}
    {forward}
    meta protocol != ip counter name not_ipv4 drop
    counter name no_unit drop
  }}"""
