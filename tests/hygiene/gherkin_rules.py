"""What must hold for the feature files and the vocabulary of steps; returns sentences, one per violation."""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gherkin.parser import Parser

STEP_FIXTURE_PREFIX = "pytestbdd_stepdef_"


@dataclass(frozen=True)
class StepDefinition:
    """A step of the vocabulary: its kind (given, when, then) and the parser that matches a line."""

    kind: str
    parser: Any
    where: str

    def matches(self, kind: str, text: str) -> bool:
        return self.kind in (kind, None) and bool(self.parser.is_matching(text))


@dataclass(frozen=True)
class StepLine:
    """A line of a scenario; ``kind`` is what ``And`` and ``But`` stand for."""

    kind: str
    text: str
    where: str


@dataclass(frozen=True)
class Scenario:
    name: str
    tags: frozenset[str]
    lines: tuple[StepLine, ...]
    example_rows: tuple[int, ...]
    is_outline: bool
    where: str


def vocabulary(modules: Iterable[types.ModuleType]) -> list[StepDefinition]:
    """Return the steps that the modules define."""
    found = []
    for module in modules:
        for name, value in vars(module).items():
            if name.startswith(STEP_FIXTURE_PREFIX):
                context = value._get_wrapped_function()()
                found.append(StepDefinition(context.type, context.parser, f"{module.__name__}: {context.parser.name}"))
    return found


def scenarios(folder: Path) -> list[Scenario]:
    """Return every scenario below the folder, tags of its feature and rule included."""
    found: list[Scenario] = []
    for path in sorted(folder.rglob("*.feature")):
        feature = Parser().parse(path.read_text(encoding="utf-8")).get("feature")
        if feature is not None:
            found.extend(_scenarios_of(feature, frozenset(), (), path))
    return found


def violations(all_scenarios: list[Scenario], steps: list[StepDefinition], requirements: set[str]) -> list[str]:
    """Return what is wrong, one sentence each; empty when all rules hold."""
    return [
        *_structure(all_scenarios, requirements),
        *_matching(all_scenarios, steps),
        *_duplicates(all_scenarios),
    ]


def _structure(all_scenarios: list[Scenario], requirements: set[str]) -> Iterator[str]:
    for scenario in all_scenarios:
        if not any(line.kind == "then" for line in scenario.lines):
            yield f"{scenario.where}: scenario without a Then"
        if scenario.is_outline and (not scenario.example_rows or 0 in scenario.example_rows):
            yield f"{scenario.where}: Examples without a row"
        claimed = {tag for tag in scenario.tags if tag.startswith("RQ-")}
        if not claimed:
            yield f"{scenario.where}: scenario without an @RQ- tag"
        for unknown in sorted(claimed - requirements):
            yield f"{scenario.where}: @{unknown} is not in the catalogue"
    covered = {tag for scenario in all_scenarios for tag in scenario.tags}
    for missing in sorted(requirements - covered):
        yield f"catalogue: {missing} has no scenario"


def _matching(all_scenarios: list[Scenario], steps: list[StepDefinition]) -> Iterator[str]:
    used: set[str] = set()
    for scenario in all_scenarios:
        for line in scenario.lines:
            matching = [step for step in steps if step.matches(line.kind, line.text)]
            used.update(step.where for step in matching)
            if len(matching) != 1:
                yield f"{line.where}: {len(matching)} steps match '{line.text}', expected exactly 1"
    for step in steps:
        if step.where not in used:
            yield f"{step.where}: step is used by no scenario"


def _duplicates(all_scenarios: list[Scenario]) -> Iterator[str]:
    for name, count in Counter(scenario.name for scenario in all_scenarios).items():
        if count > 1:
            yield f"scenario name '{name}' is used {count} times"


def _scenarios_of(
    node: dict[str, Any], outer_tags: frozenset[str], background: tuple[StepLine, ...], path: Path
) -> Iterator[Scenario]:
    tags = outer_tags | {tag["name"].removeprefix("@") for tag in node.get("tags", [])}
    for child in node["children"]:
        if "background" in child:
            background = (*background, *_lines(child["background"]["steps"], path))
        elif "rule" in child:
            yield from _scenarios_of(child["rule"], tags, background, path)
        else:
            scenario = child["scenario"]
            where = f"{path.name}:{scenario['location']['line']} '{scenario['name']}'"
            yield Scenario(
                name=scenario["name"],
                tags=tags | {tag["name"].removeprefix("@") for tag in scenario["tags"]},
                lines=(*background, *_lines(scenario["steps"], path)),
                example_rows=tuple(len(table.get("tableBody") or []) for table in scenario["examples"]),
                is_outline="Outline" in scenario["keyword"] or bool(scenario["examples"]),
                where=where,
            )


def _lines(steps: list[dict[str, Any]], path: Path) -> tuple[StepLine, ...]:
    kind = ""
    lines = []
    for step in steps:
        keyword = step["keyword"].strip().lower()
        kind = kind if keyword in {"and", "but", "*"} else keyword
        lines.append(StepLine(kind, step["text"], f"{path.name}:{step['location']['line']}"))
    return tuple(lines)
