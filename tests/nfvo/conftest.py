"""An NFVO with packages on board."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nfvo.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    running = Office(tmp_path / "packages", ["1.0", "2.0"])
    yield running
    running.close()
