"""``hitless list``: the requirements."""

from __future__ import annotations

import argparse

from hitless.catalogue import Catalogue, Limit, Requirement, load_catalogue
from hitless.results import ExitCode

_STATUS = {"M": "mandatory", "C": "conditional", "O": "optional"}
_SOURCES = {
    "S": "the published slides on software upgrade",
    "V": "verified against machine-readable standard text",
    "V2": "a public document that restates the standard",
    "U": "unverified",
}


def show(options: argparse.Namespace) -> int:
    """Print each requirement with source, limits, reasons and the defects that prove its check."""
    catalogue = load_catalogue()
    profile = catalogue.profile(options.profile)
    print(
        f"profile {options.profile}: lead-in {profile.lead_in_s:g} s, baseline {profile.baseline_s:g} s, tail "
        f"{profile.tail_s:g} s{'' if profile.sign_off else '; not for sign-off'}"
    )
    print("limits are defaults with a reason, not a standard's; sut.yaml may replace them\n")
    print("\n\n".join(_text(row, options.profile) for row in _rows(catalogue)))
    return int(ExitCode.PASS)


def _rows(catalogue: Catalogue) -> tuple[Requirement, ...]:
    return tuple(sorted(catalogue.requirements, key=lambda row: row.id))


def _text(row: Requirement, profile: str) -> str:
    defects = row.defects
    condition = f", {row.condition}" if row.condition else ""
    lines = [
        f"{row.id}  {row.title}",
        f"  {_STATUS[row.status]}{condition}, priority {row.priority}, source: {_SOURCES[row.source]}",
        f"  {row.statement}",
        f"  observed by: {row.observation}",
        *(_limit(limit, profile) for limit in row.limits),
        f"  defects that must fail it: {', '.join((*defects.just_over, *defects.negative_control)) or 'none'}",
        f"  just within the limit:     {', '.join(defects.just_under) or 'none'}",
    ]
    return "\n".join(lines)


def _limit(limit: Limit, profile: str) -> str:
    value = next(value for name, value in limit.values.items() if name == profile)
    return f"  limit: {limit.name} {limit.comparison} {value:g} ({limit.reason})"
