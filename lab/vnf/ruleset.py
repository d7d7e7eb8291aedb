"""A unit's ruleset: the package's template with what is this unit's own."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass
from typing import Final, Literal, get_args

from lab.devices import unit_mac
from lab.vnf.package import PackageError, Software

SessionPickup = Literal["opening-packet", "midstream"]
SESSION_PICKUPS: Final = get_args(SessionPickup)

POLICER_HEADROOM: Final = 1.01
"""A unit carries its rated capacity and one per cent, so that offering exactly the rated capacity loses nothing."""

POLICER_BURST_MS: Final = 250
"""Time at the policer's rate that may come at once."""

_DISABLED: Final = "# "


@dataclass(frozen=True)
class UnitSettings:
    """What makes one unit of a software different from others.

    Attributes:
        number: Its number, 1 to 255; the last byte of its MAC address.
        rated_pps: Packets per second that it is to carry, both directions together.
        session_pickup: Whether only an opening packet makes a session known, or any packet does.
        burst_ms: Time at the policer's rate that may come at once; a unit's buffer.
        idle_timeout_s: A session without packets is forgotten after this time.
    """

    number: int
    rated_pps: int
    session_pickup: SessionPickup = "opening-packet"
    burst_ms: int = POLICER_BURST_MS
    idle_timeout_s: int = 5

    @property
    def policer_pps(self) -> int:
        """Rate above which packets are dropped."""
        return math.floor(self.rated_pps * POLICER_HEADROOM)

    @property
    def policer_burst_packets(self) -> int:
        """Packets above the rate that are let through when they come at once."""
        return max(1, self.policer_pps * self.burst_ms // 1000)


def render(software: Software, settings: UnitSettings) -> str:
    """The ruleset of one unit.

    Raises:
        PackageError: the template asks for something that units do not have.
    """
    midstream = settings.session_pickup == "midstream"
    values = {
        "dscp": software.dscp,
        "mac": unit_mac(settings.number),
        "policer_pps": settings.policer_pps,
        "policer_burst_packets": settings.policer_burst_packets,
        "idle_timeout_s": settings.idle_timeout_s,
        "opening_packet_only": _DISABLED if midstream else "",
        "midstream_only": "" if midstream else _DISABLED,
    }
    # The comments of a template speak about ${...} themselves, and nftables has no use for them.
    rules = "\n".join(line for line in software.template.splitlines() if not line.lstrip().startswith("#"))
    try:
        return string.Template(rules).substitute(values) + "\n"
    except (KeyError, ValueError) as error:
        raise PackageError(
            f"ruleset of software {software.version} - unknown or malformed ${{...}}: {error}"
        ) from error
