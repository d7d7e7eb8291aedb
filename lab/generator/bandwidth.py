"""What the streams of a profile need together, and the multiplier that gives them a wanted rate.

TRex draws the rates over time, from stream to stream, and takes the highest point. Bursts of less than 1000 packets
count as next to nothing. Latency streams are added to it whenever they send, since no multiplier changes their rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.generator.courses import NO_STREAM, Course
from lab.generator.frames import FCS_BYTES
from lab.generator.jsonrpc import RpcError, execute_error

PORT_SPEED_BPS = 10_000_000_000
L1_OVERHEAD_BYTES = 20  # preamble, start of frame delimiter and gap between frames
_LEAST_BURST = 1000
_LEAST_FRAME_BYTES = 14


@dataclass(frozen=True)
class Bandwidth:
    """A rate in three units.

    Attributes:
        pps: Packets per second.
        l2_bps: Bits per second with FCS.
        l1_bps: Bits per second on the line.
    """

    pps: float = 0.0
    l2_bps: float = 0.0
    l1_bps: float = 0.0

    def plus(self, other: Bandwidth, sign: int = 1) -> Bandwidth:
        """The sum, or with sign -1 the difference."""
        return Bandwidth(
            self.pps + sign * other.pps, self.l2_bps + sign * other.l2_bps, self.l1_bps + sign * other.l1_bps
        )

    def highest(self, other: Bandwidth) -> Bandwidth:
        """The greater one of each unit."""
        return Bandwidth(max(self.pps, other.pps), max(self.l2_bps, other.l2_bps), max(self.l1_bps, other.l1_bps))


# What stands for a short burst: one of the shortest packets, which TRex counts without FCS here.
_ALMOST_NOTHING = Bandwidth(1, _LEAST_FRAME_BYTES * 8, (_LEAST_FRAME_BYTES + L1_OVERHEAD_BYTES) * 8)


def of_rate(rate_pps: float, frame_bytes: float) -> Bandwidth:
    """The bandwidth of packets of a length without FCS."""
    l2_bps = rate_pps * (frame_bytes + FCS_BYTES) * 8
    return Bandwidth(rate_pps, l2_bps, l2_bps + rate_pps * L1_OVERHEAD_BYTES * 8)


@dataclass(frozen=True)
class Rate:
    """A rate as the client gave it: in "pps", "bps_L1", "bps_L2" or "percentage" of the line."""

    unit: str
    value: float

    def pps(self, frame_bytes: float) -> float:
        """Packets per second of packets of a mean length without FCS."""
        if self.unit == "pps":
            return self.value
        one = of_rate(1.0, frame_bytes)
        if self.unit == "bps_L2":
            return self.value / one.l2_bps
        if self.unit == "bps_L1":
            return self.value / one.l1_bps
        return self.value / 100 * PORT_SPEED_BPS / one.l1_bps


@dataclass(frozen=True)
class Offer:
    """What one stream wants to send.

    Attributes:
        course: When.
        bandwidth: How fast, while a burst lasts.
        gap_us: Wait before its first packet.
        scaled: Whether a multiplier changes its rate.
    """

    course: Course
    bandwidth: Bandwidth
    gap_us: float
    scaled: bool


@dataclass(frozen=True)
class Demand:
    """What a profile needs.

    Attributes:
        variable: At its highest point, of the streams that a multiplier changes.
        fixed: Of the others.
    """

    variable: Bandwidth
    fixed: Bandwidth

    def l1_bps(self, factor: float) -> float:
        """On the line, with a multiplier."""
        return self.variable.l1_bps * factor + self.fixed.l1_bps

    def factor(self, wanted: Mapping[str, float]) -> float:
        """The multiplier for a wanted rate.

        Args:
            wanted: One of "pps", "BPS L2" and "BPS L1" with its value.

        Raises:
            RpcError: The fixed streams alone exceed it, or nothing can be scaled.
        """
        (unit, value), *_ = wanted.items()
        fixed = {"pps": self.fixed.pps, "BPS L2": self.fixed.l2_bps, "BPS L1": self.fixed.l1_bps}[unit]
        variable = {"pps": self.variable.pps, "BPS L2": self.variable.l2_bps, "BPS L1": self.variable.l1_bps}[unit]
        if value < fixed:
            raise execute_error(f"current stream configuration enforces a minimum rate of '{fixed:g}' {unit}")
        if variable == 0:
            # TRex divides by zero here.
            raise execute_error(
                f"Factor must be positive: no stream of the profile can be scaled to '{value:g}' {unit}"
            )
        return (value - fixed) / variable


def demand(offers: Sequence[Offer]) -> Demand:
    """Adds up the streams of a profile over time.

    Raises:
        RpcError: A stream is followed by one that does not exist.
    """
    by_id = {offer.course.stream_id: offer for offer in offers}
    events: list[tuple[float, int, Bandwidth]] = []
    fixed = Bandwidth()
    for root in offers:
        if root.course.starts:
            for offer, begin_us, end_us in _walk(root, by_id):
                if not offer.scaled:
                    fixed = fixed.plus(offer.bandwidth)
                    continue
                rate = _counted(offer)
                events.append((begin_us, 1, rate))
                if end_us is not None:
                    events.append((end_us, -1, rate))
    return Demand(_highest_point(events), fixed)


def _walk(root: Offer, by_id: Mapping[int, Offer]) -> Iterable[tuple[Offer, float, float | None]]:
    """A stream and those that follow it, up to the first that comes again: each with its begin and end."""
    seen: set[int] = set()
    offer, now_us = root, 0.0
    while True:
        seen.add(offer.course.stream_id)
        begin_us = now_us + offer.gap_us
        end_us = None if offer.course.burst_packets is None else begin_us + _lasts_us(offer)
        yield offer, begin_us, end_us
        if offer.scaled and end_us is not None:  # TRex gives fixed streams no time
            now_us = end_us
        next_id = offer.course.next_id
        if next_id == NO_STREAM or next_id in seen:
            return
        if next_id not in by_id:
            raise execute_error(f"stream id {next_id} does not exists")
        offer = by_id[next_id]


def _lasts_us(offer: Offer) -> float:
    course = offer.course
    burst_us = ((course.burst_packets or 1) - 1) / offer.bandwidth.pps * 1e6
    if course.bursts == 1 and not course.burst_gap_ns:
        return burst_us
    return (burst_us + course.burst_gap_ns / 1000) * course.bursts


def _counted(offer: Offer) -> Bandwidth:
    packets = offer.course.burst_packets
    return offer.bandwidth if packets is None or packets >= _LEAST_BURST else _ALMOST_NOTHING


def _highest_point(events: list[tuple[float, int, Bandwidth]]) -> Bandwidth:
    now = highest = Bandwidth()
    for _, sign, rate in sorted(events, key=lambda event: event[0]):
        now = now.plus(rate, sign)
        highest = highest.highest(now)
    return highest


def check_chains(courses: Sequence[tuple[Course, bool]]) -> None:
    """The checks that TRex makes on the order of streams when traffic starts.

    Args:
        courses: Per stream its course, and whether it is a latency stream: those have a chain of their own.

    Raises:
        RpcError: A continuous stream is followed by another, kinds are mixed, or a stream is never started.
    """
    for latency in (False, True):
        kind = {course.stream_id: course for course, is_latency in courses if is_latency is latency}
        others = {course.stream_id for course, is_latency in courses if is_latency is not latency}
        for course in kind.values():
            if course.burst_packets is None and course.next_id != NO_STREAM:
                raise _problem(f"continous stream '{course.stream_id}' cannot point to another stream")
        for course in kind.values():
            if course.next_id in others:
                kinds = ("Sequenced", "non-sequenced") if latency else ("Non-sequenced", "sequenced")
                text = f"stream {course.stream_id} is pointing to a {kinds[1]} stream {course.next_id}"
                raise _problem(f"{kinds[0]} {text} (mixing is not allowed)")
        _check_reachable(kind)


def _check_reachable(courses: Mapping[int, Course]) -> None:
    reached: set[int] = set()
    for course in courses.values():
        following: Course | None = course if course.starts else None
        while following is not None and following.stream_id not in reached:
            reached.add(following.stream_id)
            following = courses.get(following.next_id)
    lost = [stream_id for stream_id in courses if stream_id not in reached]
    if lost:
        raise _problem("".join(f"stream {stream_id} is unreachable from any other stream\n" for stream_id in lost))


def _problem(text: str) -> RpcError:
    return execute_error(f"error: {text}")
