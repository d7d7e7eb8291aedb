"""The pins that the decider holds at present, with the time until it forgets them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from lab.nfelements import Elements, read_elements

_KEY_PARTS = 2  # address and port: see PinnedRules.pin_key


@dataclass(frozen=True)
class Pin:
    """One user's way to one service.

    Attributes:
        user: IPv4 address.
        port: The port that is pinned with it.
        remaining_s: Time until the pin expires without a further packet, in seconds.
    """

    user: str
    port: int
    remaining_s: float

    @property
    def key(self) -> str:
        """The pin's key as nftables reads it."""
        return f"{self.user} . {self.port}"

    @property
    def user_number(self) -> int:
        """The address as a number; its low eight bits are the bucket."""
        return int(ipaddress.IPv4Address(self.user))

    @property
    def will_last(self) -> bool:
        """Whether it will certainly be there a moment later: deleting what has just expired fails the transaction."""
        return self.remaining_s >= 1


def live_pins(table: str, name: str) -> list[Pin]:
    """All pins of the decider in the present network namespace.

    Raises:
        lab.nfnetlink.NfnetlinkError: there is no such map.
    """
    return pins_of(read_elements(table, name, key_parts=_KEY_PARTS))


def pins_of(elements: Elements) -> list[Pin]:
    """Elements of the map of pins as pins."""
    rows = zip(elements.keys.tolist(), elements.remaining_ms.tolist(), strict=True)
    return [
        Pin(str(ipaddress.IPv4Address(address)), port >> 16, remaining_ms / 1000)
        for (address, port), remaining_ms in rows
    ]
