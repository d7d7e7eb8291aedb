"""From a window of a timeline to frames, ready to be copied into the transmit ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.generator.checksums import Frames, Lengths
from lab.generator.frames import FCS_BYTES, FIRST_SEQUENCE, LATENCY_HEADER, LATENCY_MAGIC
from lab.generator.messages import LatencyTag, StreamPlan
from lab.generator.schedule import Window

_SEQUENCE_AT = 4  # in the latency header
_STAMP_BYTES = 8  # the send time is the header's last field
NO_STAMP = -1
Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Batch:
    """The packets of a window, one per row, in the order they are due.

    Attributes:
        frames: Bytes, without FCS; rows are as long as the longest frame.
        lengths: Length of each frame.
        wire_bytes: Length of each frame with FCS, which is what TRex counts.
        groups: Row of each packet's group in the shared counters.
        stamps: Where in the frame the send time goes, or NO_STAMP.
        stamped: Whether any packet gets a send time.
        sealed: Per row, the stream's plan if its checksum covers the send time; empty if there is none of that kind.
    """

    frames: Frames
    lengths: Lengths
    wire_bytes: npt.NDArray[np.int64]
    groups: Places
    stamps: Places
    stamped: bool = False
    sealed: tuple[tuple[Places, StreamPlan], ...] = ()


def render(window: Window, plans: Sequence[StreamPlan]) -> Batch:
    """Makes every packet of a window.

    Args:
        window: Which packets.
        plans: The stream of each lane of the window.
    """
    present = [lane for lane, count in enumerate(window.counts) if count]
    if len(present) == 1:
        return _single(window, plans[present[0]], present[0])
    widest = max((len(plans[lane].template) for lane in present), default=0)
    frames: Frames = np.empty((len(window.times_ns), widest), dtype=np.uint8)
    lengths = _of_lanes([len(plan.template) for plan in plans], window, np.uint32)
    stamps = _of_lanes([_stamp_at(plan, len(plan.template)) for plan in plans], window, np.intp)
    sealed: list[tuple[Places, StreamPlan]] = []
    for lane in present:
        plan, rows = plans[lane], np.flatnonzero(window.lanes == lane)
        packets, own = _packets(plan, window.firsts[lane], window.counts[lane])
        frames[rows, : packets.shape[1]] = packets
        if own is not None:
            lengths[rows] = own
            if plan.latency is not None:
                stamps[rows] = own.astype(np.intp) - _STAMP_BYTES
        if plan.latency is not None and plan.program.offloads:
            sealed.append((rows, plan))
    groups = _of_lanes([plan.group for plan in plans], window, np.intp)
    stamped = any(plans[lane].latency is not None for lane in present)
    return Batch(frames, lengths, lengths.astype(np.int64) + FCS_BYTES, groups, stamps, stamped, tuple(sealed))


def _of_lanes(values: Sequence[int], window: Window, kind: type[np.generic]) -> npt.NDArray[Any]:
    """A value per lane as a value per packet."""
    return np.array(values, dtype=kind)[window.lanes]


def _stamp_at(plan: StreamPlan, frame_bytes: int) -> int:
    return NO_STAMP if plan.latency is None else frame_bytes - _STAMP_BYTES


def _single(window: Window, plan: StreamPlan, lane: int) -> Batch:
    """The usual case of one stream alone: nothing has to be put in order."""
    frames, own = _packets(plan, window.firsts[lane], window.counts[lane])
    count, width = frames.shape
    stamps = np.full(count, _stamp_at(plan, width), dtype=np.intp)
    if own is not None and plan.latency is not None:
        stamps = own.astype(np.intp) - _STAMP_BYTES
    lengths = np.full(count, width, dtype=np.uint32) if own is None else own
    sealed = ((np.arange(count), plan),) if plan.latency is not None and plan.program.offloads else ()
    wire_bytes = lengths.astype(np.int64) + FCS_BYTES
    groups = np.full(count, plan.group, dtype=np.intp)
    return Batch(frames, lengths, wire_bytes, groups, stamps, plan.latency is not None, sealed)


def _packets(plan: StreamPlan, first: int, count: int) -> tuple[Frames, Lengths | None]:
    frames, lengths = plan.program.make(plan.template, first, count)
    if plan.latency is not None:
        _write_headers(frames, lengths, plan.latency, first)
    plan.program.finish(frames)
    return frames, lengths


def _write_headers(frames: Frames, lengths: Lengths | None, tag: LatencyTag, first: int) -> None:
    """Puts the latency header without its send time into the last bytes of each packet."""
    packed = LATENCY_HEADER.pack(LATENCY_MAGIC, tag.flow_sequence, tag.hardware_id, 0, 0)
    start = first + FIRST_SEQUENCE
    sequence = np.arange(start, start + len(frames), dtype=np.uint64).astype("<u4").view(np.uint8).reshape(-1, 4)
    if lengths is None:
        header_at = frames.shape[1] - LATENCY_HEADER.size
        frames[:, header_at:] = np.frombuffer(packed, dtype=np.uint8)
        frames[:, header_at + _SEQUENCE_AT : header_at + _SEQUENCE_AT + 4] = sequence
        return
    headers = np.tile(np.frombuffer(packed, dtype=np.uint8), (len(frames), 1))
    headers[:, _SEQUENCE_AT : _SEQUENCE_AT + 4] = sequence
    columns = lengths.astype(np.intp)[:, None] - LATENCY_HEADER.size + np.arange(LATENCY_HEADER.size)
    frames[np.arange(len(frames))[:, None], columns] = headers
