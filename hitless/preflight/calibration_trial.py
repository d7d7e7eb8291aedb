"""One trial of a calibration: a rate that was asked for, for some seconds, and what came of it. Pure.

What the tester lost itself (drops of its own ports, probes that its capture missed) is told apart from what is missing
elsewhere. A generator that is asked for more than it can send does not say so: it sends more slowly, or for longer. So
the pace is measured on the tester's clock, and so is the time that passed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hitless.history import CounterSeries, History, Int64Array
from hitless.measures import counting
from hitless.measures.copies import doubled_probes

STARTED, STOPPING, STOPPED = "traffic-started", "traffic-stopping", "traffic-stopped"
"""Events of a trial: when the first part was asked for, when it was asked to stop, and when all had stopped."""
_LEAST_SAMPLES = 6


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: a rate that was asked for, and what came of it.

    Attributes:
        percent: of the rated capacity.
        asked_pps: planned rate of all groups that ran.
        sent_pps: pace at which the tester sent, by its own clock; None when too few samples were taken.
        sent_error_pps: how far that may be off, as counters are read at instants that are known to a round trip only.
        sent, received: packets of all groups.
        missing: packets that did not come back.
        drops: the tester's own, by port and kind.
        uncaptured: probes that were counted as received and that no capture holds.
        surplus: packets that came back beyond those that were sent.
        doubled: copies of probes beyond the first that came back; they may stand for others that were lost.
        told_s: how long the tester was told to send, from the start to asking it to stop and to its answer.
        elapsed_s: how long it sent, from the start to the last packet; earliest and latest.
        cpu_percent: load of the generator's sending cores, None where it does not say.
    """

    percent: float
    asked_pps: float
    sent_pps: float | None
    sent_error_pps: float
    sent: int
    received: int
    missing: int
    drops: tuple[tuple[str, int], ...]
    uncaptured: int
    surplus: int
    told_s: tuple[float, float]
    elapsed_s: tuple[float, float]
    cpu_percent: float | None
    doubled: int = 0

    @property
    def too_many(self) -> int:
        """Packets that surely came more often than they were sent."""
        return max(self.surplus, self.doubled)

    @property
    def own_drops(self) -> int:
        """Packets that the tester's own ports dropped."""
        return sum(count for _, count in self.drops)

    @property
    def missing_elsewhere(self) -> int:
        """Packets that are missing even if every own drop was one of them."""
        return max(0, self.missing - self.own_drops)


def measure_trial(history: History, running: Sequence[int]) -> Trial:
    """Measure a trial.

    Args:
        history: its recording, with the events above and the parameter ``load_percent``.
        running: ids of the groups that were sent.

    Raises:
        ValueError: no counter was sampled, or an event is missing.
    """
    counters = history.counters
    started_ns, stopping_ns, stopped_ns = (history.when(name) for name in (STARTED, STOPPING, STOPPED))
    if started_ns is None or stopping_ns is None or stopped_ns is None or len(counters.asked_ns) == 0:
        raise ValueError(
            "trial - not recorded - Expected: its beginning, its end and counters - look at the worker log"
        )
    asked_pps = sum(group.rate_pps for group in history.groups if group.pg_id in set(running))
    columns = np.isin(counters.pg_ids, list(running))
    sent_pps, error_pps = _pace(counters, columns, asked_pps, stopping_ns)
    tx, rx = counters.tx[-1], counters.rx[-1]
    rows = np.flatnonzero((counters.asked_ns >= started_ns) & (counters.answered_ns <= stopping_ns))
    return Trial(
        percent=float(history.parameters["load_percent"]),
        asked_pps=asked_pps,
        sent_pps=sent_pps,
        sent_error_pps=error_pps,
        sent=int(tx.sum()),
        received=int(rx.sum()),
        missing=int(np.maximum(tx - rx, 0).sum()),
        drops=_drops(counters),
        uncaptured=max(counting.uncaptured_probes(history), history.probes.capture_lost_count),
        surplus=int(np.maximum(rx - tx, 0).sum()),
        told_s=((stopping_ns - started_ns) / 1e9, (stopped_ns - started_ns) / 1e9),
        elapsed_s=_elapsed_s(counters, started_ns),
        cpu_percent=_cpu_percent(counters, rows),
        doubled=doubled_probes(history),
    )


def steady_rows(counters: CounterSeries, columns: np.ndarray, stopping_ns: int) -> Int64Array:
    """Return the samples from the second one on that shows packets of every group, to the last before the stop."""
    begun = np.all(counters.tx[:, columns] > 0, axis=1)
    first = int(np.argmax(begun)) + 1 if bool(np.any(begun)) else len(begun)
    rows = np.arange(first, len(begun), dtype=np.int64)
    return rows[counters.answered_ns[rows] <= stopping_ns]


def _pace(
    counters: CounterSeries, columns: np.ndarray, planned_pps: float, stopping_ns: int
) -> tuple[float | None, float]:
    """Return the pace of sending and its uncertainty.

    The backlog at a sample is what should have been sent by then and was not. A pause that is made up for lets it rise
    and fall again, so its smallest value in the first third of the samples is held against that in the last third.
    """
    rows = steady_rows(counters, columns, stopping_ns)
    if len(rows) < _LEAST_SAMPLES:
        return None, 0.0
    at_s = (counting.instants_ns(counters)[rows] - counters.asked_ns[0]) / 1e9
    backlog = planned_pps * at_s - counters.tx[rows][:, columns].sum(axis=1)
    third = len(rows) // 3
    early, late = int(np.argmin(backlog[:third])), len(rows) - third + int(np.argmin(backlog[-third:]))
    lasted_s = float(at_s[late] - at_s[early])
    round_trips_s = (counters.answered_ns - counters.asked_ns)[rows[[early, late]]].sum() / 1e9
    error_pps = (planned_pps * float(round_trips_s) / 2 + int(np.count_nonzero(columns))) / lasted_s
    return planned_pps - float(backlog[late] - backlog[early]) / lasted_s, error_pps


def _drops(counters: CounterSeries) -> tuple[tuple[str, int], ...]:
    found = [
        (f"port {port} {kind}", int(table[-1, column]) - int(table[0, column]))
        for column, port in enumerate(counters.port_ids.tolist())
        for kind, table in (("ierrors", counters.ierrors), ("oerrors", counters.oerrors))
    ]
    return tuple((name, count) for name, count in found if count)


def _elapsed_s(counters: CounterSeries, started_ns: int) -> tuple[float, float]:
    """Return the earliest and the latest time at which the last packet may have been sent, after the start."""
    sent = counters.tx.sum(axis=1)
    last = int(np.argmax(sent == sent[-1]))
    return (
        max(0.0, (int(counters.asked_ns[max(0, last - 1)]) - started_ns) / 1e9),
        max(0.0, (int(counters.answered_ns[last]) - started_ns) / 1e9),
    )


def _cpu_percent(counters: CounterSeries, rows: Int64Array) -> float | None:
    known = counters.generator_cpu_percent[rows]
    known = known[~np.isnan(known)]
    return float(np.median(known)) if len(known) else None
