"""How a stream's packets are counted, with the checks that TRex makes on the packet."""

from __future__ import annotations

from dataclasses import dataclass

from lab.generator import arguments, frames
from lab.generator.arguments import Fields
from lab.generator.bounded import LARGEST_32, up_to
from lab.generator.jsonrpc import execute_error, not_served

_SHORTEST = 60


@dataclass(frozen=True)
class Statistics:
    """How a stream's packets are counted.

    Attributes:
        pg_id: The packet group.
        latency: Latency statistics (a header in every packet) or plain flow statistics.
    """

    pg_id: int
    latency: bool


def parse_statistics(fields: Fields, layers: frames.Layers) -> Statistics | None:
    """Reads the `flow_stats` of a stream; None if it is not counted.

    Raises:
        RpcError: The packet cannot be counted so, or this kind is not served.
    """
    if not arguments.boolean(fields, "enabled"):
        return None
    pg_id = up_to(LARGEST_32, fields, "stream_id")
    if fields.get("vxlan"):
        raise not_served("flow statistics of the packet inside VXLAN")
    if fields.get("ieee_1588"):
        raise execute_error("Driver doesn't support IEEE-1588.")
    kind = arguments.text(fields, "rule_type")
    if kind == "tpg":
        raise not_served("tagged packet groups")
    if kind not in ("stats", "latency"):
        raise execute_error("Wrong rule_type")
    if layers.ip_version is None:
        raise execute_error("Failed determining l3 proto for packet")
    if kind == "latency":
        _check_payload(layers.payload_bytes)
    return Statistics(pg_id, latency=kind == "latency")


def _check_payload(payload_bytes: int) -> None:
    if payload_bytes <= 0:
        raise execute_error("Failed getting payload len")
    if payload_bytes < frames.LATENCY_HEADER.size:
        raise execute_error(
            f"Need at least {frames.LATENCY_HEADER.size} payload bytes for payload rules. "
            f"Packet only has {payload_bytes} bytes"
        )


def check_trimmed(shortest_bytes: int, frame_bytes: int, payload_bytes: int) -> None:
    """A latency header needs its room in the shortest packet, too, and TRex wants it behind the first 60 bytes.

    Raises:
        RpcError: It does not fit.
    """
    header_bytes = frames.LATENCY_HEADER.size
    needed = max(frame_bytes - payload_bytes, _SHORTEST) + header_bytes
    if shortest_bytes < needed:
        raise execute_error(
            f"You specified field engine with minimum packet size of {shortest_bytes} bytes. For latency together "
            f"with random packet size, minimum packet size should be at least {needed}"
        )
