"""The packets around a violation, cut out of a recording as a pcap file of their own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from hitless.history import History, Int64Array
from hitless.recording.clock import clock_map
from hitless.recording.manifest import CLOCK, PROBES, read_json
from hitless.recording.pcap import PacketBlock, PcapWriter, read_packets
from hitless.report.series import probe_losses_s, zero_ns
from hitless.verdict import Verdict

FIRST_VIOLATION = "first_violation_ns"
"""Figure or evidence by which a judge tells when the violation began; see ``hitless.verdict.Verdict``."""

_BEFORE_AND_AFTER_NS = 1_000_000_000
_PACKETS_MAX = 1_500


def violated_at_ns(verdict: Verdict, history: History) -> int | None:
    """Return when the violation began, on the tester's clock: as the judge says, else the first lost probe.

    A probe that was lost before the request is none of the upgrade's doing; it counts only if no other was lost.
    """
    for told in (verdict.figures.get(FIRST_VIOLATION), verdict.evidence.get(FIRST_VIOLATION)):
        if isinstance(told, int | float | np.integer) and not isinstance(told, bool):
            return int(told)
    lost_s = probe_losses_s(history)
    if not lost_s.size:
        return None
    after_request = lost_s[lost_s >= 0]
    return zero_ns(history) + round(float((after_request if after_request.size else lost_s)[0]) * 1e9)


def packets_around(folder: Path, at_ns: int) -> bytes | None:
    """Return the captured probes nearest to an instant as a pcap file; None if there are none within a second of it.

    Args:
        folder: the recording.
        at_ns: the instant, on the tester's clock; the time stamps of the packets are on this clock, too.

    Raises:
        RecordingError: the recording cannot be read.
        OSError: neither.
    """
    block, _ = read_packets(folder / PROBES)
    times_ns = _tester_times(folder, block.times_ns)
    chosen = _nearest(times_ns, at_ns)
    if not chosen.size:
        return None
    cut = PacketBlock(block.data[chosen], block.lengths[chosen], times_ns[chosen])
    with tempfile.TemporaryDirectory(prefix="hitless-packets-") as scratch:
        path = Path(scratch) / "packets.pcap"
        with PcapWriter(path) as writer:
            writer.append_block(cut)
        return path.read_bytes()


def _tester_times(folder: Path, captured_ns: Int64Array) -> Int64Array:
    """Return capture times on the tester's clock; as they stand if the generator's clock was never read."""
    pairs = read_json(folder / CLOCK).get("uptime_pairs", [])
    if not pairs or not captured_ns.size:
        return captured_ns
    uptime_ns = np.asarray([round(pair[1] * 1e9) for pair in pairs], np.int64)
    return clock_map([pair[0] for pair in pairs], uptime_ns, [pair[2] for pair in pairs]).to_tester_ns(captured_ns)


def _nearest(times_ns: Int64Array, at_ns: int) -> Int64Array:
    """Return the rows of the packets nearest to an instant, in their order, at most _PACKETS_MAX."""
    distance_ns = np.abs(times_ns - at_ns)
    near = np.flatnonzero(distance_ns <= _BEFORE_AND_AFTER_NS)
    if near.size > _PACKETS_MAX:
        near = near[np.argsort(distance_ns[near], kind="stable")[:_PACKETS_MAX]]
    return np.sort(near)
