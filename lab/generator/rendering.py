"""From a window of a timeline to frames, ready to be copied into the transmit ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.generator.field_engine import Frames
from lab.generator.frames import FCS_BYTES, FIRST_SEQUENCE, LATENCY_HEADER, LATENCY_MAGIC
from lab.generator.messages import StreamPlan
from lab.generator.schedule import Window

_SEQUENCE_AT = 4  # in the latency header
_STAMP_BYTES = 8  # the send time is the header's last field
NO_STAMP = -1


@dataclass(frozen=True)
class Rendered:
    """The packets of a window, one per row, in the order they are due.

    Attributes:
        frames: Bytes, without FCS; rows are as long as the longest frame.
        lengths: Length of each frame.
        wire_bytes: Length of each frame with FCS, which is what TRex counts.
        groups: Row of each packet's group in the shared counters.
        stamps: Where in the frame the send time goes, or NO_STAMP.
    """

    frames: Frames
    lengths: npt.NDArray[np.uint32]
    wire_bytes: npt.NDArray[np.int64]
    groups: npt.NDArray[np.intp]
    stamps: npt.NDArray[np.intp]


def render(window: Window, plans: Sequence[StreamPlan]) -> Rendered:
    """Makes every packet of a window.

    Args:
        window: Which packets.
        plans: The stream of each lane of the window.
    """
    count = len(window.times_ns)
    lengths_of = np.array([len(plan.template) for plan in plans], dtype=np.uint32)
    frames: Frames = np.empty((count, int(lengths_of.max(initial=0))), dtype=np.uint8)
    for lane, plan in enumerate(plans):
        if window.counts[lane]:
            packets = _packets(plan, window.firsts[lane], window.counts[lane])
            frames[window.lanes == lane, : packets.shape[1]] = packets
    lengths = lengths_of[window.lanes]
    stamps_of = np.array([_stamp_at(plan) for plan in plans], dtype=np.intp)
    groups_of = np.array([plan.group for plan in plans], dtype=np.intp)
    wire_bytes = lengths.astype(np.int64) + FCS_BYTES
    return Rendered(frames, lengths, wire_bytes, groups_of[window.lanes], stamps_of[window.lanes])


def _packets(plan: StreamPlan, first: int, count: int) -> Frames:
    frames = plan.program.run(plan.template, first, count)
    if plan.latency is not None:
        header = LATENCY_HEADER.pack(LATENCY_MAGIC, plan.latency.flow_sequence, plan.latency.hardware_id, 0, 0)
        frames[:, -LATENCY_HEADER.size :] = np.frombuffer(header, dtype=np.uint8)
        sequence = (np.arange(first, first + count, dtype=np.uint64) + np.uint64(FIRST_SEQUENCE)).astype("<u4")
        at = frames.shape[1] - LATENCY_HEADER.size + _SEQUENCE_AT
        frames[:, at : at + 4] = sequence.view(np.uint8).reshape(-1, 4)
    return frames


def _stamp_at(plan: StreamPlan) -> int:
    return NO_STAMP if plan.latency is None else len(plan.template) - _STAMP_BYTES
