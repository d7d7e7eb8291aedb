"""What was said over HTTP in a recording, as people read it: one exchange after the other, bodies cut."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hitless.recording.manifest import HTTP
from hitless.redaction import Redactor

_BODY_CHARACTERS = 1_200
_LOG_CHARACTERS = 160_000
_INDENT = " " * 12


@dataclass(slots=True)
class _Entry:
    """An exchange as it is shown, and how often the same question got the same answer after it."""

    text: str
    answer: tuple[Any, ...]
    repeated: int = 0
    until_s: float = field(default=0.0)

    def lines(self) -> str:
        again = f"\n{_INDENT}the same {self.repeated} more times until {self.until_s:+.3f}" if self.repeated else ""
        return f"{self.text}{again}"


def http_log(folder: Path, zero_ns: int) -> str:
    """Return the HTTP log of a recording as text.

    Args:
        folder: the recording; its log is redacted already, and is once more here.
        zero_ns: the instant that times count from, on the tester's clock.

    Raises:
        OSError: the log cannot be read.
    """
    head = (
        "Seconds since the request of the upgrade; '<-' is a request that the tester received. A question that gets the"
        f" same answer again is only counted. Bodies are cut at {_BODY_CHARACTERS} characters; all is in {HTTP}.\n"
    )
    entries = [entry.lines() for entry in _entries(_exchanges(folder / HTTP), zero_ns)]
    return "\n".join([head, *_cut_in_the_middle(entries), ""])


def _exchanges(path: Path) -> Iterator[Mapping[str, Any]]:
    redactor = Redactor()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            exchange = json.loads(line)
        except ValueError:  # the last line of a recording that was cut off
            continue
        if isinstance(exchange, dict):
            yield redactor.data(exchange)


def _entries(exchanges: Iterable[Mapping[str, Any]], zero_ns: int) -> list[_Entry]:
    entries: list[_Entry] = []
    latest: dict[tuple[Any, ...], _Entry] = {}
    for exchange in exchanges:
        asked_s = (int(exchange.get("asked_ns", zero_ns)) - zero_ns) / 1e9
        question = (exchange.get("method"), exchange.get("url"), exchange.get("direction"))
        answer = (exchange.get("status"), exchange.get("error"), exchange.get("response_body"))
        before = latest.get(question)
        if before is not None and exchange.get("method") == "GET" and before.answer == answer:
            before.repeated += 1
            before.until_s = asked_s
            continue
        entry = _Entry(_text(exchange, asked_s), answer)
        latest[question] = entry
        entries.append(entry)
    return entries


def _text(exchange: Mapping[str, Any], asked_s: float) -> str:
    arrow = "<-" if exchange.get("direction") == "in" else "->"
    lines = [f"{asked_s:+11.3f} {arrow} {exchange.get('method')} {exchange.get('url')}"]
    lines += _body(exchange.get("request_body"))
    took_ms = (int(exchange.get("answered_ns", 0)) - int(exchange.get("asked_ns", 0))) / 1e6
    outcome = exchange.get("status", "no answer")
    headers = exchange.get("response_headers") or {}
    location = next((f", Location: {value}" for name, value in headers.items() if name.lower() == "location"), "")
    trouble = f": {exchange['error']}" if exchange.get("error") else ""
    lines.append(f"{_INDENT}{outcome} after {took_ms:.1f} ms{location}{trouble}")
    lines += _body(exchange.get("response_body"))
    return "\n".join(lines)


def _body(body: Any) -> list[str]:
    if body in (None, "", [], {}):
        return []
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    cut = f"{text[:_BODY_CHARACTERS]}... ({len(text)} characters)" if len(text) > _BODY_CHARACTERS else text
    return [f"{_INDENT}{' '.join(cut.split())}"]


def _cut_in_the_middle(entries: list[str]) -> list[str]:
    """Keep the first and the last part of a log that is too long: what was asked for, and how it ended."""
    if sum(map(len, entries)) <= _LOG_CHARACTERS:
        return entries
    first = _as_many_as_fit(entries)
    last = _as_many_as_fit(entries[len(first) :][::-1])[::-1]
    return [*first, f"{_INDENT}... {len(entries) - len(first) - len(last)} exchanges left out ...", *last]


def _as_many_as_fit(entries: list[str]) -> list[str]:
    kept: list[str] = []
    room = _LOG_CHARACTERS // 2
    for entry in entries:
        room -= len(entry)
        if room < 0:
            break
        kept.append(entry)
    return kept
