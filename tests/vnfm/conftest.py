"""A VNFM over a fake world, served on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vnfm.consumer import Subscriber
from tests.vnfm.manager import Manager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    running = Manager(tmp_path / "vnfm.sqlite")
    yield running
    running.close()


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    listening = Subscriber()
    yield listening
    listening.close()
