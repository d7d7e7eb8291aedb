"""Probe packets that came back, but too late to count as served."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hitless.history import ProbeRecords
from hitless.measures.counting import BIN_NS
from hitless.measures.spans import Span


def late_ratios(probes: ProbeRecords, span: Span, patience_ns: int = BIN_NS) -> NDArray[np.float64]:
    """Return for each second of the span which part of the probes sent in it came back after more than the patience.

    Counters cannot show this where some packets are held back and others overtake them.
    """
    bins = span.length_ns // BIN_NS
    inside = (probes.sent_ns >= span.start_ns) & (probes.sent_ns < span.start_ns + bins * BIN_NS)
    number = (probes.sent_ns[inside] - span.start_ns) // BIN_NS
    late = probes.received_ns[inside] - probes.sent_ns[inside] > patience_ns + probes.clock_error_ns
    counted = np.bincount(number, minlength=bins)
    return np.bincount(number, weights=late, minlength=bins) / np.maximum(counted, 1)
