"""The table at the end."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from hitless.report.html import Outcome as HtmlOutcome
from hitless.report.terminal import PLAIN_WIDTH, closing_lines, figures_text, plain_lines, print_result
from hitless.verdict import Outcome
from tests.report.verdicts import partly_applicable, run, scenario

REPORTS = Path("reports")
PAGE = HtmlOutcome(REPORTS / "report.html")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_gets_plain_lines_without_escape_codes():
    stream = io.StringIO()
    print_result(run(scenario(Outcome.FAIL)), REPORTS, stream, html=PAGE)
    text = stream.getvalue()
    assert "\x1b" not in text
    assert "\r" not in text
    assert "RQ-CAP-01   FAIL    service - fail - expected 0, actual 1 packet" in text
    assert "figures: loss_ratio 1e-06, lost_count 3" in text
    assert "recording: recordings/1" in text
    assert "Verdict:  FAIL (complete, exit code 1)" in text
    assert "Report:   reports/report.html" in text


def test_a_terminal_gets_a_table_with_the_same_content(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    print_result(run(scenario(Outcome.FAIL)), REPORTS, stream, html=PAGE)
    text = stream.getvalue()
    assert "\x1b[" in text
    for part in ("Requirement", "RQ-CAP-01", "FAIL", "lost_count 3", "recordings/1", "exit code 1"):
        assert part in text


def test_text_that_looks_like_markup_is_printed_as_it_is(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    print_result(run(scenario(error="[red]bad[/nothing]")), REPORTS, stream, html=PAGE)
    assert "[red]bad[/nothing]" in stream.getvalue()


def test_long_sentences_are_wrapped_below_each_other():
    lines = plain_lines(run(scenario(error="word " * 80)))
    assert len(lines) > 3
    assert all(len(line) <= PLAIN_WIDTH for line in lines)
    assert all(line.startswith(" " * 20) for line in lines[1:])


def test_a_requirement_that_was_not_selected_has_a_line():
    lines = plain_lines(run(scenario(Outcome.PASS), catalogue=("RQ-CAP-01", "RQ-TRF-01")))
    assert "RQ-TRF-01   NONE    not selected" in lines


@pytest.mark.parametrize(
    ("html", "line"),
    [
        (PAGE, "Report:   reports/report.html (open it in a browser)"),
        (HtmlOutcome(None, "no generator"), "Report:   not generated: no generator"),
    ],
)
def test_the_end_says_where_the_report_is_or_why_not(html, line):
    assert line in closing_lines(run(scenario(Outcome.PASS)), REPORTS, html)


def test_errors_of_the_run_and_gaps_are_told_at_the_end():
    lines = closing_lines(run(errors=("interrupted",), selected=()), REPORTS, PAGE)
    assert lines[0] == "Error:    interrupted"
    assert lines[1] == "Time:     no traffic, 12 s in all"
    assert "not complete" in lines[2]


def test_figures_are_short_and_what_is_unknown_is_said():
    assert figures_text({"a_ratio": 0.123456789, "b_count": 12345678, "c_ms": None, "d": "x"}) == (
        "a_ratio 0.123457, b_count 12345678, c_ms unknown, d x"
    )


def test_what_was_declared_away_is_named_in_the_table_and_at_the_end():
    result = partly_applicable()
    lines = plain_lines(result)
    assert "RQ-TRF-01   NOT DEMONSTRATED no mark" in lines
    assert "RQ-MAV-01   NOT APPLICABLE no hash" in lines
    end = closing_lines(result, REPORTS, PAGE)
    assert end[:4] == [
        "Limit:    RQ-CAP-01 loss_ratio <= 0.001 in place of 0.0001, by J. Doe: contract 12",
        "Lacking:  mandatory and not demonstrated: RQ-TRF-01",
        "Time:     10 s of traffic, 2 s beside it (overhead 25.0 %)",
        "Verdict:  INCONC (not complete: some requirements have no verdict, exit code 2)",
    ]


def test_the_table_of_a_terminal_names_it_too(monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    stream = Terminal()
    print_result(partly_applicable(), REPORTS, stream, html=PAGE)
    assert "NOT DEMONSTRATED" in stream.getvalue()
    assert "NOT APPLICABLE" in stream.getvalue()
