"""What TRex derives from latency headers: lost, late and double sequence numbers, a histogram, averages and jitter.

Sequence numbers follow TRex's rules: a number higher than expected counts what lies between as dropped; one that
comes after all is taken out of dropped and counted as out of order; one that had come before is a duplicate. Loss at
the end is not seen (nothing comes after it), the difference of sent and received is the truth.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lab.generator.counters import HISTOGRAM_BUCKETS, LATENCY_FIELDS, Table
from lab.generator.frames import FIRST_SEQUENCE

_HALF, _FULL = 1 << 31, 1 << 32
_BUCKET_NS = 10_000
_DECADES = np.array([10, 100, 1000, 10_000], dtype=np.int64)
# Start-up spikes: the first packets do not count for the maximum.
_WARM_UP_PACKETS = 10
_JITTER_GAIN = 1 / 16  # RFC 3550, 6.4.1
# Gaps that may still be filled. A tester that loses more is not measured by its reordering.
_GAPS_KEPT = 10_000

Values = npt.NDArray[np.int64]


@dataclass
class SequenceCheck:
    """Follows the sequence numbers of one flow.

    Attributes:
        expected: The next number, counted on across wraps.
        dropped: Numbers that were skipped and have not come since.
        out_of_order: Numbers that came late.
        duplicates: Numbers that came again.
        too_high: How often a number was higher than expected.
        too_low: How often one was lower.
    """

    expected: int = FIRST_SEQUENCE
    dropped: int = 0
    out_of_order: int = 0
    duplicates: int = 0
    too_high: int = 0
    too_low: int = 0
    # Half-open intervals that were skipped, in order.
    _gaps: list[tuple[int, int]] = field(default_factory=list)

    def restart(self) -> None:
        """A new flow begins; the counts go on."""
        self.expected = FIRST_SEQUENCE
        self._gaps.clear()

    def add(self, sequence: npt.NDArray[np.uint32]) -> None:
        """Takes the numbers of packets in the order they came."""
        numbers = sequence.astype(np.int64)
        breaks = np.flatnonzero(np.diff(numbers) % _FULL != 1) + 1
        starts = [0, *breaks.tolist(), len(numbers)]
        for first, last in pairwise(starts):
            self._add_run(int(numbers[first]), last - first)

    def _add_run(self, first: int, count: int) -> None:
        """Takes `count` consecutive numbers."""
        distance = (first - self.expected) % _FULL
        if distance >= _HALF:
            distance -= _FULL
        start, end = self.expected + distance, self.expected + distance + count
        if start < self.expected:
            late = min(end, self.expected)
            self._add_late(start, late)
            start = late
        if start < end:
            if start > self.expected:
                self.too_high += 1
                self.dropped += start - self.expected
                self._gaps.append((self.expected, start))
                del self._gaps[:-_GAPS_KEPT]
            self.expected = end

    def _add_late(self, start: int, end: int) -> None:
        self.too_low += end - start
        filled = 0
        at = max(bisect_right(self._gaps, (start, _FULL << 32)) - 1, 0)
        while at < len(self._gaps) and self._gaps[at][0] < end:
            gap_start, gap_end = self._gaps[at]
            low, high = max(gap_start, start), min(gap_end, end)
            if low >= high:
                at += 1
                continue
            filled += high - low
            rest = [part for part in ((gap_start, low), (high, gap_end)) if part[0] < part[1]]
            self._gaps[at : at + 1] = rest
            at += len(rest)
        self.out_of_order += filled
        self.dropped -= filled
        self.duplicates += end - start - filled


def bucket_of(latency_ns: Values) -> Values:
    """The histogram bucket of each latency: decades of 10 us .. 100 ms, nine buckets each; -1 below and beyond."""
    tens = latency_ns // _BUCKET_NS
    decade = np.searchsorted(_DECADES, tens, side="right")
    digit = tens // np.power(10, decade)
    return np.where((tens < 1) | (digit > 9), -1, decade * 9 + digit - 1)


def bucket_key(bucket: int) -> str:
    """The lower edge of a bucket in microseconds, as TRex names it."""
    decade, digit = divmod(bucket, 9)
    return str((digit + 1) * 10 ** (decade + 1))


@dataclass
class LatencyMeter:
    """Latency of one flow, written straight into its rows of the shared counters."""

    row: Table
    histogram: Table
    check: SequenceCheck = field(default_factory=SequenceCheck)
    _last_ns: int | None = None
    _jitter_ns: float = 0.0
    _period_sum_ns: int = 0
    _period_count: int = 0
    _period_max_ns: int = 0

    def clear(self) -> None:
        """Forgets everything."""
        self.row[:] = 0
        self.histogram[:] = 0
        self.check = SequenceCheck()
        self.restart()
        self._jitter_ns = 0.0

    def restart(self) -> None:
        """A new flow begins; what was counted stays."""
        self.check.restart()
        self._last_ns = None

    def add(self, sequence: npt.NDArray[np.uint32], latency_ns: Values) -> None:
        """Takes packets in the order they came."""
        self.check.add(sequence)
        buckets = bucket_of(latency_ns)
        self.histogram += np.bincount(buckets[buckets >= 0], minlength=HISTOGRAM_BUCKETS)[:HISTOGRAM_BUCKETS]
        self._period_sum_ns += int(latency_ns.sum())
        self._period_count += len(latency_ns)
        warm = latency_ns[max(0, _WARM_UP_PACKETS - int(self._get("count"))) :]
        self._period_max_ns = max(self._period_max_ns, int(warm.max(initial=0)))
        lowest = int(latency_ns.min())
        self._set("total_min_ns", lowest if not self._get("count") else min(lowest, self._get("total_min_ns")))
        self._set("total_max_ns", max(self._get("total_max_ns"), self._period_max_ns))
        self._set("below_histogram", self._get("below_histogram") + int((latency_ns < _BUCKET_NS).sum()))
        self._set("count", self._get("count") + len(latency_ns))
        self._set("jitter_ns", round(self._add_jitter(latency_ns)))
        self._publish_check()

    def _add_jitter(self, latency_ns: Values) -> float:
        """J += (|D| - J) / 16 for every packet, as one weighted sum."""
        before = latency_ns[0] if self._last_ns is None else self._last_ns
        differences = np.abs(np.diff(latency_ns, prepend=before)).astype(np.float64)
        keep = 1 - _JITTER_GAIN
        weights = _JITTER_GAIN * keep ** np.arange(len(differences) - 1, -1, -1)
        self._jitter_ns = self._jitter_ns * keep ** len(differences) + float(differences @ weights)
        self._last_ns = int(latency_ns[-1])
        return self._jitter_ns

    def end_period(self) -> None:
        """Half a second is over: average and last maximum move on, if there was anything."""
        if not self._period_count:
            return
        average = self._period_sum_ns // self._period_count
        former = self._get("average_ns")
        self._set("average_ns", (former + average) // 2 if former else average)
        self._set("last_max_ns", self._period_max_ns)
        self._period_sum_ns = self._period_count = self._period_max_ns = 0

    def _publish_check(self) -> None:
        check = self.check
        self._set("dropped", max(check.dropped, 0))
        self._set("out_of_order", check.out_of_order)
        self._set("duplicates", check.duplicates)
        self._set("sequence_too_high", check.too_high)
        self._set("sequence_too_low", check.too_low)

    def _get(self, name: str) -> int:
        return int(self.row[LATENCY_FIELDS.index(name)])

    def _set(self, name: str, value: int) -> None:
        self.row[LATENCY_FIELDS.index(name)] = value
