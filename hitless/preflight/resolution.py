"""Which resolution does this tester give? From the recording of one trial at the planned rate. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from hitless.history import History, Int64Array, Stall
from hitless.judges.allowances import OVERLOAD_RATIO
from hitless.judges.cap_01 import LEAST_OFFERED_RATIO
from hitless.measures import counting
from hitless.measures.spans import Span
from hitless.measures.stalls import sending_stalls
from hitless.measures.timelines import Timeline, timelines
from hitless.preflight.calibration_trial import STARTED, STOPPING, steady_rows
from hitless.preflight.findings import Finding, failed, ok, warning

_EXACT = 0.001
"""A clock that is off by less needs no word."""
_CLOCK_REMEDY = (
    "restart the generator when its machine is idle, as it measures its clock at the start; see that the machine's "
    "time source is steady (constant_tsc in /proc/cpuinfo, chronyc tracking), in a virtual machine that of its host"
)


@dataclass(frozen=True, slots=True)
class Spread:
    """Distribution of durations in nanoseconds; all 0 when there is none."""

    count: int
    median_ns: int
    p99_ns: int
    p999_ns: int
    largest_ns: int

    @classmethod
    def of(cls, durations_ns: Int64Array) -> Spread:
        """Summarise; percentiles are values that occurred, the next larger one in doubt."""
        if len(durations_ns) == 0:
            return cls(0, 0, 0, 0, 0)
        found = np.percentile(durations_ns, (50.0, 99.0, 99.9, 100.0), method="higher")
        median, p99, p999, largest = (int(value) for value in found)
        return cls(len(durations_ns), median, p99, p999, largest)

    def __str__(self) -> str:
        median, p99, p999, largest = (
            f"{value / 1e6:.2f}" for value in (self.median_ns, self.p99_ns, self.p999_ns, self.largest_ns)
        )
        return f"median {median}, 99 % within {p99}, 99.9 % within {p999}, largest {largest} ms"


@dataclass(frozen=True, slots=True)
class ClockRate:
    """How fast the generator's clock runs: its seconds in one second of the tester's, at least and at most."""

    least: float
    most: float

    @property
    def is_off(self) -> bool:
        """Whether it is off by more than a tester's rate may be (I2), whatever the readings leave open."""
        return self.most < LEAST_OFFERED_RATIO or self.least > OVERLOAD_RATIO

    @property
    def is_exact(self) -> bool:
        """Whether it may be off by no more than 0.1 %."""
        return self.most >= 1 - _EXACT and self.least <= 1 + _EXACT


@dataclass(frozen=True, slots=True)
class Resolution:
    """What the tester can tell apart.

    Attributes:
        sent, received: time between two probes of any stream, as they were sent and as they came back.
        streams: time between two probes of one stream as they were sent, by its name.
        session_ns: longest time between two probes of one session; 0 if no session had two.
        sampling: time between two samples of the counters.
        reading_ns: longest time that one reading of the counters took.
        on_the_way: packets that counters of sent and received packets differ by although none is lost, within one bin.
        clock_error_ns: how far instants of probes may be off on the tester's clock.
        clock_rate: None where the readings do not tell.
        stalls: of the tester.
    """

    sent: Spread
    received: Spread
    streams: tuple[tuple[str, Spread], ...]
    session_ns: int
    sampling: Spread
    reading_ns: int
    on_the_way: int
    clock_error_ns: int
    clock_rate: ClockRate | None
    stalls: tuple[Stall, ...]

    @property
    def longest_stall_ns(self) -> int:
        """The longest stall, 0 without any."""
        return max((stall.ended_ns - stall.started_ns for stall in self.stalls), default=0)


def measure_resolution(history: History, running: Sequence[int], clock_rate: ClockRate | None) -> Resolution:
    """Measure the resolution while every group was sent.

    Raises:
        ValueError: counters were not read, or not while every group was sent, or no probe came back.
    """
    counters = history.counters
    stopping_ns = history.when(STOPPING) or 0
    rows = steady_rows(counters, np.isin(counters.pg_ids, list(running)), stopping_ns)
    if len(rows) < 2:
        raise ValueError("not measured - Expected: counters read while all groups are sent Actual: not")
    at_ns = counting.instants_ns(counters)
    span = Span(int(at_ns[rows[0]]), int(at_ns[rows[-1]]))
    streams = timelines(history)
    sent = [stream.sent_ns[stream.rows_in(span)] for stream in streams]
    received = history.probes.received_ns
    received = received[(received >= span.start_ns) & (received < span.end_ns)]
    if len(received) < 2:
        raise ValueError(f"not measured - Expected: probes that come back Actual: {len(received)}")
    started_ns = history.when(STARTED) or 0
    stalls = (*history.stalls, *sending_stalls(streams))
    return Resolution(
        sent=_spread(np.concatenate([np.zeros(0, np.int64), *sent])),
        received=_spread(received),
        streams=tuple((stream.group.name, _spread(times)) for stream, times in zip(streams, sent, strict=True)),
        session_ns=max((_longest_in_session(stream) for stream in streams), default=0),
        sampling=_spread(at_ns[rows]),
        reading_ns=int(np.max(counters.answered_ns[rows] - counters.asked_ns[rows])),
        on_the_way=_on_the_way(history, rows),
        clock_error_ns=history.probes.clock_error_ns,
        clock_rate=clock_rate,
        stalls=tuple(one for one in stalls if one.ended_ns > started_ns and one.started_ns < stopping_ns),
    )


def _spread(instants_ns: Int64Array) -> Spread:
    instants = np.sort(instants_ns)
    gaps: Int64Array = instants[1:] - instants[:-1]
    return Spread.of(gaps)


def _longest_in_session(stream: Timeline) -> int:
    order = np.argsort(stream.sessions, kind="stable")
    names, sent = stream.sessions[order], stream.sent_ns[order]
    gaps = np.diff(sent)[names[1:] == names[:-1]]
    return int(np.max(gaps, initial=0))


def _on_the_way(history: History, rows: Int64Array) -> int:
    """Return how many packets on their way a bin may take for lost: the fewest within a bin's width after a sample.

    What was lost by a sample is bounded by every later difference of sent and received, so only what never all arrives
    within a bin blurs it.
    """
    counters = history.counters
    settled = counting.settled_loss(counters.tx, counters.rx).sum(axis=1)
    missing = np.maximum(counters.tx - counters.rx, 0).sum(axis=1)
    at_ns = counting.instants_ns(counters)
    ends = np.searchsorted(at_ns, at_ns[rows] + counting.BIN_NS, side="right")
    fewest = [int(missing[row:end].min()) - int(settled[row]) for row, end in zip(rows, ends, strict=True)]
    return max(0, *fewest)


def clock_rate(pairs: Sequence[Sequence[float]]) -> ClockRate | None:
    """Return how fast a foreign clock runs against the tester's.

    Args:
        pairs: readings (asked_ns, foreign_s, answered_ns), in the order of their time.
    """
    if len(pairs) < 2:
        return None
    (first_asked, first_s, first_answered), (last_asked, last_s, last_answered) = pairs[0], pairs[-1]
    shortest_ns, longest_ns = last_asked - first_answered, last_answered - first_asked
    if shortest_ns <= 0:
        return None
    lasted_ns = (last_s - first_s) * 1e9
    return ClockRate(lasted_ns / longest_ns, lasted_ns / shortest_ns)


def judge_resolution(found: Resolution) -> Iterator[Finding]:
    """Say what was measured; whether it suffices depends on the limits."""
    yield _spacing(found)
    yield ok(
        "counter sampling",
        f"{found.sampling}; a reading takes at most {found.reading_ns / 1e6:.2f} ms, "
        f"packets on their way that a bin may take for lost: {found.on_the_way}",
    )
    yield _clock(found)
    if not found.stalls:
        yield ok("tester's stalls", "none of more than 20 ms")
        return
    longest = max(found.stalls, key=lambda one: one.ended_ns - one.started_ns)
    message = (
        f"{len(found.stalls)} of more than 20 ms, the longest in {longest.process} - Expected: none "
        f"Actual: {found.longest_stall_ns / 1e6:.0f} ms"
    )
    yield warning("tester's stalls", message, "other load on the tester's machine? gaps that a stall covers are INCONC")


def _spacing(found: Resolution) -> Finding:
    each = ", ".join(f"{stream} {spread.largest_ns / 1e6:.2f} ms" for stream, spread in found.streams)
    session = f"; within a session {found.session_ns / 1e9:.2f} s" if found.session_ns else ""
    return ok("probe spacing", f"sent: {found.sent}; received: {found.received}; largest by stream: {each}{session}")


def _clock(found: Resolution) -> Finding:
    name, rate = "generator's clock", found.clock_rate
    error = f"instants of probes are known to +- {found.clock_error_ns / 1e6:.2f} ms"
    if rate is None:
        return warning(name, f"{error}; its rate is unknown, as it was read less than twice", "run the check again")
    told = f"{rate.least:.5f} to {rate.most:.5f} of its seconds in one second of the tester's"
    if rate.is_off:
        expected = f"Expected: {LEAST_OFFERED_RATIO:g} to {OVERLOAD_RATIO:g}"
        message = f"too slow or too fast, and so is what it sends - {expected} Actual: {told}; {error}"
        return failed(name, message, _CLOCK_REMEDY)
    if not rate.is_exact:
        message = f"fast, by no more than a run tolerates - Expected: 1 within 0.1 % Actual: {told}; {error}"
        return warning(name, message, _CLOCK_REMEDY)
    return ok(name, f"{error}; {told}")
