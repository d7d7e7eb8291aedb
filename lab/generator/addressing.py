"""A port's own addresses: layer 2 or layer 3 mode, next hop, VLAN tags."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from lab.generator.frames import PortAddresses


@dataclass(frozen=True)
class Ipv4Mode:
    """Layer 3 mode.

    Attributes:
        source: The port's own address, 4 bytes.
        gateway: Where it sends to, 4 bytes.
    """

    source: bytes
    gateway: bytes

    @property
    def loopback(self) -> bool:
        """Whether the port is its own next hop; nothing is announced then."""
        return self.source == self.gateway


@dataclass
class Addressing:
    """What a port calls itself and whom it sends to.

    Attributes:
        source: Its MAC address.
        destination: MAC address of its next hop; the latest one as long as a new one is not resolved.
        resolved: Whether `destination` belongs to the present configuration.
        ipv4: Layer 3 mode, or None for layer 2.
        vlan_tags: Outer tag first. They concern what the port itself says (ARP, ICMP), not streams.
    """

    source: bytes
    destination: bytes
    resolved: bool = True
    ipv4: Ipv4Mode | None = None
    vlan_tags: tuple[int, ...] = ()

    @property
    def frame_addresses(self) -> PortAddresses:
        """For frames that bring no addresses of their own."""
        return PortAddresses(self.source, self.destination)

    def set_layer2(self, destination: bytes) -> None:
        """Layer 2 mode: the next hop is a MAC address."""
        self.destination, self.resolved, self.ipv4 = destination, True, None

    def set_layer3(self, mode: Ipv4Mode, destination: bytes | None) -> None:
        """Layer 3 mode.

        Args:
            mode: IPv4 addresses.
            destination: The gateway's MAC address, None if it is not known yet.
        """
        self.ipv4 = mode
        self.resolved = destination is not None
        if destination is not None:
            self.destination = destination

    @property
    def announced(self) -> bool:
        """Whether gratuitous ARP requests are sent: the port has an address and knows its next hop."""
        return self.ipv4 is not None and not self.ipv4.loopback and self.resolved

    def describe(self) -> dict[str, Any]:
        """TRex's `layer_cfg`."""
        ipv4: dict[str, Any] = {"state": "none"}
        if self.ipv4 is not None:
            ipv4 = {
                "dst": str(ipaddress.IPv4Address(self.ipv4.gateway)),
                "src": str(ipaddress.IPv4Address(self.ipv4.source)),
                "state": "resolved" if self.resolved else "unresolved",
            }
        return {
            "ether": {
                "dst": self.destination.hex(":"),
                "src": self.source.hex(":"),
                "state": "configured" if self.resolved else "unconfigured",
            },
            "ipv4": ipv4,
            "ipv6": {"enabled": False},
        }
