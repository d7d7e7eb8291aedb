"""A capture that is read in pieces says the same as one that is read at once, whatever its packets are like."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from hitless.history import UNMARKED, TrafficGroup
from hitless.recording.bpf import matches
from hitless.recording.decode import ProbeDecoder, decode_probes
from hitless.recording.errors import RecordingError
from hitless.recording.headers import big_endian, little_endian, udp_packets
from hitless.recording.libpcap import compile_expression
from hitless.recording.marks import InstanceNames, compile_marks, instances_of
from hitless.recording.pcap import PacketBlock, PcapReader, PcapWriter, read_packets
from hitless.sessions import Layout
from tests.core.builders import LONG, NEW
from tests.core.packets import MAC_A, MAC_B, probe

LONG_LAYOUT, NEW_LAYOUT = Layout.from_data(LONG), Layout.from_data(NEW)
OVERLAPPING = {**NEW, "index_bits": 2}
GROUPS = (
    TrafficGroup(20, "long-sessions", "probe", "up", 2000.0, 96, LONG),
    TrafficGroup(21, "new-sessions", "probe", "up", 1000.0, 96, NEW),
    TrafficGroup(22, "answers", "probe", "down", 1000.0, 96, NEW),
    TrafficGroup(23, "same users", "probe", "up", 1000.0, 96, OVERLAPPING),
)
SMALLEST_PIECE = 1
"""Made as large as one packet can be."""


def block_of(packets, times=None):
    width = max(map(len, packets), default=0)
    data = np.zeros((len(packets), width), np.uint8)
    for row, packet in enumerate(packets):
        data[row, : len(packet)] = np.frombuffer(packet, np.uint8)
    lengths = np.asarray([len(packet) for packet in packets], np.int32)
    times = np.arange(len(packets)) * 1000 if times is None else times
    return PacketBlock(data, lengths, np.asarray(times, np.int64))


def damaged(packets, chance, ratio):
    found = []
    for packet in packets:
        content = bytearray(packet)
        if chance.random() < ratio:
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < ratio / 4:
            content = content[: chance.randrange(len(content))]
        found.append(bytes(content))
    return found


def capture(seed, count=900, ratio=0.1, *, sizes=(96,)):
    chance = random.Random(seed)
    packets = []
    for number in range(count):
        layout, direction = chance.choice([(LONG_LAYOUT, "up"), (NEW_LAYOUT, "up"), (NEW_LAYOUT, "down")])
        wrong = {"sequence": chance.randrange(2**32)} if chance.random() < ratio else {}
        packets.append(
            probe(
                layout,
                number,
                ticks=number,
                direction=direction,
                size=chance.choice(sizes),
                source_mac=chance.choice([MAC_A, MAC_B]),
                **wrong,
            )
        )
    return damaged(packets, chance, ratio)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("piece", [1, 7, 100])
def test_decoding_in_pieces_says_the_same(seed, piece):
    packets = capture(seed, ratio=0.0 if seed == 0 else 0.1)
    block = block_of(packets)
    decoder, rows = ProbeDecoder(GROUPS, len(packets)), []
    for start in range(0, len(packets), piece):
        part = slice(start, start + piece)
        inner = PacketBlock(block.data[part], block.lengths[part], block.times_ns[part])
        rows += (decoder.add(inner) + start).tolist()
    in_pieces, at_once = decoder.finish(), decode_probes(block, GROUPS)
    assert np.asarray(rows, np.int64)[in_pieces.rows].tolist() == at_once.rows.tolist()
    assert len(at_once.rows) > 500
    for name in ("pg_id", "number", "user", "session", "index", "sent_ticks"):
        assert getattr(in_pieces, name).tolist() == getattr(at_once, name).tolist(), name
    assert in_pieces.unidentified_count == at_once.unidentified_count


def test_a_capture_that_begins_with_foreign_packets_is_decoded_by_what_most_say(monkeypatch):
    """The first piece alone would take the foreign stream for the true one."""
    monkeypatch.setattr("hitless.recording.decode._PIECE", 16)
    foreign = [probe(NEW_LAYOUT, number, first_sequence=77) for number in range(40)]
    true = [probe(NEW_LAYOUT, number, first_sequence=5) for number in range(300)]
    decoded = decode_probes(block_of(foreign + true), GROUPS[1:2])
    assert decoded.number.tolist() == list(range(300))
    assert decoded.rows.tolist() == list(range(40, 340))
    assert decoded.unidentified_count == 40


@pytest.mark.parametrize("layers", [(0, 1), (1, 0)])
def test_of_two_groups_with_the_same_users_the_first_that_fits_has_the_packet(layers):
    groups = [(GROUPS[1], GROUPS[3])[place] for place in layers]
    layout = Layout.from_data(groups[0].layout)
    decoded = decode_probes(block_of([probe(layout, number) for number in range(256)]), groups)
    assert set(decoded.pg_id.tolist()) == {groups[0].pg_id}
    assert decoded.number.tolist() == list(range(256))


@pytest.mark.parametrize("sizes", [(96,), (60, 96, 97, 1400)])
def test_reading_in_pieces_gives_the_same_packets(tmp_path, sizes):
    packets = capture(3, 3000, ratio=0.02, sizes=sizes)
    path = tmp_path / "probes.pcap"
    with PcapWriter(path) as writer:
        writer.append(packets, [10**9 + 7 * row for row in range(len(packets))])
    whole, end = read_packets(path)
    seen, times = [], []
    with PcapReader(path, SMALLEST_PIECE) as reader:
        for block in reader.blocks():
            seen += [row[:length].tobytes() for row, length in zip(block.data, block.lengths, strict=True)]
            times += block.times_ns.tolist()
    assert seen == packets
    assert times == whole.times_ns.tolist()
    assert (reader.end, reader.size) == (end, path.stat().st_size)


@pytest.mark.parametrize("cut", [1, 15, 16, 40, 23])
def test_a_cut_last_packet_is_left_out_and_told_by_the_end(tmp_path, cut):
    path = tmp_path / "probes.pcap"
    with PcapWriter(path) as writer:
        writer.append([b"x" * 96] * 5, range(5))
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    with PcapReader(path) as reader:
        assert sum(len(block) for block in reader.blocks()) == 4
        assert (reader.end, reader.size) == (24 + 4 * 112, len(content) - cut)


def test_an_empty_file_has_no_packets_and_a_foreign_one_is_refused(tmp_path):
    path = tmp_path / "probes.pcap"
    path.write_bytes(b"")
    with PcapReader(path) as reader:
        assert list(reader.blocks()) == []
        assert reader.end == 0
    path.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
    with PcapReader(path) as reader, pytest.raises(RecordingError, match="not a nanosecond Ethernet pcap"):
        list(reader.blocks())


def test_packets_that_are_all_alike_are_found_as_if_looked_at_one_by_one():
    packets = capture(1, 200, ratio=0.0)
    alike, one_by_one = udp_packets(block_of(packets)), [udp_packets(block_of([packet])) for packet in packets]
    assert alike.rows.tolist() == list(range(200))
    for name in ("ip_start", "payload_start", "payload_end"):
        assert getattr(alike, name).tolist() == [int(getattr(one, name)[0]) for one in one_by_one], name


@pytest.mark.parametrize(
    ("place", "value"), [(12, 0x86), (13, 6), (14, 0x46), (14, 0x65), (16, 1), (17, 81), (20, 1), (21, 1), (23, 6)]
)
@pytest.mark.parametrize("which", ["one", "first", "all"])
def test_a_packet_that_differs_where_it_matters_is_looked_at_by_itself(place, value, which):
    packets = [bytearray(packet) for packet in capture(2, 50, ratio=0.0)]
    for packet in {"one": packets[30:31], "first": packets[:1], "all": packets}[which]:
        packet[place] = value
    headers = udp_packets(block_of(packets))
    expected = {}
    for row, packet in enumerate(packets):
        one = udp_packets(block_of([packet]))
        if len(one.rows):
            expected[row] = (int(one.payload_start[0]), int(one.payload_end[0]))
    found = zip(headers.payload_start.tolist(), headers.payload_end.tolist(), strict=True)
    assert dict(zip(headers.rows.tolist(), found, strict=True)) == expected


def test_the_flag_that_forbids_fragments_does_not_matter():
    packets = [bytearray(packet) for packet in capture(2, 50, ratio=0.0)]
    packets[7][20] = 0x40
    assert udp_packets(block_of(packets)).rows.tolist() == list(range(50))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
def test_numbers_are_read_alike_from_one_place_and_from_many(size):
    data = np.random.default_rng(1).integers(0, 256, (40, 32)).astype(np.uint8)
    block = PacketBlock(data, np.full(40, 32, np.int32), np.arange(40, dtype=np.int64))
    expected = [int.from_bytes(row[5 : 5 + size].tobytes(), "big") for row in data]
    rows = np.arange(40)
    assert big_endian(block, rows, 5, size).tolist() == expected
    assert big_endian(block, rows, np.full(40, 5), size).tolist() == expected
    assert big_endian(block, rows[::2], 5, size).tolist() == expected[::2]
    transposed = PacketBlock(np.asfortranarray(data), block.lengths, block.times_ns)
    assert big_endian(transposed, rows, 5, size).tolist() == expected
    places = rows % 7
    apart = [int.from_bytes(row[at : at + size].tobytes(), "big") for row, at in zip(data, places, strict=True)]
    assert big_endian(block, rows, places, size).tolist() == apart


@pytest.mark.parametrize("size", [4, 8])
def test_little_endian_numbers_too(size):
    data = np.random.default_rng(2).integers(0, 256, (40, 32)).astype(np.uint8)
    block = PacketBlock(data, np.full(40, 32, np.int32), np.arange(40, dtype=np.int64))
    expected = [int.from_bytes(row[9 : 9 + size].tobytes(), "little") for row in data]
    for places in (np.full(40, 9), np.append(np.full(39, 9), 9)):
        assert little_endian(block, np.arange(40), places, size).tolist() == expected
    mixed = np.where(np.arange(40) == 3, 10, 9)
    expected[3] = int.from_bytes(data[3][10 : 10 + size].tobytes(), "little")
    assert little_endian(block, np.arange(40), mixed, size).tolist() == expected


@pytest.mark.parametrize(
    "expression",
    [
        "ip[1] & 0xfc == 0x28", "udp[8] / 2 = 3 or udp[8] % 5 = 1", "ip[ip[0] & 0xf] = 17", "len > 95", "ether[90] > 9",
        "ether[95:2] = 0", "udp[8] / udp[9] = 1", "not ip", "udp and dst port 5001", "ip[2:2] << 2 > 300",
    ],
)  # fmt: skip
@pytest.mark.parametrize("ratio", [0.0, 0.2])
def test_a_filter_says_the_same_of_many_packets_as_of_each(expression, ratio):
    packets = capture(5, 150, ratio=ratio)
    program, block = compile_expression(expression), block_of(packets)
    together = matches(program, block.data, block.lengths)
    for row, packet in enumerate(packets):
        alone = block_of([packet])
        assert bool(together[row]) == bool(matches(program, alone.data, alone.lengths)[0])


@pytest.mark.parametrize("mark", ["source_mac", "ttl", "vlan", "dscp", "none"])
def test_instances_are_numbered_alike_in_pieces(mark):
    chance = random.Random(4)
    packets = [
        probe(
            NEW_LAYOUT,
            number,
            vlan=chance.choice([5, 4]) if chance.random() < 0.3 else None,
            ttl=chance.randrange(40, 80),
            tos=chance.randrange(256),
            source_mac=bytes([2, 0, 0, 0, 0, chance.randrange(200)]),
        )
        for number in range(300)
    ]
    marks = compile_marks({}, mark)
    whole, expected = instances_of(marks, block_of(packets))
    names = InstanceNames(marks)
    parts = [names.indices(block_of(packets[start : start + 11])) for start in range(0, 300, 11)]
    indices = np.concatenate(parts)
    assert names.settle(indices) == whole
    assert indices.tolist() == expected.tolist()
    assert list(whole) == sorted(whole, key=lambda name: (len(name), name))
    assert (len(whole) == 0) == (mark == "none")


def test_a_value_that_no_kept_packet_has_is_no_instance():
    names = InstanceNames(compile_marks({}, "ttl"))
    indices = names.indices(block_of([probe(NEW_LAYOUT, number, ttl=60 + number) for number in range(5)]))
    kept = indices[[4, 1, 1]]
    assert names.settle(kept) == ("ttl 61", "ttl 64")
    assert kept.tolist() == [1, 0, 0]


def test_packets_without_the_mark_have_no_instance():
    names = InstanceNames(compile_marks({}, "vlan"))
    indices = names.indices(block_of([probe(NEW_LAYOUT, 0), probe(NEW_LAYOUT, 1, vlan=7)]))
    assert names.settle(indices) == ("vlan 7",)
    assert indices.tolist() == [UNMARKED, 0]


def test_a_mark_that_is_different_in_every_packet_tells_no_instances():
    names = InstanceNames(compile_marks({}, "source_mac"))
    block = block_of([probe(NEW_LAYOUT, 0)])
    data = np.repeat(block.data, 1 << 15, axis=0)
    data[:, 9] = np.arange(len(data)) >> 8
    data[:, 10] = np.arange(len(data)) & 0xFF
    many = PacketBlock(data, np.full(len(data), 96, np.int32), np.zeros(len(data), np.int64))
    with pytest.raises(ValueError, match="too many values"):
        names.indices(many)
