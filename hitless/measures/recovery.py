"""How long sessions were without service, and when a version served its last packet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hitless.history import History, Int64Array, Interval
from hitless.measures.hitless_flows import ServedLoss
from hitless.measures.spans import Span
from hitless.measures.timelines import Timeline


@dataclass(frozen=True, slots=True)
class Outage:
    """From the first packet that was lost to the first that came back after the last loss.

    Attributes:
        first_ns: the first lost packet was sent then.
        until_ns: service was there again then; the end of what was looked at if it did not come back.
        lost: packets lost.
        over: service came back.
    """

    first_ns: int
    until_ns: int
    lost: int
    over: bool

    @property
    def length_ns(self) -> int:
        """Duration."""
        return self.until_ns - self.first_ns


def outage_of(loss: ServedLoss, streams: Sequence[Timeline], span: Span, around: Sequence[Span] = ()) -> Outage | None:
    """Return the outage that the loss means, None without any.

    Args:
        loss: of the sessions in question.
        streams: all probe streams; what comes back of any of them after the last loss ends the outage.
        span: what was looked at.
        around: losses within these spans are left out, as they have other causes.
    """
    lost_ns = _outside(loss.lost_ns, around)
    if len(lost_ns) == 0:
        return None
    last_ns = int(lost_ns[-1])
    until_ns = int(_until_ns(lost_ns[-1:], streams, span)[0])
    return Outage(int(lost_ns[0]), until_ns, len(lost_ns), over=last_ns < until_ns < span.end_ns)


def sure_outage(
    loss: ServedLoss, streams: Sequence[Timeline], span: Span, around: Sequence[Span], doubtful_count: int
) -> Outage | None:
    """Return the shortest outage that is left if any so many of the lost packets have other causes, None without any.

    Nobody knows which ones they are. The outage is shortest if they were the first and the last ones, so many of each
    as it takes; a few doubtful packets do not explain a long outage, a stray one at its end does prolong it.
    """
    lost_ns = _outside(loss.lost_ns, around)
    left = len(lost_ns) - doubtful_count
    if left <= 0:
        return None
    until_ns = _until_ns(lost_ns[left - 1 :], streams, span)
    first = int(np.argmin(until_ns - lost_ns[: doubtful_count + 1]))
    return outage_of(replace(loss, lost_ns=lost_ns[first : first + left]), streams, span)


def last_served(history: History, version: int, span: Span) -> Interval | None:
    """Return when a version served its last packet of those sent in a span, None if it served none of them.

    A packet is served between its sending and its return; both are known up to the error of the clocks.
    """
    probes = history.probes
    mine = np.flatnonzero(
        (probes.version == version) & (probes.sent_ns >= span.start_ns) & (probes.sent_ns < span.end_ns)
    )
    if len(mine) == 0:
        return None
    sent_ns, back_ns = int(np.max(probes.sent_ns[mine])), int(np.max(probes.received_ns[mine]))
    return Interval(sent_ns - probes.clock_error_ns, back_ns + probes.clock_error_ns)


def _until_ns(last_lost_ns: Int64Array, streams: Sequence[Timeline], span: Span) -> Int64Array:
    """Return for each of some losses when the first packet after it was sent that came back, else the end of the span.

    Packets of all streams count, as far as they were sent in the span.
    """
    until_ns = np.full(len(last_lost_ns), span.end_ns, np.int64)
    for stream in streams:
        back_ns = np.sort(stream.sent_ns[stream.received])
        place = np.searchsorted(back_ns, last_lost_ns, side="right")
        found = place < len(back_ns)
        until_ns[found] = np.minimum(until_ns[found], back_ns[place[found]])
    return until_ns


def _outside(instants_ns: Int64Array, spans: Sequence[Span]) -> Int64Array:
    keep = np.ones(len(instants_ns), np.bool_)
    for span in spans:
        keep &= (instants_ns < span.start_ns) | (instants_ns >= span.end_ns)
    return instants_ns[keep]
