from __future__ import annotations

import numpy as np
import pytest

from lab.generator import checksums
from lab.generator.checksums import TCP, UDP, FixChecksums, FixIcmpv6Checksum, FixIpv4Checksum
from tests.generator import packets
from tests.generator.fakes import random_bytes


def ipv6(payload, next_header):
    header = b"\x60" + bytes(3) + len(payload).to_bytes(2) + bytes([next_header, 64]) + random_bytes(32, seed=4)
    return bytes(12) + b"\x86\xdd" + header + payload


def pseudo_sum(frame, next_header):
    payload = frame[54:]
    pseudo = frame[22:54] + len(payload).to_bytes(4) + bytes(3) + bytes([next_header])
    return packets.checksum(pseudo + payload + b"\0" * (len(payload) % 2))


def rows(*frames):
    return np.array([np.frombuffer(frame, dtype=np.uint8) for frame in frames])


@pytest.mark.parametrize("length", [40, 41])
@pytest.mark.parametrize(("protocol", "at"), [(UDP, 60), (TCP, 70)])
def test_udp_and_tcp_over_ipv6(length, protocol, at):
    made = rows(*(ipv6(random_bytes(length, seed), protocol) for seed in range(20)))
    fix = FixChecksums(14, 40, protocol, ip_version=6)
    assert fix.checksum_at == at
    fix.apply(made)
    assert {pseudo_sum(frame.tobytes(), protocol) for frame in made} == {0}


def test_tcp_over_ipv4():
    frames = [packets.udp(100)[:23] + b"\x06" + packets.udp(100)[24:34] + random_bytes(66, seed) for seed in range(9)]
    made = rows(*frames)
    FixChecksums(14, 20, TCP).apply(made)
    for frame in (each.tobytes() for each in made):
        assert packets.checksum(frame[14:34]) == 0
        assert packets.checksum(frame[26:34] + b"\0\x06\0\x42" + frame[34:]) == 0


@pytest.mark.parametrize("length", [40, 88])
def test_icmpv6(length):
    made = rows(*(ipv6(random_bytes(length, seed), 58) for seed in range(9)))
    FixIcmpv6Checksum(14, 40).apply(made)
    assert {pseudo_sum(frame.tobytes(), 58) for frame in made} == {0}


def test_an_ip_header_with_options():
    header = b"\x47" + random_bytes(27)
    made = rows(bytes(14) + header + bytes(30))
    FixIpv4Checksum(14, 28).apply(made)
    assert packets.checksum(made[0, 14:42].tobytes()) == 0


def test_other_protocols_get_an_ip_checksum_alone():
    frame = packets.udp(100)
    made = rows(frame[:24] + b"\x12\x34" + frame[26:])
    FixChecksums(14, 20, 89).apply(made)
    assert made[0].tobytes() == frame


def test_padding_behind_the_packet_does_not_count():
    frame = bytearray(packets.udp(46).ljust(60, b"\x99"))
    made = rows(bytes(frame))
    FixChecksums(14, 20, UDP).apply(made)
    segment = made[0, 34:46].tobytes()
    assert packets.checksum(made[0, 26:34].tobytes() + b"\0\x11\0\x0c" + segment) == 0


def test_rows_of_different_lengths():
    frames = rows(*(random_bytes(60, seed) for seed in range(8)))
    ends = np.array([20, 21, 33, 60, 20, 59, 22, 20])
    found = checksums.sum_between(frames, 20, ends)
    expected = [checksums.word_sum(frame[None, 20:end])[0] for frame, end in zip(frames, ends, strict=True)]
    assert found.tolist() == expected


def test_udp_never_sends_a_zero():
    zero = np.array([0, 5], dtype=np.uint64)
    assert FixChecksums(14, 20, UDP).on_the_wire(zero).tolist() == [0xFFFF, 5]
    assert FixChecksums(14, 20, TCP).on_the_wire(zero).tolist() == [0, 5]


def test_carries_are_added_until_none_is_left():
    assert checksums.fold(np.array([0x1FFFF, 0xFFFFFFFF, 0x1_FFFE_0001], dtype=np.uint64)).tolist() == [1, 0xFFFF, 1]
