"""RQ-TRF-01: a session that exists when the share changes is served by the same version and instance until it ends."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from hitless.history import History
from hitless.judges import wording
from hitless.judges.affinity import Affinity, affinity_evidence, affinity_figures, kind_counts, measure_affinity
from hitless.judges.common import (
    capture_problem,
    gap_sentence,
    never_requested,
    no_counters,
    overlap_check,
    upgrade_check,
    window_of,
)
from hitless.judges.evidence import (
    MOST_UNMARKED_RATIO,
    probes_check,
    resolution_check,
    version_marks_check,
    violated_since,
)
from hitless.measures import confidence
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-TRF-01"


def judge_trf_01(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether share changes moved or dropped existing sessions.

    Expected results:
        * PASS: enough sessions span a share change, and no session changed its version or instance.
        * FAIL: a session did, or was dropped at a share change while new sessions were served, more than the
          baseline explains; or the upgrade did not complete.
        * INCONC: no share change was seen while sessions were open, too few sessions, marks missing, probes that
          could not be identified.

    Args:
        history: an upgrade under load with long-lived sessions.
        limits: ``affinity_violations_count``, ``countable_sessions_count``, ``lead_in_s``, ``baseline_s``, ``tail_s``.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    measured = measure_affinity(history, window)
    checks = [
        _affinity_check(measured, limits),
        _share_change_check(measured),
        version_marks_check(history),
        _instance_check(history),
        probes_check(history),
        resolution_check(history, measured.streams),
    ]
    checks.append(overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters())
    checks.append(upgrade_check(history, window))
    verdict = Verdict(REQUIREMENT, tuple(checks), affinity_figures(measured), dict(limits), affinity_evidence(measured))
    return violated_since(verdict, _violations_ns(measured)) if checks[0].outcome is Outcome.FAIL else verdict


def _violations_ns(measured: Affinity) -> list[int]:
    """Return when the first packets were sent that somebody else served, or nobody, after the request."""
    instants = np.concatenate((measured.moves.after_ns, measured.dropped.at_ns))
    found: list[int] = instants[instants >= measured.window.request_ns].tolist()
    return found


def _affinity_check(measured: Affinity, limits: Mapping[str, float]) -> Check:
    name, violators = "session affinity", len(measured.violating)
    countable, limit = len(measured.countable.sessions), round(limits["affinity_violations_count"])
    told = (
        f"Affinity - {wording.count(violators)} sessions did not stay with who served them "
        f"({_kinds(measured)}) - Expected: <= {limit}, Actual: {violators} beside {wording.count(countable)} sessions "
        f"that span a share change"
    )
    expected_anyway = _expected_from_baseline(measured)
    unseen = capture_problem(measured.history)
    # Where the capture is not complete, sessions may only seem to be dropped.
    surely = measured.moved_count if unseen else violators
    if surely - expected_anyway > limit:
        return Check(name, Outcome.FAIL, told)
    if violators > limit and violators - expected_anyway > limit:
        return Check(name, Outcome.INCONC, f"{told}; the capture is not complete: {unseen}", ("I3",))
    if violators > limit:
        reason = f"; {expected_anyway} are expected from {len(measured.violating_before)} before the request"
        return Check(name, Outcome.INCONC, told + reason, ("I1",))
    needed = round(limits["countable_sessions_count"])
    if countable < needed:
        return Check(
            name,
            Outcome.INCONC,
            f"Affinity - too few sessions with a marked packet before and after a share change - "
            f"Expected: >= {wording.count(needed)}, Actual: {wording.count(countable)}",
            ("I5",),
        )
    users = len(measured.countable.users)
    bound = wording.bound(confidence.upper_bound(violators, countable)) if countable else "1"
    return Check(
        name,
        Outcome.PASS,
        f"{violators} of {wording.count(countable)} sessions moved (<= {bound} at 95 %), "
        f"of {wording.count(users)} users{_user_bound(violators, users)}; {gap_sentence(measured.gaps)}",
    )


def _user_bound(violators: int, users: int) -> str:
    if violators or not users:
        return ""
    return f" (<= {wording.bound(confidence.upper_bound(0, users))})"


def _expected_from_baseline(measured: Affinity) -> int:
    """Return how many violations there would be without an upgrade, at the rate seen before the request."""
    before = len(measured.violating_before)
    if not before:
        return 0
    starts = [int(stream.sent_ns[0]) for stream in measured.streams]
    ends = [int(stream.sent_ns[-1]) for stream in measured.streams]
    request_ns = measured.window.request_ns
    return math.ceil(before * max(0, max(ends) - request_ns) / max(1, request_ns - min(starts)))


def _kinds(measured: Affinity) -> str:
    kinds = kind_counts(measured)
    words = (
        ("sessions_old_to_new_count", "to the new version"),
        ("sessions_new_to_old_count", "back to the old version"),
        ("sessions_other_instance_count", "to another instance of their version"),
        ("sessions_dropped_count", "dropped at a share change"),
    )
    return ", ".join(f"{kinds[key]} {word}" for key, word in words if kinds[key]) or "none"


def _share_change_check(measured: Affinity) -> Check:
    name, changes = "share change", measured.changes
    if not changes:
        versions = measured.history.versions
        return Check(
            name,
            Outcome.INCONC,
            f"Share change - none seen among new sessions - Expected: sessions opened on {versions[-1]} after sessions "
            f"opened on {versions[0]}, Actual: none - do the marks of both versions appear?",
            ("I7",),
        )
    spanned = sum(1 for count in measured.countable.by_change if count)
    if not spanned:
        return Check(
            name,
            Outcome.INCONC,
            f"Share change - no session was open across it - Expected: >= 1 of {len(changes)} changes, Actual: 0",
            ("I7",),
        )
    return Check(name, Outcome.PASS, f"{spanned} of {len(changes)} share changes seen while sessions were open")


def _instance_check(history: History) -> Check:
    """A declared instance mark has to be there, or sessions that changed their instance would not show."""
    name, declared = "instance marks", history.sut.get("vnf", {}).get("marks", {}).get("instance", "")
    instance = history.probes.instance
    unmarked, total = int(np.count_nonzero(instance < 0)), len(instance)
    if declared == "none":
        return Check(name, Outcome.PASS, "instances are not told apart, as no mark is declared")
    if unmarked <= MOST_UNMARKED_RATIO * total:
        return Check(name, Outcome.PASS, f"{len(history.instances)} instances told apart")
    return Check(
        name,
        Outcome.INCONC,
        f"Instance marks - {declared} is missing - Expected: on >= {wording.percent(1 - MOST_UNMARKED_RATIO)} of the "
        f"probes, Actual: {wording.count(unmarked)} of {wording.count(total)} without - see vnf.marks in sut.yaml",
        ("I9",),
    )
