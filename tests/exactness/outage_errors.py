"""Holds the outages that the suite computes against the windows in which the kernel really dropped everything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np
from numpy.typing import NDArray

from hitless.measures.counted_outages import CountedOutage, CountedOutages, counted_outages
from hitless.measures.outages import Outages, outages
from hitless.measures.timelines import Timeline, timelines
from tests.exactness.plans import Outcome, TrueWindow

_FIRST_SEQUENCE = (1 << 32) - 2
_SEQUENCES = 1 << 32


@dataclass(frozen=True, slots=True)
class OutageError:
    """What the suite makes of one true outage.

    Attributes:
        true_ns: its length.
        matches: how many computed outages overlap it; 1 is right.
        contained: the computed interval holds it, up to the error of the clocks.
        early_ns, late_ns: from the computed beginning to the true one, from the true end to the computed one.
        error_ns: computed length less the true one.
        allowed_ns: by how much the computed one may be longer: the two gaps between packets that came onto the path at
            its ends, and how long the packets there waited. By counters the sampling around its ends.
        over: the suite says that it ended.
    """

    true_ns: int
    matches: int
    contained: bool = False
    early_ns: int = 0
    late_ns: int = 0
    error_ns: int = 0
    allowed_ns: int = 0
    over: bool = False


def arrivals(outcome: Outcome, stream: Timeline) -> NDArray[np.int64]:
    """Return when each packet of a stream came onto the path, lost ones too.

    Raises:
        AssertionError: the witness has not seen each packet once.
    """
    first_user = int(IPv4Address(str(stream.group.layout["user_base"])))
    times_ns, sequence, user = outcome.witness.T
    mine = (user >= first_user) & (user < first_user + stream.layout.user_count)
    numbers = (sequence[mine] - _FIRST_SEQUENCE) % _SEQUENCES
    if not np.array_equal(np.sort(numbers), stream.numbers):
        raise AssertionError(f"witness - Expected: each of {len(stream)} packets once, Actual: {len(numbers)} seen")
    ordered: NDArray[np.int64] = times_ns[mine][np.argsort(numbers)]
    return ordered


def by_capture(outcome: Outcome) -> list[OutageError]:
    """Compare every window that cost a packet of a captured stream with what the suite found."""
    errors: list[OutageError] = []
    for stream in timelines(outcome.history):
        found, came_ns = outages(outcome.history.probes, [stream]), arrivals(outcome, stream)
        windows = _windows(outcome, stream.group.name)
        errors += [_captured(outcome, stream, found, came_ns, window) for window in windows]
    return errors


def _windows(outcome: Outcome, group: str) -> Iterable[TrueWindow]:
    return (window for window in outcome.truth.windows if window.group == group and window.dropped)


def _captured(
    outcome: Outcome, stream: Timeline, found: Outages, came_ns: NDArray[np.int64], window: TrueWindow
) -> OutageError:
    clock_ns = outcome.history.probes.clock_error_ns + abs(outcome.truth.clock_step_ns)
    # What was lost came onto the path within the window; packets around it did not, by a wide margin or a narrow one.
    middle = (came_ns[found.first_number] + came_ns[found.first_number + found.lost - 1]) // 2
    rows = np.flatnonzero((middle >= window.on_ns - clock_ns) & (middle < window.off_ns + clock_ns))
    true_ns = window.off_ns - window.on_ns
    if len(rows) != 1:
        return OutageError(true_ns, len(rows))
    row = int(rows[0])
    early_ns, late_ns = int(window.on_ns - found.since_ns[row]), int(found.until_ns[row] - window.off_ns)
    return OutageError(
        true_ns=true_ns,
        matches=1,
        contained=early_ns >= -clock_ns and (late_ns >= -clock_ns or not found.came_after[row]),
        early_ns=early_ns,
        late_ns=late_ns,
        error_ns=int(found.length_ns[row]) - true_ns,
        allowed_ns=_allowed_ns(stream, found, came_ns, row),
        over=bool(found.came_after[row]),
    )


def _allowed_ns(stream: Timeline, found: Outages, came_ns: NDArray[np.int64], row: int) -> int:
    first = int(found.first_number[row])
    stop = first + int(found.lost[row])
    if first == 0 or stop == len(stream):
        return 0
    gaps = int(came_ns[first] - came_ns[first - 1] + came_ns[stop] - came_ns[stop - 1])
    way = (came_ns - stream.sent_ns)[stream.received]
    waited = int((came_ns - stream.sent_ns)[first - 1] - np.min(way)) + int(found.until_ns[row] - stream.sent_ns[stop])
    return gaps + waited


def by_counters(outcome: Outcome) -> tuple[CountedOutages, list[OutageError]]:
    """Compare every window, in which all groups were out, with what the suite makes of the counters of all groups."""
    counters = outcome.history.counters
    found = counted_outages(counters)
    # An outage that is open ends with the traffic, as far as anybody can know.
    ended_ns = int(counters.answered_ns[1:][np.diff(counters.tx.sum(axis=1)) > 0][-1])
    instants = sorted({(window.on_ns, min(window.off_ns, ended_ns)) for window in outcome.truth.windows})
    sampling_ns = int(np.max(np.diff(counters.asked_ns)))
    return found, [_counted(found.located, on_ns, off_ns, sampling_ns) for on_ns, off_ns in instants]


def _counted(located: Iterable[CountedOutage], on_ns: int, off_ns: int, sampling_ns: int) -> OutageError:
    middle_ns = (on_ns + off_ns) // 2
    hits = [one for one in located if one.since_ns <= middle_ns <= one.until_ns]
    if len(hits) > 1:  # bounds reach into the neighbouring stretch: the one whose middle is nearest is meant
        hits = sorted(hits, key=lambda one: abs(one.since_ns + one.until_ns - 2 * middle_ns))[:1]
    if not hits:
        return OutageError(off_ns - on_ns, 0)
    one = hits[0]
    return OutageError(
        true_ns=off_ns - on_ns,
        matches=1,
        contained=one.since_ns <= on_ns and (off_ns <= one.until_ns or not one.over),
        early_ns=on_ns - one.since_ns,
        late_ns=one.until_ns - off_ns,
        error_ns=one.length_ns - (off_ns - on_ns),
        allowed_ns=4 * sampling_ns,
        over=one.over,
    )
