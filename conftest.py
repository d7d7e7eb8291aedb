"""Puts the vocabulary and the fixtures of the suite together; `hitless run` adds the plugin `hitless.plugin`."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hitless import sut as declarations
from hitless.applicability import Statement, statement
from hitless.catalogue import CatalogueError, load_catalogue

pytest_plugins = [
    "fixtures.system",
    "fixtures.recordings",
    "steps.vnf",
    "steps.traffic",
    "steps.upgrade",
    "steps.procedure",
    "steps.capacity",
    "steps.affinity",
    "steps.decider",
    "steps.rollback",
    "steps.contract",
]


@pytest.hookimpl(optionalhook=True)
def pytest_hitless_catalogue() -> Mapping[str, str]:
    """Tell the plugin which requirements exist."""
    return {row.id: row.statement for row in load_catalogue().requirements}


@pytest.hookimpl(optionalhook=True)
def pytest_hitless_statement(config: pytest.Config) -> Statement | None:
    """Tell the plugin which requirements the declared system under test can be judged by."""
    declared = str(config.getoption("hitless_sut"))
    if not declared:
        return None
    try:
        return statement(declarations.load(declared), load_catalogue(), str(config.getoption("hitless_profile")))
    except (declarations.DeclarationError, CatalogueError) as error:
        raise pytest.UsageError(str(error)) from error
