"""Verdicts and how they combine.

The order is the one of TTCN-3 (ETSI ES 201 873-1), ``none < pass < inconc < fail < error``; across checks the worst
wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Outcome(IntEnum):
    """What can be said about a requirement; a larger value is worse."""

    NONE = 0
    PASS = 1
    INCONC = 2
    FAIL = 3
    ERROR = 4

    @staticmethod
    def worst(outcomes: Iterable[Outcome]) -> Outcome:
        """Return the worst of the outcomes, NONE when there is none."""
        return max(outcomes, default=Outcome.NONE)


@dataclass(frozen=True, slots=True)
class Check:
    """One observation held against one limit.

    Attributes:
        name: what was looked at, in a telecom engineer's words ("loss ratio").
        outcome: what it says.
        message: subject - problem - expected / actual with unit; for a PASS the resolution and the bound.
        reasons: codes of the reasons for an INCONC ("I1" to "I14"), empty otherwise.
    """

    name: str
    outcome: Outcome
    message: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one judge says about one requirement in one recording.

    Attributes:
        requirement: full id, such as ``RQ-CAP-01``.
        checks: every check that was made, in the order in which they are told.
        figures: numbers behind it; the key ends in the unit (``_pps``, ``_ms``, ``_ratio``, ``_count``).
        limits: the limits that were applied, by name.
        evidence: further data for the report (tables); plain JSON types.

    A judge that knows when a violation began tells it as figure or evidence ``first_violation_ns``, an instant of the
    tester's clock. For a FAIL the report shows the packets around it; without it, those around the first lost probe.
    """

    requirement: str
    checks: tuple[Check, ...]
    figures: Mapping[str, float | int | str | None] = field(default_factory=dict)
    limits: Mapping[str, float | int] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome:
        """The worst outcome of the checks; NONE without checks."""
        return Outcome.worst(check.outcome for check in self.checks)

    @property
    def message(self) -> str:
        """The sentences of the checks that decide: those with the worst outcome."""
        worst = self.outcome
        return "; ".join(check.message for check in self.checks if check.outcome is worst)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of all INCONC reasons, in order, each once."""
        return tuple(dict.fromkeys(code for check in self.checks for code in check.reasons))
