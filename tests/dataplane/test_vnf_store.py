"""The state store against a real Redis server, on a free port of its own."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from lab.readiness import RedisProbe
from lab.vnf.store import Record, RedisStore, StoreError

pytestmark = pytest.mark.processes


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(port: int, folder: Path) -> subprocess.Popen[bytes]:
    options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    command = ["setpriv", "--pdeathsig", "KILL", "redis-server", "--port", str(port), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    deadline_s = time.monotonic() + 20
    while (seen := RedisProbe(port).ask()) is not None:
        assert time.monotonic() < deadline_s, seen
        time.sleep(0.02)
    return process


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    process = start(port, tmp_path)
    yield port
    process.kill()
    process.wait()


def test_what_is_saved_is_loaded_with_its_age(port: int) -> None:
    store = RedisStore(f"127.0.0.1:{port}", lifetime_ms=60_000)
    store.save(3, b"first")
    store.save(3, b"second \x00\xff")
    store.save(200, b"")
    records = {record.number: record for record in store.load([200, 3, 4])}
    assert {number: record.data for number, record in records.items()} == {3: b"second \x00\xff", 200: b""}
    assert all(0 <= record.age_ms < 30_000 for record in records.values())


def test_records_stand_under_the_units_numbers_and_vanish(port: int) -> None:
    RedisStore(f"127.0.0.1:{port}", lifetime_ms=60_000).save(7, b"x")
    with Redis(port=port) as redis:
        assert redis.get("sessions:7") == b"x"
        assert 0 < redis.pttl("sessions:7") <= 60_000


def test_the_age_is_what_is_gone_of_the_lifetime(port: int) -> None:
    store = RedisStore(f"127.0.0.1:{port}", lifetime_ms=60_000)
    store.save(7, b"x")
    with Redis(port=port) as redis:
        redis.pexpire("sessions:7", 40_000)
    (record,) = store.load([7])
    assert 20_000 <= record.age_ms < 40_000


def test_nothing_to_load_is_no_question() -> None:
    assert RedisStore(f"127.0.0.1:{free_port()}", lifetime_ms=1).load([]) == []


def test_nobody_there() -> None:
    store = RedisStore(f"127.0.0.1:{free_port()}", lifetime_ms=1)
    with pytest.raises(StoreError, match=r"state store - .*refused"):
        store.save(1, b"x")
    with pytest.raises(StoreError, match="state store - "):
        store.load([1])


def test_a_server_that_comes_back_is_found_at_once(tmp_path: Path) -> None:
    port = free_port()
    process = start(port, tmp_path)
    store = RedisStore(f"127.0.0.1:{port}", lifetime_ms=60_000)
    store.save(1, b"x")
    process.kill()
    process.wait()
    with pytest.raises(StoreError):
        store.save(1, b"y")
    process = start(port, tmp_path)
    try:
        store.save(1, b"z")
        (record,) = store.load([1])
    finally:
        process.kill()
        process.wait()
    assert record == Record(1, b"z", record.age_ms)


def test_a_server_that_was_restarted_in_between_is_not_noticed(tmp_path: Path) -> None:
    """The connection that was open is dead, which the first call finds out and mends."""
    port = free_port()
    process = start(port, tmp_path)
    store = RedisStore(f"127.0.0.1:{port}", lifetime_ms=60_000)
    store.save(1, b"x")
    process.kill()
    process.wait()
    process = start(port, tmp_path)
    try:
        store.save(1, b"y")
    finally:
        process.kill()
        process.wait()


def test_somebody_who_is_no_redis() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = RedisStore(f"127.0.0.1:{silent.getsockname()[1]}", lifetime_ms=1)
        with pytest.raises(StoreError, match="state store - "):
            store.save(1, b"x")
