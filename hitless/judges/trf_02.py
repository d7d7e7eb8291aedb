"""RQ-TRF-02: all sessions of a user are served by one version at any one time, and a user who was switched stays so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hitless.history import History, Int64Array
from hitless.judges import wording
from hitless.judges.common import never_requested, no_counters, overlap_check, upgrade_check, window_of
from hitless.judges.evidence import probes_check, version_marks_check, violated_since
from hitless.measures import confidence
from hitless.measures.changes import ShareChange, openers, share_changes
from hitless.measures.timelines import Timeline, timelines
from hitless.measures.users import (
    UserEvents,
    back_switches,
    countable_users,
    mixed_users,
    parallel_users,
    served_stretches,
)
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-TRF-02"
_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class UserAffinity:
    """Everything that the checks look at, measured once.

    Attributes:
        parallel: those of the countable users who had two sessions at one instant.
        until_ns: users may go back from here on, as the operation was being rolled back.
        before_ratio: how much longer the traffic ran after the request than before it.
    """

    history: History
    request_ns: int
    until_ns: int
    changes: tuple[ShareChange, ...]
    countable: Int64Array
    parallel: Int64Array
    mixed: UserEvents
    back: UserEvents
    before_ratio: float

    def violating(self, events: UserEvents) -> Int64Array:
        """Return the users with an event after the request and before any rollback."""
        return events.users(self.request_ns, self.until_ns)

    def instants_ns(self, events: UserEvents) -> list[int]:
        """Return when these events were, as far as they count."""
        found: list[int] = events.at_ns[(events.at_ns >= self.request_ns) & (events.at_ns < self.until_ns)].tolist()
        return found

    def expected(self, events: UserEvents) -> int:
        """Return how many such users there would be without an upgrade, at the rate seen before the request."""
        return math.ceil(len(events.users(0, self.request_ns)) * self.before_ratio)


def judge_trf_02(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether users were kept on one version.

    Expected results:
        * PASS: enough users were seen before and after a share change; none was served by both versions at one
          instant, none went back.
        * FAIL: a user was, or did, more than what was seen before the request explains; or the upgrade did not
          complete.
        * INCONC: no share change, too few users, marks missing, probes that could not be identified.

    Args:
        history: an upgrade under load with several sessions of each user.
        limits: ``mixed_users_count``, ``back_switches_count``, ``countable_users_count``, ``lead_in_s``,
            ``baseline_s``, ``tail_s``.
    """
    window = window_of(history, limits)
    if window is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    measured = _measure(history, window.request_ns)
    checks = (
        _users_check(measured, limits),
        _events_check(measured, measured.mixed, _MIXED, limits["mixed_users_count"]),
        _events_check(measured, measured.back, _BACK, limits["back_switches_count"]),
        _share_change_check(measured),
        version_marks_check(history),
        probes_check(history),
        overlap_check(history, window, limits) if len(history.counters.asked_ns) else no_counters(),
        upgrade_check(history, window),
    )
    verdict = Verdict(REQUIREMENT, checks, _figures(measured), dict(limits), _evidence(measured))
    failed = [check.name for check in checks if check.outcome is Outcome.FAIL]
    kinds = ((_MIXED, measured.mixed), (_BACK, measured.back))
    found = [measured.instants_ns(events) for kind, events in kinds if kind.name in failed]
    return violated_since(verdict, [at_ns for instants in found for at_ns in instants])


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    violation: str
    none: str


_MIXED = _Kind("one version at a time", "served by both versions at one instant", "was served by both versions at once")
_BACK = _Kind("no way back", "went back to the old version without a rollback", "went back")


def _measure(history: History, request_ns: int) -> UserAffinity:
    streams = timelines(history)
    changes = share_changes(openers(streams))
    stretches = served_stretches(streams, history.session_timeout_s)
    countable = countable_users(stretches, changes)
    return UserAffinity(
        history=history,
        request_ns=request_ns,
        until_ns=_rolling_back_ns(history, request_ns),
        changes=changes,
        countable=countable,
        parallel=np.intersect1d(countable, parallel_users(stretches)),
        mixed=mixed_users(stretches),
        back=back_switches(stretches),
        before_ratio=_before_ratio(streams, request_ns),
    )


def _rolling_back_ns(history: History, request_ns: int) -> int:
    begun = [
        state.entered.earliest_ns
        for state in history.operations
        if state.state in {"ROLLING_BACK", "ROLLED_BACK"} and state.entered.latest_ns >= request_ns
    ]
    return min(begun, default=np.iinfo(np.int64).max)


def _before_ratio(streams: Sequence[Timeline], request_ns: int) -> float:
    if not streams:
        return 0.0
    begun, ended = min(int(one.sent_ns[0]) for one in streams), max(int(one.sent_ns[-1]) for one in streams)
    return max(0, ended - request_ns) / max(1, request_ns - begun)


def _events_check(measured: UserAffinity, events: UserEvents, kind: _Kind, limit: float) -> Check:
    users, expected = len(measured.violating(events)), measured.expected(events)
    told = (
        f"User affinity - users {kind.violation} - Expected: <= {limit:g} users, Actual: {wording.count(users)} users "
        f"beside {wording.count(len(measured.countable))} that were seen before and after a share change"
    )
    if users - expected > limit:
        return Check(kind.name, Outcome.FAIL, told)
    if users > limit:
        before = len(events.users(0, measured.request_ns))
        reason = f"; {expected} are expected from {before} before the request"
        return Check(kind.name, Outcome.INCONC, told + reason, ("I1",))
    return Check(kind.name, Outcome.PASS, f"no user {kind.none}" if users == 0 else f"{users} users {kind.violation}")


def _users_check(measured: UserAffinity, limits: Mapping[str, float]) -> Check:
    name, seen, needed = "users", len(measured.countable), round(limits["countable_users_count"])
    if seen < needed:
        return Check(
            name,
            Outcome.INCONC,
            f"User affinity - too few users with sessions before and after a share change - "
            f"Expected: >= {wording.count(needed)} users, Actual: {wording.count(seen)} users",
            ("I5",),
        )
    if len(measured.parallel) < needed:
        return Check(
            name,
            Outcome.INCONC,
            f"User affinity - too few users with two sessions at one instant - Expected: >= {wording.count(needed)} "
            f"users, Actual: {wording.count(len(measured.parallel))} users",
            ("I5",),
        )
    bound = f" (a violation bounded at {wording.bound(confidence.upper_bound(0, seen))} at 95 %)" if seen else ""
    return Check(name, Outcome.PASS, f"{wording.count(seen)} users seen before and after a share change{bound}")


def _share_change_check(measured: UserAffinity) -> Check:
    name, changes, versions = "share change", measured.changes, measured.history.versions
    if changes:
        return Check(name, Outcome.PASS, f"{len(changes)} share changes")
    both = " and ".join(versions) or "both versions"
    text = f"Share change - none seen among new sessions - Expected: sessions opened on {both}, Actual: none"
    return Check(name, Outcome.INCONC, f"{text} - do the marks of both versions appear?", ("I7",))


def _figures(measured: UserAffinity) -> dict[str, float | int | str | None]:
    mixed, back = len(measured.violating(measured.mixed)), len(measured.violating(measured.back))
    countable = len(measured.countable)
    violating = len(np.union1d(measured.violating(measured.mixed), measured.violating(measured.back)))
    trials = max(countable, violating)
    return {
        "mixed_users_count": mixed,
        "back_switches_count": back,
        "countable_users_count": countable,
        "parallel_users_count": len(measured.parallel),
        "user_violation_upper_bound_ratio": confidence.upper_bound(violating, trials) if trials else None,
        "mixed_users_before_request_count": len(measured.mixed.users(0, measured.request_ns)),
        "back_switches_before_request_count": len(measured.back.users(0, measured.request_ns)),
        "share_changes_count": len(measured.changes),
    }


def _evidence(measured: UserAffinity) -> dict[str, Any]:
    return {"mixed_users": _examples(measured, measured.mixed), "back_switches": _examples(measured, measured.back)}


def _examples(measured: UserAffinity, events: UserEvents) -> list[dict[str, Any]]:
    rows = np.flatnonzero((events.at_ns >= measured.request_ns) & (events.at_ns < measured.until_ns))
    rows = rows[np.argsort(events.at_ns[rows], kind="stable")][:_EXAMPLES]
    return [
        {
            "user": int(events.user[row]),
            "session": int(events.session[row]),
            "after_request_s": round((int(events.at_ns[row]) - measured.request_ns) / 1e9, 3),
            "served_by": measured.history.versions[int(events.version[row])],
        }
        for row in rows.tolist()
    ]
