"""The evidence of a verdict as files for the report: sentence, tables, chart, and the data behind each."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hitless.history import History
from hitless.recording import RecordingError
from hitless.report.bands import bands
from hitless.report.chart import timeline_svg
from hitless.report.http_log import http_log
from hitless.report.packets import packets_around, violated_at_ns
from hitless.report.series import rates, zero_ns
from hitless.report.statistics import group_losses, port_losses
from hitless.report.verdict_file import plain, verdict_object
from hitless.results import Conclusion, ScenarioResult
from hitless.verdict import Outcome, Verdict

_MAX_TABLE_ROWS = 100
_STYLE = (
    "<style>body{font:14px sans-serif;margin:8px}table{border-collapse:collapse;margin:4px 0 16px}"
    "caption{text-align:left;font-weight:bold;padding:4px 0}td,th{border:1px solid #bbb;padding:3px 8px}"
    "th{background:#eee}td.n{text-align:right;font-variant-numeric:tabular-nums}</style>"
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of the report; ``kind`` is its extension."""

    name: str
    kind: str
    content: str | bytes

    @property
    def digest(self) -> str:
        """By which equal contents are known."""
        content = self.content.encode() if isinstance(self.content, str) else self.content
        return hashlib.sha256(content).hexdigest()


def pictures_of(history: History) -> tuple[Attachment, ...]:
    """Return what is the same for all verdicts on a recording: the chart and what it was drawn from."""
    return (
        Attachment("Timeline", "svg", timeline_svg(history)),
        Attachment("Timeline data", "json", timeline_json(history)),
    )


def attachments_of(
    conclusion: Conclusion, history: History | None, pictures: Sequence[Attachment] | None = None
) -> list[Attachment]:
    """Return everything that supports a verdict, the picture first.

    Args:
        conclusion: the verdict and the recording.
        history: what the recording holds, None if there is none.
        pictures: from ``pictures_of``, if they have been drawn already.
    """
    verdict = conclusion.verdict
    if history is not None and pictures is None:
        pictures = pictures_of(history)
    shared = pictures or ()
    found = [each for each in shared if each.kind == "svg"]
    found.append(Attachment("Verdict", "txt", verdict_text(verdict, conclusion.recording)))
    found.append(Attachment("Statistics", "html", statistics_html(verdict, history)))
    data = {**verdict_object(verdict), "evidence": plain(verdict.evidence), "recording": conclusion.recording}
    if history is not None:
        data["groups"] = [asdict(row) for row in group_losses(history)]
        data["ports"] = [asdict(row) for row in port_losses(history)]
        found += failure_evidence(conclusion, history)
    found += [each for each in shared if each.kind != "svg"]
    found.append(Attachment("Verdict data", "json", json.dumps(data, indent=1)))
    return found


def failure_evidence(conclusion: Conclusion, history: History) -> list[Attachment]:
    """Return, for a FAIL, the packets around the violation and the HTTP log; what cannot be had is told.

    Args:
        conclusion: the verdict, and the folder that these are read from.
        history: what the recording holds.
    """
    if conclusion.verdict.outcome is not Outcome.FAIL or conclusion.recording is None:
        return []
    folder = Path(conclusion.recording)
    found: list[Attachment] = []
    for read in (_packets, _http_log):
        try:
            found += read(conclusion.verdict, history, folder)
        except (RecordingError, OSError, ValueError) as error:
            found.append(Attachment("Evidence that could not be read", "txt", str(error)))
    return found


def _http_log(_: Verdict, history: History, folder: Path) -> list[Attachment]:
    return [Attachment("HTTP log", "txt", http_log(folder, zero_ns(history)))]


def _packets(verdict: Verdict, history: History, folder: Path) -> list[Attachment]:
    at_ns = violated_at_ns(verdict, history)
    packets = None if at_ns is None else packets_around(folder, at_ns)
    if at_ns is None or packets is None:
        return []
    at_s = (at_ns - zero_ns(history)) / 1e9
    return [Attachment(f"Packets around the first violation, {at_s:+.3f} s from the request", "pcap", packets)]


def verdict_text(verdict: Verdict, recording: str | None) -> str:
    """Return outcome, sentence, checks, figures and limits as text."""
    lines = [f"{verdict.requirement} {verdict.outcome.name}", verdict.message, "", "Checks:"]
    lines += [_check_line(check.outcome.name, check.name, check.message, check.reasons) for check in verdict.checks]
    lines += ["", "Figures:", *(f"  {name} = {value}" for name, value in plain(verdict.figures).items())]
    lines += ["", "Limits:", *(f"  {name} = {value}" for name, value in plain(verdict.limits).items())]
    return "\n".join([*lines, "", f"Recording: {recording or 'none'}", ""])


def checks_text(scenario: ScenarioResult) -> str:
    """Return every check of every verdict of a scenario, one a line."""
    return "\n".join(
        f"{conclusion.verdict.requirement}{_check_line(check.outcome.name, check.name, check.message, check.reasons)}"
        for conclusion in scenario.conclusions
        for check in conclusion.verdict.checks
    )


def statistics_html(verdict: Verdict, history: History | None) -> str:
    """Return loss statistics, figures beside limits, and the tables among the verdict's evidence."""
    parts: list[str] = []
    if history is not None:
        parts.append(_table("Loss per traffic group, whole recording", [asdict(row) for row in group_losses(history)]))
        parts.append(
            _table("Lost by the tester itself, whole recording", [asdict(row) for row in port_losses(history)])
        )
    parts.append(
        _table("Figures", [{"figure": name, "value": value} for name, value in plain(verdict.figures).items()])
    )
    parts.append(_table("Limits", [{"limit": name, "value": value} for name, value in plain(verdict.limits).items()]))
    evidence = plain(verdict.evidence)
    parts += [_table(name.replace("_", " ").capitalize(), rows) for name, rows in evidence.items() if _is_table(rows)]
    return f"<!doctype html><meta charset='utf-8'>{_STYLE}{''.join(parts)}"


def timeline_json(history: History) -> str:
    """Return what the chart was drawn from."""
    beside = bands(history)
    over_time = {name: _rounded(value) for name, value in asdict(rates(history)).items()}
    return json.dumps(
        {"versions": list(history.versions), "rates": over_time, "bands": plain(asdict(beside))}, indent=None
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_rounded(each) for each in value]
    return plain(value.round(3))


def _check_line(outcome: str, name: str, message: str, reasons: Sequence[str]) -> str:
    return f"  {outcome:<6} {name}: {message}{' [' + ', '.join(reasons) + ']' if reasons else ''}"


def _is_table(rows: Any) -> bool:
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, Mapping) for row in rows)


def _table(caption: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in columns)
    body = "".join(f"<tr>{_cells(row.get(name) for name in columns)}</tr>" for row in rows[:_MAX_TABLE_ROWS])
    more = f"<p>{len(rows) - _MAX_TABLE_ROWS} more rows in Verdict data</p>" if len(rows) > _MAX_TABLE_ROWS else ""
    return f"<table><caption>{html.escape(caption)}</caption><tr>{head}</tr>{body}</table>{more}"


def _cells(values: Iterable[Any]) -> str:
    return "".join(f"<td{' class=n' if isinstance(value, int | float) else ''}>{_cell(value)}</td>" for value in values)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}".replace(",", "&#8239;") if isinstance(value, int) else html.escape(str(value))
