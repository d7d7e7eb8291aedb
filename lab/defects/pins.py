"""The users that the decider knows at present, with the time until it forgets them."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from dataclasses import dataclass
from typing import Any

from lab.nft import find_nft

_ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True)
class Pin:
    """One user.

    Attributes:
        user: IPv4 address.
        remaining_s: Time until the pin expires without a further packet, whole seconds, rounded down.
    """

    user: str
    remaining_s: int

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
        RuntimeError: nft does not list them.
    """
    command = [find_nft(), "-j", "list", "map", "netdev", table, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_ANSWER_WITHIN_S)
    if done.returncode != 0:
        raise RuntimeError(f"map {name} of table {table} - cannot be listed: {done.stderr.strip()}")
    return parse(done.stdout)


def parse(listing: str) -> list[Pin]:
    """The pins in nft's JSON: an element is a pair of key with times and value, `[{"elem": {...}}, 3]`."""
    maps = [entry["map"] for entry in json.loads(listing)["nftables"] if "map" in entry]
    return [_pin(element[0]["elem"]) for listed in maps for element in listed.get("elem", [])]


def _pin(element: dict[str, Any]) -> Pin:
    return Pin(user=element["val"], remaining_s=int(element["expires"]))
