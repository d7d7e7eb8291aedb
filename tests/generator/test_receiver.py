from __future__ import annotations

import pytest

from lab.generator.counters import BYTES, ERRORS, LATENCY_FIELDS, NO_GROUP, PACKETS
from lab.generator.frames import FLOW_STATS_IDS, LATENCY_HEADER
from lab.generator.messages import ExpectFlow, LatencyTag
from lab.generator.receiver import ACCOUNTING_FILTER, Receiver
from lab.generator.rx_ring import read_block
from tests.generator import fakes, packets
from tests.generator.blocks import block

MS = fakes.MS
FIRST = 0xFFFFFFFE


@pytest.fixture
def counters():
    return fakes.shared_counters()


@pytest.fixture
def receiver(counters):
    return Receiver(counters, fakes.Clock())


def probe(number, *, hardware_id=2, flow=5, sent_ns=0, magic=0xAB, length=96):
    tail = LATENCY_HEADER.pack(magic, flow, hardware_id, (FIRST + number) % (1 << 32), sent_ns)
    return packets.udp(length, ip_id=0xFFFF)[:-16] + tail


def received(frames, *, at_ns=100_000):
    return read_block(block([(frame, at_ns) for frame in frames]), 0)


def figure(counters, row, name):
    return int(counters.latency[row, LATENCY_FIELDS.index(name)])


def test_packets_count_for_port_and_group(receiver, counters):
    frames = [packets.udp(128, ip_id=0xFC00)] * 3 + [packets.udp(64, ip_id=0xFFFE)] * 2 + [packets.udp(60, ip_id=7)]
    receiver.account(1, received(frames))
    assert counters.received[1, :ERRORS].tolist() == [6, 3 * 132 + 2 * 68 + 64]
    assert counters.group_received[1, 0].tolist() == [3, 3 * 132]
    assert counters.group_received[1, 1022].tolist() == [2, 2 * 68]
    assert counters.group_received[1, NO_GROUP].tolist() == [1, 64]
    assert counters.group_received[0].sum() == 0


def test_other_protocols_and_short_packets_belong_to_no_group(receiver, counters):
    arp = bytes(12) + b"\x08\x06" + b"\xfc" * 46
    receiver.account(0, received([arp, bytes(14), bytes(12) + b"\x08\x00"]))
    assert counters.received[0, PACKETS] == 3
    assert counters.group_received[0, NO_GROUP, PACKETS] == 3


def test_expected_probes_are_counted_and_measured(receiver, counters):
    receiver.expect(ExpectFlow(LatencyTag(2, 5), fresh=True))
    receiver.account(1, received([probe(number, sent_ns=40_000) for number in range(4)]))
    assert counters.group_received[1, FLOW_STATS_IDS + 2].tolist() == [4, 400]
    assert figure(counters, 2, "count") == 4
    assert figure(counters, 2, "total_min_ns") == 60_000
    assert figure(counters, 2, "dropped") == 0


def test_several_probe_streams_in_one_block_are_kept_apart(receiver, counters):
    for hardware_id in (0, 127):
        receiver.expect(ExpectFlow(LatencyTag(hardware_id, 5), fresh=True))
    frames = [probe(number, hardware_id=hardware_id) for number in range(3) for hardware_id in (0, 127)]
    receiver.account(0, received(frames))
    assert [figure(counters, row, "count") for row in (0, 127)] == [3, 3]
    assert [figure(counters, row, "sequence_too_low") for row in (0, 127)] == [0, 0]


@pytest.mark.parametrize(
    "stranger",
    [{"flow": 4}, {"hardware_id": 3}, {"hardware_id": 500}, {"magic": 0xAA}],
    ids=["flow of an earlier start", "id not in use", "id out of range", "no magic"],
)
def test_probes_that_are_not_expected_count_for_no_group(receiver, counters, stranger):
    receiver.expect(ExpectFlow(LatencyTag(2, 5), fresh=True))
    receiver.account(1, received([probe(0, **stranger)]))
    assert counters.group_received[1, NO_GROUP, PACKETS] == 1
    assert counters.group_received[1, FLOW_STATS_IDS + 2, PACKETS] == 0
    assert counters.received[1, BYTES] == 100


def test_a_second_start_goes_on_counting_and_a_new_user_begins_anew(receiver, counters):
    receiver.expect(ExpectFlow(LatencyTag(2, 5), fresh=True))
    receiver.account(1, received([probe(0), probe(2)]))
    receiver.expect(ExpectFlow(LatencyTag(2, 6), fresh=False))
    receiver.account(1, received([probe(0, flow=6), probe(1, flow=6)]))
    assert (figure(counters, 2, "count"), figure(counters, 2, "dropped")) == (4, 1)
    receiver.expect(ExpectFlow(LatencyTag(2, 7), fresh=True))
    assert (figure(counters, 2, "count"), figure(counters, 2, "dropped")) == (0, 0)


def test_latency_is_never_negative(receiver, counters):
    receiver.expect(ExpectFlow(LatencyTag(2, 5), fresh=True))
    receiver.account(1, received([probe(0, sent_ns=200_000)]))
    assert figure(counters, 2, "total_min_ns") == 0


class Ring:
    def take_drops(self):
        return 3


def test_periods_move_averages_and_add_up_drops(counters):
    clock = fakes.Clock()
    receiver = Receiver(counters, clock)
    receiver.expect(ExpectFlow(LatencyTag(2, 5), fresh=True))
    receiver.account(1, received([probe(0, sent_ns=40_000)]))
    receiver.end_of_period([Ring(), Ring()])
    assert figure(counters, 2, "average_ns") == 0
    clock.advance(500)
    receiver.end_of_period([Ring(), Ring()])
    assert figure(counters, 2, "average_ns") == 60_000
    assert counters.received[:, ERRORS].tolist() == [3, 3]
    receiver.end_of_period([Ring(), Ring()])
    assert counters.received[:, ERRORS].tolist() == [3, 3]


def run_filter(frame):
    """Interprets the classic BPF program: how many bytes of the packet pass."""
    accumulator, index, at = 0, 0, 0
    while True:
        code, if_true, if_false, operand = ACCOUNTING_FILTER[at]
        at += 1
        if code == 0x80:
            accumulator = len(frame)
        elif code == 0x14:
            accumulator -= operand
        elif code == 0x07:
            index = accumulator
        elif code == 0x50:
            accumulator = frame[index + operand]
        elif code == 0x15:
            at += if_true if accumulator == operand else if_false
        elif code == 0x35:
            at += if_true if accumulator >= operand else if_false
        elif code == 0x06:
            return operand
        else:
            raise AssertionError(code)


def test_the_filter_cuts_all_but_probes():
    assert run_filter(probe(0)) > 1514
    assert run_filter(probe(0, length=1514)) > 1514
    assert run_filter(packets.udp(128, ip_id=0xFC00)) == 60
    assert run_filter(packets.udp(128, ip_id=0xFFFF)) == 60
    assert run_filter(bytes(12) + b"\x86\xdd" + b"\xff" * 50) == 60
    assert run_filter(bytes(14)) == 60
    assert run_filter(bytes(16)) == 60


def test_a_probe_is_known_by_its_header_whatever_happened_to_its_ip_id(receiver, counters):
    receiver.expect(ExpectFlow(LatencyTag(2, 5), fresh=True))
    translated = packets.udp(96, ip_id=77, source="192.0.2.1")[:-16] + probe(1)[-16:]
    no_ip = bytes(12) + b"\x12\x34" + bytes(66) + probe(2)[-16:]
    receiver.account(1, received([probe(0), translated, no_ip]))
    assert counters.group_received[1, FLOW_STATS_IDS + 2, PACKETS] == 3
    assert figure(counters, 2, "dropped") == 0


def test_a_strange_header_changes_no_account(receiver, counters):
    receiver.expect(ExpectFlow(LatencyTag(2, 5), fresh=True))
    counted = packets.udp(96, ip_id=0xFC03)[:-16]
    strange = [counted + LATENCY_HEADER.pack(0xAB, *rest) for rest in ((5, 200, 1, 1), (6, 2, 1, 1))]
    receiver.account(1, received(strange))
    assert counters.group_received[1, 3, PACKETS] == 2
    assert counters.group_received[1, FLOW_STATS_IDS + 2, PACKETS] == 0


def ipv6(label, *, tags=b"", length=96):
    head = (0x60100000 | label).to_bytes(4) + (length - 54).to_bytes(2) + b"\x11\x40" + bytes(32)
    return (bytes(12) + tags + b"\x86\xdd" + head).ljust(length, b"\0")


@pytest.mark.parametrize("tags", [b"", b"\x81\x00\x00\x05", b"\x88\xa8\x00\x07\x81\x00\x00\x05"])
def test_marks_are_found_behind_vlan_tags_and_in_ipv6(receiver, counters, tags):
    plain = packets.udp(96, ip_id=0xFC04)
    ipv4 = plain[:12] + tags + plain[12:]
    other = bytes(12) + tags + b"\x08\x06" + b"\xfc" * 60
    receiver.account(0, received([ipv4, ipv6(0xFC05, tags=tags), other, ipv6(0x1FC05, tags=tags), ipv4]))
    assert counters.group_received[0, 4, PACKETS] == 2
    assert counters.group_received[0, 5, PACKETS] == 1
    assert counters.group_received[0, NO_GROUP, PACKETS] == 2


def test_kinds_may_be_mixed_in_a_block(receiver, counters):
    plain = packets.udp(96, ip_id=0xFC04)
    tagged = plain[:12] + b"\x81\x00\x00\x05" + plain[12:]
    three_tags = plain[:12] + b"\x81\x00\x00\x05" * 3 + plain[12:]
    receiver.account(0, received([plain, tagged, ipv6(0xFC04), three_tags, bytes(14), plain]))
    assert counters.group_received[0, 4, PACKETS] == 4
    assert counters.group_received[0, NO_GROUP, PACKETS] == 2


def test_a_tag_that_the_kernel_took_out_counts_as_bytes(receiver, counters):
    frame = packets.udp(96, ip_id=0xFC04)
    receiver.account(1, read_block(block([(frame, 1, 100), (frame, 2)]), 0))
    assert counters.group_received[1, 4].tolist() == [2, 104 + 100]
    assert counters.received[1, BYTES] == 204
