"""Hooks of this plugin, to be implemented where features are run (a conftest or an object given to pytest)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hitless.applicability import Statement
from hitless.history import History
from hitless.results import Conclusion


@pytest.hookspec(firstresult=True)
def pytest_hitless_catalogue(config: pytest.Config) -> Mapping[str, str] | None:
    """Return every requirement that exists: full id to statement."""


@pytest.hookspec(firstresult=True)
def pytest_hitless_statement(config: pytest.Config) -> Statement | None:
    """Return what the declared system under test says about each requirement.

    A scenario is left out if none of its requirements can be judged.
    """


@pytest.hookspec(firstresult=True)
def pytest_hitless_not_applicable(item: pytest.Item, requirements: tuple[str, ...]) -> str | None:
    """Return why a scenario does not apply for a reason that no requirement of its names, None if it applies.

    This and the statement are the only ways to skip a scenario; any other skip ends as ERROR.
    """


@pytest.hookspec
def pytest_hitless_verdict(item: pytest.Item, conclusion: Conclusion, history: History | None) -> None:
    """Take notice of a verdict at the moment it is reached, inside the step that reached it."""


@pytest.hookspec
def pytest_hitless_set_aside(item: pytest.Item, conclusion: Conclusion) -> None:
    """Take notice of an inconclusive verdict that is about to be replaced by that of a repeat."""
