"""What a TRex server tells of itself and of its ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A port of the TRex server.

    Attributes:
        port: its number.
        mac, driver: of the device; "" if the server does not tell.
        speed_gbps, link_up: None if the server does not tell.
        owner: who has acquired it; "" if nobody has.
        state: what it does, in TRex's words.
        destination_mac: where streams without a destination MAC of their own are sent to.
        gateway: next hop in layer 3 mode, an IPv4 address; "" in layer 2 mode.
        gateway_state: whether the server knows the gateway's MAC: resolved or unresolved; none in layer 2 mode.
    """

    port: int
    mac: str
    driver: str
    speed_gbps: float | None
    link_up: bool | None
    owner: str
    state: str
    destination_mac: str = ""
    gateway: str = ""
    gateway_state: str = ""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A TRex server; ``built_by`` says who built it, and so tells servers of the same version apart."""

    version: str
    mode: str
    hostname: str
    ports: tuple[PortInfo, ...]
    built_by: str = ""


def plain_port(port: Mapping[str, Any], status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``PortInfo`` as plain data, for the way between the processes.

    Args:
        port: the server's entry for the port in ``get_system_info``.
        status: its answer to ``get_port_status``.
    """
    attributes = status["attr"]
    layers = attributes.get("layer_cfg", {})
    return {
        "port": port["index"],
        "mac": port.get("hw_mac", ""),
        "driver": port.get("driver", ""),
        "speed_gbps": attributes.get("speed"),
        "link_up": attributes.get("link", {}).get("up"),
        "owner": status.get("owner", ""),
        "state": status.get("state", ""),
        "destination_mac": layers.get("ether", {}).get("dst", ""),
        "gateway": layers.get("ipv4", {}).get("dst", ""),
        "gateway_state": layers.get("ipv4", {}).get("state", ""),
    }
