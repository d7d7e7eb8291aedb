from __future__ import annotations

import pytest

from lab.generator.checksums import TCP, UDP
from lab.generator.field_engine import FixChecksums, FixIpv4Checksum, FlowVariable, MaskedWrite, Program, Trim, Write
from lab.generator.variables import ListVariable, ticks_of
from tests.generator import packets
from tests.generator.fakes import random_bytes


def variable(*, op="inc", init=0, low=0, high=255, step=1, size=4):
    return FlowVariable("n", size, op, init, low, high, step)


def values(first=0, count=6, **fields):
    each = variable(**fields)
    return each.values(ticks_of(each, first, count)).tolist()


def slow(count, *, op="inc", init=0, low=0, high=255, step=1):
    """TRex's way: one packet after the other, restarting behind the end of the range."""
    present, found, span = init, [], high - low + 1
    for _ in range(count):
        found.append(present)
        present = low + (present - low + (step if op == "inc" else -step)) % span
    return found


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"init": 250},
        {"op": "dec"},
        {"op": "dec", "init": 3, "low": 2, "high": 7},
        {"low": 10, "high": 13, "init": 12},
        {"step": 7, "high": 20},
        {"step": 300, "high": 99},
        {"low": 0xFFFFFFF0, "high": 0xFFFFFFFF, "init": 0xFFFFFFF0},
    ],
)
def test_counters_step_as_one_by_one(fields):
    assert values(count=600, **fields) == slow(600, **fields)


@pytest.mark.parametrize("first", [1, 17, 1000])
def test_any_stretch_can_be_had_without_what_came_before(first):
    fields = {"low": 3, "high": 40, "init": 9, "step": 5}
    assert values(first, 50, **fields) == slow(first + 50, **fields)[first:]


def test_the_widest_variables_wrap_at_64_bits():
    top = (1 << 64) - 1
    assert values(init=top - 1, high=top, count=4, size=8) == [top - 1, top, 0, 1]
    assert values(init=0, high=top, step=3, op="dec", count=3, size=8) == [0, top - 2, top - 5]
    assert values(init=1, low=1, high=top - 5, step=1 << 40, count=3, size=8) == [1, 1 + (1 << 40), 1 + (1 << 41)]
    wide = {"low": 5, "high": (1 << 63) + 4, "init": 5, "step": (1 << 62) + 1}
    assert values(count=9, size=8, **wide) == slow(9, **wide)


def run(*instructions, count=4, first=0, template=bytes(64)):
    return Program(instructions).run(template, first, count)


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("big_endian", [True, False])
def test_writes_of_every_size_and_order(size, big_endian):
    frames = run(Write(variable(size=size, init=1), 20, 4, big_endian))
    order = "big" if big_endian else "little"
    assert [int.from_bytes(frame[20 : 20 + size].tobytes(), order) for frame in frames] == [5, 6, 7, 8]
    frames[:, 20 : 20 + size] = 0
    assert not frames.any()


def test_a_write_wraps_at_its_size():
    frames = run(Write(variable(size=1, init=255), 5, 1, big_endian=True), count=2)
    assert frames[:, 5].tolist() == [0, 1]
    frames = run(Write(variable(size=2, init=0), 5, -1, big_endian=True), count=1)
    assert frames[0, 5:7].tolist() == [0xFF, 0xFF]


def slow_masked(value, present, *, mask, shift, add, size):
    word = (value + add) & 0xFFFFFFFF
    word = (word << shift) & 0xFFFFFFFF if shift >= 0 else word >> -shift
    return ((present & ~mask) | (word & mask)) & ((1 << 8 * size) - 1)


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize(("mask", "shift", "add"), [(0xFF, 0, 0), (0x1F, -10, 0), (0xF0, 4, 1), (0xFFFFFFFF, 8, -3)])
@pytest.mark.parametrize("big_endian", [True, False])
def test_masked_writes_keep_the_other_bits(size, mask, shift, add, big_endian):
    template = random_bytes(64)
    frames = run(
        MaskedWrite(variable(init=5, high=1 << 20), 30, size, mask, shift, add, big_endian),
        count=3000,
        template=template,
    )
    order = "big" if big_endian else "little"
    width = size if big_endian else 4  # a little-endian field is as wide as the variable
    present = int.from_bytes(template[30 : 30 + width], order)
    expected = [slow_masked(5 + number, present, mask=mask, shift=shift, add=add, size=width) for number in range(3000)]
    assert [int.from_bytes(frame[30 : 30 + width].tobytes(), order) for frame in frames] == expected


def test_several_masked_writes_share_a_field():
    counter = variable(high=1 << 20)
    frames = run(
        MaskedWrite(counter, 10, 2, 0x000F, 0, 0, big_endian=True),
        MaskedWrite(counter, 10, 2, 0x0FF0, -4, 0, big_endian=True),
        count=300,
    )
    found = [int.from_bytes(frame[10:12].tobytes()) for frame in frames]
    assert found == [(n & 0xF) | ((n >> 4) & 0x0FF0) for n in range(300)]


def test_ip_checksums_are_right_after_any_change():
    frames = run(
        Write(variable(high=0xFFFFFFFF, init=0xFFFFFFF0), 26, 0, big_endian=True),
        FixIpv4Checksum(14),
        count=64,
        template=packets.udp(),
    )
    assert {packets.checksum(frame[14:34].tobytes()) for frame in frames} == {0}


@pytest.mark.parametrize(("big_endian", "half"), [(True, 0x12345678), (False, 0x9ABCDEF0)])
def test_a_masked_write_takes_one_half_of_an_eight_byte_variable(big_endian, half):
    wide = variable(init=0x123456789ABCDEF0, high=(1 << 64) - 1, size=8)
    (frame,) = run(MaskedWrite(wide, 8, 4, 0xFFFFFFFF, 0, 0, big_endian), count=1)
    assert int.from_bytes(frame[8:12].tobytes(), "big" if big_endian else "little") == half


def test_a_write_before_its_variable_shows_the_packet_before():
    early = Write(variable(init=7, low=7, high=9), 20, 0, big_endian=True, early=True)
    frames = run(early, count=5)
    assert frames[:, 23].tolist() == [9, 7, 8, 9, 7]


def test_packets_are_cut_to_the_length_that_a_variable_says():
    size = variable(init=60, low=60, high=63, size=2)
    frames, lengths = Program((Trim(size), Write(size, 16, -14, big_endian=True))).make(bytes(64), 0, 6)
    assert lengths.tolist() == [60, 61, 62, 63, 60, 61]
    assert frames[:, 17].tolist() == [46, 47, 48, 49, 46, 47]


def test_a_length_of_zero_or_beyond_the_packet_leaves_it_whole():
    sizes = ListVariable("s", 2, "inc", (0, 61, 500), 1)
    _, lengths = Program((Trim(sizes),)).make(bytes(64), 0, 3)
    assert lengths.tolist() == [64, 61, 64]


def test_without_a_trim_there_are_no_lengths():
    assert Program().make(bytes(64), 0, 3)[1] is None


@pytest.mark.parametrize(("first", "count"), [(0, 20), (3, 4), (6, 3), (100, 1)])
def test_a_cache_repeats_its_packets(first, count):
    writing = (Write(variable(), 20, 0, big_endian=True), Trim(variable(init=60, low=60, high=200, size=2)))
    frames, lengths = Program(writing, cache_packets=7).make(bytes(250), first, count)
    assert frames[:, 23].tolist() == [number % 7 for number in range(first, first + count)]
    assert lengths.tolist() == [60 + number % 7 for number in range(first, first + count)]


@pytest.mark.parametrize("length", [96, 97])
def test_udp_checksums_by_the_card_cover_the_payload(length):
    template = packets.udp(length)[:42] + random_bytes(length - 42)
    changing = Write(variable(), 26, 0, big_endian=True)
    frames = Program((changing,), (FixChecksums(14, 20, UDP),)).run(template, 0, 300)
    for frame in (frame.tobytes() for frame in frames):
        segment = frame[34:length].ljust((length - 34 + 1) // 2 * 2, b"\0")
        pseudo = frame[26:34] + b"\0\x11" + (length - 34).to_bytes(2)
        assert packets.checksum(pseudo + segment) == 0
        assert packets.checksum(frame[14:34]) == 0
        assert frame[40:42] != b"\0\0"


def test_a_program_without_instructions_repeats_the_template():
    template = random_bytes(80)
    assert [frame.tobytes() for frame in run(template=template)] == [template] * 4


def test_a_program_of_no_packets_is_empty():
    assert run(Write(variable(), 0, 0, big_endian=True), count=0).shape == (0, 64)


def test_ends_tell_the_last_byte_that_is_touched():
    assert Write(variable(size=2), 62, 0, big_endian=True).end == 64
    assert MaskedWrite(variable(), 60, 4, 1, 0, 0, big_endian=True).end == 64
    assert FixIpv4Checksum(14).end == 34
    assert FixChecksums(14, 20, UDP).end == 42
    assert FixChecksums(14, 20, TCP).end == 52
    assert FixChecksums(14, 20, 89).end == 34
    assert MaskedWrite(variable(), 60, 1, 1, 0, 0, big_endian=False).end == 64
    assert Trim(variable()).end == 0
