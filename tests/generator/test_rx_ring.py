"""Reading blocks; the rings themselves are tested in namespaces."""

from __future__ import annotations

import numpy as np
import pytest

from lab.generator.rx_ring import read_block
from tests.generator.blocks import block
from tests.generator.fakes import random_bytes


def frames_of(packets):
    ends = packets.starts + packets.captured
    return [packets.data[start:end].tobytes() for start, end in zip(packets.starts, ends, strict=True)]


@pytest.mark.parametrize(
    "lengths", [[60], [60, 60], [60] * 50, [60, 61], [128, 96, 96, 128], [60, 1514, 60, 61, 62], [96] * 30 + [60]]
)
def test_every_packet_is_found_whatever_the_lengths(lengths):
    frames = [random_bytes(length, seed) for seed, length in enumerate(lengths)]
    packets = read_block(block([(frame, 7) for frame in frames]), 0)
    assert frames_of(packets) == frames
    assert packets.lengths.tolist() == lengths


def test_cut_packets_remember_their_length():
    packets = read_block(block([(bytes(128), 1), (bytes(61), 2), (bytes(40), 3)], snap=60), 0)
    assert packets.captured.tolist() == [60, 60, 40]
    assert packets.lengths.tolist() == [128, 61, 40]


def test_times_are_moved_to_the_monotonic_clock():
    packets = read_block(block([(bytes(60), 5_000_000_123), (bytes(60), 5_999_999_999)]), -4_000_000_000)
    assert packets.times_ns.tolist() == [1_000_000_123, 1_999_999_999]


def test_vlan_tags_come_beside_the_packet():
    packets = read_block(block([(bytes(60), 1, 0x2005), (bytes(60), 1)]), 0)
    assert packets.vlan_tags.tolist() == [0x2005, -1]


def test_fields_are_big_endian_and_zero_where_there_is_nothing():
    frames = [bytes(range(60)), bytes(range(1, 61)), bytes(range(10))]
    packets = read_block(block([(frame, 1) for frame in frames]), 0)
    assert packets.field(18, 2).tolist() == [0x1213, 0x1314, 0]
    assert packets.field(6, 4).tolist() == [0x06070809, 0x0708090A, 0x06070809]
    assert packets.field(9, 1).dtype == np.int64


def test_an_empty_block_has_no_packets():
    packets = read_block(block([]), 0)
    assert len(packets.starts) == 0
    assert len(packets.field(12, 2)) == 0
