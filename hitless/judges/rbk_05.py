"""RQ-RBK-05: an upgrade can be taken back in each of its steps, and a completed one by a downgrade, under full load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hitless.history import History
from hitless.judges import wording
from hitless.judges.allowances import Allowance, bin_allowance
from hitless.judges.common import Window, never_requested, no_counters, overlap_check
from hitless.judges.doubles import doubles_check
from hitless.judges.evidence import probes_check, version_marks_check, violated_since
from hitless.judges.flows import Trouble, old_served_check, planned_pps, trouble_of
from hitless.judges.rollback_stages import DOWNGRADE, Stage, downgrade_check, stage_of, stages_of, step_check
from hitless.judges.rollbacks import STEPS, complete_check, timeline_evidence, whole_window, withdrawn
from hitless.measures import counting
from hitless.measures.copies import counted_once
from hitless.measures.counting import RateBins
from hitless.measures.hitless_flows import ServedLoss
from hitless.measures.next_hop import unfollowed
from hitless.measures.timelines import timelines
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-RBK-05"
LEAST_STAGE_LOAD_RATIO = 0.99
"""Offered over planned in all stages together; below it the generator was short (I2).

What is served is held here against what was offered, second by second, with a limit of a hundredth, so that a hundredth
of the load decides nothing; RQ-CAP-01 bounds the loss at the rated capacity itself, and asks for 99.9 % of that.
"""


def judge_rbk_05(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether an upgrade can be taken back at any stage without anybody noticing.

    Expected results:
        * PASS: the upgrade was cancelled and rolled back in each of the four steps, a downgrade completed, the offered
          load was served in every second of these stages, and no session of the old version lost a packet.
        * FAIL: a request was refused or did not lead to ROLLED_BACK, load was not served, or sessions lost packets,
          beyond what the tester explains.
        * INCONC: a step was not reached, packets came twice, or the measurement does not suffice.

    Args:
        history: rollbacks in every step.
        limits: ``min_bin_goodput_ratio``, ``old_sessions_lost_packets_count``, ``lead_in_s``, ``baseline_s``,
            ``tail_s``.
    """
    window = whole_window(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    if len(history.counters.asked_ns) < 2:
        return Verdict(REQUIREMENT, (no_counters(),), limits=dict(limits))
    counted = replace(history, counters=counted_once(history))
    stages = stages_of(counted)
    streams = timelines(history)
    trouble = trouble_of(history, streams, window)
    checks = [step_check(history, step, stage_of(stages, step)) for step in STEPS]
    checks.append(downgrade_check(history, stage_of(stages, DOWNGRADE)))
    judged = [stage for stage in stages if stage.step in {*STEPS, DOWNGRADE}]
    checks += [_goodput_check(counted, stage, trouble, window, limits["min_bin_goodput_ratio"]) for stage in judged]
    checks += [_offered_check(history, judged), doubles_check(history, "counters")]
    spans = [stage.span for stage in stages if stage.step in STEPS]
    old, loss, _ = old_served_check(history, streams, spans, trouble, limits["old_sessions_lost_packets_count"])
    checks += [old, version_marks_check(history), probes_check(history), overlap_check(history, window, limits)]
    checks.append(complete_check(history, withdrawn(history)))
    verdict = Verdict(REQUIREMENT, tuple(checks), _figures(judged, loss), dict(limits), _evidence(stages))
    failed = {check.name for check in checks if check.outcome is Outcome.FAIL}
    slow_ns = [_slowest_ns(stage) for stage in judged if f"goodput, {stage.name}" in failed]
    return violated_since(verdict, [*slow_ns, *(loss.lost_ns[:1].tolist() if old.name in failed else [])])


def _slowest_ns(stage: Stage) -> int:
    """Return when the slowest second of a stage began."""
    return int(stage.bins.start_ns[int(np.argmin(stage.bins.ratios))])


def _goodput_check(history: History, stage: Stage, trouble: Trouble, window: Window, limit: float) -> Check:
    name, bins = f"goodput, {stage.name}", stage.bins
    if len(bins) == 0:
        text = f"Goodput, {stage.name} - no whole second was sampled - Expected: >= 1 s, Actual: 0 s - see counters.npz"
        return Check(name, Outcome.INCONC, text, ("I4",))
    worst = int(np.argmin(bins.ratios))
    told = (
        f"Goodput, {stage.name} - slowest second "
        f"{wording.seconds(int(bins.start_ns[worst]) - stage.span.start_ns)} after its beginning - "
        f"Expected: >= {wording.percent(limit)} of offered load, Actual: {wording.percent(float(bins.ratios[worst]))} "
        f"({bins.goodput_pps[worst]:.0f} of {bins.offered_pps[worst]:.0f} pps)"
    )
    low = np.flatnonzero(bins.ratios < limit).tolist()
    allowances = [_bin_allowance(history, bins, number, trouble, window) for number in low]
    for number, allowance in zip(low, allowances, strict=True):
        if (int(bins.delivered[number]) + allowance.total) / int(bins.offered[number]) < limit:
            return Check(name, Outcome.FAIL, told)
    if low:
        reasons = tuple(sorted({code for one in allowances for code in one.reasons}, key=lambda code: int(code[1:])))
        return Check(name, Outcome.INCONC, f"{told}; may be the tester's: {allowances[0].words}", reasons)
    sampling_ns = counting.coarsest_sampling_ns(history.counters, stage.span)
    if sampling_ns > counting.BIN_NS:
        text = f"Goodput, {stage.name} - counters were not sampled often enough - Expected: <= 1.0 s between samples"
        return Check(name, Outcome.INCONC, f"{text}, Actual: {wording.seconds(sampling_ns)}", ("I4",))
    served = wording.percent(float(bins.ratios[worst]))
    return Check(name, Outcome.PASS, f"{stage.name}: slowest of {len(bins)} seconds served {served} of offered load")


def _offered_check(history: History, stages: Sequence[Stage]) -> Check:
    """Hold the offered load of all stages together against the planned one: what is not offered is not served."""
    name, planned = "offered load", planned_pps(history)
    packets = sum(int(np.sum(stage.bins.offered)) for stage in stages)
    lasted_ns = sum(int(np.sum(stage.bins.end_ns - stage.bins.start_ns)) for stage in stages)
    offered_pps = packets / (lasted_ns / 1e9) if lasted_ns else 0.0
    if offered_pps >= LEAST_STAGE_LOAD_RATIO * planned:
        return Check(name, Outcome.PASS, f"offered {offered_pps:.0f} of {planned:.0f} pps")
    return Check(
        name,
        Outcome.INCONC,
        f"Offered load - less than planned - Expected: >= {wording.percent(LEAST_STAGE_LOAD_RATIO)} of "
        f"{planned:.0f} pps, Actual: {offered_pps:.0f} pps",
        ("I2",),
    )


def _bin_allowance(history: History, bins: RateBins, number: int, trouble: Trouble, window: Window) -> Allowance:
    """Return what may explain a slow second, with the deficit of the slowest second of the baseline."""
    planned = planned_pps(history)
    part = bin_allowance(
        bins, number, history.counters, stalls=trouble.stalls, rated_pps=planned, astray=unfollowed(history)
    )
    before = counting.rate_bins(history.counters, window.baseline)
    worst = float(np.min(before.ratios, initial=1.0))
    return replace(part, baseline=int(np.ceil((1.0 - worst) * int(bins.offered[number]))))


def _figures(stages: Sequence[Stage], loss: ServedLoss) -> dict[str, float | int | str | None]:
    ratios = [float(np.min(stage.bins.ratios)) for stage in stages if len(stage.bins)]
    taken_back = [stage for stage in stages if stage.operation is not None and stage.operation.rolled_back is not None]
    figures: dict[str, float | int | str | None] = {
        "rolled_back_steps_count": len(taken_back),
        "min_bin_goodput_ratio": min(ratios, default=None),
        "old_sessions_lost_packets_count": loss.lost,
        "old_sessions_packets_count": loss.sent,
        "old_sessions_count": loss.sessions,
    }
    for stage in stages:
        key = f"step_{stage.step}" if stage.step in STEPS else stage.step
        figures[f"{key}_duration_s"] = stage.span.length_ns / 1e9
        figures[f"{key}_min_bin_goodput_ratio"] = float(np.min(stage.bins.ratios)) if len(stage.bins) else None
        if stage.reached is not None and isinstance(stage.reached.detail.get("share"), int | float):
            figures[f"{key}_reached_share_ratio"] = float(stage.reached.detail["share"])
    return figures


def _evidence(stages: Sequence[Stage]) -> dict[str, Any]:
    return {
        "operations": {
            stage.name: timeline_evidence(stage.operation) for stage in stages if stage.operation is not None
        },
        "bins": [
            {
                "stage": stage.name,
                "after_beginning_s": round((int(start) - stage.span.start_ns) / 1e9, 3),
                "offered_pps": round(float(offered), 1),
                "goodput_pps": round(float(good), 1),
            }
            for stage in stages
            for start, offered, good in zip(
                stage.bins.start_ns, stage.bins.offered_pps, stage.bins.goodput_pps, strict=True
            )
        ],
    }
