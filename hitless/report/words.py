"""Sentences about a run as a whole, the same in the terminal and on the first page of the report."""

from __future__ import annotations

from hitless.applicability import ReplacedLimit, Support
from hitless.results import RunResult


def replaced_limit(limit: ReplacedLimit) -> str:
    """Return which limit was replaced, by what, by whom and why."""
    return (
        f"{limit.requirement} {limit.name} {limit.comparison} {limit.value:g} in place of {limit.catalogue_value:g},"
        f" by {limit.by}: {limit.why}"
    )


def replaced_limits(result: RunResult) -> str:
    """Return all limits that were replaced in one line."""
    return "; ".join(map(replaced_limit, result.statement.replaced)) or "none: all as in the catalogue"


def times(result: RunResult) -> str:
    """Return how much of the run was traffic, and the overhead."""
    figures = result.figures
    overhead = figures["overhead_ratio"]
    if overhead is None:
        return f"no traffic, {result.duration_s:.0f} s in all"
    return (
        f"{figures['traffic_time_s']:.0f} s of traffic, {figures['beside_traffic_s']:.0f} s beside it"
        f" (overhead {overhead:.1%})".replace("%", " %")
    )


def left_out(result: RunResult, support: Support) -> str:
    """Return the requirements that the declaration takes away in this manner, each with its reason."""
    rows = (row for row in result.requirements.values() if row.left_out_as is support and row.ics is not None)
    return "; ".join(f"{row.requirement}: {row.ics.reason}" for row in rows if row.ics is not None) or "none"


def profile(result: RunResult) -> str:
    """Return the profile, and whether a decision may rest on it."""
    return f"{result.info.profile}{'' if result.statement.sign_off else ', not for sign-off'}"
