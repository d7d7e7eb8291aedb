"""A stream as a client adds it: frame, rate, field engine and how it is counted."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from lab.generator import arguments, frames, programs
from lab.generator.arguments import Fields
from lab.generator.field_engine import Program
from lab.generator.jsonrpc import bad_parameters, execute_error, not_served

PORT_SPEED_BPS = 10_000_000_000
_MIN_PACKET, _MAX_PACKET = 14, 9238
_L1_OVERHEAD_BYTES = 20  # preamble, start of frame delimiter and gap between frames
_RATES = ("pps", "bps_L1", "bps_L2", "percentage")
_NEXT_NONE = -1
_DUMMY_STREAM = 0x8


@dataclass(frozen=True)
class Statistics:
    """How a stream's packets are counted.

    Attributes:
        pg_id: The packet group.
        latency: Latency statistics (a header in every packet) or plain flow statistics.
    """

    pg_id: int
    latency: bool


@dataclass(frozen=True)
class Stream:
    """A checked stream.

    Attributes:
        stream_id: The client's number for it.
        source: What the client sent, for `get_all_streams`.
        frame: The frame, padded, without FCS, addresses as the client made them.
        layers: Where things are in the frame.
        flags: TRex's flags (who chooses the MAC addresses).
        program: Field engine.
        rate_pps: Packets per second at multiplier 1.
        gap_us: Wait before the first packet.
        total: Number of packets of a burst, None for a continuous stream.
        statistics: How it is counted, None if it is not.
        plays: Whether starting the profile starts it.
        next_id: The stream that follows it, or -1.
    """

    stream_id: int
    source: Fields
    frame: bytes
    layers: frames.Layers
    flags: int
    program: Program
    rate_pps: float
    gap_us: float
    total: int | None
    statistics: Statistics | None
    plays: bool
    next_id: int

    @property
    def scaled(self) -> bool:
        """Whether the multiplier of `start` changes its rate; TRex leaves latency streams alone."""
        return self.statistics is None or not self.statistics.latency

    @property
    def l2_bits(self) -> int:
        """Bits of a packet with FCS."""
        return (len(self.frame) + frames.FCS_BYTES) * 8

    @property
    def l1_bits(self) -> int:
        """Bits of a packet on the line."""
        return self.l2_bits + _L1_OVERHEAD_BYTES * 8


def parse(stream_id: int, fields: Fields, largest_frame: int) -> Stream:
    """Checks what a client sent.

    Args:
        stream_id: The client's number.
        fields: The `stream` object of `add_stream`.
        largest_frame: What the port's device takes, in bytes without FCS.

    Raises:
        RpcError: Something is wrong or not served.
    """
    mode = arguments.mapping(fields, "mode")
    total = _total(mode)
    frame = _frame(arguments.mapping(fields, "packet"), largest_frame)
    flags = arguments.integer(fields, "flags")
    if flags & _DUMMY_STREAM:
        raise not_served("dummy stream")
    layers = frames.layers_of(frame)
    return Stream(
        stream_id=stream_id,
        source=fields,
        frame=frame,
        layers=layers,
        flags=flags,
        program=programs.parse(arguments.mapping(fields, "vm"), len(frame)),
        rate_pps=_rate_pps(arguments.mapping(mode, "rate"), len(frame)),
        gap_us=arguments.unsigned_number(fields, "isg"),
        total=total,
        statistics=_statistics(arguments.mapping(fields, "flow_stats"), layers),
        plays=arguments.boolean(fields, "enabled") and arguments.boolean(fields, "self_start"),
        next_id=arguments.integer(fields, "next_stream_id"),
    )


def _total(mode: Fields) -> int | None:
    kind = arguments.text(mode, "type")
    if kind == "continuous":
        return None
    if kind == "single_burst":
        total = arguments.unsigned(mode, "total_pkts")
        if total == 0:
            raise bad_parameters("single_burst: 'total_pkts' cannot be zero.")
        return total
    if kind == "multi_burst":
        raise not_served("stream mode 'multi_burst'")
    raise execute_error(f"bad stream type provided: '{kind}'")


def _frame(packet: Fields, largest_frame: int) -> bytes:
    try:
        frame = base64.b64decode(arguments.text(packet, "binary"), validate=True)
    except binascii.Error as error:
        raise bad_parameters(f"packet 'binary' is not base64: {error}") from error
    if not _MIN_PACKET <= len(frame) <= _MAX_PACKET:
        raise execute_error(
            f"Bad packet size provided: {len(frame)}. Should be between {_MIN_PACKET} and {_MAX_PACKET}"
        )
    if len(frame) > largest_frame:
        raise execute_error(
            f"Bad packet size provided: {len(frame)}. The port's device takes at most {largest_frame} bytes "
            f"without FCS (its MTU and 18); see: ip link show"
        )
    return frames.pad(frame)


def _rate_pps(rate: Fields, frame_bytes: int) -> float:
    kind = arguments.choice(rate, "type", _RATES)
    value = arguments.unsigned_number(rate, "value")
    if value == 0:
        raise execute_error("Rate value should be positive.")
    l2_bits = (frame_bytes + frames.FCS_BYTES) * 8
    l1_bits = l2_bits + _L1_OVERHEAD_BYTES * 8
    if kind == "pps":
        return value
    if kind == "bps_L2":
        return value / l2_bits
    if kind == "bps_L1":
        return value / l1_bits
    return value / 100 * PORT_SPEED_BPS / l1_bits


def _statistics(fields: Fields, layers: frames.Layers) -> Statistics | None:
    if not arguments.boolean(fields, "enabled"):
        return None
    if fields.get("vxlan") or fields.get("ieee_1588"):
        raise not_served("flow statistics behind VXLAN or by IEEE 1588")
    kind = arguments.choice(fields, "rule_type", ("stats", "latency"))
    if layers.ip_version == 6:
        raise not_served("flow statistics for IPv6")
    if layers.ip_version is None:
        raise execute_error("Failed determining l3 proto for packet")
    needed = frames.LATENCY_HEADER.size
    if kind == "latency" and layers.payload_bytes < needed:
        raise execute_error(
            f"Need at least {needed} latency payload bytes for payload rules. "
            f"Packet only has {layers.payload_bytes} bytes"
        )
    return Statistics(arguments.unsigned(fields, "stream_id"), latency=kind == "latency")


def multiplied(streams: list[Stream], kind: str, value: float) -> float:
    """The factor for the rates of scaled streams that gives a profile the wanted rate.

    Latency streams keep their rate and take their share of the wanted total.

    Args:
        streams: The profile.
        kind: "raw", "pps", "bps" (L2), "bpsl1" or "percentage" (of the line, L1).
        value: The wanted total in that unit.

    Raises:
        RpcError: Fixed streams alone exceed the total, or nothing can be scaled.
    """
    if kind == "raw":
        return value
    weights: dict[str, Any] = {"pps": lambda _: 1, "bps": lambda stream: stream.l2_bits}
    weight = weights.get(kind, lambda stream: stream.l1_bits)
    wanted = value / 100 * PORT_SPEED_BPS if kind == "percentage" else value
    fixed = sum(stream.rate_pps * weight(stream) for stream in streams if not stream.scaled)
    variable = sum(stream.rate_pps * weight(stream) for stream in streams if stream.scaled)
    if wanted < fixed:
        raise execute_error(f"current stream configuration enforces a minimum rate of '{fixed:g}' {kind}")
    if variable == 0:
        raise execute_error(f"Factor must be positive: no stream of the profile can be scaled to '{value:g}' {kind}")
    return float((wanted - fixed) / variable)


def l1_bps(streams: list[Stream], factor: float) -> float:
    """What a profile puts on the line, in bits per second."""
    return sum(stream.rate_pps * stream.l1_bits * (factor if stream.scaled else 1) for stream in streams)
