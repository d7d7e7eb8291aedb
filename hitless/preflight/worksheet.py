"""The worksheet: who is connected to what, with which addresses, before anybody touches a cable. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hitless.history import TrafficGroup
from hitless.sut import SystemUnderTest
from hitless.traffic import PlannedGroup, PortInfo

_ATTACHMENTS: Mapping[str, str] = {
    "l2": "bridged through: frames are answered whatever instance serves them",
    "routed": "a router stands between tester and VNF and follows every change of instance",
    "direct": "the tester's neighbour is the instance itself; its address has to survive a change of instance",
}


def worksheet(sut: SystemUnderTest, ports: Sequence[PortInfo], planned: Sequence[PlannedGroup]) -> Iterator[str]:
    """Yield the lines of the worksheet.

    Args:
        sut: the declaration.
        ports: what the generator tells of its ports; empty when it was not reached.
        planned: what the profile sends; empty when it was not loaded.
    """
    yield f"WORKSHEET {sut.name}"
    yield from _wiring(sut, {port.port: port for port in ports})
    yield from _addresses([one.group for one in planned])
    yield from _management(sut)
    yield from _marks(sut)


def _wiring(sut: SystemUnderTest, ports: Mapping[int, PortInfo]) -> Iterator[str]:
    declared = sut.traffic
    yield ""
    yield f"Wiring (TRex server {declared.trex.server}, attachment {declared.attachment})"
    for side, number in (("users", declared.ports.users), ("network", declared.ports.network)):
        port = ports.get(number)
        yield f"  port {number}  {side:8} {_port(port)}"
    yield f"  {_ATTACHMENTS[declared.attachment]}"


def _port(port: PortInfo | None) -> str:
    if port is None:
        return "MAC unknown, as the server was not reached"
    speed = "" if port.speed_gbps is None else f", {port.speed_gbps:g} Gbit/s"
    return f"MAC {port.mac}, driver {port.driver}{speed}"


def _addresses(groups: Sequence[TrafficGroup]) -> Iterator[str]:
    yield ""
    yield "Traffic (UDP over IPv4; users are behind the users' port)"
    if not groups:
        yield "  unknown, as the profile was not loaded"
    for group in groups:
        yield (
            f"  {group.name:16} {group.direction:4} {group.rate_pps:>7.0f} pps  {group.frame_bytes} bytes  "
            f"users {_users(group.layout)}  service port {group.layout.get('service_port', '?')}"
        )


def _users(layout: Mapping[str, Any]) -> str:
    base = ipaddress.IPv4Address(str(layout["user_base"]))
    bits = int(layout["lane_bits"])
    bits += int(layout["generation_user_bits"]) if layout["index_position"] == "above-lane" else 0
    return f"{base} to {base + (1 << bits) - 1}"


def _management(sut: SystemUnderTest) -> Iterator[str]:
    yield ""
    yield "Management"
    sol003 = sut.mano.sol003
    yield f"  VNFM (SOL003)     {'none' if sol003 is None else f'{sol003.api_root}/vnflcm/v2'}"
    packages = sut.mano.packages
    yield f"  NFVO (packages)   {'none' if packages is None else f'{packages.api_root}/vnfpkgm/v2'}"
    yield f"  notifications     {_callback(sut)}"
    yield f"  upgrade           trigger {sut.upgrade.trigger}, at most {sut.upgrade.deadline_s:g} s"
    yield f"  VNF instance      {sut.vnf.instance_id or 'made and removed by the tester'}"
    for role, package in (("source", sut.vnf.source), ("target", sut.vnf.target), ("failing", sut.vnf.failing)):
        if package is not None:
            yield f"  {role:8} package  {package.software_version:12} vnfdId {package.vnfd_id}"


def _callback(sut: SystemUnderTest) -> str:
    declared = sut.notifications
    if declared is None:
        return "none: no way back to the tester"
    if declared.public_url is not None:
        return f"MANO calls {declared.public_url}, which leads to {declared.bind}:{declared.port}"
    port = declared.port or "any free port"
    return f"MANO calls {declared.bind}, {port}"


def _marks(sut: SystemUnderTest) -> Iterator[str]:
    marks = sut.vnf.marks
    yield ""
    yield "Marks (by which a packet tells who served it)"
    for version, expression in marks.versions.items():
        yield f"  version {version:12} {expression}"
    if not marks.versions:
        yield "  none"
    yield f"  instance             {marks.instance}"
