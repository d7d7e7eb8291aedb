"""A stream as a client adds it: frame, rate, field engine and how it is counted."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lab.generator import arguments, bandwidth, frames, programs
from lab.generator.arguments import Fields
from lab.generator.bandwidth import PORT_SPEED_BPS, Rate
from lab.generator.bounded import LARGEST_32, duration_or_rate, signed, up_to
from lab.generator.compiling import Compiled, compiled
from lab.generator.courses import NO_STREAM, Course, parse_mode
from lab.generator.field_engine import Program
from lab.generator.jsonrpc import bad_parameters, execute_error, not_served
from lab.generator.programs import Draft
from lab.generator.stream_statistics import Statistics, check_trimmed, parse_statistics

__all__ = ["PORT_SPEED_BPS", "Statistics", "Stream", "l1_bps", "multiplied", "parse"]

_MIN_PACKET, _MAX_PACKET = 14, 9238
_RATES = ("pps", "bps_L1", "bps_L2", "percentage")
_DUMMY_STREAM = 0x8


@dataclass(frozen=True)
class Stream:
    """A checked stream. What TRex checks when traffic starts is checked when `program` or `rate_pps` is asked for.

    Attributes:
        stream_id: The client's number for it.
        source: What the client sent, for `get_all_streams`.
        frame: The frame, padded, without FCS, addresses as the client made them.
        layers: Where things are in the frame.
        flags: TRex's flags (who chooses the MAC addresses).
        draft: Field engine.
        random_seed: Of its random variables, 0 if the client gave none.
        rate: How fast it sends at multiplier 1.
        gap_us: Wait before the first packet.
        course: Bursts, and the stream that follows.
        statistics: How it is counted, None if it is not.
        enabled: Whether it takes part at all.
    """

    stream_id: int
    source: Fields
    frame: bytes
    layers: frames.Layers
    flags: int
    draft: Draft
    random_seed: int
    rate: Rate
    gap_us: float
    course: Course
    statistics: Statistics | None
    enabled: bool

    @cached_property
    def _compiled(self) -> Compiled:
        return compiled(self.draft, self.frame, self.random_seed)

    @property
    def program(self) -> Program:
        """What its packets are made by, and when they go.

        Raises:
            RpcError: The field engine's program does not fit together or not into the packet.
        """
        cache = 0 if self.is_latency else self.draft.cache_packets  # TRex makes latency packets one by one
        return replace(self._compiled.program, course=self.course, cache_packets=cache)

    @property
    def mean_bytes(self) -> float:
        """Expected length of a packet without FCS."""
        return self._compiled.lengths.expected if self.draft.trims else len(self.frame)

    @property
    def shortest_bytes(self) -> int:
        """Length of its shortest packet without FCS."""
        return self._compiled.lengths.shortest if self.draft.trims else len(self.frame)

    @property
    def rate_pps(self) -> float:
        """Packets per second at multiplier 1, while a burst lasts."""
        return self.rate.pps(self.mean_bytes)

    @property
    def total(self) -> int | None:
        """Number of packets of one run, None for no end."""
        return self.course.total

    @property
    def is_latency(self) -> bool:
        """Whether latency is measured."""
        return self.statistics is not None and self.statistics.latency

    @property
    def plays(self) -> bool:
        """Whether it takes part when its profile is started, at once or after another stream."""
        return self.enabled

    @property
    def next_id(self) -> int:
        """No stream has to be started by whoever starts this one: the sender knows the whole profile's courses."""
        return NO_STREAM

    @property
    def scaled(self) -> bool:
        """Whether the multiplier of `start` changes its rate; TRex leaves latency streams alone."""
        return not self.is_latency

    @property
    def offer(self) -> bandwidth.Offer:
        """What it wants to send."""
        rate = bandwidth.of_rate(self.rate_pps, self.mean_bytes)
        return bandwidth.Offer(self.course, rate, self.gap_us, self.scaled)


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
    rate, course = _rate_and_course(stream_id, mode, fields)
    frame = _frame(arguments.mapping(fields, "packet"), largest_frame)
    _check_core(fields)
    layers = frames.layers_of(frame)
    stream = Stream(
        stream_id=stream_id,
        source=fields,
        frame=frame,
        layers=layers,
        flags=signed(fields, "flags"),
        draft=programs.parse(arguments.mapping(fields, "vm")),
        random_seed=up_to(LARGEST_32, fields, "random_seed", 0),
        rate=rate,
        gap_us=duration_or_rate(fields, "isg"),
        course=course,
        statistics=parse_statistics(arguments.mapping(fields, "flow_stats"), layers),
        enabled=arguments.boolean(fields, "enabled"),
    )
    if stream.is_latency and stream.draft.trims:
        check_trimmed(stream.shortest_bytes, len(frame), layers.payload_bytes)
    return stream


def _rate_and_course(stream_id: int, fields: Fields, stream: Fields) -> tuple[Rate, Course]:
    mode = parse_mode(fields)
    rate = _rate(arguments.mapping(fields, "rate"))
    if stream.get("start_paused"):
        raise not_served("a stream that starts paused")
    course = Course(
        stream_id,
        burst_packets=mode.burst_packets,
        bursts=mode.bursts,
        burst_gap_ns=mode.burst_gap_us * 1000,
        next_id=max(signed(stream, "next_stream_id"), NO_STREAM),
        loops=up_to(LARGEST_32, stream, "action_count"),
        starts=arguments.boolean(stream, "self_start"),
        silent=bool(signed(stream, "flags") & _DUMMY_STREAM),
    )
    return rate, course


def _rate(fields: Fields) -> Rate:
    value = duration_or_rate(fields, "value")
    unit = arguments.choice(fields, "type", _RATES)
    if value == 0:
        raise execute_error("Rate value should be positive.")
    return Rate(unit, value)


def _check_core(fields: Fields) -> None:
    """There is one core; a stream may ask for it, but not for another."""
    core_id = signed(fields, "core_id", -1)
    if core_id > 0:
        raise execute_error("There is only one core, hence core ID must be 0.")
    statistics = fields.get("flow_stats")
    latency = isinstance(statistics, dict) and statistics.get("enabled") and statistics.get("rule_type") != "stats"
    if core_id == 0 and latency:
        raise execute_error("Core ID pinning is not supported for sequenced streams.")


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


def multiplied(streams: Sequence[Stream], kind: str, value: float) -> float:
    """The factor for the rates of scaled streams that gives a profile the wanted rate.

    Latency streams keep their rate and take their share of the wanted total.

    Args:
        streams: The profile.
        kind: "raw", "pps", "bps" (L2), "bpsl1" or "percentage" (of the line, L1).
        value: The wanted total in that unit.

    Raises:
        RpcError: The streams do not follow each other as they should, fixed streams alone exceed the total, or nothing
            can be scaled.
    """
    needed = bandwidth.demand([stream.offer for stream in streams])
    bandwidth.check_chains([(stream.course, stream.is_latency) for stream in streams])
    if kind == "raw":
        return value
    if kind == "percentage":
        return needed.factor({"BPS L1": value / 100 * PORT_SPEED_BPS})
    return needed.factor({{"pps": "pps", "bps": "BPS L2", "bpsl1": "BPS L1"}[kind]: value})


def l1_bps(streams: Sequence[Stream], factor: float) -> float:
    """What a profile puts on the line at its highest point, in bits per second."""
    return bandwidth.demand([stream.offer for stream in streams]).l1_bps(factor)
