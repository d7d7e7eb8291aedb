"""RQ-TRF-03: with a rule for a user group or a service type, exactly the matching new sessions go to its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.history import History
from hitless.judges import wording
from hitless.judges.common import never_requested, no_counters
from hitless.judges.evidence import SOURCE, probes_check, version_marks_check, violated_since
from hitless.judges.held import held_check
from hitless.judges.rollbacks import end_of_traffic
from hitless.measures import confidence
from hitless.measures.selection import Opened, RuleError, RuleSet, opened_under, rule_sets
from hitless.measures.timelines import timelines
from hitless.verdict import Check, Outcome, Verdict

REQUIREMENT = "RQ-TRF-03"
PURPOSES = {"user-group": "user group", "service-type": "service type"}
"""Kinds of rules that have to be seen, by their names in recordings."""
MOST_UNKNOWN_RATIO = 0.01
"""Sessions without a known server; above it leakage or misses could hide (I9)."""
ON_THE_WAY_NS = 100_000_000
"""Sessions opened so shortly before other rules are sent may arrive after these."""
_EXAMPLES = 10


@dataclass(frozen=True, slots=True)
class Selected:
    """What became of the sessions that were opened while a rule was in force; one row of the masks per session."""

    rules: RuleSet
    opened: Opened
    misses: NDArray[np.bool_]
    leaks: NDArray[np.bool_]
    due: NDArray[np.bool_]
    """Selected ones that were opened late enough to be judged."""

    @property
    def selected_count(self) -> int:
        """Selected sessions that can be judged."""
        return int(np.count_nonzero(self.due & (self.opened.served >= 0)))

    @property
    def other_count(self) -> int:
        """Sessions that can be judged and that no rule concerns."""
        return int(np.count_nonzero(~self.opened.selected & (self.opened.served >= 0)))

    @property
    def unknown_counts(self) -> tuple[int, int]:
        """Sessions of which no packet shows who served them: selected ones that can be judged, and others."""
        unknown = self.opened.served < 0
        return int(np.count_nonzero(unknown & self.due)), int(np.count_nonzero(unknown & ~self.opened.selected))

    @property
    def unknown_count(self) -> int:
        """Both together."""
        return sum(self.unknown_counts)


def judge_trf_03(history: History, limits: Mapping[str, float]) -> Verdict:
    """Judge whether selection rules select what they say.

    Expected results:
        * PASS: under a rule for a user group and under one for a service type, each selected session that was opened
          a second or more after the acknowledgement went to the rule's version, and no other session did.
        * FAIL: a selected one did not, or another one went there.
        * INCONC: a kind of rule was never set, too few sessions of a class, servers or marks unknown.

    Args:
        history: selection rules set while an upgrade is held.
        limits: ``misses_count``, ``leakage_count``, ``sessions_per_class_count``, ``rule_delay_s``.
    """
    if history.when("request") is None:
        return Verdict(REQUIREMENT, (never_requested(history),), limits=dict(limits))
    try:
        measured = _measure(history, limits)
    except RuleError as error:
        check = Check(
            "rules", Outcome.ERROR, f"Rules - not understood - Expected: rules as they were set, Actual: {error}"
        )
        return Verdict(REQUIREMENT, (check,), limits=dict(limits))
    checks = [check for one in measured for check in _rule_checks(one, limits)]
    checks += [_missing_check(history, name) for name in PURPOSES if all(one.rules.purpose != name for one in measured)]
    checks += [version_marks_check(history), probes_check(history), held_check(history)]
    if len(history.counters.asked_ns) < 2:
        checks.append(no_counters())
    verdict = Verdict(REQUIREMENT, tuple(checks), _figures(measured), dict(limits), _evidence(history, measured))
    wrong = [one.opened.opened_ns[one.misses | one.leaks] for one in measured]
    return violated_since(verdict, [at_ns for instants in wrong for at_ns in instants.tolist()])


def _measure(history: History, limits: Mapping[str, float]) -> tuple[Selected, ...]:
    streams, margin_ns = timelines(history), ON_THE_WAY_NS + history.probes.clock_error_ns
    found = []
    for rules in rule_sets(history.events, end_of_traffic(history)):
        if rules.purpose not in PURPOSES:
            continue
        opened = opened_under(streams, rules, history.versions, margin_ns)
        # Clocks may differ by so much; a session that seems to be opened at the limit may have been opened before it.
        surely_ns = rules.acknowledged_ns + history.probes.clock_error_ns
        due = opened.selected & (opened.opened_ns >= surely_ns + round(limits["rule_delay_s"] * 1e9))
        known = opened.served >= 0
        leaks = ~opened.selected & known & (opened.served != SOURCE) & (opened.opened_ns >= surely_ns)
        found.append(Selected(rules, opened, due & known & (opened.served != opened.expected), leaks, due))
    return tuple(found)


def _rule_checks(one: Selected, limits: Mapping[str, float]) -> tuple[Check, ...]:
    return (
        _count_check(
            one,
            "misses",
            "selected sessions did not go to the rule's version",
            (int(np.count_nonzero(one.misses)), one.selected_count, limits["misses_count"]),
        ),
        _count_check(
            one,
            "leakage",
            "sessions that no rule selects did not go to the old version",
            (int(np.count_nonzero(one.leaks)), one.other_count, limits["leakage_count"]),
        ),
        _samples_check(one, limits["sessions_per_class_count"]),
        _unknown_check(one),
    )


def _count_check(one: Selected, what: str, problem: str, numbers: tuple[int, int, float]) -> Check:
    found, trials, limit = numbers
    kind = PURPOSES[one.rules.purpose]
    name = f"{what}, {kind}"
    if found > limit:
        return Check(
            name,
            Outcome.FAIL,
            f"Selection by {kind} - {wording.count(found)} {problem} - Expected: <= {limit:g} sessions, "
            f"Actual: {wording.count(found)} of {wording.count(trials)} - rule {_rules_text(one.rules)}",
        )
    bound = f" (<= {wording.bound(confidence.upper_bound(found, trials))} at 95 %)" if trials else ""
    return Check(name, Outcome.PASS, f"{kind}: {what} {found} of {wording.count(trials)} sessions{bound}")


def _samples_check(one: Selected, needed: float) -> Check:
    name, kind = f"sessions, {PURPOSES[one.rules.purpose]}", PURPOSES[one.rules.purpose]
    few = min(one.selected_count, one.other_count)
    told = f"{wording.count(one.selected_count)} selected and {wording.count(one.other_count)} other"
    if few >= needed:
        return Check(name, Outcome.PASS, f"{kind}: {told} sessions")
    return Check(
        name,
        Outcome.INCONC,
        f"Selection by {kind} - too few sessions opened while the rule was in force - "
        f"Expected: >= {needed:g} sessions of each class, Actual: {told} - rule {_rules_text(one.rules)}",
        ("I5",),
    )


def _unknown_check(one: Selected) -> Check:
    name, kind = f"servers, {PURPOSES[one.rules.purpose]}", PURPOSES[one.rules.purpose]
    total = one.selected_count + one.other_count + one.unknown_count
    classes = zip(one.unknown_counts, (one.selected_count, one.other_count), strict=True)
    if all(unknown <= MOST_UNKNOWN_RATIO * (unknown + known) for unknown, known in classes):
        return Check(name, Outcome.PASS, f"{kind}: server of {wording.count(one.unknown_count)} sessions unknown")
    return Check(
        name,
        Outcome.INCONC,
        f"Selection by {kind} - sessions of which no marked packet came back - "
        f"Expected: <= {wording.percent(MOST_UNKNOWN_RATIO)} of the selected and of the others, "
        f"Actual: {wording.count(one.unknown_counts[0])} selected and {wording.count(one.unknown_counts[1])} others "
        f"of {wording.count(total)} sessions",
        ("I9",),
    )


def _missing_check(history: History, purpose: str) -> Check:
    reason = f" ({history.ending_reason})" if history.ending_reason else ""
    return Check(
        f"rule, {PURPOSES[purpose]}",
        Outcome.INCONC,
        f"Selection by {PURPOSES[purpose]} - no such rule was set - Expected: >= 1 rule, Actual: 0{reason} - "
        f"see decider in sut.yaml",
        ("I8",),
    )


def _rules_text(rules: RuleSet) -> str:
    return ", ".join(
        f"{rule.name}: {IPv4Address(rule.first_user)} to {IPv4Address(rule.last_user)}"
        f"{'' if rule.service_port is None else f', port {rule.service_port}'} to {rule.version}"
        for rule in rules.rules
    )


def _figures(measured: tuple[Selected, ...]) -> dict[str, float | int | str | None]:
    figures: dict[str, float | int | str | None] = {
        "misses_count": sum(int(np.count_nonzero(one.misses)) for one in measured),
        "leakage_count": sum(int(np.count_nonzero(one.leaks)) for one in measured),
    }
    for purpose in PURPOSES:
        mine = [one for one in measured if one.rules.purpose == purpose]
        key = purpose.replace("-", "_")
        figures |= {
            f"{key}_misses_count": sum(int(np.count_nonzero(one.misses)) for one in mine),
            f"{key}_leakage_count": sum(int(np.count_nonzero(one.leaks)) for one in mine),
            f"{key}_selected_sessions_count": sum(one.selected_count for one in mine),
            f"{key}_other_sessions_count": sum(one.other_count for one in mine),
            f"{key}_unknown_sessions_count": sum(one.unknown_count for one in mine),
            f"{key}_last_miss_after_acknowledgement_s": max((_last_miss_s(one) for one in mine), default=None),
        }
    return figures


def _last_miss_s(one: Selected) -> float:
    """Return when after the acknowledgement a selected session still went elsewhere, 0 if none did."""
    late = one.opened.selected & (one.opened.served >= 0) & (one.opened.served != one.opened.expected)
    return float(np.max(one.opened.opened_ns[late] - one.rules.acknowledged_ns, initial=0)) / 1e9


def _evidence(history: History, measured: tuple[Selected, ...]) -> dict[str, Any]:
    return {
        "rules": [
            {
                "purpose": one.rules.purpose,
                "rule": _rules_text(one.rules),
                "in_force_s": round((one.rules.until_ns - one.rules.acknowledged_ns) / 1e9, 3),
                "selected_sessions_count": one.selected_count,
                "other_sessions_count": one.other_count,
            }
            for one in measured
        ],
        "misses": [row for one in measured for row in _examples(history, one, one.misses)],
        "leakage": [row for one in measured for row in _examples(history, one, one.leaks)],
    }


def _examples(history: History, one: Selected, rows: NDArray[np.bool_]) -> list[dict[str, Any]]:
    opened = one.opened
    return [
        {
            "purpose": one.rules.purpose,
            "user": str(IPv4Address(int(opened.address[row]))),
            "service_port": int(opened.service_port[row]),
            "after_acknowledgement_s": round((int(opened.opened_ns[row]) - one.rules.acknowledged_ns) / 1e9, 3),
            "served_by": history.versions[int(opened.served[row])],
        }
        for row in np.flatnonzero(rows)[:_EXAMPLES].tolist()
    ]
