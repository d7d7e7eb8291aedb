"""RQ-RBK-01: when the new software fails, users of the old version notice nothing, the others are served again soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hitless.history import History
from hitless.judges import wording
from hitless.judges.allowances import Allowance
from hitless.judges.common import (
    Window,
    gap_figures,
    gap_sentence,
    never_requested,
    no_counters,
    overlap_check,
    window_of,
)
from hitless.judges.evidence import SOURCE, TARGET, probes_check, version_marks_check, violated_since
from hitless.judges.flows import Trouble, old_served_check, probe_allowance, trouble_of
from hitless.judges.rollbacks import (
    Withdrawn,
    complete_check,
    nothing_withdrawn,
    rolled_back_check,
    timeline_evidence,
    withdrawn,
)
from hitless.measures import confidence
from hitless.measures.gaps import LongestGaps, longest_gaps
from hitless.measures.hitless_flows import ServedLoss, loss_of_others
from hitless.measures.recovery import ServiceOutage, last_served, longest_outage, longest_sure_outage
from hitless.measures.spans import Span
from hitless.measures.timelines import Timeline, timelines
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-RBK-01"
_STEADY_NS = 1e9
"""Who is served for less than a second is not served again, whatever the limit."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Everything that the checks look at, measured once.

    Attributes:
        span: from the request to the end of the tail.
        others: loss of the sessions that are not known to be served by the old version.
        outage: the longest one that this loss may mean; None without any.
        sure_outage: the one that is left in any case: without what the tester or the baseline may have caused, and
            without losses between which the sessions in question were served again.
        rollback_ns: when the rollback was asked for; None if it was not.
    """

    history: History
    withdrawn: Withdrawn
    streams: tuple[Timeline, ...]
    span: Span
    trouble: Trouble
    others: ServedLoss
    allowance: Allowance
    outage: ServiceOutage | None
    sure_outage: ServiceOutage | None
    rollback_ns: int | None
    gaps: LongestGaps


def judge_rbk_01(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge what users notice when the new software fails and is rolled back.

    Expected results:
        * PASS: no session that the old version serves lost a packet; the others were served again within the limit,
          from the first loss of the failure to the last one of the rollback, unless those who were hit were served
          again for longer than the limit in between.
        * FAIL: an old one lost packets, or the others were out for longer, beyond what the tester explains; or the
          rollback was refused or did not complete.
        * INCONC: losses between which those who were hit were served again, though not for long, make the recovery too
          long; the new version never served, users did not notice that it fails, or the measurement does not suffice.
          A failure that hits nobody shows nothing about the recovery from it.

    Args:
        history: an upgrade to failing software.
        limits: ``old_sessions_lost_packets_count``, ``recovery_s``, ``lead_in_s``, ``baseline_s``, ``tail_s``.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    operations = withdrawn(history)
    if not operations:
        return Verdict(REQUIREMENT, (nothing_withdrawn(history),), limits=dict(limits))
    measured = _measure(history, window, operations[0], limits["recovery_s"])
    old, old_loss, _ = old_served_check(
        history, measured.streams, [measured.span], measured.trouble, limits["old_sessions_lost_packets_count"]
    )
    checks = (
        old,
        _recovery_check(measured, limits["recovery_s"]),
        _served_check(measured),
        version_marks_check(history),
        probes_check(history),
        overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters(),
        rolled_back_check(history, measured.withdrawn),
        _failure_check(measured),
        complete_check(history, operations),
    )
    evidence = {"operation": timeline_evidence(measured.withdrawn)}
    verdict = Verdict(REQUIREMENT, checks, _figures(measured, old_loss), dict(limits), evidence)
    lost_ns = old_loss.lost_ns[:1].tolist() if old.outcome is Outcome.FAIL else []
    if checks[1].outcome is Outcome.FAIL and measured.sure_outage is not None:
        lost_ns.append(measured.sure_outage.first_ns)
    return violated_since(verdict, lost_ns)


def _measure(history: History, window: Window, operation: Withdrawn, limit_s: float) -> Failure:
    streams = timelines(history)
    span = Span(operation.requested_ns, window.observed.end_ns)
    trouble = trouble_of(history, streams, window)
    others = loss_of_others(streams, [span], SOURCE)
    allowance = probe_allowance(trouble, others, [span])
    # Whoever is served for as long as an outage may last, and loses something then, is hit by another one.
    outage = longest_outage(others, streams, span, max(limit_s * 1e9, _STEADY_NS))
    # Where the tester or the path lose packets anyway, the first and the last losses may be theirs.
    sure = longest_sure_outage(others, streams, span, trouble.near_stalls, allowance.total - allowance.stalls)
    rollback = operation.rollback
    return Failure(
        history=history,
        withdrawn=operation,
        streams=streams,
        span=span,
        trouble=trouble,
        others=others,
        allowance=allowance,
        outage=outage,
        sure_outage=sure,
        rollback_ns=None if rollback is None else rollback.asked_ns,
        gaps=longest_gaps(streams, span),
    )


def _recovery_check(measured: Failure, limit_s: float) -> Check:
    name, outage = "recovery", measured.outage
    if outage is None:
        return Check(name, Outcome.PASS, f"nobody lost a packet; {gap_sentence(measured.gaps)}")
    lasted_s = outage.length_ns / 1e9
    began = wording.seconds(outage.first_ns - measured.withdrawn.requested_ns)
    still = "" if outage.over else ", and no service at the end"
    told = (
        f"Recovery - users of the new version without service, from {began} after the request - "
        f"Expected: <= {limit_s:g} s, Actual: {lasted_s:.2f} s ({wording.count(outage.lost)} packets lost{still}); "
        f"not attributable to the system under test: {measured.allowance.words}"
    )
    sure = measured.sure_outage
    if sure is not None and sure.length_ns / 1e9 > limit_s:
        return Check(name, Outcome.FAIL, told)
    if lasted_s > limit_s:
        return Check(name, Outcome.INCONC, told, measured.allowance.reasons)
    failure_s, rollback_s = _parts(measured)
    return Check(
        name,
        Outcome.PASS,
        f"users of the new version served again after {lasted_s:.2f} s: failure {failure_s:.2f} s, "
        f"rollback {rollback_s:.2f} s, known to {_resolution_ms(measured):.1f} ms",
    )


def _resolution_ms(measured: Failure) -> float:
    """Return how far apart the packets of all probe streams are."""
    rate_pps = sum(stream.group.rate_pps for stream in measured.streams)
    return 1e3 / rate_pps if rate_pps else float("inf")


def _parts(measured: Failure) -> tuple[float, float]:
    """Return the outage before the rollback was asked for and the one after it, in seconds."""
    outage, asked_ns = measured.outage, measured.rollback_ns
    if outage is None:
        return 0.0, 0.0
    turn_ns = outage.until_ns if asked_ns is None else min(max(asked_ns, outage.first_ns), outage.until_ns)
    return (turn_ns - outage.first_ns) / 1e9, (outage.until_ns - turn_ns) / 1e9


def _served_check(measured: Failure) -> Check:
    """The new version has to have served, or nothing of its failure could show."""
    name, versions = "new version in service", measured.history.versions
    last = last_served(measured.history, TARGET, measured.span)
    if last is not None and len(versions) > TARGET:
        after = wording.seconds(last.latest_ns - measured.withdrawn.requested_ns)
        return Check(name, Outcome.PASS, f"{versions[TARGET]} served until {after} after the request")
    wanted = versions[TARGET] if len(versions) > TARGET else "the target version"
    return Check(
        name,
        Outcome.INCONC,
        f"New version - never served, so its failure meant nothing to users - Expected: packets that {wanted} served, "
        f"Actual: none",
        ("I8",),
    )


def _failure_check(measured: Failure) -> Check:
    """Users have to notice the failure, or there is nothing to recover from.

    Probes are part of the users only. Where MANO itself has reported the failure they may be the last to notice it;
    where the tester has cancelled the upgrade, what is lost from then on may be the cancellation's doing.
    """
    name, one = "failure of the new version", measured.withdrawn
    end_ns = one.until_ns if one.cancel is None else one.cancel.asked_ns
    lost_ns = measured.others.lost_ns
    for stall in measured.trouble.near_stalls:
        lost_ns = lost_ns[(lost_ns < stall.start_ns) | (lost_ns >= stall.end_ns)]
    noticed = int(np.count_nonzero(lost_ns < end_ns))
    others = measured.allowance.total - measured.allowance.stalls
    if one.entered("FAILED_TEMP") is None:
        text = "Failure - not reported - Expected: FAILED_TEMP before the rollback, Actual: not seen"
        return Check(name, Outcome.INCONC, f"{text} - see operations.jsonl", ("I8",))
    if noticed > others:
        return Check(name, Outcome.PASS, f"{wording.count(noticed)} packets of its users lost")
    return Check(
        name,
        Outcome.INCONC,
        f"Failure - users did not notice it{' before the tester cancelled' if one.cancel else ''}, so no recovery was "
        f"seen - Expected: >= 1 packet of users of the new version lost, Actual: {wording.count(noticed)}, of which "
        f"not attributable to the system under test: {measured.allowance.words} - see vnf.failing in sut.yaml",
        # Whom the failure of some users hits is chance, unless the tester ended it before it was there.
        measured.allowance.reasons if noticed else ("I8",) if one.cancel else ("I4",),
    )


def _figures(measured: Failure, old: ServedLoss) -> dict[str, float | int | str | None]:
    failure_s, rollback_s = _parts(measured)
    outage = measured.outage
    return {
        "old_sessions_lost_packets_count": old.lost,
        "old_sessions_packets_count": old.sent,
        "old_sessions_count": old.sessions,
        "old_sessions_with_loss_count": old.sessions_with_loss,
        "old_sessions_loss_upper_bound_ratio": confidence.upper_bound(old.lost, old.sent) if old.sent else None,
        "recovery_s": 0.0 if outage is None else outage.length_ns / 1e9,
        "failure_outage_s": failure_s,
        "rollback_outage_s": rollback_s,
        "other_sessions_lost_packets_count": measured.others.lost,
        "other_sessions_packets_count": measured.others.sent,
        "not_attributable_packets_count": measured.allowance.total,
        **gap_figures(measured.gaps),
    }
