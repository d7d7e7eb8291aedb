from __future__ import annotations

import base64

import numpy as np
import pytest

from lab.generator.capture_buffer import CaptureBuffer, copied, merge
from lab.generator.rx_ring import read_block
from tests.generator.blocks import block
from tests.generator.fakes import random_bytes


def received(count, *, first=0, length=60, tag=None):
    """Packets whose first byte tells their number, one per microsecond."""
    frames = [bytes([number]) + random_bytes(length - 1, number) for number in range(first, first + count)]
    tags = [] if tag is None else [tag]
    return read_block(block([(frame, (first + n) * 1000, *tags) for n, frame in enumerate(frames)]), 0)


def add(buffer, packets, port=1, *, outgoing=False):
    count = len(packets.starts)
    buffer.add(packets, np.full(count, port), np.full(count, outgoing))


def numbers(fetched):
    return [base64.b64decode(packet["binary"])[0] for packet in fetched]


def test_packets_come_out_as_they_went_in():
    buffer, packets = CaptureBuffer(100, cyclic=False), received(5)
    add(buffer, packets)
    fetched = buffer.fetch(3, 0, 0)
    assert numbers(fetched) == [0, 1, 2]
    assert fetched[1]["binary"] == base64.b64encode(bytes([1]) + random_bytes(59, 1)).decode()
    assert {**fetched[1], "binary": ""} == {
        "binary": "",
        "index": 2,
        "origin": "RX",
        "port": 1,
        "ts": pytest.approx(1e-6),
        "wirelen": 60,
    }
    assert numbers(buffer.fetch(50, 0, 0)) == [3, 4]
    assert buffer.fetch(50, 0, 0) == []
    assert buffer.fetched == 5


def test_times_count_from_the_origin():
    buffer = CaptureBuffer(10, cyclic=False)
    add(buffer, received(1, first=9))
    assert buffer.fetch(1, 0, 4000)[0]["ts"] == pytest.approx(5e-6)


def test_a_fixed_capture_keeps_the_first_and_counts_on():
    buffer = CaptureBuffer(4, cyclic=False)
    add(buffer, received(3))
    add(buffer, received(3, first=3))
    add(buffer, received(3, first=6))
    assert (buffer.matched, buffer.count, buffer.size_bytes) == (9, 4, 240)
    assert numbers(buffer.fetch(50, 0, 0)) == [0, 1, 2, 3]
    assert (buffer.count, buffer.size_bytes) == (0, 0)


def test_fetching_makes_room_again():
    buffer = CaptureBuffer(4, cyclic=False)
    add(buffer, received(6))
    buffer.fetch(2, 0, 0)
    add(buffer, received(6, first=6))
    fetched = buffer.fetch(50, 0, 0)
    assert numbers(fetched) == [2, 3, 6, 7]
    assert [packet["index"] for packet in fetched] == [3, 4, 7, 8]


def test_a_cyclic_capture_keeps_the_latest():
    buffer = CaptureBuffer(4, cyclic=True)
    add(buffer, received(3))
    add(buffer, received(3, first=3))
    add(buffer, received(9, first=6))
    fetched = buffer.fetch(50, 0, 0)
    assert numbers(fetched) == [11, 12, 13, 14]
    assert [packet["index"] for packet in fetched] == [12, 13, 14, 15]
    assert buffer.matched == 15


def test_a_capture_without_room_counts_only():
    for cyclic in (True, False):
        buffer = CaptureBuffer(0, cyclic=cyclic)
        add(buffer, received(3))
        assert (buffer.matched, buffer.count, buffer.size_bytes) == (3, 0, 0)


def test_snapshots_shorten_the_bytes_only():
    buffer = CaptureBuffer(10, cyclic=False)
    add(buffer, received(1))
    (packet,) = buffer.fetch(1, 20, 0)
    assert len(base64.b64decode(packet["binary"])) == 20
    assert packet["wirelen"] == 60


def test_vlan_tags_are_put_back():
    buffer = CaptureBuffer(10, cyclic=False)
    add(buffer, received(1, tag=0x0005))
    (packet,) = buffer.fetch(1, 0, 0)
    octets = base64.b64decode(packet["binary"])
    assert octets[12:16] == b"\x81\x00\x00\x05"
    assert octets[:12] + octets[16:] == bytes([0]) + random_bytes(59, 0)
    assert packet["wirelen"] == 64


def test_vlan_tags_count_as_bytes():
    buffer = CaptureBuffer(10, cyclic=False)
    add(buffer, received(2, tag=0x0005))
    assert buffer.size_bytes == 2 * 64
    buffer.fetch(1, 0, 0)
    assert buffer.size_bytes == 64
    buffer.fetch(1, 0, 0)
    assert buffer.size_bytes == 0


def test_sent_packets_say_so():
    buffer = CaptureBuffer(10, cyclic=False)
    add(buffer, received(1), port=0, outgoing=True)
    (packet,) = buffer.fetch(1, 0, 0)
    assert (packet["origin"], packet["port"]) == ("TX", 0)


def test_merging_puts_several_rings_in_order_of_time():
    merged, owners = merge([received(2, first=4), received(3, first=0), received(1, first=3, length=90)])
    assert [int(merged.data[start]) for start in merged.starts] == [0, 1, 2, 3, 4, 5]
    assert owners.tolist() == [1, 1, 1, 2, 0, 0]
    assert merged.captured.tolist() == [60, 60, 60, 90, 60, 60]


def test_copies_outlive_the_block_and_end_at_an_instant():
    raw = block([(bytes([7]) * 60, 1000), (bytes([8]) * 60, 5000)]).copy()
    packets = read_block(raw, 0)
    everything, early = copied(packets, None), copied(packets, 4999)
    raw[:] = 0
    assert [int(everything.data[start]) for start in everything.starts] == [7, 8]
    assert early.times_ns.tolist() == [1000]
    assert len(copied(packets, 0).starts) == 0
