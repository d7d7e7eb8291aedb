"""RQ-TRF-06: a change of selection rules costs those whom it does not concern no packet, and doubles none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hitless.history import CounterSeries, History, TrafficGroup
from hitless.judges import wording
from hitless.judges.allowances import Allowance, baseline_share, window_allowance
from hitless.judges.common import gap_figures, gap_sentence, never_requested, no_counters
from hitless.judges.evidence import TARGET, probes_check, version_marks_check, violated_since
from hitless.judges.held import held_check
from hitless.judges.rollbacks import end_of_traffic
from hitless.measures import confidence, counting
from hitless.measures.counting import LossCount
from hitless.measures.gaps import LongestGaps, longest_gaps, probe_loss
from hitless.measures.hitless_flows import duplicates_in
from hitless.measures.next_hop import unfollowed
from hitless.measures.recovery import last_served
from hitless.measures.selection import Rule, RuleError, RuleSet, rule_sets
from hitless.measures.spans import Span
from hitless.measures.stalls import sending_stalls, stall_spans
from hitless.measures.timelines import timelines
from hitless.sessions import Layout
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-TRF-06"
CHURN = "churn"
_SETTLING_NS = 500_000_000
"""What was lost so long before the first change was not on its way when the first change came."""
_GAP_TOLERANCE_MS = 10.0
"""Scheduling noise of a generator in software."""


@dataclass(frozen=True, slots=True)
class Churn:
    """Everything that the checks look at, measured once.

    Attributes:
        span: from before the first change to after the last one.
        groups: traffic that none of the rules can concern.
        loss: in the span; ``lost_at_most`` includes what was lost just before it.
        duplicates, baseline_duplicates: copies beyond the first, in the span and in the baseline.
        duplicates_anyway: how many of the span's the baseline explains.
    """

    history: History
    changes: tuple[RuleSet, ...]
    span: Span
    groups: tuple[TrafficGroup, ...]
    loss: LossCount
    allowance: Allowance
    duplicates: int
    baseline_duplicates: int
    duplicates_anyway: int
    gaps: LongestGaps


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
    measured = _measure(history, changes)
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
    lost_ns, doubled_ns = _first_lost_ns(measured), _first_doubled_ns(measured)
    return violated_since(
        verdict, [*(lost_ns if "loss" in failed else ()), *(doubled_ns if "duplicates" in failed else ())]
    )


def _first_lost_ns(measured: Churn) -> list[int]:
    counters = _only(measured.history.counters, measured.groups)
    return counting.first_missing_ns(counters, *_rows(counters, measured.span))


def _first_doubled_ns(measured: Churn) -> list[int]:
    probes, span = measured.history.probes, measured.span
    inside = (probes.sent_ns >= span.start_ns) & (probes.sent_ns < span.end_ns)
    mine = np.flatnonzero(inside & np.isin(probes.pg_id, [group.pg_id for group in measured.groups]))
    names = np.stack((probes.pg_id[mine].astype(np.int64), probes.number[mine]))
    _, first, count = np.unique(names, axis=1, return_index=True, return_counts=True)
    found: list[int] = probes.sent_ns[mine[first[count > 1]]].tolist()
    return found


def _measure(history: History, changes: tuple[RuleSet, ...]) -> Churn:
    span = Span(changes[0].asked_ns, changes[-1].until_ns)
    rules = [rule for change in changes for rule in change.rules]
    groups = tuple(group for group in history.groups if not _concerned(group, rules))
    counters = _only(history.counters, groups)
    rows = _rows(counters, span)
    streams = tuple(stream for stream in timelines(history) if stream.group in groups)
    stalls = stall_spans((*history.stalls, *sending_stalls(streams)))
    baseline = _baseline(history)
    doubled = _duplicates(history, groups, baseline)
    before, inside = probe_loss(streams, baseline).sent, probe_loss(streams, span).sent
    return Churn(
        history=history,
        changes=changes,
        span=span,
        groups=groups,
        loss=_loss(counters, rows, span),
        allowance=window_allowance(
            counters,
            rows,
            stalls=stalls,
            rated_pps=history.rated_capacity_pps,
            baseline=counting.loss_between(counters, *_rows(counters, baseline)),
            astray=unfollowed(history),
        ),
        duplicates=_duplicates(history, groups, span),
        baseline_duplicates=doubled,
        duplicates_anyway=baseline_share(LossCount(before, doubled, doubled), inside) if before else doubled,
        gaps=longest_gaps(streams, span),
    )


def _concerned(group: TrafficGroup, rules: Sequence[Rule]) -> bool:
    if not group.layout:
        return True  # nobody knows whose packets these are
    layout = Layout.from_data(group.layout)
    return any(rule.may_concern(layout) for rule in rules)


def _only(counters: CounterSeries, groups: Sequence[TrafficGroup]) -> CounterSeries:
    kept = np.isin(counters.pg_ids, [group.pg_id for group in groups])
    return replace(counters, pg_ids=counters.pg_ids[kept], tx=counters.tx[:, kept], rx=counters.rx[:, kept])


def _rows(counters: CounterSeries, span: Span) -> tuple[int, int]:
    first = counting.row_before(counters, span.start_ns)
    return first, max(first, counting.row_after(counters, span.end_ns))


def _loss(counters: CounterSeries, rows: tuple[int, int], span: Span) -> LossCount:
    inside = counting.loss_between(counters, *rows)
    at_most = counting.missing_between(counters, counting.row_before(counters, span.start_ns - _SETTLING_NS), rows[1])
    return LossCount(inside.sent, inside.lost, max(inside.lost, at_most))


def _baseline(history: History) -> Span:
    begun = history.when("baseline")
    ended = history.when("lead-in")
    request_ns = history.when("request") or 0
    start = begun if begun is not None else history.when("traffic-started")
    return Span(request_ns if start is None else start, request_ns if ended is None else ended)


def _duplicates(history: History, groups: Sequence[TrafficGroup], span: Span) -> int:
    probes, mine = history.probes, [group.pg_id for group in groups if group.kind == "probe"]
    kept = np.isin(probes.pg_id, mine)
    return duplicates_in(probes.number[kept], probes.sent_ns[kept], probes.pg_id[kept], span)


def _surplus(measured: Churn) -> int:
    """Return how many more packets of a load group came back than were sent: copies of packets without a number."""
    surplus = counting.surplus_groups(_only(measured.history.counters, measured.groups))
    load = {group.pg_id for group in measured.groups if group.kind == "load"}
    return sum(count for pg_id, count in surplus.items() if pg_id in load)


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
    name, doubled = "duplicates", measured.duplicates + _surplus(measured)
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
        "duplicates_count": measured.duplicates + _surplus(measured),
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
