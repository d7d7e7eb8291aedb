"""Which sessions a selection rule concerns, and who served them while it was in force.

A rule is in force from its acknowledgement on; while it is being set, either way of serving is right. The server of a
session is the version whose mark its first marked packet carries.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.history import Event, Int16Array, Int64Array
from hitless.measures.hitless_flows import served_by
from hitless.measures.timelines import Timeline
from hitless.sessions import Layout

RULES_SET = "rules-set"
_ADDRESS_BITS = 32


class RuleError(ValueError):
    """A recorded rule cannot be understood."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which new sessions go to which version; a condition that is None holds for all.

    Attributes:
        first_user, last_user: addresses as numbers, both included.
        service_port: port of the service.
    """

    name: str
    first_user: int
    last_user: int
    service_port: int | None
    version: str

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Rule:
        """Read a rule as it was recorded.

        Raises:
            RuleError: it names no version, or its users are no prefix.
        """
        users, port, version = data.get("users"), data.get("service_port"), data.get("version")
        try:
            network = ipaddress.IPv4Network(str(users) if users is not None else "0.0.0.0/0")
        except ValueError as error:
            raise RuleError(f"rule {data.get('name')} - users - Expected: an IPv4 prefix, Actual: {users}") from error
        if not isinstance(version, str) or not (port is None or isinstance(port, int)):
            raise RuleError(f"rule {data.get('name')} - Expected: a version, and a port or none, Actual: {dict(data)}")
        first, last = int(network.network_address), int(network.broadcast_address)
        return cls(str(data.get("name", "")), first, last, port, version)

    def may_concern(self, layout: Layout) -> bool:
        """Tell whether any session of a layout can match."""
        apart = layout.user_base > self.last_user or layout.user_base + layout.user_count <= self.first_user
        return not apart and self.service_port in {None, layout.service_port}

    def matches(self, layout: Layout, users: Int64Array) -> NDArray[np.bool_]:
        """Tell which users, numbered within their layout, match."""
        address = users + layout.user_base
        inside: NDArray[np.bool_] = (address >= self.first_user) & (address <= self.last_user)
        return inside if self.service_port in {None, layout.service_port} else np.zeros(len(users), np.bool_)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that were in force together.

    Attributes:
        asked_ns, acknowledged_ns: when they were sent and answered.
        until_ns: when other rules were sent, or the end of what is known.
    """

    purpose: str
    rules: tuple[Rule, ...]
    asked_ns: int
    acknowledged_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True)
class Opened:
    """Sessions that were opened while rules were in force; one row per session.

    Attributes:
        opened_ns: when the opening packet was sent.
        session, user: unique over all groups.
        address: of the user.
        service_port: of their service.
        selected: whether a rule matches.
        expected: index of the version that the first matching rule names; the source version's without one.
        served: index of the version that served it, UNMARKED if none is known.
    """

    opened_ns: Int64Array
    session: Int64Array
    user: Int64Array
    address: Int64Array
    service_port: Int64Array
    selected: NDArray[np.bool_]
    expected: Int16Array
    served: Int16Array

    def __len__(self) -> int:
        return len(self.session)


def rule_sets(events: Sequence[Event], end_ns: int) -> tuple[RuleSet, ...]:
    """Return all rules that were set, in their order.

    Raises:
        RuleError: a rule cannot be understood.
    """
    found = sorted((event for event in events if event.name == RULES_SET), key=lambda event: event.at_ns)
    asked = [int(event.detail.get("asked_ns", event.at_ns)) for event in found]
    return tuple(
        RuleSet(
            purpose=str(event.detail.get("purpose", "")),
            rules=tuple(Rule.from_data(one) for one in event.detail.get("rules", ())),
            asked_ns=asked_ns,
            acknowledged_ns=int(event.detail.get("answered_ns", event.at_ns)),
            until_ns=until_ns,
        )
        for event, asked_ns, until_ns in zip(found, asked, [*asked, end_ns][1:], strict=True)
    )


def opened_under(streams: Sequence[Timeline], rules: RuleSet, versions: Sequence[str], margin_ns: int) -> Opened:
    """Collect the sessions that were opened from the acknowledgement of rules until others were sent.

    Args:
        streams: the probe streams; only those with short sessions open any meanwhile.
        rules: what was in force.
        versions: names of the versions, source first.
        margin_ns: sessions so shortly before other rules were sent are left out: they may have arrived after these.

    Raises:
        RuleError: a rule names a version that has no mark.
    """
    parts = [_opened(stream, rules, versions, margin_ns) for stream in streams if stream.layout.short_sessions]
    columns = list(zip(*parts, strict=True)) or [(np.zeros(0, np.int64),)] * 8
    joined = [np.concatenate(column) for column in columns]
    order = np.argsort(joined[0], kind="stable")
    sent, session, user, address, port, selected, expected, served = (column[order] for column in joined)
    return Opened(sent, session, user, address, port, selected.astype(np.bool_), expected, served)


def _opened(stream: Timeline, rules: RuleSet, versions: Sequence[str], margin_ns: int) -> tuple[NDArray[Any], ...]:
    inside = (stream.sent_ns >= rules.acknowledged_ns) & (stream.sent_ns < rules.until_ns - margin_ns)
    rows = np.flatnonzero((stream.layout.position(stream.numbers) == 0) & inside)
    users = stream.layout.user(rows)
    expected, selected = np.zeros(len(rows), np.int16), np.zeros(len(rows), np.bool_)
    for rule in rules.rules:
        if rule.version not in versions:
            raise RuleError(
                f"rule {rule.name} - version - Expected: one of {', '.join(versions)}, Actual: {rule.version}"
            )
        matching = rule.matches(stream.layout, users) & ~selected
        expected[matching] = versions.index(rule.version)
        selected |= matching
    return (
        stream.sent_ns[rows],
        stream.sessions[rows],
        stream.users[rows],
        users + stream.layout.user_base,
        np.full(len(rows), stream.layout.service_port, np.int64),
        selected,
        expected,
        served_by(stream)[rows],
    )
