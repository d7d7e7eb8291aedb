"""RQ-CAP-01: the declared capacity is served from the request of the upgrade to its completion."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hitless.history import History
from hitless.judges import wording
from hitless.judges.allowances import OVERLOAD_RATIO, Allowance, bin_allowance
from hitless.judges.capacity import Capacity, capacity_evidence, capacity_figures, measure_capacity
from hitless.judges.common import (
    capture_problem,
    gap_sentence,
    never_requested,
    no_counters,
    overlap_check,
    upgrade_check,
    window_of,
)
from hitless.judges.evidence import violated_since
from hitless.measures import confidence, counting
from hitless.measures.hitless_flows import duplicates_in
from hitless.measures.spans import Span, overlap_ns
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-CAP-01"
LEAST_OFFERED_RATIO = 0.999
"""Offered over planned on average; below it the generator was short (I2)."""
LEAST_BIN_OFFERED_RATIO = 0.8
"""The same for a single second: a pause of 0.2 s that is made up for leaves the load of that second in doubt."""
MOST_GENERATOR_CPU_PERCENT = 80.0


def judge_cap_01(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether rated load was served throughout an upgrade.

    Expected results:
        * PASS: while rated capacity was offered, the loss ratio over the window and the slowest second's goodput kept
          their limits, and so did the baseline.
        * FAIL: a limit was broken by more than tester and baseline explain, or the upgrade did not complete.
        * INCONC: rated capacity was not offered, or the measurement does not suffice.

    Args:
        history: an upgrade under load.
        limits: ``loss_ratio``, ``min_bin_goodput_ratio``, ``lead_in_s``, ``baseline_s``, ``tail_s``.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    upgrade = upgrade_check(history, window)
    if len(history.counters.asked_ns) < 2:
        return Verdict(REQUIREMENT, (no_counters(), upgrade), limits=dict(limits))
    measured = measure_capacity(history, window)
    checks = (
        _loss_check(measured, limits["loss_ratio"]),
        _goodput_check(measured, limits["min_bin_goodput_ratio"]),
        _lateness_check(measured, limits["min_bin_goodput_ratio"]),
        _offered_check(measured),
        _baseline_check(measured, limits),
        _counters_check(measured),
        overlap_check(history, window, limits),
        upgrade,
    )
    verdict = Verdict(REQUIREMENT, checks, capacity_figures(measured), dict(limits), capacity_evidence(measured))
    violated = any(check.outcome is Outcome.FAIL for check in checks[:3])
    return violated_since(verdict, _violations_ns(measured, limits)) if violated else verdict


def _violations_ns(measured: Capacity, limits: Mapping[str, float]) -> list[int]:
    """Return when the first packet was lost; without loss, when the first second with too little goodput began."""
    lost_ns = counting.first_missing_ns(measured.history.counters, *measured.rows)
    least = limits["min_bin_goodput_ratio"]
    slow_ns = measured.bins.start_ns[measured.bins.ratios < least]
    late_ns = np.flatnonzero(1.0 - measured.late_ratios < least) * counting.BIN_NS + measured.window.observed.start_ns
    return lost_ns or [*slow_ns.tolist(), *late_ns.tolist()]


def _loss_check(measured: Capacity, limit: float) -> Check:
    loss, allowance, name = measured.loss, measured.allowance, "loss ratio"
    if loss.sent == 0:
        return Check(name, Outcome.INCONC, "Loss - nothing was sent in the window - Expected: > 0, Actual: 0", ("I2",))
    lost = f"{wording.count(loss.lost)} of {wording.count(loss.sent)}"
    told = (
        f"Loss - {lost} packets lost from the request to the tail - Expected: <= {wording.ratio(limit)}, "
        f"Actual: {wording.ratio(loss.ratio)}; not attributable to the system under test: {allowance.words}"
    )
    if (loss.lost - allowance.total) / loss.sent > limit:
        return Check(name, Outcome.FAIL, told)
    if loss.lost_at_most / loss.sent > limit:
        return Check(name, Outcome.INCONC, told, allowance.reasons)
    needed = confidence.samples_for_zero(limit) if 0.0 < limit < 1.0 else 0
    if loss.sent < needed:
        return Check(
            name,
            Outcome.INCONC,
            f"Loss - {lost} packets lost, too few to bound it - Expected: >= {wording.count(needed)} packets for "
            f"{wording.ratio(limit)} at 95 %, Actual: {wording.count(loss.sent)}",
            ("I5",),
        )
    bound = wording.bound(confidence.upper_bound(loss.lost_at_most, loss.sent))
    return Check(name, Outcome.PASS, f"{lost} lost (<= {bound} at 95 %); {gap_sentence(measured.gaps)}")


def _goodput_check(measured: Capacity, limit: float) -> Check:
    name, bins = "goodput in each second", measured.bins
    if len(bins) == 0:
        text = "Goodput - no whole second was sampled - Expected: >= 1 s, Actual: 0 s - see counters.npz"
        return Check(name, Outcome.INCONC, text, ("I4",))
    worst = int(np.argmin(bins.ratios))
    told = (
        f"Goodput - slowest second {wording.seconds(int(bins.start_ns[worst]) - measured.window.request_ns)} after the "
        f"request - Expected: >= {wording.percent(limit)} of offered load, "
        f"Actual: {wording.percent(float(bins.ratios[worst]))} "
        f"({bins.goodput_pps[worst]:.0f} of {bins.offered_pps[worst]:.0f} pps)"
    )
    low = np.flatnonzero(bins.ratios < limit).tolist()
    allowances = [_bin_allowance(measured, number) for number in low]
    if any(_survives(measured, number, part, limit) for number, part in zip(low, allowances, strict=True)):
        return Check(name, Outcome.FAIL, told)
    if low:
        reasons = tuple(sorted({code for part in allowances for code in part.reasons}, key=lambda code: int(code[1:])))
        return Check(name, Outcome.INCONC, f"{told}; may be the tester's: {allowances[0].words}", reasons)
    if measured.sampling_ns > counting.BIN_NS:
        return Check(
            name,
            Outcome.INCONC,
            f"Goodput - counters were not sampled often enough - Expected: <= 1.0 s between samples, "
            f"Actual: {wording.seconds(measured.sampling_ns)} - see counters.npz",
            ("I4",),
        )
    return Check(
        name, Outcome.PASS, f"slowest second served {wording.percent(float(bins.ratios[worst]))} of offered load"
    )


def _bin_allowance(measured: Capacity, number: int) -> Allowance:
    part = bin_allowance(
        measured.bins, number, measured.history.counters, stalls=measured.stalls, rated_pps=measured.rated_pps
    )
    worst = float(np.min(measured.baseline_bins.ratios, initial=1.0))
    deficit = int(np.ceil((1.0 - worst) * int(measured.bins.offered[number])))
    return Allowance(part.tester, part.stalls, part.overload, deficit)


def _survives(measured: Capacity, number: int, allowance: Allowance, limit: float) -> bool:
    delivered, offered = int(measured.bins.delivered[number]), int(measured.bins.offered[number])
    return (delivered + allowance.total) / offered < limit


def _lateness_check(measured: Capacity, limit: float) -> Check:
    """Hold probes that were served later than a second against the same limit: for users that is not served."""
    name, late = "delivery within a second", measured.late_ratios
    worst = int(np.argmax(late)) if len(late) else 0
    on_time = 1.0 - float(np.max(late, initial=0.0))
    if on_time >= limit:
        return Check(name, Outcome.PASS, f"{wording.percent(on_time)} of the probes of the slowest second within 1.0 s")
    observed = measured.window.observed
    start_ns = observed.start_ns + worst * counting.BIN_NS
    told = (
        f"Delivery - packets sent {wording.seconds(start_ns - measured.window.request_ns)} after the request late - "
        f"Expected: >= {wording.percent(limit)} within 1.0 s, Actual: {wording.percent(on_time)}"
    )
    bad = np.flatnonzero(1.0 - late < limit) * counting.BIN_NS + observed.start_ns
    free = [at for at in bad.tolist() if not overlap_ns(measured.stalls, Span(at, at + 2 * counting.BIN_NS))]
    if free:
        return Check(name, Outcome.FAIL, told)
    return Check(name, Outcome.INCONC, f"{told}, around stalls of the tester", ("I14",))


def _offered_check(measured: Capacity) -> Check:
    name, rated = "offered load", measured.rated_pps
    mean = measured.offered_mean_pps / rated
    slowest = float(np.min(measured.bins.offered_pps, initial=np.inf)) / rated
    cpu = measured.history.counters.generator_cpu_percent[measured.rows[0] : measured.rows[1] + 1]
    cpu_percent = float(np.median(cpu[~np.isnan(cpu)])) if bool(np.any(~np.isnan(cpu))) else 0.0
    problems = []
    if mean < LEAST_OFFERED_RATIO:
        problems.append(f"{wording.percent(mean)} on average")
    if mean > OVERLOAD_RATIO:
        problems.append(f"{wording.percent(mean)} on average, more than the system under test is declared for")
    if slowest < LEAST_BIN_OFFERED_RATIO:
        problems.append(f"{wording.percent(slowest)} in the slowest second")
    if cpu_percent > MOST_GENERATOR_CPU_PERCENT:
        problems.append(f"generator CPU at {cpu_percent:.0f} %")
    if problems:
        return Check(
            name,
            Outcome.INCONC,
            f"Offered load - rated capacity was not offered - Expected: {wording.percent(LEAST_OFFERED_RATIO)} to "
            f"{wording.percent(OVERLOAD_RATIO)} of {rated:.0f} pps, Actual: {', '.join(problems)}",
            ("I2",),
        )
    return Check(name, Outcome.PASS, f"offered {measured.offered_mean_pps:.0f} of {rated:.0f} pps rated")


def _baseline_check(measured: Capacity, limits: Mapping[str, float]) -> Check:
    loss, bins = measured.baseline_loss, measured.baseline_bins
    slowest = float(np.min(bins.ratios, initial=1.0))
    problems = []
    if loss.ratio > limits["loss_ratio"]:
        problems.append(f"loss ratio {wording.ratio(loss.ratio)} ({loss.lost} of {wording.count(loss.sent)})")
    if slowest < limits["min_bin_goodput_ratio"]:
        problems.append(f"{wording.percent(slowest)} of offered load in the slowest second")
    if len(bins) == 0 or measured.baseline_offered_pps < LEAST_OFFERED_RATIO * measured.rated_pps:
        problems.append(f"{measured.baseline_offered_pps:.0f} of {measured.rated_pps:.0f} pps offered")
    if problems:
        return Check(
            "baseline",
            Outcome.INCONC,
            f"Baseline - not clean before the upgrade - Expected: loss ratio <= {wording.ratio(limits['loss_ratio'])} "
            f"and >= {wording.percent(limits['min_bin_goodput_ratio'])} in each second at rated capacity, "
            f"Actual: {', '.join(problems)}",
            ("I1",),
        )
    return Check("baseline", Outcome.PASS, f"baseline lost {loss.lost} of {wording.count(loss.sent)}")


def _counters_check(measured: Capacity) -> Check:
    surplus = counting.surplus_groups(measured.history.counters)
    unseen = capture_problem(measured.history)
    if unseen:
        message = f"Capture - probes were not all seen, so late ones may hide - Expected: all, Actual: {unseen}"
        return Check("counters", Outcome.INCONC, f"{message} - see probes.json", ("I3",))
    doubled = _doubled_probes(measured.history)
    if not surplus and not doubled:
        return Check("counters", Outcome.PASS, "no group received more than was sent")
    names = {group.pg_id: group.name for group in measured.history.groups}
    problems = [f"{names.get(pg_id, pg_id)} {count} too many" for pg_id, count in surplus.items()]
    problems += [f"{wording.count(doubled)} probes that came once more"] if doubled else []
    return Check(
        "counters",
        Outcome.INCONC,
        f"Counters - more packets received than sent, so loss may hide - Expected: rx <= tx, "
        f"Actual: {', '.join(problems)}",
        ("I3",),
    )


def _doubled_probes(history: History) -> int:
    """Return how many probes came once more: a counter that has counted those can have as many lost ones missing."""
    probes = history.probes
    if len(probes.number) == 0:
        return 0
    every = Span(int(np.min(probes.sent_ns)), int(np.max(probes.sent_ns)) + 1)
    return duplicates_in(probes.number, probes.sent_ns, probes.pg_id, every)
