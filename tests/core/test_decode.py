from __future__ import annotations

import random

import numpy as np
import pytest

from hitless.history import TrafficGroup
from hitless.recording.decode import decode_probes
from hitless.recording.pcap import PacketBlock
from hitless.sessions import Layout, of_group
from tests.core.builders import LOAD, LONG, NEW, NEW_PAIRS
from tests.core.packets import probe, udp_packet

LONG_GROUP = TrafficGroup(20, "long-sessions", "probe", "up", 2000.0, 96, LONG)
NEW_GROUP = TrafficGroup(21, "new-sessions", "probe", "up", 1000.0, 96, NEW)
LOAD_GROUP = TrafficGroup(1, "load-up", "load", "up", 3500.0, 96, LOAD)
GROUPS = (LOAD_GROUP, LONG_GROUP, NEW_GROUP)
LONG_LAYOUT, NEW_LAYOUT = Layout.from_data(LONG), Layout.from_data(NEW)


def block_of(packets):
    width = max(map(len, packets), default=0)
    data = np.zeros((len(packets), width), np.uint8)
    for row, packet in enumerate(packets):
        data[row, : len(packet)] = np.frombuffer(packet, np.uint8)
    lengths = np.asarray([len(packet) for packet in packets], np.int32)
    return PacketBlock(data, lengths, np.arange(len(packets), dtype=np.int64))


def decode(packets, groups=GROUPS):
    return decode_probes(block_of(packets), groups)


@pytest.mark.parametrize("first_sequence", [2**32 - 2, 0, 1, 12345, 2**31 - 5])
def test_numbers_count_from_the_start_of_the_stream_wherever_the_sequence_starts(first_sequence):
    packets = [probe(NEW_LAYOUT, number, first_sequence=first_sequence, ticks=number * 10) for number in range(600)]
    decoded = decode(packets)
    assert decoded.number.tolist() == list(range(600))
    assert decoded.sent_ticks.tolist() == [number * 10 for number in range(600)]
    assert decoded.unidentified_count == 0
    assert decoded.index.tolist() == [(number >> 5) & 7 for number in range(600)]
    assert decoded.user.tolist() == of_group(21, NEW_LAYOUT.user(np.arange(600))).tolist()
    assert decoded.session.tolist() == of_group(21, NEW_LAYOUT.session(np.arange(600))).tolist()


@pytest.mark.parametrize("layout", [NEW_LAYOUT, LONG_LAYOUT])
def test_lost_first_packets_do_not_shift_the_numbers(layout):
    decoded = decode([probe(layout, number) for number in range(1700, 1800)])
    assert decoded.number.tolist() == list(range(1700, 1800))


def test_service_types_with_two_sessions_of_each_user_are_told_apart():
    layouts = {
        pg_id: {**NEW_PAIRS, "user_base": base, "service_port": port}
        for pg_id, base, port in ((21, "10.1.64.0", 5001), (22, "10.1.72.0", 5002), (23, "10.1.80.0", 5003))
    }
    groups = [TrafficGroup(pg_id, f"new-{pg_id}", "probe", "up", 1000.0, 96, data) for pg_id, data in layouts.items()]
    packets = [
        probe(Layout.from_data(layouts[pg_id]), number) for number in range(40_000, 40_700) for pg_id in (21, 22, 23)
    ]
    decoded = decode(packets, groups)
    assert decoded.unidentified_count == 0
    assert decoded.pg_id.tolist() == [21, 22, 23] * 700
    assert decoded.number.tolist() == [number for number in range(40_000, 40_700) for _ in range(3)]
    assert len(np.unique(decoded.session)) == 3 * len(np.unique(Layout.from_data(NEW_PAIRS).session(decoded.number)))
    assert decoded.index.tolist() == [(number >> 6) & 7 for number in decoded.number]


def test_numbers_go_on_beyond_what_the_headers_can_show():
    # Long sessions show 20 bits: 2048 users, 2 sessions, one index byte.
    numbers = [*range(5), 2**20 - 1, 2**20, 2**20 + 4711, 3 * 2**20]
    decoded = decode([probe(LONG_LAYOUT, number) for number in numbers])
    assert decoded.number.tolist() == numbers
    assert decoded.unidentified_count == 0


def test_the_sequence_wraps_in_the_middle():
    numbers = list(range(100))
    decoded = decode([probe(NEW_LAYOUT, number, first_sequence=2**32 - 50) for number in numbers])
    assert decoded.number.tolist() == numbers


def test_reordered_and_duplicated_packets_keep_their_numbers():
    chance = random.Random(8)
    numbers = list(range(500))
    chance.shuffle(numbers)
    numbers += numbers[:20]
    assert decode([probe(NEW_LAYOUT, number) for number in numbers]).number.tolist() == numbers


def test_packets_that_contradict_their_headers_are_counted_not_decoded():
    good = [probe(NEW_LAYOUT, number) for number in range(200)]
    wrong_sequence = [probe(NEW_LAYOUT, 50, sequence=77), probe(NEW_LAYOUT, 51, sequence=2**31)]
    decoded = decode([*wrong_sequence, *good])
    assert decoded.number.tolist() == list(range(200))
    assert decoded.rows.tolist() == list(range(2, 202))
    assert decoded.unidentified_count == 2


def test_a_translated_address_is_unidentified_not_lost():
    elsewhere = Layout.from_data(NEW | {"user_base": "192.168.7.0"})
    decoded = decode([probe(NEW_LAYOUT, number) for number in range(20)] + [probe(elsewhere, 21)])
    assert (len(decoded.number), decoded.unidentified_count) == (20, 1)


def test_a_probe_whose_latency_header_was_overwritten_is_unidentified():
    decoded = decode([probe(NEW_LAYOUT, number) for number in range(20)] + [probe(NEW_LAYOUT, 20, magic=0x78)])
    assert (len(decoded.number), decoded.unidentified_count) == (20, 1)


def test_a_port_outside_the_layout_is_unidentified():
    translated = udp_packet(
        source=LONG_LAYOUT.user_base,
        destination=1,
        source_port=40000,
        destination_port=5001,
        payload=bytes(38) + bytes([0xAB]) + bytes(15),
    )
    decoded = decode([probe(LONG_LAYOUT, number) for number in range(20)] + [translated])
    assert (len(decoded.number), decoded.unidentified_count) == (20, 1)


def test_load_and_foreign_packets_are_none_of_our_business():
    load = udp_packet(
        source=0x0A010001, destination=0x0A020001, source_port=1024, destination_port=5001, payload=b"x" * 54
    )
    arp = bytes(12) + b"\x08\x06" + bytes(46)
    icmp = bytearray(load)
    icmp[23] = 1
    decoded = decode([load, arp, bytes(icmp), b"", b"short", probe(NEW_LAYOUT, 0)])
    assert decoded.rows.tolist() == [5]
    assert decoded.unidentified_count == 0


def test_groups_are_told_apart():
    packets = [probe(layout, number) for number in range(100) for layout in (LONG_LAYOUT, NEW_LAYOUT)]
    decoded = decode(packets)
    assert decoded.pg_id.tolist() == [20, 21] * 100
    assert decoded.number.tolist() == [number for number in range(100) for _ in range(2)]


def test_each_group_has_its_own_start():
    packets = [probe(LONG_LAYOUT, number, first_sequence=5) for number in range(9)]
    packets += [probe(NEW_LAYOUT, number, first_sequence=900) for number in range(9)]
    assert decode(packets).number.tolist() == [*range(9), *range(9)]


def test_down_means_that_the_user_is_the_destination():
    group = TrafficGroup(22, "new-sessions-down", "probe", "down", 1000.0, 96, NEW)
    decoded = decode([probe(NEW_LAYOUT, number, direction="down") for number in range(40)], (group,))
    assert decoded.number.tolist() == list(range(40))
    assert len(decode([probe(NEW_LAYOUT, 0)], (group,)).number) == 0


@pytest.mark.parametrize(
    "form", [{"vlan": 100}, {"ip_options": bytes(8)}, {"trailer": bytes(6)}, {"vlan": 7, "trailer": b"\xff" * 4}]
)
def test_tags_options_and_padding_do_not_hide_a_probe(form):
    packets = [probe(NEW_LAYOUT, number, **(form if number % 2 else {})) for number in range(64)]
    assert decode(packets).number.tolist() == list(range(64))


def test_a_packet_that_was_cut_off_is_no_probe():
    packets = [probe(NEW_LAYOUT, number) for number in range(5)] + [probe(NEW_LAYOUT, 5)[:80]]
    assert decode(packets).number.tolist() == list(range(5))


def test_a_payload_too_short_for_a_latency_header_is_skipped():
    tiny = udp_packet(
        source=NEW_LAYOUT.user_base, destination=1, source_port=1024, destination_port=5001, payload=b"\0" * 16
    )
    assert len(decode([tiny]).number) == 0


def test_nothing_captured():
    decoded = decode([])
    assert (len(decoded.rows), decoded.unidentified_count) == (0, 0)


@pytest.mark.parametrize("other", [2, 255, 0x101])
def test_a_late_probe_of_an_earlier_run_does_not_stand_in_for_one_that_was_lost(other):
    packets = [probe(NEW_LAYOUT, number) for number in range(200) if number not in {50, 51}]
    late = [probe(NEW_LAYOUT, number, run=other, ticks=1) for number in (50, 51, 199, 700)]
    decoded = decode([*late[:2], *packets, *late[2:]])
    assert 50 not in decoded.number.tolist()
    assert len(decoded.number) == 198
    assert (decoded.earlier_count, decoded.unidentified_count) == (4, 0)


def test_each_stream_has_a_run_of_its_own():
    packets = [probe(NEW_LAYOUT, number, run=3) for number in range(50)]
    packets += [probe(LONG_LAYOUT, number, run=0x102) for number in range(50)]
    decoded = decode(packets)
    assert (len(decoded.number), decoded.earlier_count, decoded.unidentified_count) == (100, 0, 0)


def test_late_probes_that_come_first_do_not_decide_which_run_it_is():
    late = [probe(NEW_LAYOUT, number, run=9) for number in range(900, 960)]
    decoded = decode([*late, *(probe(NEW_LAYOUT, number, run=10) for number in range(300))])
    assert decoded.number.tolist() == list(range(300))
    assert decoded.earlier_count == 60


def test_what_contradicts_its_headers_is_unidentified_in_any_run():
    packets = [probe(NEW_LAYOUT, number) for number in range(100)]
    decoded = decode([*packets, probe(NEW_LAYOUT, 50, sequence=77, run=2)])
    assert (decoded.earlier_count, decoded.unidentified_count) == (0, 1)
