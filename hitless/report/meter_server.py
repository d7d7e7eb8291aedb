"""What a traffic generator says of itself, and where to look when nothing that it sent came back. Pure.

For `tools/meter_report.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hitless.history import History
from hitless.report.meter_lines import NOTHING, Lines
from hitless.traffic import PortInfo, ServerInfo

_SIDES = (("users", "up"), ("network", "down"))
"""Side of each of the two ports, and the direction in which it sends."""


def server_lines(server: ServerInfo, ports: Sequence[int]) -> Lines:
    """Tell what the server says of itself and of the two ports that are used, the users' one first."""
    yield "server.version", server.version
    yield "server.built_by", server.built_by or NOTHING
    yield "server.mode", server.mode
    yield "server.ports", str(len(server.ports))
    for (side, _), number in zip(_SIDES, ports, strict=True):
        yield f"server.{side}.port", str(number)
        yield from ((f"server.{side}.{name}", value) for name, value in _port_lines(_port(server, number)))


def _port(server: ServerInfo, number: int) -> PortInfo:
    unknown = PortInfo(number, "", "", None, None, "", "")
    return next((port for port in server.ports if port.port == number), unknown)


def _port_lines(port: PortInfo) -> Lines:
    yield "driver", port.driver or NOTHING
    yield "speed_gbps", NOTHING if port.speed_gbps is None else f"{port.speed_gbps:g}"
    yield "link", {True: "up", False: "down", None: NOTHING}[port.link_up]
    yield "mac", port.mac or NOTHING
    yield "destination_mac", port.destination_mac or NOTHING
    yield "gateway", _gateway(port) or NOTHING


def _gateway(port: PortInfo) -> str:
    return f"{port.gateway} {port.gateway_state}".strip() if port.gateway else ""


def silent_directions(history: History, server: ServerInfo, ports: Sequence[int]) -> Iterator[str]:
    """Say of each direction in which nothing came back what is wrong, and where to look; nothing if all is well.

    Args:
        history: a recording of a path that is to hand on everything.
        server: as it was before the recording.
        ports: the users' port and the network's.
    """
    for (_, direction), out, back in zip(_SIDES, ports, reversed(ports), strict=True):
        pg_ids = [group.pg_id for group in history.groups if group.direction == direction]
        columns = np.isin(history.counters.pg_ids, pg_ids)
        sent, received = (int(count[-1, columns].sum()) for count in (history.counters.tx, history.counters.rx))
        subject = f"traffic {direction}, port {out} to port {back}"
        if not sent:
            yield f"{subject} - Expected: packets sent Actual: 0 - look at the server's own console and log"
        elif not received:
            where = _where(server, direction, out, back)
            yield f"{subject} - nothing came back - Expected: {sent} packets Actual: 0 - look at: {where}"


def _where(server: ServerInfo, direction: str, out: int, back: int) -> str:
    """Name all that keeps packets from coming back, with what is known of it."""
    sender = _port(server, out)
    links = ", ".join(f"link of port {number} {_link(_port(server, number))}" for number in (out, back))
    gateway = _gateway(sender) or "none, as it is in layer 2 mode"
    configured = sender.destination_mac or "unknown"
    places = (
        f"the path between them ({links}), its routes and filters",
        f"the destination MAC of port {out} (configured on the server: {configured}; another: --dst-mac-{direction})",
        f"the L3 gateway of port {out} ({gateway})",
    )
    return "; ".join(places)


def _link(port: PortInfo) -> str:
    return {True: "up", False: "down", None: "unknown"}[port.link_up]
