"""What tests of procedures are given."""

from __future__ import annotations

import pytest

from hitless.procedures import rig
from tests.procedures.world import World


@pytest.fixture
def paper(monkeypatch):
    """Return a world on paper whose sessions carry the marks of its present share."""
    world = World()
    monkeypatch.setattr(rig.LiveProbes, "opened_sessions", lambda _: world.opened_sessions())
    return world
