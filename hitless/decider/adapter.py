"""What the tester asks of a traffic decider, whoever answers.

The contract: all rules are replaced at once. When the call returns they are in force for every session that begins
from then on: a session that matches a rule goes to the software version that it names, the first rule that matches
counts, and sessions that match none go as they would without rules. Sessions that exist stay where they are.

As a document: ``{"rules": [{"name": "g", "users": "10.1.64.0/22" or null, "service_port": 5002 or null,
"version": "2.0"}]}``; ``users`` is an IPv4 prefix of the users' addresses, ``service_port`` the service's UDP port.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class DeciderError(Exception):
    """The rules could not be set: subject, problem, expected and actual."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who goes to which version.

    Attributes:
        name: for people.
        users: IPv4 prefix of user addresses; None for all users.
        service_port: UDP port of the service; None for all services.
        version: software version that serves them.
    """

    name: str
    users: str | None
    service_port: int | None
    version: str

    def as_data(self) -> dict[str, Any]:
        """Return the rule as plain data, as the contract has it."""
        return {"name": self.name, "users": self.users, "service_port": self.service_port, "version": self.version}

    def __str__(self) -> str:
        who = f"users {self.users}" if self.users else "all users"
        what = f" on service port {self.service_port}" if self.service_port else ""
        return f"{who}{what} to version {self.version}"


def document(rules: Sequence[Rule]) -> dict[str, Any]:
    """Return the document that replaces all rules by these."""
    return {"rules": [rule.as_data() for rule in rules]}


class Decider(Protocol):
    """Somebody who can set the rules."""

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace all rules; they are in force when this returns.

        Raises:
            DeciderError: they are not in force, or it is not known.
        """
