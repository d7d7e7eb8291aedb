"""Counters held against each other sample by sample, with loops only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from hitless.history import CounterSeries
from hitless.measures.spans import Span
from tests.properties.truth import Sent, Stream

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Samples:
    """The same counters as lists."""

    at_ns: list[int]
    tx: list[list[int]]
    rx: list[list[int]]

    @property
    def groups(self) -> range:
        """Columns."""
        return range(len(self.tx[0]) if self.tx else 0)

    def missing(self, row: int, group: int) -> int:
        """Sent and not back by a sample, never below 0."""
        return max(0, self.tx[row][group] - self.rx[row][group])


def samples_of(counters: CounterSeries) -> Samples:
    """Return counters as lists; the instant of a sample is the middle between asking and answer."""
    middle = [int(a) + (int(b) - int(a)) // 2 for a, b in zip(counters.asked_ns, counters.answered_ns, strict=True)]
    return Samples(middle, counters.tx.tolist(), counters.rx.tolist())


def settled(samples: Samples, row: int, group: int) -> int:
    """What was lost by a sample is at most what is missing at any later one."""
    return min(samples.missing(later, group) for later in range(row, len(samples.at_ns)))


def settled_all(samples: Samples, row: int) -> int:
    """The same, all groups together."""
    return sum(settled(samples, row, group) for group in samples.groups)


def undelivered(samples: Samples, row: int, group: int, patience_ns: int = SECOND_NS) -> int:
    """Lost so far, and what is still missing when the patience is over although it is not lost."""
    lost = settled(samples, row, group)
    due = next(
        (later for later, at in enumerate(samples.at_ns) if at >= samples.at_ns[row] + patience_ns),
        len(samples.at_ns) - 1,
    )
    return lost + max(0, samples.tx[row][group] - lost - samples.rx[due][group])


def last_settled_row(samples: Samples) -> int:
    """The last sample, unless something was sent in the last second before it; then the last one before that."""
    last = len(samples.at_ns) - 1
    earlier = [row for row, at in enumerate(samples.at_ns) if at <= samples.at_ns[last] - SECOND_NS]
    known = max(earlier, default=0)
    return last if samples.tx[known] == samples.tx[last] else known


@dataclass(frozen=True)
class Bin:
    """A second of the span, from sample to sample."""

    start_ns: int
    end_ns: int
    offered: int
    delivered: int


def bins(samples: Samples, span: Span) -> list[Bin]:
    """Cut a span into seconds, the edges being the samples nearest to each second that are usable."""
    if not samples.at_ns:
        return []
    usable = [row for row in range(last_settled_row(samples) + 1) if samples.at_ns[row] <= span.end_ns]
    wanted = range(span.start_ns, span.end_ns + 1, SECOND_NS)
    if not usable or len(wanted) < 2:
        return []
    rows = sorted({min(usable, key=lambda row: (abs(samples.at_ns[row] - edge), row)) for edge in wanted})
    return [_bin(samples, first, last) for first, last in pairwise(rows)]


def _bin(samples: Samples, first: int, last: int) -> Bin:
    offered = sum(samples.tx[last][group] - samples.tx[first][group] for group in samples.groups)
    more = sum(undelivered(samples, last, group) - undelivered(samples, first, group) for group in samples.groups)
    return Bin(samples.at_ns[first], samples.at_ns[last], offered, offered - more)


def sent_between(streams: Sequence[Stream], start_ns: int, end_ns: int) -> list[Sent]:
    """Return the packets that were really sent after the first and up to the second instant."""
    return [one for stream in streams for one in stream.packets if start_ns < one.sent_ns <= end_ns]


def on_the_way(streams: Sequence[Stream], at_ns: int) -> int:
    """Return how many packets were really on their way: sent, not lost, not yet back."""
    return sum(
        1
        for stream in streams
        for one in stream.packets
        if one.sent_ns <= at_ns and one.arrivals and one.arrivals[0] > at_ns
    )
