"""How tests of judges look at verdicts."""

from __future__ import annotations

from hitless.catalogue import load_catalogue
from hitless.history import History
from hitless.judges import JUDGES
from hitless.limits import applied_limits
from hitless.verdict import Check, Verdict

_CATALOGUE = load_catalogue()


def judged(requirement: str, history: History, profile: str = "quick", **limits: float) -> Verdict:
    """Judge by the catalogue's limits, some of them replaced."""
    numbers = applied_limits(_CATALOGUE, requirement, profile).numbers
    return JUDGES[requirement](history, {**numbers, **limits})


def check(verdict: Verdict, name: str) -> Check:
    """Return the check of that name."""
    return next(one for one in verdict.checks if one.name == name)


def outcomes(verdict: Verdict) -> dict[str, str]:
    """Return the checks that do not pass."""
    return {one.name: one.outcome.name for one in verdict.checks if one.outcome.name != "PASS"}
