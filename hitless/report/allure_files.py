"""What stands beside the single results in allure-results: environment, categories, and results for what never ran."""

from __future__ import annotations

import hashlib
import json
import platform
import uuid
from pathlib import Path
from typing import Any

from hitless.applicability import Answer, Support
from hitless.report import words
from hitless.report.verdict_file import write_whole
from hitless.results import RunResult
from hitless.verdict import Outcome

CATEGORIES = (
    {"name": "Failed requirement", "matchedStatuses": ["failed"]},
    {"name": "Inconclusive", "matchedStatuses": ["broken"], "messageRegex": r"INCONC[\s\S]*"},
    {"name": "Tester error", "matchedStatuses": ["broken"], "messageRegex": r"ERROR[\s\S]*"},
    {
        "name": "Not demonstrated, though mandatory",
        "matchedStatuses": ["skipped"],
        "messageRegex": r"NONE: not demonstrated[\s\S]*",
    },
    {
        "name": "Not applicable",
        "matchedStatuses": ["skipped"],
        "messageRegex": r"(?!NONE: not demonstrated)[\s\S]*",
    },
)


def complete(result: RunResult, folder: Path) -> None:
    """Write what allure-pytest does not: environment, categories and what would otherwise be silently absent."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "environment.properties", environment_properties(result))
    write_whole(folder / "categories.json", json.dumps(CATEGORIES, indent=2) + "\n")
    for name, message in _never_ran(result):
        placeholder = _placeholder(name, message)
        write_whole(folder / f"{placeholder['uuid']}-result.json", json.dumps(placeholder, ensure_ascii=False))
    remove_empty_containers(folder)


def environment_properties(result: RunResult) -> str:
    """Return what the report's first page shows about the run, as Java properties.

    The page shows the first five at once and all of them on request: what qualifies the verdict comes first, the
    answers of the ICS one by one come last.
    """
    info = result.info
    complete = "complete" if result.complete else "not complete: some requirements have no verdict"
    rows = {
        "Verdict": f"{result.outcome.name}, {complete}; profile {words.profile(result)}; Hitless {info.tester_version}",
        "NOT DEMONSTRATED": words.left_out(result, Support.NOT_DEMONSTRATED),
        "Not applicable": words.left_out(result, Support.NOT_APPLICABLE),
        "Replaced limits": words.replaced_limits(result),
        "Time": words.times(result),
        **{f"SUT {name}": str(value) for name, value in sorted(info.sut.items(), reverse=True)},
        "Started": info.started_utc,
        **info.environment,
        "Python": platform.python_version(),
        **{f"ICS {name} ({answer.status})": _answer(answer) for name, answer in result.statement.answers.items()},
    }
    return "".join(f"{_key(name)}={_value(value)}\n" for name, value in rows.items())


def _answer(answer: Answer) -> str:
    if answer.support is Support.APPLICABLE:
        return " ".join(filter(None, [answer.support.value, answer.restriction]))
    return f"{answer.support.value.upper()}: {answer.reason}"


def remove_empty_containers(folder: Path) -> None:
    """Delete set-up records in which nothing is left to show."""
    for path in folder.glob("*-container.json"):
        container = json.loads(path.read_text(encoding="utf-8"))
        if not container.get("befores") and not container.get("afters"):
            path.unlink()


def _never_ran(result: RunResult) -> list[tuple[str, str]]:
    errors = [(f"Run error {number}", error) for number, error in enumerate(result.errors, start=1)]
    rows = [row for row in result.requirements.values() if row.outcome is Outcome.ERROR and not row.scenarios]
    unstarted = [scenario for scenario in result.scenarios if not scenario.phases]
    return [
        *errors,
        *((f"{row.requirement}: no scenario", row.message) for row in rows),
        *((scenario.name, f"{scenario.node_id} - was never started") for scenario in unstarted),
    ]


def _placeholder(name: str, message: str) -> dict[str, Any]:
    return {
        "uuid": str(uuid.uuid4()),
        "name": name,
        "fullName": name,
        "historyId": hashlib.sha256(name.encode()).hexdigest()[:32],
        "status": "broken",
        "statusDetails": {"message": f"ERROR: {message}"},
        "stage": "finished",
        "labels": [{"name": "suite", "value": "Not run"}, {"name": "feature", "value": "Not run"}],
    }


def _key(name: str) -> str:
    return "".join("\\" + character if character in " :=#!\\" else character for character in name)


def _value(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", " ").replace("\r", " ")
