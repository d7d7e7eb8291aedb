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


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StubTrex, TrafficGenerator]]:
    """A server and a worker for all tests of a module that break neither (starting a worker takes seconds)."""
    log_path: Path = tmp_path_factory.mktemp("worker") / "worker.log"
    with StubTrex() as server, TrafficGenerator(log_path) as generator:
        generator.connect("127.0.0.1", server.rpc_port, server.pub_port, timeout_s=1.0)
        yield server, generator
        generator.prepare(PROFILE, SLOW, force=True)
        assert generator.snapshot()["groups"], "the worker has survived every test"


@pytest.fixture
def lasting_server(lasting: tuple[StubTrex, TrafficGenerator]) -> Iterator[StubTrex]:
    server = lasting[0]
    yield server
    server.refuse.clear()
    server.captures.clear()
    server.lose_of_100 = 0


@pytest.fixture
def lasting_connected(lasting: tuple[StubTrex, TrafficGenerator], lasting_server: StubTrex) -> TrafficGenerator:
    """Connected, with all ports free."""
    generator = lasting[1]
    generator.reset((0, 1))
    lasting_server.params.clear()
    return generator


@pytest.fixture
def lasting_prepared(lasting_connected: TrafficGenerator) -> TrafficGenerator:
    lasting_connected.prepare(PROFILE, SLOW)
    return lasting_connected


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "recording"
    place.mkdir()
    return place
