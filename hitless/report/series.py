"""What the timeline shows, computed from a history: rates, losses and shares over time. Pure, no drawing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hitless.history import CounterSeries, History, ProbeRecords

FloatArray = NDArray[np.float64]

_BIN_WIDTHS_S = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_MAX_BINS = 260
_LONGEST_FLIGHT_S = 0.01


@dataclass(frozen=True, slots=True)
class Rates:
    """Packets per second, all groups and directions together, in bins of equal width.

    Attributes:
        edges_s: bin edges in seconds relative to the timeline's zero, shape (bins + 1,).
        offered_pps: sent by the tester.
        lost_pps: of those, never received.
        received_pps: of those, received; in-flight packets count where they were sent.
        version_pps: received, by software version, in the order of ``History.versions``; the load's versions are
            estimated from the probes of the same bin.
        unknown_pps: received, version unknown: no mark, several marks, or no probe in the bin.
        new_share: share of the target version among marked probes received, NaN where there are none.
        opened_share: the same among packets that opened a session.
    """

    edges_s: FloatArray
    offered_pps: FloatArray
    lost_pps: FloatArray
    received_pps: FloatArray
    version_pps: tuple[FloatArray, ...]
    unknown_pps: FloatArray
    new_share: FloatArray
    opened_share: FloatArray


def zero_ns(history: History) -> int:
    """Return the instant that the timeline counts from: the request of the upgrade, else the first sample."""
    request = history.when("request")
    if request is not None:
        return request
    instants = [event.at_ns for event in history.events]
    return min([*history.counters.asked_ns[:1].tolist(), *instants], default=0)


def rates(history: History) -> Rates:
    """Compute the rates of a history; without counter samples all arrays are empty."""
    samples_ns, sent, lost = cumulative(history.counters)
    edges_ns = _edges_ns(samples_ns)
    width_s = np.diff(edges_ns) / 1e9
    offered = np.diff(np.interp(edges_ns, samples_ns, sent)) / width_s if width_s.size else np.empty(0)
    lost_pps = np.diff(np.interp(edges_ns, samples_ns, lost)) / width_s if width_s.size else np.empty(0)
    received = np.maximum(offered - lost_pps, 0.0)
    shares = version_shares(history.probes, len(history.versions), edges_ns)
    by_version = tuple(received * np.nan_to_num(share) for share in shares)
    opened = opening_packets(history)
    return Rates(
        edges_s=(edges_ns - zero_ns(history)) / 1e9,
        offered_pps=offered,
        lost_pps=lost_pps,
        received_pps=received,
        version_pps=by_version,
        unknown_pps=np.maximum(received - sum(by_version, np.zeros_like(received)), 0.0),
        new_share=_share_of_last(history.probes, len(history.versions), edges_ns, np.ones_like(opened)),
        opened_share=_share_of_last(history.probes, len(history.versions), edges_ns, opened),
    )


def cumulative(counters: CounterSeries) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return instants, packets sent and packets lost for good so far.

    A packet in flight is no loss: what is missing at one instant and has arrived at a later one was not lost, so the
    loss at an instant is the smallest difference of sent and received from then on. As long as traffic runs, this still
    holds what is always in flight; that is read from the first sample with traffic and taken off. The last sample is
    the one after traffic has settled.
    """
    instants = (counters.asked_ns + counters.answered_ns) / 2.0
    sent = counters.tx.sum(axis=1).astype(np.float64)
    missing = sent - counters.rx.sum(axis=1)
    if missing.size < 2:
        return instants, sent, np.maximum(missing, 0.0)
    running = np.minimum.accumulate(missing[-2::-1])[::-1]
    running -= _in_flight(instants, sent, running)
    lost = np.append(np.minimum(running, missing[-1]), missing[-1])
    return instants, sent, np.maximum(lost, 0.0)


def _in_flight(instants: FloatArray, sent: FloatArray, missing: FloatArray) -> float:
    """Return how many packets are always in flight, at most what is offered in _LONGEST_FLIGHT_S."""
    duration_s = float(instants[-1] - instants[0]) / 1e9
    most = _LONGEST_FLIGHT_S * float(sent[-1] - sent[0]) / duration_s if duration_s > 0 else 0.0
    first_with_traffic = min(int(np.argmax(sent > sent[0])), missing.size - 1)
    return min(max(float(missing[first_with_traffic]), 0.0), most)


def version_shares(probes: ProbeRecords, versions: int, edges_ns: FloatArray) -> tuple[FloatArray, ...]:
    """Return for each version its share of all probes received per bin, NaN where none was received."""
    everything = _count(probes.received_ns, edges_ns)
    with np.errstate(invalid="ignore", divide="ignore"):
        return tuple(
            _count(probes.received_ns[probes.version == each], edges_ns) / everything for each in range(versions)
        )


def opening_packets(history: History) -> NDArray[np.bool_]:
    """Return which probes opened a session.

    Only sessions with at most 256 packets can be told by their index; long ones repeat it (``above-session``).
    """
    short = [group.pg_id for group in history.groups if group.layout.get("index_position") != "above-session"]
    opened: NDArray[np.bool_] = (history.probes.index == 0) & np.isin(history.probes.pg_id, short)
    return opened


def probe_losses_s(history: History) -> FloatArray:
    """Return when the probes that never came back were sent, in seconds on the timeline.

    The send time of a lost probe is interpolated between its neighbours in the stream. Probes lost before the first or
    after the last received one are not seen here; the counters have them.
    """
    found: list[FloatArray] = []
    for pg_id in np.unique(history.probes.pg_id):
        own = history.probes.pg_id == pg_id
        numbers, first = np.unique(history.probes.number[own], return_index=True)
        missing = np.setdiff1d(np.arange(numbers[0], numbers[-1] + 1), numbers, assume_unique=True)
        found.append(np.interp(missing, numbers, history.probes.sent_ns[own][first].astype(np.float64)))
    sent_ns = np.sort(np.concatenate(found)) if found else np.empty(0)
    return (sent_ns - zero_ns(history)) / 1e9


def _share_of_last(
    probes: ProbeRecords, versions: int, edges_ns: FloatArray, chosen: NDArray[np.bool_] | FloatArray
) -> FloatArray:
    """Return the share of the last version among the chosen probes whose version is known."""
    known = chosen.astype(bool) & (probes.version >= 0)
    marked = _count(probes.received_ns[known], edges_ns)
    new = _count(probes.received_ns[known & (probes.version == versions - 1)], edges_ns)
    return np.divide(new, marked, out=np.full_like(marked, np.nan), where=marked > 0)


def _count(instants_ns: NDArray[np.int64], edges_ns: FloatArray) -> FloatArray:
    if edges_ns.size < 2:
        return np.empty(0)
    return np.histogram(instants_ns, bins=edges_ns)[0].astype(np.float64)


def _edges_ns(samples_ns: FloatArray) -> FloatArray:
    """Return bin edges from the first sample to the last: as fine as samples and readability allow."""
    if samples_ns.size < 2 or samples_ns[-1] <= samples_ns[0]:
        return np.empty(0)
    span_s = float(samples_ns[-1] - samples_ns[0]) / 1e9
    spacing_s = float(np.median(np.diff(samples_ns))) / 1e9
    wanted_s = max(span_s / _MAX_BINS, 2 * spacing_s)
    width_s = next((width for width in _BIN_WIDTHS_S if width >= wanted_s), wanted_s)
    bins = max(int(span_s // width_s), 1)
    edges: FloatArray = samples_ns[0] + np.arange(bins + 1) * min(width_s, span_s) * 1e9
    return edges


def runs(instants_s: FloatArray, gap_s: float) -> FloatArray:
    """Return start and end of each run of instants that are at most ``gap_s`` apart, shape (runs, 2)."""
    if not instants_s.size:
        return np.empty((0, 2))
    breaks = np.flatnonzero(np.diff(instants_s) > gap_s)
    starts = instants_s[np.concatenate([[0], breaks + 1])]
    ends = instants_s[np.concatenate([breaks, [instants_s.size - 1]])]
    return np.column_stack([starts, ends])


def steps_of(edges_s: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return x and y of a staircase through bins, for lines and fills."""
    return np.repeat(edges_s, 2)[1:-1], np.repeat(values, 2)


def mean_bin_s(edges_s: FloatArray) -> float:
    """Return the bin width in seconds, 0 without bins."""
    return float(next((after - before for before, after in pairwise(edges_s)), 0.0))
