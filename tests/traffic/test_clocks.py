"""Comparing clocks: which published message is taken, and what it bounds."""

from __future__ import annotations

import json
import struct
import time
import zlib
from collections.abc import Iterator

import pytest
import zmq

from hitless.traffic.clocks import ClockLog, ClockReader, ticks_of
from tests.traffic.fakes import FakeClock, FakeRpc


def published(ticks: int, *, compressed: bool = True) -> bytes:
    raw = json.dumps({"name": "trex-global", "data": {"ts": {"value": ticks, "freq": 2_000_000_000}}}).encode()
    return struct.pack(">II", 0xABE85CEA, len(raw)) + zlib.compress(raw) if compressed else raw


class Publisher:
    """Publishes the ticks in ``script`` when asked to publish now: one list per question."""

    def __init__(self) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.messages: list[list[bytes]] = []
        self.rpc = FakeRpc(publish_now=self.publish_now, ping=lambda: {"ts": 12.5})

    def publish_now(self, *, key: int, baseline: bool) -> dict:
        for message in self.messages.pop(0) if self.messages else []:
            self.socket.send(message)
        return {}

    def wait_for_subscriber(self) -> None:
        assert self.socket.poll(5000)
        self.socket.recv()

    def close(self) -> None:
        self.socket.close()
        self.context.term()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.close()


@pytest.fixture
def reader(publisher) -> Iterator[ClockReader]:
    reader = ClockReader(publisher.rpc, "127.0.0.1", publisher.port)
    publisher.wait_for_subscriber()
    yield reader
    reader.close()


def test_uptime_lies_between_question_and_answer(publisher):
    clock = FakeClock(100)

    def ping() -> dict:
        clock.now_ns += 40
        return {"ts": 7.25}

    reader = ClockReader(FakeRpc(ping=ping), "127.0.0.1", publisher.port, clock)
    log = ClockLog()
    reader.read_uptime(log)
    reader.close()
    assert log.uptime_pairs == [(100, 7.25, 140)]


def test_ticks_lie_between_question_and_answer(publisher, reader):
    publisher.messages = [[published(1000)], [published(2000)]]
    log = ClockLog()
    before_ns = time.monotonic_ns()
    assert reader.read_ticks(log, patience_ms=5000)
    ((asked_ns, ticks, answered_ns),) = log.tsc_pairs
    assert before_ns <= asked_ns <= answered_ns <= time.monotonic_ns()
    assert ticks == 2000
    assert log.tsc_hz == 2_000_000_000


def test_a_message_that_was_on_its_way_already_is_not_taken(publisher, reader):
    """The first message may have been sent before the question; the second one cannot."""
    publisher.messages = [[published(1), published(2000)], [published(3000)]]
    log = ClockLog()
    assert reader.read_ticks(log, patience_ms=5000)
    assert log.tsc_pairs[0][1] == 2000


def test_what_lies_about_from_before_is_thrown_away(publisher, reader):
    for ticks in (1, 2, 3):
        publisher.socket.send(published(ticks))
    assert reader._socket.poll(5000)
    publisher.messages = [[published(1000)], [published(2000)]]
    log = ClockLog()
    assert reader.read_ticks(log, patience_ms=5000)
    assert log.tsc_pairs[0][1] in {1000, 2000}, "old messages that come in while asking may count as the first"


def test_triggers_between_the_messages_do_not_count(publisher, reader):
    publisher.messages = [[published(1000), b"{}"], [b"{}", published(2000)]]
    log = ClockLog()
    assert reader.read_ticks(log, patience_ms=5000)
    assert log.tsc_pairs[0][1] == 2000


@pytest.mark.parametrize("messages", [[], [[published(1)], []], [[b"{}"], [b"{}", b"nonsense"]]])
def test_a_generator_that_does_not_publish_gives_no_pair(publisher, reader, messages):
    publisher.messages = messages
    log = ClockLog()
    assert not reader.read_ticks(log, patience_ms=50)
    assert log.as_plain() == {"uptime_pairs": [], "tsc_pairs": [], "tsc_hz": None}


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"{}",
        b"[]",
        b"not json",
        b"\xab\xe8\x5c\xea\0\0\0\x10not zlib",
        json.dumps({"data": {"ts": 3}}).encode(),
        json.dumps({"name": "trex-event", "data": {"port_id": 0}}).encode(),
    ],
)
def test_messages_without_ticks(message):
    assert ticks_of(message) is None


@pytest.mark.parametrize("compressed", [True, False])
def test_ticks_of_either_form(compressed):
    assert ticks_of(published(42, compressed=compressed)) == (42, 2_000_000_000)
