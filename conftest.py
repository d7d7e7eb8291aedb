"""Puts the vocabulary and the fixtures of the suite together; `hitless run` adds the plugin `hitless.plugin`."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hitless.catalogue import load_catalogue

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
