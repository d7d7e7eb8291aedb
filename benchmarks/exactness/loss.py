"""10^7 packets in several recordings; how many packets the suite is off, per stream and per session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.exactness import scenarios
from tests.exactness.compare import Row, compare, differing, own_drops, packets_sent
from tests.exactness.plans import Outcome, Plan

RUN_S = 14.0
RATES_PPS = (50_000,) * 12 + (24_000,) * 4 + (10_000,) * 3
"""No load lasts longer than 15 s; together somewhat more than 10^7 packets."""
STANDSTILL_S = 10.0
HEAD = ("recording", "rate pps", "sent", "lost", "doubled", "held", "own drops", "compared", "different", "packets off")
_ONE_IN = (7, 100, 1000)


@dataclass(frozen=True, slots=True)
class LossResult:
    """One recording."""

    name: str
    rate_pps: float
    sent: int
    lost: int
    doubled: int
    held: int
    own_drops: int
    rows: tuple[Row, ...]

    @property
    def wrong(self) -> list[Row]:
        """Comparisons whose difference is not 0."""
        return differing(self.rows)

    def cells(self) -> tuple[object, ...]:
        """Return a row of the table."""
        figures = (self.sent, self.lost, self.doubled, self.held, self.own_drops, len(self.rows), len(self.wrong))
        return (self.name, round(self.rate_pps), *figures, sum(row.off for row in self.wrong))


def plans(share: float = 1.0) -> list[Plan]:
    """Return the recordings: every kind at every rate, in turns.

    Args:
        share: part of the recordings' length, 1 for 10^7 packets.
    """
    run_s = max(1.6, RUN_S * share)
    made = [_plan(number, rate, run_s) for number, rate in enumerate(RATES_PPS)]
    return [*made, scenarios.loss_in_the_tester("own-drops", 10_000, stop_s=STANDSTILL_S)]


def _plan(number: int, rate_pps: float, run_s: float) -> Plan:
    kind, name = number % 4, f"{number:02d}"
    if kind == 0:
        return scenarios.loss(f"{name}-bursts", rate_pps, run_s)
    if kind == 1:
        return scenarios.disorder(f"{name}-disorder", rate_pps, run_s)
    if kind == 2:
        return scenarios.ends(f"{name}-ends", rate_pps, run_s, tail_ms=max(200.0, (run_s - 1.7) * 1000))
    one_in = _ONE_IN[number // 4 % len(_ONE_IN)]
    return scenarios.random_loss(f"{name}-random-{one_in}", rate_pps, run_s, one_in)


def result(outcome: Outcome) -> LossResult:
    """Compare one recording with the kernel's counters."""
    plan, counters = outcome.plan, outcome.truth.counters
    rate = sum(group.rate_pps for group in outcome.history.groups if group.name != "filler-up")
    counted = {
        action: sum(counters[r.name] for r in plan.rules if r.action == action) for action in ("duplicate", "hold")
    }
    dropped = sum(counters[rule.name] for rule in plan.rules if rule.action == "drop")
    return LossResult(
        name=plan.name,
        rate_pps=rate,
        sent=packets_sent([outcome]),
        lost=dropped + sum(window.dropped for window in outcome.truth.windows),
        doubled=counted["duplicate"],
        held=counted["hold"],
        own_drops=own_drops(outcome.history),
        rows=tuple(compare(outcome)),
    )


def totals(results: Sequence[LossResult]) -> tuple[object, ...]:
    """Return the last row of the table."""
    sums = [sum(getattr(one, name) for one in results) for name in ("sent", "lost", "doubled", "held", "own_drops")]
    wrong = [row for one in results for row in one.wrong]
    return ("all", "", *sums, sum(len(one.rows) for one in results), len(wrong), sum(row.off for row in wrong))
