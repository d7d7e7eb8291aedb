"""The table at the end of a run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hitless.applicability import Support
from hitless.report import words
from hitless.report.html import Outcome as HtmlOutcome
from hitless.results import RequirementResult, RunResult
from hitless.verdict import Outcome

PLAIN_WIDTH = 118
_STYLES = {
    Outcome.NONE: "dim",
    Outcome.PASS: "green",
    Outcome.INCONC: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
}


def print_result(result: RunResult, reports: Path, stream: TextIO, *, html: HtmlOutcome) -> None:
    """Print requirements, verdicts, sentences and figures, then where everything is.

    A terminal gets a table with colours, anything else plain lines that are easy to search.
    """
    if stream.isatty():
        _print_table(result, stream)
    else:
        stream.write("\n".join(["", *plain_lines(result)]) + "\n")
    stream.write("\n".join(["", *closing_lines(result, reports, html)]) + "\n")
    stream.flush()


def plain_lines(result: RunResult) -> list[str]:
    """Return the table as lines of text."""
    lines: list[str] = []
    for row in result.requirements.values():
        head = f"{row.requirement:<11} {row.label:<7} "
        lines += textwrap.wrap(_said(row), PLAIN_WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
        details = [f"figures: {figures_text(row.figures)}"] if row.figures else []
        details += [f"recording: {row.recording}"] if row.recording else []
        for detail in details:
            lines += textwrap.wrap(detail, PLAIN_WIDTH, initial_indent=" " * 20, subsequent_indent=" " * 22)
    return lines


def closing_lines(result: RunResult, reports: Path, html: HtmlOutcome) -> list[str]:
    """Return the overall verdict and where everything lies."""
    report = f"{html.path} (open it in a browser)" if html.path else f"not generated: {html.problem}"
    complete = "complete" if result.complete else "not complete: some requirements have no verdict"
    lacking = ", ".join(result.not_demonstrated)
    return [
        *(f"Error:    {error}" for error in result.errors),
        *(f"Limit:    {words.replaced_limit(limit)}" for limit in result.statement.replaced),
        *([f"Lacking:  mandatory and not demonstrated: {lacking}"] if lacking else []),
        f"Time:     {words.times(result)}",
        f"Verdict:  {result.outcome.name} ({complete}, exit code {int(result.exit_code)})",
        f"Report:   {report}",
        f"Details:  {reports / 'verdict.json'}, {reports / 'junit.xml'}",
    ]


def figures_text(figures: Mapping[str, float | int | str | None]) -> str:
    """Return figures as ``name value`` pairs, numbers with at most six significant digits."""
    return ", ".join(f"{name} {_number(value)}" for name, value in figures.items())


def _number(value: float | str | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _print_table(result: RunResult, stream: TextIO) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_lines=True, pad_edge=False)
    table.add_column("Requirement", no_wrap=True)
    table.add_column("Verdict", no_wrap=True)
    table.add_column("What was seen", ratio=3)
    table.add_column("Figures", ratio=2)
    for row in result.requirements.values():
        style = _STYLES[Outcome.INCONC if row.left_out_as is Support.NOT_DEMONSTRATED else row.outcome]
        table.add_row(row.requirement, Text(row.label, style=style), Text(_said(row)), Text(_figures_cell(row)))
    console = Console(file=stream)
    console.print(table)
    for row in result.requirements.values():
        if row.recording:
            console.print(Text(f"{row.requirement} recording: {row.recording}"), soft_wrap=True)


def _said(row: RequirementResult) -> str:
    """Return the sentence behind a verdict; where the verdict is that it was left out, the reason alone."""
    return row.ics.reason if row.ics is not None and row.left_out_as is not None and row.ics.reason else row.message


def _figures_cell(row: RequirementResult) -> str:
    return "\n".join(f"{name} {_number(value)}" for name, value in row.figures.items())
