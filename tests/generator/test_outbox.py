"""Packets that are sent besides streams."""

from __future__ import annotations

import pytest

from lab.generator.counters import BYTES, ERRORS, PACKETS
from lab.generator.outbox import Outbox
from tests.generator import fakes


@pytest.fixture
def clock():
    return fakes.Clock()


@pytest.fixture
def lines():
    return [fakes.Line(), fakes.Line()]


@pytest.fixture
def counters():
    return fakes.shared_counters()


@pytest.fixture
def outbox(lines, counters, clock):
    return Outbox(lines, counters, clock)


def test_packets_without_a_gap_leave_at_once_and_in_order(outbox, lines):
    frames = [bytes([number]) * 60 for number in range(5)]
    assert outbox.push(1, frames, 0) == 5
    assert lines[1].sent == frames
    assert lines[0].sent == []
    assert outbox.wait_ns() is None


def test_the_others_wait_for_their_turn(outbox, lines, clock):
    outbox.push(0, [b"a" * 60, b"b" * 60, b"c" * 60], 10 * fakes.MS)
    assert lines[0].sent == [b"a" * 60]
    assert outbox.wait_ns() == 10 * fakes.MS
    clock.advance(9)
    outbox.send_due()
    assert len(lines[0].sent) == 1
    clock.advance(1)
    outbox.send_due()
    assert lines[0].sent[1:] == [b"b" * 60]
    clock.advance(50)
    outbox.send_due()
    assert lines[0].sent[2:] == [b"c" * 60]


def test_two_batches_interleave_by_time(outbox, lines, clock):
    outbox.push(0, [b"a" * 60, b"b" * 60], 10 * fakes.MS)
    clock.advance(5)
    outbox.push(0, [b"c" * 60], 0)
    clock.advance(5)
    outbox.send_due()
    assert [frame[:1] for frame in lines[0].sent] == [b"a", b"c", b"b"]


def test_what_is_pushed_is_counted_with_fcs(outbox, counters):
    outbox.push(1, [b"a" * 60, b"b" * 100], 0)
    assert counters.injected[1].tolist() == [2, 168, 0]
    assert counters.injected[0].tolist() == [0, 0, 0]
    assert counters.sent.sum() == 0


def test_announcements_are_counted_apart(outbox, counters):
    outbox.announce(0, b"a" * 60)
    assert counters.announced[0, [PACKETS, BYTES]].tolist() == [1, 64]
    assert counters.injected.sum() == 0


def test_what_the_kernel_does_not_take_is_an_error(outbox, lines, counters):
    lines[0].works = False
    outbox.push(0, [b"a" * 60], 0)
    assert counters.injected[0].tolist() == [0, 0, 1]
    assert (PACKETS, ERRORS) == (0, 2)


def test_there_is_an_end_to_what_waits(outbox, monkeypatch):
    monkeypatch.setattr("lab.generator.outbox._CAPACITY", 3)
    assert outbox.push(0, [b"a" * 60] * 9, 1000) == 3
