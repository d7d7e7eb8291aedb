"""Recordings of any size in the suite's own format, made by numpy: an upgrade under load, with what goes wrong in one.

The packets are those of the suite's two probe groups, long-lived sessions and sessions that come and go. Half the
users move to the new version in two steps; there is an outage, random loss, and some packets come twice or late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitless.history import CounterSeries, Ending, Event, Int64Array, Interval, OperationState, TrafficGroup
from hitless.recording import CaptureAccount, ClockPairs, PacketBlock, PcapWriter, RecordingPlan, RecordingWriter
from hitless.recording import manifest as files
from hitless.sessions import ABOVE_LANE, ABOVE_SESSION, GENERATION_PORT_BITS, Layout, LayoutError

FRAME_BYTES = 96
START_NS = 100_000_000_000
_TSC_HZ = 2_445_425_589.0
_RATE_PPS = 2000.0
_LATENCY_NS = 400_000
_FIRST_SEQUENCE = 0xFFFFFFFE
_SAMPLE_NS = 100_000_000
_BLOCK = 1 << 17
_SERVICE = 0x0A020001
_LOSS_RATIO = 1e-4
_DUPLICATE_RATIO = 1e-5
_LATE_RATIO = 1e-5
_LATE_NS = 3_000_000
_OUTAGE_AT, _OUTAGE_NS = 0.6, 200_000_000
"""Where in the recording the outage begins, and how long it is."""
_SHARES = ((0.5, 64), (0.75, 128))
"""From which part of the recording on how many of 256 users go to the new version."""
_DSCP = (0x28, 0x48)
_MOST_LANE_BITS = 11


@dataclass(frozen=True)
class Shape:
    """How big a recording is.

    Attributes:
        packets: probe packets that are sent, of both groups together.
        long_layout: layout of the sessions that stay.
        short_layout: layout of the sessions that come and go.
        short_part: part of the packets that belong to the latter.
    """

    packets: int
    long_layout: Layout
    short_layout: Layout
    short_part: float

    @property
    def short_packets(self) -> int:
        """Packets of sessions that come and go."""
        return round(self.packets * self.short_part)

    @property
    def sessions(self) -> int:
        """Sessions altogether."""
        long = min(self.packets - self.short_packets, self.long_layout.session_step)
        slots = self.short_layout.session_step
        whole, rest = divmod(self.short_packets, slots * (self.short_layout.packets_per_session or 1))
        return long + whole * slots + min(rest, slots)


def suite_shape(packets: int) -> Shape:
    """Return a recording of the suite's own traffic profile; sessions become more with packets."""
    short = {"lane_bits": 5, "index_bits": 3, "generation_user_bits": 6, "session_of_user_bits": 1}
    return Shape(packets, _long_layout(12), _short_layout(**short), 0.5)


def shape_of(packets: int, sessions: int) -> Shape:
    """Return a recording with about so many sessions, half of them long-lived.

    Raises:
        ValueError: fewer than four packets a session, or fewer than 100 sessions.
    """
    if not 100 <= sessions <= packets // 4:
        raise ValueError(f"recording - sessions - Expected: 100 to {packets // 4}, Actual: {sessions}")
    half = sessions // 2
    # A session that comes and goes has at most 256 packets: its index travels in one byte.
    short_packets = min(packets // 2, half * 256)
    index_bits = max(1, min(8, round(math.log2(short_packets / half))))
    lane_bits = min(5, max(2, int(math.log2(half)) - 3))
    within = {"lane_bits": lane_bits, "index_bits": index_bits, "session_of_user_bits": 1}
    # What is left of the 32 bits that the headers of a packet carry.
    short = {**within, "generation_user_bits": min(6, 32 - GENERATION_PORT_BITS - sum(within.values()))}
    return Shape(packets, _long_layout(round(math.log2(half))), _short_layout(**short), short_packets / packets)


def _long_layout(session_bits: int) -> Layout:
    lane_bits = min(_MOST_LANE_BITS, session_bits - 1)
    bits = {"lane_bits": lane_bits, "index_bits": 0, "generation_user_bits": 0}
    return _layout({**bits, "session_of_user_bits": session_bits - lane_bits}, ABOVE_SESSION, "10.1.128.0")


def _short_layout(**bits: int) -> Layout:
    return _layout(bits, ABOVE_LANE, "10.1.64.0")


def _layout(bits: dict[str, int], position: str, base: str) -> Layout:
    try:
        return Layout.from_data({**bits, "index_position": position, "user_base": base, "port_base": 1024})
    except LayoutError as error:
        raise ValueError(f"recording - no layout for it - {error}") from error


@dataclass(frozen=True)
class _Stream:
    """One probe group and the times of all its packets."""

    group: TrafficGroup
    layout: Layout
    sent_ns: Int64Array


def write_recording(folder: Path, shape: Shape, seed: int = 1) -> int:
    """Write a recording; return how many packets its capture holds."""
    random = np.random.default_rng(seed)
    span_ns = round(shape.packets / _RATE_PPS / 2 * 1e9)
    counts = (shape.packets - shape.short_packets, shape.short_packets)
    groups = [
        _group(20, "long-sessions", shape.long_layout, counts[0] / span_ns * 1e9),
        _group(21, "new-sessions", shape.short_layout, counts[1] / span_ns * 1e9),
    ]
    layouts = (shape.long_layout, shape.short_layout)
    streams = [
        _Stream(group, layout, START_NS + np.rint(np.arange(count) * (1e9 / group.rate_pps)).astype(np.int64))
        for group, layout, count in zip(groups, layouts, counts, strict=True)
    ]
    end_ns = START_NS + span_ns
    with RecordingWriter(folder, _plan(groups)) as writer:
        captured = _write_probes(folder, streams, span_ns, random)
        writer.captures([CaptureAccount(1, 1, captured, captured, captured)])
        writer.clock(_clock(end_ns))
        writer.counters(_counters(streams, end_ns, span_ns))
        _write_events(writer, end_ns, span_ns)
        writer.finish(Ending.COMPLETE)
    return captured


def _group(pg_id: int, name: str, layout: Layout, rate_pps: float) -> TrafficGroup:
    return TrafficGroup(pg_id, name, "probe", "up", rate_pps, FRAME_BYTES, layout.as_data())


def _plan(groups: list[TrafficGroup]) -> RecordingPlan:
    return RecordingPlan(
        procedure="upgrade-under-load",
        parameters={"profile": "quick"},
        versions={f"{number}.0": f"ip[1] & 0xfc == {dscp:#x}" for number, dscp in enumerate(_DSCP, start=1)},
        instance_mark="source_mac",
        groups=tuple(groups),
        rated_capacity_pps=2 * _RATE_PPS,
        session_timeout_s=60.0,
    )


def _write_probes(folder: Path, streams: list[_Stream], span_ns: int, random: np.random.Generator) -> int:
    """Write what came back, in the order of reception; return how many packets that are."""
    owner, number, received_ns = _arrivals(streams, span_ns, random)
    with PcapWriter(folder / files.PROBES) as pcap:
        for start in range(0, len(number), _BLOCK):
            rows = slice(start, start + _BLOCK)
            frames = np.zeros((len(number[rows]), FRAME_BYTES), np.uint8)
            for place, stream in enumerate(streams):
                mine = owner[rows] == place
                frames[mine] = _frames(stream, number[rows][mine], span_ns)
            lengths = np.full(len(frames), FRAME_BYTES, np.int32)
            pcap.append_block(PacketBlock(frames, lengths, received_ns[rows] - START_NS))
    return len(number)


def _arrivals(
    streams: list[_Stream], span_ns: int, random: np.random.Generator
) -> tuple[NDArray[np.int8], Int64Array, Int64Array]:
    """Return stream, number and time of each packet that came back, in the order of reception."""
    outage_ns = START_NS + round(span_ns * _OUTAGE_AT)
    columns = []
    for place, stream in enumerate(streams):
        sent = stream.sent_ns
        lost = (sent >= outage_ns) & (sent < outage_ns + _OUTAGE_NS)
        lost |= random.random(len(sent)) < _LOSS_RATIO
        number = np.flatnonzero(~lost)
        twice = number[random.random(len(number)) < _DUPLICATE_RATIO]
        number = np.concatenate((number, twice))
        late = np.where(random.random(len(number)) < _LATE_RATIO, _LATE_NS, 0)
        received = sent[number] + _LATENCY_NS + random.integers(0, 50_000, len(number)) + late
        columns.append((np.full(len(number), place, np.int8), number, received))
    owner, number, received = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.argsort(received, kind="stable")
    return owner[order], number[order], received[order]


def _frames(stream: _Stream, number: Int64Array, span_ns: int) -> NDArray[np.uint8]:
    """Return packets of one stream as the network sent them back, one a row."""
    version, user = _version(stream, number, span_ns), stream.layout.user(number)
    fields = stream.layout.fields(number)
    frames = np.tile(np.frombuffer(_template(stream.layout), np.uint8), (len(number), 1))
    frames[:, 11] = version * 2 + (user & 1) + 1
    frames[:, 15] = np.asarray(_DSCP, np.uint8)[version]
    _put(frames, 26, fields.address.astype(">u4"))
    _put(frames, 34, fields.port.astype(">u2"))
    frames[:, 42] = fields.index_byte
    _put(frames, FRAME_BYTES - 12, (number + _FIRST_SEQUENCE).astype("<u4"))
    _put(frames, FRAME_BYTES - 8, _ticks(stream.sent_ns[number]).astype("<u8"))
    return frames


def _version(stream: _Stream, number: Int64Array, span_ns: int) -> Int64Array:
    """Return who serves each packet: decided when its session was opened, but one long session in 1024 is moved."""
    layout = stream.layout
    opener = number - layout.position(number) * layout.session_step
    since_ns = stream.sent_ns[opener] - START_NS
    new_of_256 = np.zeros(len(number), np.int64)
    for part, share in _SHARES:
        new_of_256[since_ns >= span_ns * part] = share
    on_new = ((layout.user(number) * 167) & 0xFF) < new_of_256  # a bijection, so that neighbours do not move together
    if not layout.short_sessions:
        on_new |= (layout.session(number) % 1024 == 7) & (stream.sent_ns[number] - START_NS >= span_ns * _SHARES[-1][0])
    return on_new.astype(np.int64)


def _template(layout: Layout) -> bytes:
    ethernet = bytes.fromhex("020000010001 020000010000 0800")
    ip_header = bytes.fromhex("4500") + (FRAME_BYTES - 14).to_bytes(2) + bytes.fromhex("ffff 0000 4011 0000")
    ip_header += (0).to_bytes(4) + _SERVICE.to_bytes(4)
    udp = (0).to_bytes(2) + layout.service_port.to_bytes(2) + (FRAME_BYTES - 34).to_bytes(2) + bytes(2)
    frame = (ethernet + ip_header + udp).ljust(FRAME_BYTES - 16, b"\0")
    return frame + bytes.fromhex("ab 01 0000") + bytes(12)


def _put(frames: NDArray[np.uint8], offset: int, values: NDArray[np.uint64]) -> None:
    size = values.dtype.itemsize
    frames[:, offset : offset + size] = values.view(np.uint8).reshape(-1, size)


def _ticks(at_ns: Int64Array) -> Int64Array:
    ticks: Int64Array = np.rint(at_ns * (_TSC_HZ / 1e9)).astype(np.int64)
    return ticks


def _clock(end_ns: int) -> ClockPairs:
    seconds = range(START_NS // 10**9 - 1, end_ns // 10**9 + 2)
    return ClockPairs(
        uptime_pairs=tuple((s * 10**9 - 200_000, float(s - START_NS // 10**9), s * 10**9 + 200_000) for s in seconds),
        tsc_pairs=tuple((s * 10**9 - 200_000, round(s * _TSC_HZ), s * 10**9 + 200_000) for s in seconds),
        tsc_hz=_TSC_HZ,
    )


def _counters(streams: list[_Stream], end_ns: int, span_ns: int) -> CounterSeries:
    """Return samples every 100 ms; what is lost outside the outage is too little to matter here."""
    at = np.arange(START_NS, end_ns + 2_000_000_000, _SAMPLE_NS, dtype=np.int64)
    outage_ns = START_NS + round(span_ns * _OUTAGE_AT)
    tx = np.stack([np.searchsorted(one.sent_ns, at) for one in streams], axis=1).astype(np.int64)
    gone = [
        np.searchsorted(one.sent_ns, np.clip(at, outage_ns, outage_ns + _OUTAGE_NS))
        - np.searchsorted(one.sent_ns, outage_ns)
        for one in streams
    ]
    none = np.zeros((len(at), 2), np.int64)
    return CounterSeries(
        asked_ns=at - 300_000,
        answered_ns=at + 300_000,
        pg_ids=np.asarray([one.group.pg_id for one in streams], np.int32),
        tx=tx,
        rx=tx - np.stack(gone, axis=1),
        port_ids=np.asarray([0, 1], np.int32),
        ierrors=none,
        oerrors=none,
        generator_cpu_percent=np.full(len(at), 10.0),
    )


def _write_events(writer: RecordingWriter, end_ns: int, span_ns: int) -> None:
    request_ns, ended_ns = START_NS + round(span_ns * 0.4), START_NS + round(span_ns * 0.9)
    events = {"traffic-started": START_NS, "baseline": START_NS, "request": request_ns, "operation-ended": ended_ns}
    for name, at_ns in {**events, "traffic-stopped": end_ns}.items():
        writer.event(Event(at_ns, name))
    for state, at_ns in (("STARTING", request_ns), ("PROCESSING", request_ns), ("COMPLETED", ended_ns)):
        writer.operation(OperationState("op-1", "CHANGE_VNFPKG", state, Interval(at_ns, at_ns), "poll"))
