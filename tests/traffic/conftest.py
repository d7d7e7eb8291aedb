"""Fixtures: a server on paper, a worker connected to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hitless.traffic import TrafficGenerator
from tests.traffic.stub_server import StubTrex

PROFILE = Path(__file__).parent.parent.parent / "traffic_profiles" / "upgrade.py"
SLOW = ("--load-pps", "1000", "--new-pps", "200", "--long-pps", "400")
"""Rates at which the server on paper can build its probe packets with ease."""


@pytest.fixture
def server() -> Iterator[StubTrex]:
    with StubTrex() as stub:
        yield stub


@pytest.fixture
def generator(tmp_path: Path) -> Iterator[TrafficGenerator]:
    with TrafficGenerator(tmp_path / "worker.log") as proxy:
        yield proxy


@pytest.fixture
def connected(server: StubTrex, generator: TrafficGenerator) -> TrafficGenerator:
    generator.connect("127.0.0.1", server.rpc_port, server.pub_port, timeout_s=1.0)
    return generator


@pytest.fixture
def prepared(connected: TrafficGenerator) -> TrafficGenerator:
    connected.prepare(PROFILE, SLOW)
    return connected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "recording"
    place.mkdir()
    return place
