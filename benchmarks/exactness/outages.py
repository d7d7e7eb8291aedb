"""How far the outages that the suite computes are from the true ones, by length and rate."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from tests.exactness import scenarios
from tests.exactness.outage_errors import OutageError, by_capture, by_counters
from tests.exactness.plans import Outcome, Plan

LENGTHS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)
CAPTURED_PPS = (1000, 2000, 5000)
COUNTED_PPS = (10_000, 50_000)
HEAD = (
    "outage ms",
    "outages",
    "unseen",
    "one each",
    "contained",
    "within gaps",
    "error ms p50",
    "p95",
    "least",
    "most",
    "gaps ms p50",
)
_CAPTURED_PAUSE_MS, _COUNTED_PAUSE_MS = 180.0, 650.0
_SPAN_S = 1.6
"""Before the first outage and behind the last one."""


def plans(repeats: int, seed: int = 4) -> list[Plan]:
    """Return the recordings; outages begin at a different phase of sending and sampling each time."""
    chance, made = random.Random(seed), []  # noqa: S311 - no secret, a series that can be had again
    for number in range(repeats):
        for pps in CAPTURED_PPS:
            windows, run_s = _windows(chance, _CAPTURED_PAUSE_MS)
            made.append(scenarios.captured_outages(f"capture-{pps}-{number}", pps, windows, run_s))
        for pps in COUNTED_PPS:
            windows, run_s = _windows(chance, _COUNTED_PAUSE_MS)
            made.append(scenarios.counted_outages(f"counters-{pps}-{number}", pps, windows, run_s))
    return made


def _windows(chance: random.Random, pause_ms: float) -> tuple[list[tuple[float, float]], float]:
    """Return outages of every length in any order, and how long traffic has to run."""
    windows, start_ms = [], 100.0
    for length_ms in chance.sample(LENGTHS_MS, len(LENGTHS_MS)):
        start_ms += chance.random() * 100
        windows.append((start_ms, float(length_ms)))
        start_ms += length_ms + pause_ms
    return windows, start_ms / 1000 + _SPAN_S


class Errors:
    """Errors of outages, by way of measuring and length."""

    def __init__(self) -> None:
        self._found: dict[str, dict[int, list[OutageError]]] = defaultdict(lambda: defaultdict(list))
        self._made: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._slack_ns: dict[str, int] = defaultdict(int)
        self.wrong: list[str] = []

    def add(self, outcome: Outcome) -> None:
        """Take the outages of one recording."""
        way = outcome.plan.name.rpartition("-")[0]
        captured = way.startswith("capture")
        errors = by_capture(outcome) if captured else by_counters(outcome)[1]
        slack_ns = 2 * outcome.history.probes.clock_error_ns if captured else 0
        self._slack_ns[way] = max(self._slack_ns[way], slack_ns // 2)
        for _, length_ms in outcome.plan.windows_ms:
            self._made[way][round(length_ms)] += 1
        for error in errors:
            self._found[way][round(error.true_ns / 1e6)].append(error)
            problem = _problem(error, captured=captured, slack_ns=slack_ns)
            if problem:
                self.wrong.append(f"{outcome.plan.name}, {error.true_ns / 1e6:.1f} ms: {problem}")

    def tables(self) -> Iterable[tuple[str, list[tuple[object, ...]]]]:
        """Yield a title and the rows of a table per way of measuring."""
        for way, made in sorted(self._made.items()):
            title = f"{way} pps (clock error at most {self._slack_ns[way] / 1e6:.2f} ms)"
            yield title, [_cells(length, made[length], self._found[way][length]) for length in sorted(made)]


def _problem(error: OutageError, *, captured: bool, slack_ns: int) -> str:
    """Return what is wrong with an outage, "" if nothing is; by counters small ones need not be located."""
    if not captured and error.matches == 0:
        return ""
    if error.matches != 1:
        return f"found as {error.matches} outages"
    if not error.contained:
        return f"not contained: {error.early_ns / 1e6:.3f} ms before, {error.late_ns / 1e6:.3f} ms behind"
    if captured and error.error_ns > error.allowed_ns + slack_ns:
        return f"{error.error_ns / 1e6:.3f} ms longer, allowed {error.allowed_ns / 1e6:.3f} ms"
    return ""


def _cells(length_ms: int, made: int, errors: Sequence[OutageError]) -> tuple[object, ...]:
    matched = [error for error in errors if error.matches == 1]
    unseen = made - sum(error.matches > 0 for error in errors)
    if not matched:
        return (length_ms, made, unseen, 0, 0, 0, "", "", "", "", "")
    error_ms = np.asarray([error.error_ns for error in matched]) / 1e6
    allowed_ms = np.asarray([error.allowed_ns for error in matched]) / 1e6
    return (
        length_ms,
        made,
        unseen,
        len(matched),
        sum(error.contained for error in matched),
        int(np.count_nonzero(error_ms <= allowed_ms)),
        *(float(np.percentile(error_ms, part)) for part in (50, 95, 0, 100)),
        float(np.median(allowed_ms)),
    )
