"""Selection rules as consumers name them, by software version, and what they mean in units."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from lab.decider.selections import MAX_SELECTIONS, NamedSelection, parse_port, parse_users
from lab.rest import Call, Refusal


@dataclass(frozen=True)
class Rule:
    """New sessions that match go to units of one version.

    Attributes:
        name: What its author calls it.
        users: Addresses of users, as a prefix; None: everybody.
        service_port: UDP port of the service; None: every service.
        version: Software version of the units.
    """

    name: str
    users: ipaddress.IPv4Network | None
    service_port: int | None
    version: str

    def as_json(self) -> dict[str, Any]:
        """As the REST interface has it."""
        users = None if self.users is None else str(self.users)
        return {"name": self.name, "users": users, "service_port": self.service_port, "version": self.version}


def parse_rules(call: Call) -> tuple[Rule, ...]:
    """The rules of a request's body.

    Raises:
        Refusal: 400, the body is not of the right form, a name comes twice or there are too many.
    """
    rules = tuple(_rule(entry) for entry in call.field("rules", list))
    names = [rule.name for rule in rules]
    if len(set(names)) != len(names):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"rules - name - Expected: each once - Actual: {names}")
    if len(rules) > MAX_SELECTIONS:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"rules - Expected: at most {MAX_SELECTIONS} - Actual: {len(rules)}")
    return rules


def _rule(entry: Any) -> Rule:
    part = Call(body=entry)
    name, version = part.field("name", str), part.field("version", str)
    return Rule(name, parse_users(entry.get("users")), parse_port(entry.get("service_port")), version)


def resolve(rules: Sequence[Rule], units: Mapping[str, Sequence[str]]) -> tuple[NamedSelection, ...]:
    """The rules in units, given the units of each version; a rule whose version has none selects nobody."""
    return tuple(
        NamedSelection(rule.users, rule.service_port, tuple(units[rule.version]))
        for rule in rules
        if units.get(rule.version)
    )
