"""How long sessions were without service, and when a version served its last packet.

Losses belong to one outage as long as somebody whom it hit may still be without service. That is told from the hit
sessions themselves: that others are served meanwhile says nothing about them. It can be told in two ways, so that the
true outage lies between both:

* At most (`longest_outage`): two losses are apart only if every session that had lost a packet before was served again
  in between, without a loss, for a given time. A session that ended without that joins what comes after it.
* At least (`longest_sure_outage`): they are apart already if every session that lost two packets in a row was served
  again in between, be it with one packet, or had been over for three seconds. A single packet that is lost of a session
  that goes on, or whose last packet it was, is a loss, and no sign that the session was without service until another
  one lost packets, too.

A class of users that is out shows itself by those of them who come. That nobody of a class came for three seconds would
be chance, or their addresses follow each other: so such a long silence leaves doubt, and does not end an outage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hitless.history import History, Int64Array, Interval
from hitless.measures.hitless_flows import ServedLoss
from hitless.measures.returns import returns
from hitless.measures.spans import Span
from hitless.measures.timelines import Timeline

_SILENCE_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class ServiceOutage:
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


def longest_outage(loss: ServedLoss, streams: Sequence[Timeline], span: Span, steady_ns: float) -> ServiceOutage | None:
    """Return the longest outage that the loss may mean, None without any.

    Args:
        loss: of the sessions in question.
        streams: all probe streams.
        span: what was looked at.
        steady_ns: a session has to be served again for so long before a later loss is another outage.
    """
    steady = returns(loss, streams, steady_ns).steady_ns
    return _longest(_apart(loss, steady, 0), streams, span, 0)


def longest_sure_outage(
    loss: ServedLoss, streams: Sequence[Timeline], span: Span, around: Sequence[Span], doubtful_count: int
) -> ServiceOutage | None:
    """Return the longest outage that is left if any so many of the lost packets have other causes, None without any.

    Args:
        loss: of the sessions in question.
        streams: all probe streams.
        span: what was looked at.
        around: losses within these spans are left out, as they have other causes.
        doubtful_count: what joins two losses has to be more than so many lost packets as well.
    """
    kept = _where(loss, _outside(loss.lost_ns, around))
    back = returns(kept, streams, 0.0)
    back_ns = np.minimum(back.first_ns, back.last_ns + _SILENCE_NS)
    back_ns = np.where(back.in_a_row, back_ns, kept.lost_ns)
    return _longest(_apart(kept, back_ns, doubtful_count), streams, span, doubtful_count)


def outage_of(
    loss: ServedLoss, streams: Sequence[Timeline], span: Span, around: Sequence[Span] = ()
) -> ServiceOutage | None:
    """Return the outage that the loss means if it is a single one, None without any.

    Args:
        loss: of the sessions in question.
        streams: all probe streams; what comes back of any of them after the last loss ends the outage.
        span: what was looked at.
        around: losses within these spans are left out, as they have other causes.
    """
    lost_ns = loss.lost_ns[_outside(loss.lost_ns, around)]
    if len(lost_ns) == 0:
        return None
    last_ns = int(lost_ns[-1])
    until_ns = int(_until_ns(lost_ns[-1:], streams, span)[0])
    return ServiceOutage(int(lost_ns[0]), until_ns, len(lost_ns), over=last_ns < until_ns < span.end_ns)


def sure_outage(
    loss: ServedLoss, streams: Sequence[Timeline], span: Span, around: Sequence[Span], doubtful_count: int
) -> ServiceOutage | None:
    """Return the shortest single outage that is left if any so many of the lost packets have other causes, or None.

    Nobody knows which ones they are. The outage is shortest if they were the first and the last ones, so many of each
    as it takes; a few doubtful packets do not explain a long outage, a stray one at its end does prolong it.
    """
    lost_ns = loss.lost_ns[_outside(loss.lost_ns, around)]
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


def _outside(instants_ns: Int64Array, spans: Sequence[Span]) -> NDArray[np.bool_]:
    keep = np.ones(len(instants_ns), np.bool_)
    for span in spans:
        keep &= (instants_ns < span.start_ns) | (instants_ns >= span.end_ns)
    return keep


def _where(loss: ServedLoss, keep: NDArray[np.bool_] | NDArray[np.intp]) -> ServedLoss:
    """Return some of the losses."""
    lost_ns, names = loss.lost_ns[keep], loss.lost_sessions[keep]
    return replace(
        loss, lost=len(lost_ns), sessions_with_loss=len(np.unique(names)), lost_ns=lost_ns, lost_sessions=names
    )


def _longest(
    parts: Sequence[ServedLoss], streams: Sequence[Timeline], span: Span, doubtful_count: int
) -> ServiceOutage | None:
    """Return the longest of several outages, each as short as so many doubtful losses can make it."""
    if not parts:
        return None
    until_ns = _until_ns(np.asarray([part.lost_ns[-1] for part in parts], np.int64), streams, span)
    at_most_ns = until_ns - np.asarray([part.lost_ns[0] for part in parts], np.int64)
    longest: ServiceOutage | None = None
    for number in np.argsort(-at_most_ns, kind="stable").tolist():
        if longest is not None and longest.length_ns >= at_most_ns[number]:
            break
        found = sure_outage(parts[number], streams, span, (), doubtful_count)
        if found is not None and (longest is None or found.length_ns > longest.length_ns):
            longest = found
    return longest


def _apart(loss: ServedLoss, back_ns: Int64Array, doubtful_count: int) -> list[ServedLoss]:
    """Return the losses outage by outage.

    Args:
        loss: losses in order of time.
        back_ns: when the session of each was served again.
        doubtful_count: so many losses whose sessions were not do not join what comes after them.
    """
    lost_ns = loss.lost_ns
    # What was served again before an instant was lost before it, too.
    waiting = np.arange(len(lost_ns)) - np.searchsorted(np.sort(back_ns), lost_ns)
    parts = np.split(np.arange(len(lost_ns)), np.flatnonzero(waiting <= doubtful_count))
    return [_where(loss, part) for part in parts if len(part)]
