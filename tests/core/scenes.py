"""Further hand-made histories: pairs of sessions, selection rules, failing software, rollbacks in every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network
from typing import Any

import numpy as np

from hitless.history import Attempt, Event, History, Interval, OperationState, Snapshot, TrafficGroup
from hitless.sessions import Layout
from tests.core.builders import LOAD, LONG, NEW_PAIRS, Packets, Scene, at

SERVICE_TYPES = ((21, "new-sessions", "10.1.64.0", 5001), (22, "new-sessions-2", "10.1.72.0", 5002))
SOURCE_VNFD, TARGET_VNFD = "vnfd-1.0", "vnfd-2.0"


@dataclass
class PairScene(Scene):
    """The clean upgrade of `Scene` with two sessions of each user at a time, who goes where being decided per user."""

    service_types: int = 1

    def groups(self) -> tuple[TrafficGroup, ...]:
        load = 3000.0 * self.load_factor
        types = SERVICE_TYPES[: self.service_types]
        new = (
            TrafficGroup(
                pg_id,
                name,
                "probe",
                "up",
                2000.0 / len(types),
                96,
                {**NEW_PAIRS, "user_base": base, "service_port": port},
            )
            for pg_id, name, base, port in types
        )
        every = (
            TrafficGroup(1, "load-up", "load", "up", load, 128, LOAD),
            TrafficGroup(2, "load-down", "load", "down", load, 128, LOAD),
            TrafficGroup(3, "filler-up", "load", "up", 2000.0, 128, {**LOAD, "user_base": "10.1.32.0"}),
            TrafficGroup(20, "long-sessions", "probe", "up", 2000.0, 96, LONG),
            *new,
        )
        return tuple(group for group in every if group.name not in self.without_groups)

    def _marks(self, group: TrafficGroup, number: np.ndarray, sent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        layout = Layout.from_data(group.layout)
        user = layout.user(number)
        came = sent[first_of_user(layout, number)] if len(number) else sent
        new = self._goes_new(layout, user, came)
        return new.astype(np.int16), (np.where(new, 2, 0) + (user & 1)).astype(np.int16)

    def _goes_new(self, layout: Layout, user: np.ndarray, came_s: np.ndarray) -> np.ndarray:
        share = np.zeros(len(user))
        for since, value in self.shares:
            share = np.where(came_s >= since, value, share)
        return bucket(user) < np.round(share * 256)


def bucket(user: np.ndarray) -> np.ndarray:
    """A bijection, so that neighbours do not move together."""
    return (user * 167) & 0xFF


def first_of_user(layout: Layout, number: np.ndarray) -> np.ndarray:
    """Return the number of the packet with which the user of each packet came: it opens the first of their sessions."""
    lane = number & ((1 << layout.lane_bits) - 1)
    if not layout.short_sessions:
        return lane
    above = layout.lane_bits + layout.session_of_user_bits + layout.index_bits
    return (number >> above << above) | lane


def event(second: float, name: str, **detail: Any) -> Event:
    return Event(at(second), name, detail)


def attempt(name: str, second: float, status: int | None = 202, operation_id: str = "op-1", **more: Any) -> Attempt:
    return Attempt(name, operation_id, "", at(second - 0.01), at(second), "POST", f"/op/{name}", status, **more)


def state(name: str, second: float, operation_id: str = "op-1", source: str = "poll", **detail: Any) -> OperationState:
    """A state that began in the tenth of a second before ``second``."""
    return OperationState(operation_id, "CHANGE_VNFPKG", name, Interval(at(second - 0.1), at(second)), source, detail)


def unit(name: str, vdu: str = "gateway", vnfd: str | None = None) -> dict[str, Any]:
    foreign = {} if vnfd is None else {"vnfdId": vnfd}
    return {
        "id": name,
        "vduId": vdu,
        **foreign,
        "computeResource": {"resourceId": f"server-{name}"},
        "metadata": {"name": name},
    }


def instance(*units: dict[str, Any], **changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": "vnf-1",
        "vnfdId": SOURCE_VNFD,
        "vnfSoftwareVersion": "1.0",
        "instantiationState": "INSTANTIATED",
        "instantiatedVnfInfo": {
            "flavourId": "default",
            "vnfState": "STARTED",
            "scaleStatus": [{"aspectId": "gateway", "scaleLevel": 3}],
            "vnfcResourceInfo": list(units) or [unit("a"), unit("b"), unit("c"), unit("d")],
        },
        "_links": {"self": {"href": "http://vnfm/vnf-1"}},
    }
    return document | changes


def snapshot(label: str, second: float, document: Mapping[str, Any] | None = None) -> Snapshot:
    return Snapshot(
        "vnf_instance",
        "vnf-1",
        label,
        Interval(at(second - 0.01), at(second)),
        at(second - 0.01),
        document or instance(),
    )


@dataclass
class FailingScene(PairScene):
    """An upgrade to software that drops the packets of every 16th of its users from ``failing_s`` on.

    At ``switched_s`` the rollback has everybody served by the old version again.
    """

    shares: tuple[tuple[float, float], ...] = ((13.0, 0.1),)
    failing_s: float = 16.0
    failed_s: float = 16.6
    rollback_s: float = 16.7
    switched_s: float = 17.2
    ended_s: float | None = 18.0
    stopped_s: float = 23.1
    long_until_s: float = 23.1
    states: tuple[tuple[str, float, dict[str, Any]], ...] = ()
    rolled_back: bool = True
    attempts: tuple[Attempt, ...] | None = None
    operations: tuple[OperationState, ...] | None = None
    before: Mapping[str, Any] | None = field(default_factory=instance)
    after: Mapping[str, Any] | None = field(default_factory=instance)
    error: Mapping[str, Any] | None = field(default_factory=lambda: {"status": 500, "detail": "new units are not well"})

    def _traffic(self, group: TrafficGroup) -> Packets:
        packets = super()._traffic(group)
        hit = (packets.version == 1) & (packets.user % 16 == 3)
        packets.received &= ~(hit & (packets.sent_s >= self.failing_s) & (packets.sent_s < self.switched_s))
        back = packets.sent_s >= self.switched_s
        packets.version[back] = 0
        packets.instance[back] = packets.user[back] & 1
        return packets

    def history(self) -> History:
        made = super().history()
        ended = self.ended_s if self.ended_s is not None else self.stopped_s
        told = {"body": {"operationState": "ROLLED_BACK", **({"error": self.error} if self.error else {})}}
        states = [
            state("STARTING", 10.1),
            state("PROCESSING", 10.3),
            state("FAILED_TEMP", self.failed_s),
            state("ROLLING_BACK", self.rollback_s + 0.1),
        ]
        if self.rolled_back:
            states += [state("ROLLED_BACK", ended), state("ROLLED_BACK", ended, source="notification", **told)]
        views = [
            (label, second, one)
            for label, second, one in (("before", 9.9, self.before), ("after", ended + 0.1, self.after))
            if one
        ]
        return replace(
            made,
            procedure="failing-upgrade",
            operations=tuple(states) if self.operations is None else self.operations,
            attempts=(attempt("rollback", self.rollback_s),) if self.attempts is None else self.attempts,
            snapshots=tuple(snapshot(label, second, document) for label, second, document in views),
        )


@dataclass
class RuleScene(PairScene):
    """An upgrade that is held with both versions in service, share 0, while rules are set.

    Attributes:
        rule_times: purpose, rules, when asked, when acknowledged, when in force for new users, until when.
    """

    shares: tuple[tuple[float, float], ...] = ()
    service_types: int = 2
    ended_s: float | None = 46.0
    stopped_s: float = 48.0
    long_until_s: float = 48.0
    states: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("STARTING", 10.1, {}),
        ("PROCESSING", 10.3, {}),
        ("FAILED_TEMP", 45.0, {}),
        ("ROLLING_BACK", 45.2, {}),
        ("ROLLED_BACK", 46.0, {}),
    )
    in_force_s: Mapping[str, float] = field(default_factory=lambda: {"user-group": 12.0, "service-type": 24.0})
    group_users: tuple[str, ...] = ("10.1.64.0/24", "10.1.66.0/24", "10.1.68.0/24", "10.1.70.0/24")
    effective_users: tuple[str, ...] | None = None
    effective_port: int = 5002
    churn_count: int = 50
    without_purposes: tuple[str, ...] = ()

    def rules_events(self) -> list[Event]:
        user_rules = [{"name": "g", "users": one, "service_port": None, "version": "2.0"} for one in self.group_users]
        port_rule = {"name": "s", "users": None, "service_port": 5002, "version": "2.0"}
        plan: list[tuple[str, list[dict[str, Any]], float]] = [
            ("user-group", user_rules, 12.0),
            ("clear", [], 22.0),
            ("service-type", [port_rule], 24.0),
            ("clear", [], 34.0),
        ]
        for number in range(self.churn_count):
            nobody = {"name": "n", "users": f"10.1.{250 + number % 2}.0/24", "service_port": None, "version": "2.0"}
            plan.append(("churn", [nobody], 36.0 + number * 0.12))
        plan.append(("clear", [], 43.0))
        return [
            event(second, "rules-set", purpose=purpose, rules=rules, asked_ns=at(second - 0.02), answered_ns=at(second))
            for purpose, rules, second in plan
            if purpose not in self.without_purposes
        ]

    def _goes_new(self, layout: Layout, user: np.ndarray, came_s: np.ndarray) -> np.ndarray:
        address, inside = user + layout.user_base, np.zeros(len(user), bool)
        for network in map(IPv4Network, self.effective_users or self.group_users):
            inside |= (address >= int(network.network_address)) & (address <= int(network.broadcast_address))
        chosen = inside & (came_s >= self.in_force_s["user-group"]) & (came_s < 21.99)
        by_port = layout.service_port == self.effective_port and layout.short_sessions
        return chosen | (by_port & (came_s >= self.in_force_s["service-type"]) & (came_s < 33.99))

    def history(self) -> History:
        made = super().history()
        events = sorted([*made.events, *self.rules_events()], key=lambda one: one.at_ns)
        return replace(made, procedure="selection-rules", events=tuple(events))


STAGES = (("1", 10.0), ("2", 14.0), ("3", 18.0), ("4", 22.0), ("upgrade", 26.0), ("downgrade", 30.0))
STAGE_S = 3.0


@dataclass
class StepScene(PairScene):
    """Four upgrades that are taken back, each after another step, one that is not, and a downgrade.

    Each stage lasts 3 s: requested 0.1 s after its beginning, cancelled at 1.5 s, rolled back from 1.8 s to 2.8 s.
    """

    stopped_s: float = 38.1
    long_until_s: float = 26.0
    ended_s: float | None = 33.0
    states: tuple[tuple[str, float, dict[str, Any]], ...] = ()
    stages: tuple[tuple[str, float], ...] = STAGES
    statuses: Mapping[tuple[str, str], int] = field(default_factory=dict)
    final_states: Mapping[str, str] = field(default_factory=dict)
    traffic_back_s: float = 2.0
    lcm_back_s: float = 2.8
    after: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def _goes_new(self, layout: Layout, user: np.ndarray, came_s: np.ndarray) -> np.ndarray:
        share = np.zeros(len(user))
        for step, begun in self.stages:
            value = {"1": 0.0, "2": 0.1, "3": 0.5, "4": 1.0}.get(step)
            if value is not None:
                inside = (came_s >= begun + 0.5) & (came_s < begun + self.traffic_back_s)
                share = np.where(inside, value, share)
            else:
                share = np.where(came_s >= begun + 0.5, 1.0 if step == "upgrade" else 0.0, share)
        return bucket(user) < np.round(share * 256)

    def history(self) -> History:
        made = super().history()
        events = [one for one in made.events if one.name not in {"request", "operation-ended", "tail"}]
        operations: list[OperationState] = []
        attempts: list[Attempt] = []
        snapshots: list[Snapshot] = []
        for step, begun in self.stages:
            op = f"op-{step}"
            events += [event(begun, "stage", step=step), event(begun + 0.1, "request", operation="x", step=step)]
            operations += [state("STARTING", begun + 0.3, op), state("PROCESSING", begun + 0.4, op)]
            final = self.final_states.get(step, "COMPLETED" if step not in "1234" else "ROLLED_BACK")
            if step in "1234":
                events.append(event(begun + 1.4, "step-reached", step=step, share=0.5, new_units=1))
                attempts += [
                    attempt(name, begun + second, self.statuses.get((step, name), 202), op)
                    for name, second in (("cancel", 1.5), ("rollback", 1.8))
                ]
                error = {"body": {"error": {"detail": "cancelled"}}}
                operations += [
                    state("FAILED_TEMP", begun + 1.7, op),
                    state("ROLLING_BACK", begun + 1.95, op),
                    state(final, begun + self.lcm_back_s, op),
                    state(final, begun + self.lcm_back_s, op, "notification", **error),
                ]
                snapshots += [
                    snapshot(f"before-step-{step}", begun + 0.05),
                    snapshot(f"after-step-{step}", begun + 2.9, self.after.get(step)),
                ]
            else:
                operations.append(state(final, begun + 2.8, op))
            events.append(event(begun + STAGE_S - 0.01, "operation-ended", operation_id=op, state=final))
            events.append(event(begun + STAGE_S, "stage-ended", step=step, state=final))
        return replace(
            made,
            procedure="rollback-at-every-step",
            events=tuple(sorted(events, key=lambda one: one.at_ns)),
            operations=tuple(operations),
            attempts=tuple(attempts),
            snapshots=tuple(snapshots),
        )
