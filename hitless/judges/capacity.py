"""What is measured of the capacity that a system under test served during an upgrade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.history import History
from hitless.judges.allowances import Allowance, window_allowance
from hitless.judges.common import Window, gap_figures
from hitless.measures import confidence, counting
from hitless.measures.copies import counted_once
from hitless.measures.counting import LossCount, RateBins
from hitless.measures.gaps import LongestGaps, longest_gaps
from hitless.measures.lateness import late_ratios
from hitless.measures.next_hop import Unfollowed, unfollowed
from hitless.measures.spans import Span
from hitless.measures.stalls import sending_stalls, stall_spans
from hitless.measures.timelines import timelines

_FILLING_NS = 500_000_000
"""In its first moments traffic fills the path, which counters cannot tell from loss."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """Everything that the checks of a capacity requirement look at, measured once."""

    history: History
    window: Window
    rows: tuple[int, int]
    loss: LossCount
    baseline_loss: LossCount
    bins: RateBins
    baseline_bins: RateBins
    stalls: tuple[Span, ...]
    astray: tuple[Unfollowed, ...]
    late_ratios: NDArray[np.float64]
    """Per second of the window: part of the probes that took longer than a second."""
    allowance: Allowance
    gaps: LongestGaps
    offered_mean_pps: float
    baseline_offered_pps: float
    sampling_ns: int

    @property
    def rated_pps(self) -> float:
        """Declared rated capacity, all directions together."""
        return self.history.rated_capacity_pps


def measure_capacity(history: History, window: Window) -> Capacity:
    """Measure loss, goodput and what may explain them; the history has at least two samples.

    Copies of probes are taken off the counters, or each would hide the loss of another one.
    """
    history = replace(history, counters=counted_once(history))
    counters, rated = history.counters, history.rated_capacity_pps
    begin = counting.row_before(counters, window.observed.start_ns)
    rows = (begin, max(begin, counting.row_after(counters, window.observed.end_ns)))
    baseline_rows = (min(begin, counting.row_after(counters, _steady_ns(history, window))), begin)
    streams = timelines(history)
    stalls = stall_spans((*history.stalls, *sending_stalls(streams)))
    baseline_loss, astray = counting.loss_between(counters, *baseline_rows), unfollowed(history)
    return Capacity(
        history=history,
        window=window,
        rows=rows,
        loss=counting.loss_between(counters, *rows),
        baseline_loss=baseline_loss,
        bins=counting.rate_bins(counters, window.observed),
        baseline_bins=counting.rate_bins(counters, window.baseline),
        stalls=stalls,
        astray=astray,
        late_ratios=late_ratios(history.probes, window.observed),
        allowance=window_allowance(
            counters, rows, stalls=stalls, rated_pps=rated, baseline=baseline_loss, astray=astray
        ),
        gaps=longest_gaps(streams, window.observed),
        offered_mean_pps=_offered_pps(history, window.observed),
        baseline_offered_pps=_offered_pps(history, window.baseline),
        sampling_ns=counting.coarsest_sampling_ns(counters, window.observed),
    )


def _steady_ns(history: History, window: Window) -> int:
    """Return when the baseline begins, but not before as many packets are on their way as ever after."""
    started_ns = history.when("traffic-started")
    return window.baseline.start_ns if started_ns is None else max(window.baseline.start_ns, started_ns + _FILLING_NS)


def _offered_pps(history: History, span: Span) -> float:
    """Return the mean offered rate between the outermost samples within the span."""
    counters, at_ns = history.counters, counting.instants_ns(history.counters)
    inside = np.flatnonzero((at_ns >= span.start_ns) & (at_ns <= span.end_ns))
    if len(inside) < 2 or at_ns[inside[-1]] == at_ns[inside[0]]:
        return 0.0
    sent = int((counters.tx[inside[-1]] - counters.tx[inside[0]]).sum())
    return sent / (int(at_ns[inside[-1]] - at_ns[inside[0]]) / 1e9)


def capacity_figures(measured: Capacity) -> dict[str, float | int | str | None]:
    """Return the numbers behind the verdict."""
    loss, bins, window = measured.loss, measured.bins, measured.window
    stalled_ns = sum(span.common(window.observed).length_ns for span in measured.stalls)
    ended = window.ended_ns
    return {
        "loss_ratio": loss.ratio,
        "lost_packets_count": loss.lost,
        "sent_packets_count": loss.sent,
        "loss_upper_bound_ratio": confidence.upper_bound(min(loss.lost_at_most, loss.sent), loss.sent)
        if loss.sent
        else None,
        "not_attributable_packets_count": measured.allowance.total,
        "min_bin_goodput_ratio": float(np.min(bins.ratios)) if len(bins) else None,
        "max_late_probes_ratio": float(np.max(measured.late_ratios, initial=0.0)),
        "offered_mean_pps": measured.offered_mean_pps,
        "rated_capacity_pps": measured.rated_pps,
        "baseline_loss_ratio": measured.baseline_loss.ratio,
        "baseline_lost_packets_count": measured.baseline_loss.lost,
        "baseline_min_bin_goodput_ratio": float(np.min(measured.baseline_bins.ratios, initial=1.0)),
        **gap_figures(measured.gaps),
        "tester_lost_packets_count": measured.allowance.tester,
        "tester_stalled_ms": stalled_ns / 1e6,
        "upgrade_duration_s": None if ended is None else (ended - window.request_ns) / 1e9,
    }


def capacity_evidence(measured: Capacity) -> dict[str, Any]:
    """Return loss by traffic group, and offered load and goodput over time."""
    counters, request_ns = measured.history.counters, measured.window.request_ns
    losses = counting.group_losses(counters, *measured.rows)
    return {
        "groups": [
            {"group": group.name, "sent": losses[group.pg_id].sent, "lost": losses[group.pg_id].lost}
            for group in measured.history.groups
            if group.pg_id in losses
        ],
        "bins": _bin_table(measured.baseline_bins, request_ns) + _bin_table(measured.bins, request_ns),
    }


def _bin_table(bins: RateBins, request_ns: int) -> list[dict[str, float]]:
    columns: Sequence[np.ndarray[Any, Any]] = ((bins.start_ns - request_ns) / 1e9, bins.offered_pps, bins.goodput_pps)
    return [
        {
            "after_request_s": round(float(at), 3),
            "offered_pps": round(float(offered), 1),
            "goodput_pps": round(float(good), 1),
        }
        for at, offered, good in zip(*columns, strict=True)
    ]
