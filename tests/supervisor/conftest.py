from __future__ import annotations

import pytest

from tests.supervisor import labs


@pytest.fixture
def fake_lab(tmp_path):
    """Starts fake labs and ends whatever a failed test leaves of them."""
    started = []

    def start(nodes, command, **options):
        folder = tmp_path / f"lab-{len(started)}"
        folder.mkdir()
        started.append(labs.FakeLab(folder, nodes, command, **options))
        return started[-1]

    yield start
    for lab in started:
        lab.clean_up()
