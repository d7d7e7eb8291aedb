"""Limits that need a number of packets, sessions or users, held against how many of them a run sends. Pure.

What a run prescribes is known; how long the system takes for its upgrade is not. So a sample may come together by
itself, or if the system takes at least so long, or not even if it takes as long as it may. Sample sizes without an
event are those of the exact binomial bound (``measures.confidence``); for a share f known to +- d at 95 % it takes
1.96^2 f (1 - f) / d^2 users, by the normal approximation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from hitless.judges import wording
from hitless.limits import AppliedLimit
from hitless.measures import confidence
from hitless.preflight.calibration_base import (
    LONG_PPS,
    RATED_PPS,
    SUFFICES,
    Held,
    Instrument,
    Rule,
    at_least,
    at_most,
    waiting,
)
from hitless.preflight.findings import Level
from hitless.procedures.rig import WARM_UP_S
from hitless.procedures.selection_rules import CHURN_CHANGES, GROUP_HOLD_S, SERVICE_HOLD_S

_Z = 1.959964
"""Two-sided 95 % of the normal distribution."""
_HEARD_S = 2.0
"""After completion: for so long RQ-UPG-05 listens."""
_RULE_SETTLES_S = 1.0
"""Of the time that a selection rule is held, so much is over before its sessions count."""


def _limit_key(limit: AppliedLimit, value: str) -> str:
    relation = ">=" if limit.comparison == "<=" else "<="
    return f"limits.{{requirement}}.{limit.name}.value to {relation} {value}"


def _loss(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a loss ratio against the packets from the request minus lead-in to the end of the tail."""
    if not 0.0 < limit.value < 1.0:
        return SUFFICES  # counted, no bound is claimed
    needed, rate_pps = confidence.samples_for_zero(limit.value), tester.planned_pps
    prescribed_s = tester.profile.lead_in_s + tester.profile.tail_s
    wait_s = needed / rate_pps - prescribed_s
    if wait_s <= 0:
        return SUFFICES
    longest_s = prescribed_s + tester.sut.upgrade.deadline_s
    most = int(rate_pps * longest_s)
    told = f"Expected: >= {wording.count(needed)} packets Actual: {wording.count(int(rate_pps * prescribed_s))}"
    options = (
        _limit_key(limit, at_least(confidence.upper_bound(0, most))),
        f"{RATED_PPS} to >= {at_least(needed / longest_s)} pps, if the VNF is declared for it",
    )
    return waiting(wait_s, "the upgrade", f"{told} in lead-in and tail", tester, options)


def _loss_of_churn(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a bound of loss against the packets between the first and the last rule change."""
    if not 0.0 < limit.value < 1.0:
        return SUFFICES
    lasts_s = tester.profile.churn_s * (CHURN_CHANGES - 1) / CHURN_CHANGES
    needed, sent = confidence.samples_for_zero(limit.value), int(tester.planned_pps * lasts_s)
    if sent >= needed:
        return SUFFICES
    told = f"Expected: >= {wording.count(needed)} packets while rules change Actual: {wording.count(sent)}"
    options = (
        _limit_key(limit, at_least(confidence.upper_bound(0, sent)) if sent else "1"),
        f"{RATED_PPS} to >= {at_least(needed / lasts_s)} pps, if the VNF is declared for it",
    )
    return Held(Level.FAILED, told, options)


def _share(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold the error of the first share against the users who come anew while it lasts."""
    share = tester.sut.upgrade.first_share
    if share is None:
        return SUFFICES  # any share will do
    spread = share * (1.0 - share)
    deadline_users = _new_users_per_s(tester) * tester.sut.upgrade.deadline_s
    least = _Z * math.sqrt(spread / deadline_users) if deadline_users else 1.0
    if limit.value <= 0.0:
        told = "Expected: an error that a number of users can show Actual: 0"
        return Held(Level.FAILED, told, (_limit_key(limit, at_least(least)),))
    needed = math.ceil(_Z**2 * spread / limit.value**2)
    return _users_of_share(needed, tester, (_limit_key(limit, at_least(least)),))


def _users(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a number of users against those who come anew while the first share lasts."""
    most = _new_users_per_s(tester) * tester.sut.upgrade.deadline_s
    return _users_of_share(math.ceil(limit.value), tester, (_limit_key(limit, at_most(most)),))


def _users_of_share(needed: int, tester: Instrument, options: tuple[str, ...]) -> Held:
    per_s = _new_users_per_s(tester)
    told = f"Expected: >= {wording.count(needed)} users who come anew Actual: {per_s:.4g} in a second"
    if per_s <= 0:
        reason = (
            f"{told}, as the same ones come again within the session timeout of {tester.sut.vnf.session_timeout_s:g} s"
        )
        return Held(Level.FAILED, reason, ("a traffic profile with more users in new sessions",))
    factor = needed / (per_s * tester.sut.upgrade.deadline_s)
    more = tester.more_probes(factor) if factor > 1 else ()
    return waiting(needed / per_s, "the first share", told, tester, (*options, *more))


def _new_users_per_s(tester: Instrument) -> float:
    """Return how many users come in a second of whom no packet was sent for the session timeout."""
    timeout_s = tester.sut.vnf.session_timeout_s
    return sum(stream.users_per_s for stream in tester.short if stream.cycle_s > timeout_s)


def _spanning_sessions(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a number of sessions against those that are open all the time, and heard of often enough to count."""
    there = sum(stream.at_a_time for stream in (*tester.long, *tester.short))
    timeout_s = tester.sut.vnf.session_timeout_s
    slow = [stream for stream in tester.long if stream.packet_period_s > timeout_s / 2]
    if slow:
        told = f"Expected: a packet of each session every {timeout_s / 2:g} s Actual: {slow[0].packet_period_s:.2f} s"
        wanted = at_least(slow[0].at_a_time / (timeout_s / 2))
        return Held(Level.FAILED, told, (f"{LONG_PPS} to >= {wanted} pps",))
    if there >= limit.value:
        return SUFFICES
    told = (
        f"Expected: >= {wording.count(math.ceil(limit.value))} sessions open at a time Actual: {wording.count(there)}"
    )
    return Held(Level.FAILED, told, (_limit_key(limit, str(there)), "a traffic profile with more sessions that stay"))


def _spanning_users(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a number of users against those who are there both before and after a share change.

    Users of sessions that stay are; of those that come and go, the ones who have come before and come once more.
    """
    staying = sum(one.layout.user_count for one in tester.long if one.layout.session_of_user_bits)
    if staying >= limit.value:
        return SUFFICES
    missing = math.ceil(limit.value) - staying
    returning = sum(stream.layout.user_count for stream in tester.short)
    told = f"Expected: >= {wording.count(math.ceil(limit.value))} users Actual: {wording.count(staying)} who stay"
    options = (_limit_key(limit, str(staying + returning)), "a traffic profile with more users")
    if not returning or missing > returning:
        return Held(Level.FAILED, f"{told} and {wording.count(returning)} who come again", options)
    cycle_s = max(stream.cycle_s for stream in tester.short)
    before_s = WARM_UP_S + tester.profile.baseline_s + tester.profile.lead_in_s
    # At worst those who came before and those who come after are as different as they can be.
    unseen = max(0.0, 1.0 - before_s / cycle_s)
    wait_s = cycle_s * (missing / returning + unseen) - tester.profile.tail_s
    if wait_s <= 0:
        return SUFFICES
    return waiting(wait_s, "the upgrade from its first share on", told, tester, options)


def _sessions_of_class(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a number of sessions against those of the smaller class that are opened under a selection rule.

    Users come in the order of their addresses: a rule for half of them matches nobody for half of their cycle.
    """
    stream, there = tester.under_rules, 0
    if stream is not None:
        half_s, held_s = stream.cycle_s / 2, GROUP_HOLD_S - _RULE_SETTLES_S
        cycles, rest_s = divmod(held_s, 2 * half_s)
        selected_s = min(cycles * half_s + max(0.0, rest_s - half_s), SERVICE_HOLD_S - _RULE_SETTLES_S)
        there = int(stream.sessions_per_s * selected_s)
    if there >= limit.value:
        return SUFFICES
    told = f"Expected: >= {wording.count(math.ceil(limit.value))} sessions under a rule Actual: {wording.count(there)}"
    return Held(Level.FAILED, told, (_limit_key(limit, str(there)),))


def _heard_sessions(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a number of sessions against those heard of shortly after completion; sessions that stay are over then."""
    return _heard(math.ceil(limit.value), limit, tester, str(_heard_of(tester)))


def _source_sessions(limit: AppliedLimit, tester: Instrument) -> Held:
    """Hold a part of the sessions after completion against how many are heard of."""
    if not 0.0 < limit.value < 1.0:
        return SUFFICES
    there = _heard_of(tester)
    loosest = at_least(confidence.upper_bound(0, there)) if there else "1"
    return _heard(confidence.samples_for_zero(limit.value), limit, tester, loosest)


def _heard(needed: int, limit: AppliedLimit, tester: Instrument, loosest: str) -> Held:
    there = _heard_of(tester)
    if there >= needed:
        return SUFFICES
    told = f"Expected: >= {wording.count(needed)} sessions within {_HEARD_S:g} s Actual: {wording.count(there)}"
    opened_per_s = sum(stream.sessions_per_s for stream in tester.short)
    open_now = sum(stream.at_a_time for stream in tester.short)
    more = tester.more_probes((needed - open_now) / (opened_per_s * _HEARD_S)) if opened_per_s else ()
    return Held(Level.FAILED, told, (_limit_key(limit, loosest), *more))


def _heard_of(tester: Instrument) -> int:
    return sum(stream.at_a_time + int(stream.sessions_per_s * _HEARD_S) for stream in tester.short)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "loss_ratio": _loss,
        "loss_bound_ratio": _loss_of_churn,
        "share_error_ratio": _share,
        "users_count": _users,
        "countable_sessions_count": _spanning_sessions,
        "observed_sessions_count": _spanning_sessions,
        "countable_users_count": _spanning_users,
        "sessions_per_class_count": _sessions_of_class,
        "heard_sessions_count": _heard_sessions,
        "source_sessions_ratio": _source_sessions,
    }
)
"""By the name of the limit."""
