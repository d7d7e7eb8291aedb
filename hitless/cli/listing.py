"""``hitless list``: the requirements."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable

from hitless.applicability import Statement, Support, statement
from hitless.catalogue import Catalogue, Limit, Profile, Requirement, load_catalogue
from hitless.results import ExitCode
from hitless.sut import DeclarationError, load

_WIDTH = 118
_STATUS = {"M": "mandatory", "C": "conditional", "O": "optional"}
_SOURCES = {
    "S": "the published slides on software upgrade",
    "V": "verified against machine-readable standard text",
    "V2": "a public document that restates the standard",
    "U": "unverified",
}


def show(options: argparse.Namespace) -> int:
    """Print a line for each requirement; in full its source, limits, reasons and the defects that prove its check.

    With a declaration also whether it can be judged on that system under test, and why not.

    Raises:
        CatalogueError: a requirement was named that there is not.
    """
    catalogue = load_catalogue()
    rows = [catalogue.requirement(name) for name in options.ids] or _rows(catalogue)
    profile = catalogue.profile(options.profile)
    said: Statement | None = None
    if options.sut is not None:
        try:
            said = statement(load(options.sut), catalogue, options.profile)
        except DeclarationError as error:
            print(error, file=sys.stderr)
            return int(ExitCode.USAGE)
    if options.ids or options.full:
        _print_in_full(rows, options.profile, profile, said)
    else:
        print("\n".join(_line(row, said) for row in rows))
        print("\nin full: hitless list RQ-..., or --full for all; as feature files: features/")
    if said is not None:
        print(f"\n{_summary(said)}")
    return int(ExitCode.PASS)


def _print_in_full(rows: Iterable[Requirement], name: str, profile: Profile, said: Statement | None) -> None:
    print(
        f"profile {name}: lead-in {profile.lead_in_s:g} s, baseline {profile.baseline_s:g} s, tail "
        f"{profile.tail_s:g} s{'' if profile.sign_off else '; not for sign-off'}"
    )
    print("limits are defaults with a reason, not a standard's; sut.yaml may replace them\n")
    print("\n\n".join(_text(row, name, said) for row in rows))


def _line(row: Requirement, said: Statement | None) -> str:
    """Return a requirement on one line; where it does not apply, with the reason below."""
    text = f"{row.id}  {row.status}  {row.title}"
    if said is None or said.answers[row.id].support is Support.APPLICABLE:
        return text
    return f"{text}\n{_wrapped(_answer(row, said), '              ')}"


def _wrapped(text: str, indent: str = "  ") -> str:
    """Return a sentence over as many lines as it needs, indented; words such as names of defects stay whole."""
    return textwrap.fill(
        text.strip(), _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False
    )


def _rows(catalogue: Catalogue) -> tuple[Requirement, ...]:
    return tuple(sorted(catalogue.requirements, key=lambda row: row.id))


def _summary(said: Statement) -> str:
    """Return how many requirements apply, and which do not."""
    lines = [f"{sum(one.support is Support.APPLICABLE for one in said.answers.values())} of {len(said.answers)} apply"]
    for support in (Support.NOT_DEMONSTRATED, Support.NOT_APPLICABLE):
        names = sorted(one.requirement for one in said.answers.values() if one.support is support)
        lines += [f"{support.value}: {', '.join(names)}"] if names else []
    if any(one.support is Support.NOT_DEMONSTRATED for one in said.answers.values()):
        lines.append("what is mandatory and not demonstrated keeps a run from passing as a whole")
    return "\n".join(lines)


def _answer(row: Requirement, said: Statement) -> str:
    answer = said.answers[row.id]
    restriction = f", {answer.restriction}" if answer.restriction else ""
    return f"  {answer.support.value.upper()}{f': {answer.reason}' if answer.reason else restriction}"


def _text(row: Requirement, profile: str, said: Statement | None) -> str:
    defects = row.defects
    condition = f", {row.condition}" if row.condition else ""
    lines = [
        f"{row.id}  {row.title}",
        *([] if said is None else [_answer(row, said)]),
        f"  {row.status} = {_STATUS[row.status]}{condition}, priority {row.priority}, source: {_SOURCES[row.source]}",
        f"  {row.statement}",
        f"  observed by: {row.observation}",
        *(_limit(limit, profile) for limit in row.limits),
        f"  defects that must fail it: {', '.join((*defects.just_over, *defects.negative_control)) or 'none'}",
        f"  just within the limit:     {', '.join(defects.just_under) or 'none'}",
    ]
    return "\n".join([lines[0], *(_wrapped(line) for line in lines[1:])])


def _limit(limit: Limit, profile: str) -> str:
    value = next(value for name, value in limit.values.items() if name == profile)
    shown = f"broken by {limit.broken_by}" if limit.broken_by else "a sample size: INCONC where it is not reached"
    return f"  limit: {limit.name} {limit.comparison} {value:g} ({limit.reason}); {shown}"
