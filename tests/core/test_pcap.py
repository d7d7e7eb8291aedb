from __future__ import annotations

import random
import struct
import subprocess

import numpy as np
import pytest

from hitless.recording import PacketBlock, PcapWriter, RecordingError, read_packets


def unpack(block):
    return [bytes(row[:length]) for row, length in zip(block.data, block.lengths, strict=True)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "probes.pcap"


def test_packets_of_one_length_come_back_as_written(path):
    chance = random.Random(5)
    packets = [chance.randbytes(96) for _ in range(1000)]
    times = [7_000_000_001 + 333_333 * number for number in range(1000)]
    with PcapWriter(path) as writer:
        writer.append(packets[:400], times[:400])
        writer.append(packets[400:], np.asarray(times[400:]))
    block, end = read_packets(path)
    assert unpack(block) == packets
    assert block.times_ns.tolist() == times
    assert end == path.stat().st_size == 24 + 1000 * (16 + 96)


def test_packets_of_mixed_lengths_come_back_as_written(path):
    chance = random.Random(6)
    packets = [chance.randbytes(chance.choice([60, 60, 60, 96, 1500, 0])) for _ in range(700)]
    with PcapWriter(path) as writer:
        writer.append(packets, list(range(700)))
    block, _ = read_packets(path)
    assert unpack(block) == packets
    assert block.times_ns.tolist() == list(range(700))
    assert not block.data[0, len(packets[0]) :].any()


def test_a_block_that_was_read_can_be_written(path, tmp_path):
    packets = [b"a" * 60, b"b" * 61, b"c" * 60]
    with PcapWriter(path) as writer:
        writer.append(packets, [1, 2, 3])
    mixed, _ = read_packets(path)
    equal = PacketBlock(mixed.data[:1, :60], mixed.lengths[:1], mixed.times_ns[:1])
    copy = tmp_path / "copy.pcap"
    with PcapWriter(copy) as writer:
        writer.append_block(mixed)
        writer.append_block(equal)
        writer.append_block(PacketBlock.empty())
    again, _ = read_packets(copy)
    assert unpack(again) == [*packets, packets[0]]


def test_reading_goes_on_where_it_stopped(path):
    with PcapWriter(path) as writer:
        first, offset = read_packets(path)
        assert len(first) == 0
        writer.append([b"a" * 70] * 3, [1, 2, 3])
        second, offset = read_packets(path, offset)
        writer.append([b"b" * 70], [4])
        third, offset = read_packets(path, offset)
        fourth, offset = read_packets(path, offset)
    assert [len(block) for block in (second, third, fourth)] == [3, 1, 0]
    assert third.times_ns.tolist() == [4]


@pytest.mark.parametrize("cut", [1, 15, 16, 85])
def test_a_record_that_is_not_complete_yet_is_left_for_later(path, cut):
    with PcapWriter(path) as writer:
        writer.append([b"a" * 70, b"b" * 70], [1, 2])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    block, offset = read_packets(path)
    assert len(block) == 1
    path.write_bytes(whole)
    rest, end = read_packets(path, offset)
    assert unpack(rest) == [b"b" * 70]
    assert end == len(whole)


def test_a_file_without_a_whole_header_has_no_packets_yet(path):
    path.write_bytes(b"\x4d\x3c")
    block, offset = read_packets(path)
    assert (len(block), offset) == (0, 0)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1), "magic 0xa1b2c3d4"),
        (struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 113), "link type 113"),
        (b"PK\3\4" + bytes(20), "not a nanosecond Ethernet pcap"),
    ],
)
def test_another_kind_of_file_is_refused(path, header, told):
    path.write_bytes(header)
    with pytest.raises(RecordingError, match=told):
        read_packets(path)


def test_a_damaged_length_is_refused(path):
    with PcapWriter(path) as writer:
        writer.append([b"a" * 70] * 2, [1, 2])
    content = bytearray(path.read_bytes())
    content[24 + 86 + 8 : 24 + 86 + 12] = struct.pack("<I", 2**31)
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"byte 86 is damaged .* Actual: 2147483648 bytes"):
        read_packets(path)


def test_every_packet_needs_its_time(path):
    with PcapWriter(path) as writer, pytest.raises(ValueError, match="Expected: 2 times, Actual: 1"):
        writer.append([b"a", b"b"], [1])


def test_tcpdump_reads_it_to_the_nanosecond(path):
    with PcapWriter(path) as writer:
        writer.append([bytes(60)], [1_234_567_891_000_000_012])
    told = subprocess.run(
        ["tcpdump", "-tt", "--nano", "-r", str(path)], capture_output=True, text=True, check=True
    ).stdout
    assert told.startswith("1234567891.000000012 ")
