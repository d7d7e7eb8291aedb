"""Selection rules while both versions are in service: who goes where, and what changing rules costs everybody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hitless.decider import DeciderError, open_decider
from hitless.decider.adapter import Decider, Rule
from hitless.history import TrafficGroup
from hitless.mano.resources import SETTLED_STATES
from hitless.procedures.bench import Bench
from hitless.procedures.rig import Rig, StoppedBySutError, StoppedByTesterError
from hitless.procedures.script import Script, record
from hitless.procedures.withdrawing import leave_behind, withdraw
from hitless.sessions import Layout

PROCEDURE = "selection-rules"
TUNABLES = ("--service-types", "3", "--new-pps", "3000", "--probe-user-bits", "4")
"""Three kinds of service: the selected one lies between two others. Each has 512 users, who all come within 8.2 s."""
GROUP_HOLD_S = 10.0
SERVICE_HOLD_S = 5.0
"""How long the rules stay: more than 299 sessions of each class begin a second after the rule and later."""
CLEAR_S = 1.5
CHURN_CHANGES = 50
NOBODY = ("10.1.250.0/24", "10.1.251.0/24")
"""Users who do not exist in the traffic."""


def record_selection_rules(bench: Bench, folder: Path, *, load_percent: float) -> None:
    """Record an upgrade that is held while rules select users and services for the new version.

    Args:
        bench: what the tester brings along.
        folder: takes the recording.
        load_percent: offered load in percent of the declared rated capacity.

    Raises:
        InitialStateError, TrafficError: as ``rig.record``.
    """
    record(bench, folder, Script(PROCEDURE, load_percent, _perform, TUNABLES))


def _perform(rig: Rig) -> None:
    sut = rig.bench.sut
    if sut.decider is None:
        raise StoppedByTesterError("decider in sut.yaml - missing - Expected: how selection rules are set")
    rig.settle_in()
    rig.read_instance("before")
    accepted = rig.request_upgrade(sut.vnf.target.vnfd_id, "upgrade to be held", params=sut.decider.hold_params)
    operation_id = accepted.operation_id
    state = rig.following.follow(operation_id, accepted.asked_ns, until=lambda: _has_new_units(rig))
    _demand_held(operation_id, state)
    _hold(rig, operation_id, CLEAR_S)
    try:
        with open_decider(sut.decider) as decider:
            _select(rig, operation_id, decider)
            _churn(rig, operation_id, decider)
            _set(rig, decider, "clear", [])
    except StoppedBySutError:
        leave_behind(rig, operation_id)
        raise
    # Sessions that went to the new version by a rule come to their end before it is taken away.
    _hold(rig, operation_id, CLEAR_S)
    withdraw(rig, operation_id, "GRACEFUL")
    rig.read_instance("after")
    rig.tail()


def _select(rig: Rig, operation_id: str, decider: Decider) -> None:
    """One rule for a group of users, then one for a type of service."""
    target = rig.bench.sut.vnf.target.software_version
    first, second = rig.groups("new-sessions")[0], rig.groups("new-sessions-2")[0]
    for purpose, rule, seconds in (
        ("user-group", Rule("user-group", half_of_users(first), None, target), GROUP_HOLD_S),
        ("service-type", Rule("service-type", None, int(second.layout["service_port"]), target), SERVICE_HOLD_S),
    ):
        _set(rig, decider, purpose, [rule])
        _hold(rig, operation_id, seconds)
        _set(rig, decider, "clear", [])
        _hold(rig, operation_id, CLEAR_S)


def _churn(rig: Rig, operation_id: str, decider: Decider) -> None:
    """Change rules that concern nobody, again and again."""
    target = rig.bench.sut.vnf.target.software_version
    rig.bench.say(f"{CHURN_CHANGES} rule changes that concern nobody who sends")
    pause_s = rig.bench.timing.churn_s / CHURN_CHANGES
    for number in range(CHURN_CHANGES):
        _set(rig, decider, "churn", [Rule("nobody", NOBODY[number % 2], None, target)])
        _hold(rig, operation_id, pause_s)


def _set(rig: Rig, decider: Decider, purpose: str, rules: Sequence[Rule]) -> None:
    asked_ns = rig.bench.clock_ns()
    try:
        decider.set_rules(rules)
    except DeciderError as error:
        raise StoppedBySutError(str(error)) from error
    answered_ns = rig.bench.clock_ns()
    data: list[Mapping[str, Any]] = [rule.as_data() for rule in rules]
    rig.event_at(answered_ns, "rules-set", purpose=purpose, rules=data, asked_ns=asked_ns, answered_ns=answered_ns)
    if purpose != "churn":
        said = ", ".join(str(rule) for rule in rules) or "none"
        rig.bench.say(f"selection rules: {said}")


def _hold(rig: Rig, operation_id: str, seconds: float) -> None:
    """Let time pass while the operation is held.

    Raises:
        StoppedBySutError: the operation went on by itself.
        ManoError: it cannot be followed.
    """
    begun_ns = rig.bench.clock_ns()
    end_ns = begun_ns + int(seconds * 1e9)
    _demand_held(
        operation_id,
        rig.following.follow(operation_id, begun_ns, until=lambda: rig.bench.clock_ns() >= end_ns),
    )


def _demand_held(operation_id: str, state: str) -> None:
    if state in SETTLED_STATES:
        raise StoppedBySutError(
            f"operation {operation_id} - not held - Expected: PROCESSING with both versions in service "
            f"Actual: {state} - decider.hold_params in sut.yaml make MANO hold the upgrade"
        )


def _has_new_units(rig: Rig) -> bool:
    """Tell whether the operation lists a VNFC that it has added."""
    changes = rig.following.operation_document.get("resourceChanges")
    affected = changes.get("affectedVnfcs", []) if isinstance(changes, dict) else []
    return any(isinstance(one, dict) and one.get("changeType") == "ADDED" for one in affected)


def half_of_users(group: TrafficGroup) -> str:
    """Return the prefix of the first half of a group's users; the second half shows a prefix that is too wide."""
    layout = Layout.from_data(group.layout)
    bits = 32 - (layout.user_count.bit_length() - 2)
    return f"{ipaddress.IPv4Address(layout.user_base)}/{bits}"
