"""RQ-TRF-06: a change of selection rules costs those whom it does not concern no packet, and doubles none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hitless.history import History
from hitless.judges import wording
from hitless.judges.churn import Churn, first_doubled_ns, first_lost_ns, measure_churn, surplus_count
from hitless.judges.common import gap_figures, gap_sentence, never_requested, no_counters
from hitless.judges.evidence import TARGET, probes_check, version_marks_check, violated_since
from hitless.judges.held import held_check
from hitless.judges.rollbacks import end_of_traffic
from hitless.measures import confidence, counting
from hitless.measures.recovery import last_served
from hitless.measures.selection import RuleError, RuleSet, rule_sets
from hitless.measures.spans import Span
from hitless.sessions import Layout
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-TRF-06"
CHURN = "churn"
_GAP_TOLERANCE_MS = 10.0
"""Scheduling noise of a generator in software."""


def judge_trf_06(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether rule changes touch packets that they do not concern.

    Expected results:
        * PASS: over enough changes no packet was lost and none doubled, of enough packets to bound either.
        * FAIL: some were, more than the tester and the baseline explain.
        * INCONC: too few changes or packets, or the tester or the baseline may be the cause.

    Args:
        history: selection rules changed many times while an upgrade is held.
        limits: ``lost_packets_count``, ``duplicates_count``, ``loss_bound_ratio``, ``rule_changes_count``.
    """
    if history.when("request") is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    if len(history.counters.asked_ns) < 2:
        return Verdict(REQUIREMENT, (no_counters(), held_check(history)), limits=dict(limits))
    try:
        changes = tuple(one for one in rule_sets(history.events, end_of_traffic(history)) if one.purpose == CHURN)
    except RuleError as error:
        told = f"Rules - not understood - Expected: rules as they were set, Actual: {error}"
        return Verdict(REQUIREMENT, (Check("rules", Outcome.ERROR, told),), limits=dict(limits))
    enough = _changes_check(history, changes, limits["rule_changes_count"])
    if not changes:
        return Verdict(REQUIREMENT, (enough, held_check(history)), limits=dict(limits))
    measured = measure_churn(history, changes)
    checks = (
        _loss_check(measured, limits),
        _duplicates_check(measured, limits["duplicates_count"]),
        enough,
        _counters_check(measured),
        probes_check(history),
        version_marks_check(history),
        _both_served_check(history),
        held_check(history),
    )
    verdict = Verdict(REQUIREMENT, checks, _figures(measured), dict(limits), _evidence(measured))
    failed = {check.name for check in checks if check.outcome is Outcome.FAIL}
    lost_ns, doubled_ns = first_lost_ns(measured), first_doubled_ns(measured)
    return violated_since(
        verdict, [*(lost_ns if "loss" in failed else ()), *(doubled_ns if "duplicates" in failed else ())]
    )


def _loss_check(measured: Churn, limits: Mapping[str, float]) -> Check:
    name, loss, allowance, limit = "loss", measured.loss, measured.allowance, limits["lost_packets_count"]
    told = (
        f"Loss - {wording.count(loss.lost)} packets lost that no rule concerns, over {len(measured.changes)} rule "
        f"changes - Expected: <= {limit:g} packets, Actual: {wording.count(loss.lost)} of {wording.count(loss.sent)}; "
        f"not attributable to the system under test: {allowance.words}"
    )
    if loss.lost - allowance.total > limit:
        return Check(name, Outcome.FAIL, told)
    if loss.lost_at_most > limit:
        doubtful = loss.lost_at_most - loss.lost
        before = f"; {doubtful} lost just before, or on their way when sampling ended" if doubtful else ""
        return Check(name, Outcome.INCONC, told + before, allowance.reasons)
    bound = limits["loss_bound_ratio"]
    if bound <= 0.0:
        told = f"Loss - a bound of {bound:g} - Expected: > 0, which packets can show, Actual: {bound:g}"
        return Check(name, Outcome.INCONC, f"{told} - see limits in sut.yaml", ("I5",))
    needed = confidence.samples_for_zero(bound) if bound < 1.0 else 0
    if loss.sent < needed:
        return Check(
            name,
            Outcome.INCONC,
            f"Loss - {wording.count(loss.lost)} packets lost, of too few to bound it - Expected: "
            f">= {wording.count(needed)} packets for {wording.ratio(bound)} at 95 %, "
            f"Actual: {wording.count(loss.sent)} packets",
            ("I5",),
        )
    reached = wording.bound(confidence.upper_bound(loss.lost, loss.sent))
    return Check(
        name,
        Outcome.PASS,
        f"{wording.count(loss.lost)} of {wording.count(loss.sent)} packets lost over {len(measured.changes)} rule "
        f"changes (<= {reached} at 95 %); {gap_sentence(measured.gaps)}",
    )


def _duplicates_check(measured: Churn, limit: float) -> Check:
    name, doubled = "duplicates", measured.duplicates + surplus_count(measured)
    told = (
        f"Duplicates - packets came back more than once over {len(measured.changes)} rule changes - "
        f"Expected: <= {limit:g} packets, Actual: {wording.count(doubled)}"
    )
    if doubled <= limit:
        return Check(name, Outcome.PASS, f"{doubled} duplicates")
    if measured.baseline_duplicates and doubled - measured.duplicates_anyway <= limit:
        reason = (
            f"; {wording.count(measured.duplicates_anyway)} are expected from {measured.baseline_duplicates} in the "
            f"baseline"
        )
        return Check(name, Outcome.INCONC, told + reason, ("I1",))
    if measured.duplicates - measured.duplicates_anyway <= limit:
        return Check(name, Outcome.INCONC, f"{told}, of load packets, at an unknown instant", ("I3",))
    return Check(name, Outcome.FAIL, told)


def _changes_check(history: History, changes: Sequence[RuleSet], needed: float) -> Check:
    name = "rule changes"
    if len(changes) >= needed:
        return Check(name, Outcome.PASS, f"{len(changes)} rule changes")
    reason = f" ({history.ending_reason})" if history.ending_reason else ""
    return Check(
        name,
        Outcome.INCONC,
        f"Rule changes - too few that concern nobody - Expected: >= {needed:g}, Actual: {len(changes)}{reason}",
        ("I5",) if changes else ("I8",),
    )


def _counters_check(measured: Churn) -> Check:
    name, sampling_ns = "counters", counting.coarsest_sampling_ns(measured.history.counters, measured.span)
    if not any(group.kind == "probe" for group in measured.groups):
        text = "Traffic - no probes that the rules do not concern, so copies cannot be seen - Expected: >= 1 group"
        return Check(name, Outcome.INCONC, f"{text}, Actual: 0 groups", ("I7",))
    last_ns = int(measured.history.counters.answered_ns[-1])
    if sampling_ns <= counting.BIN_NS and last_ns >= measured.changes[-1].acknowledged_ns:
        return Check(name, Outcome.PASS, f"{len(measured.groups)} traffic groups that the rules do not concern")
    return Check(
        name,
        Outcome.INCONC,
        f"Counters - do not cover the rule changes - Expected: samples at least every 1.0 s, "
        f"Actual: {wording.seconds(sampling_ns)} between two - see counters.npz",
        ("I4",),
    )


def _both_served_check(history: History) -> Check:
    """As long as nobody is on the new version, a change of rules may be a change of nothing."""
    name, request_ns = "both versions in service", history.when("request") or 0
    served = last_served(history, TARGET, Span(request_ns, end_of_traffic(history)))
    if served is not None:
        return Check(name, Outcome.PASS, "rules have brought sessions to the new version")
    text = "New version - never served, so rules may be without effect - Expected: packets that it served"
    return Check(name, Outcome.INCONC, f"{text} while it was held, Actual: none - see RQ-TRF-03", ("I8",))


def _figures(measured: Churn) -> dict[str, float | int | str | None]:
    loss = measured.loss
    return {
        "lost_packets_count": loss.lost,
        "sent_packets_count": loss.sent,
        "not_attributable_packets_count": measured.allowance.total,
        "loss_upper_bound_ratio": confidence.upper_bound(min(loss.lost, loss.sent), loss.sent) if loss.sent else None,
        "duplicates_count": measured.duplicates + surplus_count(measured),
        "rule_changes_count": len(measured.changes),
        "churn_duration_s": measured.span.length_ns / 1e9,
        **gap_figures(measured.gaps),
    }


def _evidence(measured: Churn) -> dict[str, Any]:
    """Return, for each level, the longest gap and what it may be: one period of its packets and 10 ms."""
    probes = [group for group in measured.groups if group.kind == "probe" and group.rate_pps > 0]
    total_pps = sum(group.rate_pps for group in probes)
    periods = [Layout.from_data(group.layout).session_step / group.rate_pps * 1e3 for group in probes]
    expected_ms = {"service": 1e3 / total_pps if total_pps else 0.0, "session": max(periods, default=0.0)}
    found = gap_figures(measured.gaps)
    return {
        "longest_gaps": [
            {
                "level": level,
                "longest_gap_ms": found[f"longest_gap_{level}_ms"],
                "period_and_tolerance_ms": expected_ms[level] + _GAP_TOLERANCE_MS if level in expected_ms else None,
            }
            for level in ("service", "version", "instance", "session")
        ],
        "groups": [group.name for group in measured.groups],
        "slowest_rule_change_ms": max((one.acknowledged_ns - one.asked_ns) / 1e6 for one in measured.changes),
    }
