"""``verdict.json``: the result of a run for machines.

Outcomes are written as ``none``, ``pass``, ``inconc``, ``fail`` and ``error``.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hitless.applicability import Answer
from hitless.results import RequirementResult, RunResult, ScenarioResult
from hitless.verdict import Check, Outcome, Verdict

SCHEMA_VERSION = 1
"""Keys may be added without a new version; readers ignore what they do not know."""


def outcome_name(outcome: Outcome) -> str:
    """Return how files spell an outcome."""
    return outcome.name.lower()


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as plain JSON types; two equal verdicts give equal objects."""
    return {
        "requirement": verdict.requirement,
        "verdict": outcome_name(verdict.outcome),
        "message": verdict.message,
        "reasons": list(verdict.reasons),
        "figures": plain(verdict.figures),
        "limits": plain(verdict.limits),
        "checks": [_check_object(check) for check in verdict.checks],
    }


def run_object(result: RunResult) -> dict[str, Any]:
    """Return the content of ``verdict.json``."""
    info = result.info
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": outcome_name(result.outcome),
        "complete": result.complete,
        "exit_code": int(result.exit_code),
        "started_utc": info.started_utc,
        "duration_s": round(result.duration_s, 3),
        "profile": info.profile,
        "sut": plain(info.sut),
        "tester": {"name": "hitless", "version": info.tester_version},
        "environment": dict(info.environment),
        "errors": list(result.errors),
        "figures": plain(result.figures),
        "sign_off": result.statement.sign_off,
        "not_demonstrated": list(result.not_demonstrated),
        "replaced_limits": [asdict(limit) for limit in result.statement.replaced],
        "requirements": {name: _requirement_object(row) for name, row in result.requirements.items()},
    }


def write_verdict(result: RunResult, reports: Path) -> Path:
    """Write ``verdict.json``; a reader never sees half a file."""
    return write_whole(reports / "verdict.json", json.dumps(run_object(result), indent=2, allow_nan=False) + "\n")


def write_whole(path: Path, text: str) -> Path:
    """Write a file under another name and rename it."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)  # noqa: PTH105 - says that an existing file is replaced
    return path


def plain(value: Any) -> Any:
    """Return a value in plain JSON types: numpy scalars as numbers, what is not finite as null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


def _requirement_object(row: RequirementResult) -> dict[str, Any]:
    return {
        "verdict": outcome_name(row.outcome),
        "selected": row.selected,
        "ics": None if row.ics is None else _ics_object(row.ics),
        "message": row.message,
        "reasons": list(row.reasons),
        "figures": plain(row.figures),
        "limits": plain(row.limits),
        "checks": [_check_object(check) for check in row.checks],
        "scenarios": [_scenario_object(scenario, row.requirement) for scenario in row.scenarios],
        "recording": row.recording,
    }


def _ics_object(answer: Answer) -> dict[str, Any]:
    return {"status": answer.status, "support": answer.support.value, "reason": answer.reason or answer.restriction}


def _check_object(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "verdict": outcome_name(check.outcome),
        "message": check.message,
        "reasons": list(check.reasons),
    }


def _scenario_object(scenario: ScenarioResult, requirement: str) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "feature": scenario.feature,
        "node_id": scenario.node_id,
        "verdict": outcome_name(scenario.outcome_for(requirement)),
        "message": scenario.message,
        "duration_s": round(scenario.duration_s, 3),
        "first_attempts": [
            {
                "requirement": each.verdict.requirement,
                "verdict": outcome_name(each.verdict.outcome),
                "message": each.verdict.message,
                "reasons": list(each.verdict.reasons),
                "recording": each.recording,
            }
            for each in scenario.first_attempts
        ],
    }
