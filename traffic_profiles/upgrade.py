"""Traffic for a software upgrade: load in both directions, sessions that come and go, sessions that stay.

A TRex stateless profile. The suite loads it, and it runs unchanged in trex-console::

    start -f traffic_profiles/upgrade.py -p 0 1 -t --part main --load-pps 10000
    start -f traffic_profiles/upgrade.py -p 0.long -t --part long

Users are behind port 0 (direction 0, "up"), the network behind port 1 (direction 1, "down"). In each stream one counter
``n``, one step per packet, is written several times with masks. Which bits go where is the stream's *layout*:

short sessions, "above-lane":    n = generation | index | session of the user | lane;
                                 user = (generation mod 2^G) << L | lane
long sessions, "above-session":  n = index | session of the user | lane;  user = lane

The port of a session is 1024 plus the rest, with the session of the user in its lowest bits: sessions that a user has
at the same time have consecutive ports. The first payload byte is the packet's index in its session; 0 opens it.
``describe()`` returns layouts and rates as plain data, with which received and lost packets are decoded later.
"""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from typing import Any

from trex.stl.api import (
    IP,
    UDP,
    Ether,
    STLFlowLatencyStats,
    STLFlowStats,
    STLPktBuilder,
    STLScVmRaw,
    STLStream,
    STLTXCont,
    STLVmFixIpv4,
    STLVmFlowVar,
    STLVmWrMaskFlowVar,
)

MAX_PROBES_PPS = 5000
"""More probe packets than this cannot be fetched reliably from a TRex server while they arrive."""
PORT_BASE = 1024
PORT_BITS = 14
"""Bits of the generation in the port, above the session of the user; a 5-tuple comes back only after days."""
PAYLOAD_OFFSET = 14 + 20 + 8
LATENCY_HEADER_BYTES = 16
ADDRESS_BLOCK = 0x10000
"""All users of all groups lie in one block of 65536 addresses."""
MIRROR_DELAY_US = 300_000.0
"""The downward load answers sessions that the upward load has opened: it starts this much later."""

SHORT_LOAD = {"lane_bits": 6, "index_bits": 4, "generation_user_bits": 7, "session_of_user_bits": 0}
SHORT_PROBES = {"lane_bits": 5, "index_bits": 3, "generation_user_bits": 6, "session_of_user_bits": 1}
FIRST_SHORT_PROBES_USER = 0x4000
SHORT_PROBES_USERS = 0x0800
"""Users of each service type."""
MOST_SERVICE_TYPES = 8
DEFAULT_NEW_PPS = 2000.0
LEAST_PPS_OF_SERVICE_TYPE = 1000.0
"""The default is so much for each service type where there are more than two."""
LONG_PROBES = {"lane_bits": 11, "index_bits": 0, "generation_user_bits": 0, "session_of_user_bits": 1}


def describe(tunables: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return every group of every part as plain data; ``--part`` does not matter.

    Args:
        tunables: what follows ``-t`` in trex-console.

    Raises:
        SystemExit: a tunable is wrong (argparse has said which).
    """
    return _groups(_parse(tunables))


def _parse(tunables: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="upgrade.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--part", choices=("main", "long", "filler"), default="main", help="streams to build")
    parser.add_argument("--load-pps", type=float, default=10_000.0, help="sum of all groups that run together [pps]")
    parser.add_argument(
        "--new-pps",
        type=float,
        help="probes in sessions that come and go, of all service types together [pps] (default: "
        f"{DEFAULT_NEW_PPS:g}, or {LEAST_PPS_OF_SERVICE_TYPE:g} for each service type if that is more)",
    )
    parser.add_argument(
        "--service-types",
        type=int,
        default=1,
        choices=range(1, MOST_SERVICE_TYPES + 1),
        help="service types among the sessions that come and go; each has a port of the service and users of its own",
    )
    parser.add_argument("--long-pps", type=float, default=2_000.0, help="probes in sessions that stay [pps]")
    parser.add_argument("--load-frame", type=int, default=128, help="load frames without FCS [bytes]")
    parser.add_argument("--probe-frame", type=int, default=96, help="probe frames without FCS [bytes]")
    parser.add_argument(
        "--probe-user-bits",
        type=int,
        choices=range(1, SHORT_PROBES["generation_user_bits"] + 1),
        default=SHORT_PROBES["generation_user_bits"],
        help="users of short probe sessions: 32 times 2 to the power of this; fewer come back sooner",
    )
    parser.add_argument("--user-base", default="10.1.0.0", help="first user address, at a multiple of 65536")
    parser.add_argument("--service-address", default="10.2.0.1", help="address in the network that users talk to")
    parser.add_argument(
        "--service-port", type=_service_port, default=5001, help="UDP port of the service, of the first type"
    )
    parser.add_argument("--dst-mac-up", help="destination MAC on port 0 (default: as the TRex server is configured)")
    parser.add_argument("--dst-mac-down", help="destination MAC on port 1 (default: as the TRex server is configured)")
    options = parser.parse_args(list(tunables))
    if options.new_pps is None:
        options.new_pps = max(DEFAULT_NEW_PPS, LEAST_PPS_OF_SERVICE_TYPE * options.service_types)
    problem = _problem(options)
    if problem:
        parser.error(problem)
    return options


def _service_port(text: str) -> int:
    port, last = int(text), _mask(16) - MOST_SERVICE_TYPES
    if not 0 < port <= last:
        raise argparse.ArgumentTypeError(f"{port} - Expected: 1 to {last}")
    return port


def _problem(options: argparse.Namespace) -> str:
    """Return what is wrong with the tunables taken together, "" when nothing is."""
    probes_pps = options.new_pps + options.long_pps
    if min(options.new_pps, options.long_pps) <= 0:
        return "--new-pps and --long-pps: each needs more than 0 pps"
    if probes_pps > MAX_PROBES_PPS:
        return f"probes: {probes_pps:g} pps together - Expected: at most {MAX_PROBES_PPS} pps"
    if options.load_pps <= probes_pps:
        return f"--load-pps: {options.load_pps:g} pps - Expected: more than the probes, {probes_pps:g} pps"
    shortest = PAYLOAD_OFFSET + 1 + LATENCY_HEADER_BYTES
    if min(options.load_frame, options.probe_frame) < max(60, shortest):
        return f"--load-frame and --probe-frame: Expected: at least {max(60, shortest)} bytes"
    try:
        ipaddress.IPv4Address(options.service_address)
        base = int(ipaddress.IPv4Address(options.user_base))
    except ValueError as error:
        return f"--user-base or --service-address: {error}"
    return "" if base % ADDRESS_BLOCK == 0 else f"--user-base: {options.user_base} is not at a multiple of 65536"


def _groups(options: argparse.Namespace) -> list[dict[str, Any]]:
    load_pps = (options.load_pps - options.new_pps - options.long_pps) / 2
    load = {"kind": "load", "frame_bytes": options.load_frame}
    probe = {"kind": "probe", "frame_bytes": options.probe_frame}
    return [
        {"pg_id": 1, "name": "load-up", "part": "main", "rate_pps": load_pps, **load}
        | _path(port=0, layout=_layout(options, SHORT_LOAD, 0x0000)),
        {"pg_id": 2, "name": "load-down", "part": "main", "rate_pps": load_pps, **load}
        | _path(port=1, layout=_layout(options, SHORT_LOAD, 0x0000)),
        *(_new_sessions(options, number) | probe for number in range(options.service_types)),
        {"pg_id": 20, "name": "long-sessions", "part": "long", "rate_pps": options.long_pps, **probe}
        | _path(port=0, layout=_layout(options, LONG_PROBES, 0x8000)),
        {"pg_id": 3, "name": "filler-up", "part": "filler", "rate_pps": options.long_pps, **load}
        | _path(port=0, layout=_layout(options, SHORT_LOAD, 0x2000)),
    ]


def _new_sessions(options: argparse.Namespace, number: int) -> dict[str, Any]:
    """Return the group of sessions that come and go of one service type, counted from 0."""
    bits = {**SHORT_PROBES, "generation_user_bits": options.probe_user_bits}
    layout = _layout(options, bits, FIRST_SHORT_PROBES_USER + number * SHORT_PROBES_USERS)
    layout["service_port"] += number
    return {
        "pg_id": 21 + number,
        "name": "new-sessions" if number == 0 else f"new-sessions-{number + 1}",
        "part": "main",
        "rate_pps": options.new_pps / options.service_types,
    } | _path(port=0, layout=layout)


def _path(port: int, layout: dict[str, Any]) -> dict[str, Any]:
    return {"port": port, "direction": "up" if port == 0 else "down", "layout": layout}


def _layout(options: argparse.Namespace, bits: dict[str, int], first_user: int) -> dict[str, Any]:
    """Return a layout as plain data; ``first_user`` counts from the start of the block of users."""
    base = ipaddress.IPv4Address(int(ipaddress.IPv4Address(options.user_base)) + first_user)
    position = "above-lane" if bits["index_bits"] else "above-session"
    return {
        **bits,
        "index_position": position,
        "user_base": str(base),
        "port_base": PORT_BASE,
        "service_port": options.service_port,
    }


def _template(group: dict[str, Any], options: argparse.Namespace) -> Any:
    """Return the packet before the field engine writes into it; UDP without checksum, for TRex rewrites the payload."""
    up = group["direction"] == "up"
    mac = options.dst_mac_up if up else options.dst_mac_down
    user, service = group["layout"]["user_base"], options.service_address
    ip = IP(src=user, dst=service) if up else IP(src=service, dst=user)
    service_port = group["layout"]["service_port"]
    ports = (PORT_BASE, service_port) if up else (service_port, PORT_BASE)
    payload = bytes(group["frame_bytes"] - PAYLOAD_OFFSET)
    return (Ether(dst=mac) if mac else Ether()) / ip / UDP(sport=ports[0], dport=ports[1], chksum=0) / payload


def _field_engine(group: dict[str, Any]) -> Any:
    """Return the program that writes the counter ``n`` into address, port and index."""
    layout, up = group["layout"], group["direction"] == "up"
    lane, index = layout["lane_bits"], layout["index_bits"]
    generation, session = layout["generation_user_bits"], layout["session_of_user_bits"]
    address, port = ("IP.src", "UDP.sport") if up else ("IP.dst", "UDP.dport")

    def write(field: str | int, size: int, mask: int, shift: int = 0, add: int = 0) -> Any:
        return STLVmWrMaskFlowVar("n", field, pkt_cast_size=size, mask=mask, shift=shift, add_value=add)

    writes = [write(address, 4, _mask(lane))]
    within = lane + session
    if layout["index_position"] == "above-session":
        counter_bits = 32
        writes += [write(port, 2, _mask(session), -lane), write(PAYLOAD_OFFSET, 1, 0xFF, -within)]
    else:
        above = within + index + generation
        counter_bits = above + PORT_BITS
        writes.append(write(address, 4, _mask(generation) << lane, -(index + session)))
        # TRex adds before it shifts, so the base of the ports has to be added in its shifted place.
        high = above - session
        writes.append(write(port, 2, 0xFFFF & ~_mask(session), -high, PORT_BASE << high))
        if session:
            writes.append(write(port, 2, _mask(session), -lane))
        writes.append(write(PAYLOAD_OFFSET, 1, _mask(index), -within))
    counter = STLVmFlowVar("n", min_value=0, max_value=_mask(counter_bits), size=4, step=1, op="inc")
    return STLScVmRaw([counter, *writes, STLVmFixIpv4(offset="IP")])


def _mask(bits: int) -> int:
    return (1 << bits) - 1


def _stream(group: dict[str, Any], options: argparse.Namespace) -> Any:
    probe = group["kind"] == "probe"
    return STLStream(
        name=group["name"],
        packet=STLPktBuilder(pkt=_template(group, options), vm=_field_engine(group)),
        mode=STLTXCont(pps=group["rate_pps"]),
        isg=0.0 if group["direction"] == "up" else MIRROR_DELAY_US,
        flow_stats=(STLFlowLatencyStats if probe else STLFlowStats)(pg_id=group["pg_id"]),
        # Several cores would send a session's packets out of order, its opening packet not always first.
        # A latency stream is on one core anyway.
        core_id=-1 if probe else 0,
    )


class UpgradeTraffic:
    """The profile as TRex's loader wants it."""

    def get_streams(self, direction: int = 0, tunables: Sequence[str] = (), **_kwargs: Any) -> list[Any]:
        """Return the streams of one part for one direction (0 from the users, 1 from the network)."""
        options = _parse(tunables)
        wanted = [g for g in _groups(options) if g["part"] == options.part and g["port"] == direction]
        return [_stream(group, options) for group in wanted]


def register() -> UpgradeTraffic:
    """Return the profile (called by TRex's loader)."""
    return UpgradeTraffic()
