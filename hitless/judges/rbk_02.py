"""RQ-RBK-02: a rollback is fast, for users and for MANO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hitless.history import History, Interval
from hitless.judges.common import never_requested, no_counters
from hitless.judges.evidence import TARGET, outcome_of, probes_check, version_marks_check
from hitless.judges.rollbacks import (
    STEPS,
    Withdrawn,
    complete_check,
    nothing_withdrawn,
    rolled_back_check,
    timeline_evidence,
    withdrawn,
)
from hitless.measures.recovery import last_served
from hitless.measures.spans import Span
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-RBK-02"
_HEARD_AFTER_NS = 500_000_000
"""Who has stopped serving by ROLLED_BACK is not heard for so long after it."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one upgrade was taken back.

    Attributes:
        traffic: from the acceptance to the last packet of the target version, ns; None if it was never accepted.
        served: the target version had served before.
        managed: from the acceptance of the rollback to ROLLED_BACK, ns; None if that was not reached.
        elapsed: how long the upgrade had taken until it failed, ns; None if it did not.
    """

    withdrawn: Withdrawn
    traffic: Interval | None
    served: bool
    managed: Interval | None
    elapsed: Interval | None


def judge_rbk_02(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge how long rollbacks took.

    Expected results:
        * PASS: after each acceptance the target version soon served no more packets, and MANO was done in no more
          time than the upgrade had taken, or than the least time that is always granted.
        * FAIL: one took longer wherever the instants lie within what is known of them, was refused, or never ended.
        * INCONC: it may have taken longer, nothing was taken back, marks or probes are missing.

    Args:
        history: an upgrade to failing software, or rollbacks in every step.
        limits: ``traffic_rollback_s``, ``lcm_rollback_s``, ``lcm_rollback_granted_s``.
    """
    if history.when("request") is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    operations = withdrawn(history)
    if not operations:
        return Verdict(REQUIREMENT, (nothing_withdrawn(history),), limits=dict(limits))
    speeds = tuple(_measure(history, one) for one in operations)
    checks = [check for one in speeds for check in _checks(history, one, limits)]
    checks += [_accepted_check(speeds), _heard_check(history, speeds, limits["traffic_rollback_s"])]
    checks += [_served_check(history, speeds), version_marks_check(history), probes_check(history)]
    checks.append(complete_check(history, operations))
    if len(history.counters.asked_ns) < 2:
        checks.append(no_counters())
    return Verdict(REQUIREMENT, tuple(checks), _figures(speeds), dict(limits), _evidence(speeds))


def _measure(history: History, one: Withdrawn) -> Speed:
    traffic = managed = elapsed = None
    begun = one.taken_back_ns
    last = last_served(history, TARGET, Span(one.requested_ns, one.until_ns))
    if begun is not None:
        traffic = Interval(0, 0) if last is None else _since(begun, last)
    if one.rollback is not None and one.rolled_back is not None:
        managed = _since(one.rollback.answered_ns, one.rolled_back)
    failed = one.entered("FAILED_TEMP")
    if failed is not None:
        elapsed = _since(one.requested_ns, failed)
    return Speed(one, traffic, last is not None, managed, elapsed)


def _since(begun_ns: int, instant: Interval) -> Interval:
    return Interval(max(0, instant.earliest_ns - begun_ns), max(0, instant.latest_ns - begun_ns))


def _checks(history: History, one: Speed, limits: Mapping[str, float]) -> tuple[Check, ...]:
    ended = rolled_back_check(history, one.withdrawn)
    found = [ended]
    if one.traffic is not None:
        found.insert(0, _traffic_check(one, one.traffic, limits["traffic_rollback_s"]))
    if one.managed is not None:
        found.insert(0, _managed_check(one, one.managed, limits))
    return tuple(found)


def _traffic_check(one: Speed, took: Interval, limit_s: float) -> Check:
    """Hold the time until the target version served nothing any more against its limit."""
    subject = one.withdrawn.name
    outcome = _outcome(took, limit_s, limit_s)
    if outcome is Outcome.PASS:
        text = f"{subject}: last packet of the target version <= {took.latest_ns / 1e9:.2f} s after the acceptance"
        return Check(f"traffic, {subject}", outcome, text)
    return Check(
        f"traffic, {subject}",
        outcome,
        f"Traffic, {subject} - the target version still serves after the rollback was accepted - "
        f"Expected: <= {limit_s:g} s, Actual: {_span_text(took)}",
        () if outcome is Outcome.FAIL else ("I4",),
    )


def _managed_check(one: Speed, took: Interval, limits: Mapping[str, float]) -> Check:
    """Hold the time until ROLLED_BACK against the upgrade's own, within the absolute limit."""
    subject = one.withdrawn.name
    least_s, most_s = _granted(one, limits)
    outcome = _outcome(took, least_s, most_s)
    if outcome is Outcome.PASS:
        text = f"{subject}: ROLLED_BACK {_span_text(took)} after the acceptance, of {least_s:.1f} s"
        return Check(f"operation time, {subject}", outcome, text)
    return Check(
        f"operation time, {subject}",
        outcome,
        f"Operation, {subject} - not rolled back as fast as the upgrade had come so far - Expected: <= {most_s:.1f} s, "
        f"Actual: {_span_text(took)} - see operation {one.withdrawn.operation_id}",
        () if outcome is Outcome.FAIL else ("I4",),
    )


def _granted(one: Speed, limits: Mapping[str, float]) -> tuple[float, float]:
    """Return the least and the most that the limit can be, as the upgrade's own time is known to an interval only."""
    known_ns = 0 if one.withdrawn.rollback is None else one.withdrawn.rollback.asked_ns - one.withdrawn.requested_ns
    elapsed = one.elapsed or Interval(0, known_ns)

    def granted(elapsed_ns: int) -> float:
        return min(limits["lcm_rollback_s"], max(limits["lcm_rollback_granted_s"], elapsed_ns / 1e9))

    return granted(elapsed.earliest_ns), granted(elapsed.latest_ns)


def _outcome(took: Interval, least_s: float, most_s: float) -> Outcome:
    return outcome_of(surely=took.earliest_ns / 1e9 > most_s, maybe=took.latest_ns / 1e9 > least_s)


def _span_text(took: Interval) -> str:
    earliest, latest = f"{took.earliest_ns / 1e9:.2f}", f"{took.latest_ns / 1e9:.2f}"
    return f"{latest} s" if earliest == latest else f"{earliest} to {latest} s"


def _accepted_check(speeds: tuple[Speed, ...]) -> Check:
    """Without its acceptance a rollback has no beginning, and took no time that could be known."""
    name = "acceptance"
    unknown = [one for one in speeds if one.withdrawn.rolled_back is not None and None in {one.traffic, one.managed}]
    if not unknown:
        return Check(name, Outcome.PASS, f"{len(speeds)} rollbacks asked for")
    which = ", ".join(one.withdrawn.name for one in unknown)
    text = f"Acceptance - of a rollback not recorded - Expected: rollback answered with 202, Actual: not for {which}"
    return Check(name, Outcome.INCONC, f"{text} - see attempts.jsonl", ("I12",))


def _heard_check(history: History, speeds: tuple[Speed, ...], limit_s: float) -> Check:
    """Probes have to come back for as long as the target version may serve, or nobody would see that it does."""
    name, short = "probes after the acceptance", []
    for one in speeds:
        begun, rolled_back = one.withdrawn.taken_back_ns, one.withdrawn.rolled_back
        if begun is None or rolled_back is None:
            continue
        needed_ns = min(begun + round(limit_s * 1e9), rolled_back.latest_ns + _HEARD_AFTER_NS)
        sent_ns = history.probes.sent_ns[history.probes.sent_ns < one.withdrawn.until_ns]
        if int(np.max(sent_ns, initial=0)) < needed_ns:
            short.append(one.withdrawn.name)
    if not short:
        return Check(name, Outcome.PASS, "probes came back beyond each rollback")
    return Check(
        name,
        Outcome.INCONC,
        f"Probes - none came back at the end of a rollback - Expected: for {limit_s:g} s after its acceptance or until "
        f"ROLLED_BACK, Actual: not in {', '.join(short)}",
        ("I7",),
    )


def _served_check(history: History, speeds: tuple[Speed, ...]) -> Check:
    """A version that never served cannot show that it stopped; in the first step it does not serve yet."""
    name, served = "new version in service", [one for one in speeds if one.served]
    idle = [one for one in speeds if not one.served and one.traffic is not None and one.withdrawn.step != STEPS[0]]
    if served and not idle:
        return Check(name, Outcome.PASS, f"the target version had served in {len(served)} of {len(speeds)} cases")
    wanted = history.versions[TARGET] if len(history.versions) > TARGET else "the target version"
    which = f" for {', '.join(one.withdrawn.name for one in idle)}" if idle else ""
    text = f"New version - never served before a rollback - Expected: packets that {wanted} served, Actual: none{which}"
    return Check(name, Outcome.INCONC, text, ("I8",))


def _figures(speeds: tuple[Speed, ...]) -> dict[str, float | int | str | None]:
    traffic = [one.traffic.latest_ns / 1e9 for one in speeds if one.traffic is not None]
    managed = [one.managed.latest_ns / 1e9 for one in speeds if one.managed is not None]
    figures: dict[str, float | int | str | None] = {
        "traffic_rollback_s": max(traffic, default=None),
        "lcm_rollback_s": max(managed, default=None),
        "rollbacks_count": len(managed),
    }
    for one in speeds:
        key = one.withdrawn.key
        if not key:
            continue
        figures[f"{key}traffic_rollback_s"] = None if one.traffic is None else one.traffic.latest_ns / 1e9
        figures[f"{key}lcm_rollback_s"] = None if one.managed is None else one.managed.latest_ns / 1e9
    return figures


def _evidence(speeds: tuple[Speed, ...]) -> dict[str, Any]:
    return {"operations": {one.withdrawn.name: timeline_evidence(one.withdrawn) for one in speeds}}
