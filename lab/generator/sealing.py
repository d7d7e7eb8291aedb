"""Checksums of latency packets: the send time is known last, so it is added to a checksum that is already there."""

from __future__ import annotations

import numpy as np

from lab.generator.batches import Batch, Places
from lab.generator.checksums import FixChecksums, Sums, big_endian, complement
from lab.generator.tx_ring import TxRing

_STAMP_BYTES = 8


def seal(ring: TxRing, batch: Batch, part: slice, start: int, sent_ns: int) -> None:
    """Corrects checksums in the ring by the send time that was 0 when they were computed (RFC 1624, equation 3).

    Args:
        ring: Holds the packets.
        batch: Where they come from.
        part: Which packets of the batch.
        start: Where in the ring's memory the first of them starts.
        sent_ns: The send time.
    """
    for rows, plan in batch.sealed:
        inside = rows[(rows >= part.start) & (rows < part.stop)]
        fix = plan.program.offloads[-1]
        if len(inside) and fix.checksum_at >= 0:
            places = start + (inside - part.start) * ring.stride + fix.checksum_at
            ring.write_words(places, _with_stamp(batch, inside, fix, sent_ns))


def _with_stamp(batch: Batch, rows: Places, fix: FixChecksums, sent_ns: int) -> Sums:
    """The checksums of some packets; a send time at an odd place counts with its bytes the other way round."""
    stamp = sent_ns.to_bytes(_STAMP_BYTES, "little")
    even = sum(int.from_bytes(stamp[at : at + 2]) for at in range(0, _STAMP_BYTES, 2))
    shifted = b"\0" + stamp + b"\0"
    odd = sum(int.from_bytes(shifted[at : at + 2]) for at in range(0, _STAMP_BYTES + 2, 2))
    is_odd = (batch.stamps[rows] - fix.l2_bytes - fix.l3_bytes) % 2 == 1
    present = big_endian(batch.frames[rows], fix.checksum_at)
    total = (~present & np.uint64(0xFFFF)) + np.where(is_odd, np.uint64(odd), np.uint64(even))
    return fix.on_the_wire(complement(total))
