"""What pytest's items tell about the Gherkin scenario behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_bdd.scenario import scenario_wrapper_template_registry

REQUIREMENT_ID = re.compile(r"RQ-[A-Z]+-\d+")
_MARK_OF_TAG = (
    (REQUIREMENT_ID, "requirement"),
    (re.compile(r"TP-[A-Z]+-\d+-[A-Z]+-\d+"), "test_purpose"),
    (re.compile(r"P\d"), "priority"),
)

MARKERS = (
    "requirement(id): the requirement that the scenario judges",
    "test_purpose(id): the test purpose that the scenario realises",
    "priority(name): P1 for the core of the suite, P2 for the extended part",
)


@dataclass(frozen=True, slots=True)
class Title:
    """How a scenario is called in reports."""

    scenario: str
    feature: str


def apply_tag(tag: str, function: Callable[..., object]) -> bool | None:
    """Turn a tag of a feature file into a mark whose name is fixed, so that marks can stay strict.

    Returns:
        True if the tag is one of ours, None to leave it to pytest-bdd.
    """
    for pattern, mark in _MARK_OF_TAG:
        if pattern.fullmatch(tag):
            getattr(pytest.mark, mark)(tag)(function)
            return True
    return None


def requirement_of(identifier: str) -> str:
    """Return the requirement that a test purpose belongs to (TP-CAP-01-BV-01: RQ-CAP-01); a requirement is its own."""
    return f"RQ-{'-'.join(identifier.split('-')[1:3])}"


def requirements_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the requirement ids of an item, sorted."""
    return _arguments_of(item, "requirement")


def tags_of(item: pytest.Item) -> tuple[str, ...]:
    """Return test purposes and priority of an item, sorted."""
    return (*_arguments_of(item, "test_purpose"), *_arguments_of(item, "priority"))


def title_of(item: pytest.Item) -> Title:
    """Return scenario and feature name, examples filled in; for a plain test its own name and module."""
    template: Any = scenario_wrapper_template_registry.get(getattr(item, "function", None) or title_of)
    if template is None:
        return Title(item.name, item.nodeid.split("::")[0])
    example = example_of(item)
    name = template.render(example).name
    if example and name == template.name:
        name += f" [{', '.join(example.values())}]"
    return Title(name, template.feature.name or template.feature.rel_filename)


def steps_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the texts of an item's steps, examples filled in; none for a plain test."""
    template: Any = scenario_wrapper_template_registry.get(getattr(item, "function", None) or title_of)
    return () if template is None else tuple(str(step.name) for step in template.render(example_of(item)).steps)


def example_of(item: pytest.Item) -> dict[str, str]:
    """Return the row of Examples that an item runs, empty if there is none."""
    callspec = getattr(item, "callspec", None)
    return dict(callspec.params.get("_pytest_bdd_example", {})) if callspec else {}


def _arguments_of(item: pytest.Item, mark: str) -> tuple[str, ...]:
    return tuple(sorted({str(argument) for marker in item.iter_markers(mark) for argument in marker.args}))
