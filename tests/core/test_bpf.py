from __future__ import annotations

import ctypes
import random
import struct

import numpy as np
import pytest

from hitless.recording import libpcap
from hitless.recording.bpf import BpfError, matches
from hitless.recording.libpcap import compile_expression
from tests.core.packets import udp_packet

EXPRESSIONS = [
    "udp",
    "ip[1] & 0xfc == 0x28",
    "ip[1] & 0xfc == 0x48",
    "ip6",
    "arp or icmp",
    "udp and dst port 5001",
    "udp src portrange 1024-2047",
    "host 10.1.0.5",
    "src net 10.1.0.0/16 and not dst net 10.2.0.0/24",
    "ether src 02:00:00:01:00:02",
    "ether[6:4] & 0xffffff00 = 0x02000000",
    "vlan 100",
    "vlan and udp",
    "ip[8] < 64",
    "ip[8] >= 64 and ip[8] <= 65",
    "udp[8] = 0",
    "udp[8:4] - 1 > 7",
    "udp[8] * 3 + 1 = 13",
    "udp[8] / 2 = 3 or udp[8] % 5 = 1",
    "ip[2:2] << 2 > 300",
    "ip[2:2] >> 3 = 10",
    "ip[4:2] ^ 0xffff = 0",
    "-udp[8] = 0 - 3",
    "len > 80",
    "greater 90",
    "less 60",
    "tcp[tcpflags] & tcp-syn != 0",
    "ip[ip[0] & 0xf] = 17",
    "ip[udp[8]] = 17",
    "udp[udp[8]:2] > 20",
    "not ip",
    "ip multicast",
    "(udp port 53 or udp port 5001) and (ip[1] & 0xfc = 0x28 or ip[8] = 63)",
    "udp[8] / udp[9] = 1",
    "ip[6:2] & 0x1fff = 0",
]


class _Header(ctypes.Structure):
    _fields_ = (("s", ctypes.c_long), ("us", ctypes.c_long), ("stored", ctypes.c_uint32), ("original", ctypes.c_uint32))


def offline_filter(expression, packets):
    """Ask libpcap itself, packet by packet."""
    library = libpcap._libpcap(libpcap._LIBRARY_NAMES)
    handle = library.pcap_open_dead(1, 262144)
    program = libpcap._Program()
    assert library.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, 0xFFFFFFFF) == 0
    library.pcap_offline_filter.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
    answers = []
    for packet in packets:
        header = _Header(0, 0, len(packet), len(packet))
        answers.append(library.pcap_offline_filter(ctypes.byref(program), ctypes.byref(header), packet) != 0)
    library.pcap_freecode(ctypes.byref(program))
    library.pcap_close(handle)
    return answers


def random_packet(chance):
    kind = chance.randrange(6)
    if kind == 0:
        return chance.randbytes(chance.randrange(120))
    packet = bytearray(
        udp_packet(
            source=0x0A010000 + chance.randrange(8),
            destination=0x0A020001,
            source_port=chance.choice([53, 1024, 1025, 5001]),
            destination_port=chance.choice([53, 5001]),
            payload=bytes([chance.randrange(8), chance.randrange(3)]) + chance.randbytes(chance.randrange(60)),
            tos=chance.choice([0x28, 0x29, 0x48, 0]),
            ttl=chance.choice([63, 64, 65]),
            source_mac=bytes([2, 0, 0, 1, 0, chance.randrange(4)]),
            vlan=chance.choice([None, None, None, 100, 101]),
            ip_options=chance.choice([b"", b"", bytes(4)]),
        )
    )
    if kind == 1 and len(packet) > 24:
        packet[23] = chance.choice([1, 6, 17])
    if kind == 2:
        packet[12:14] = struct.pack("!H", chance.choice([0x0806, 0x86DD, 0x0800]))
    if kind == 3:
        del packet[chance.randrange(len(packet)) :]
    if kind == 4:
        packet[chance.randrange(len(packet))] = chance.randrange(256)
    return bytes(packet)


def matrix(packets):
    width = max((len(packet) for packet in packets), default=0)
    data = np.zeros((len(packets), width), np.uint8)
    for row, packet in enumerate(packets):
        data[row, : len(packet)] = np.frombuffer(packet, np.uint8)
    return data, np.asarray([len(packet) for packet in packets], np.int32)


@pytest.fixture(scope="module")
def packets():
    chance = random.Random(2026)
    return [random_packet(chance) for _ in range(1500)]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_it_says_what_libpcap_says(expression, packets):
    ours = matches(compile_expression(expression), *matrix(packets))
    assert ours.tolist() == offline_filter(expression, packets)


def test_the_expressions_tell_the_packets_apart(packets):
    hits = [int(matches(compile_expression(text), *matrix(packets)).sum()) for text in EXPRESSIONS]
    assert sum(0 < count < len(packets) for count in hits) >= len(EXPRESSIONS) - 4


def test_bytes_behind_a_packet_are_not_part_of_it():
    data, _ = matrix([udp_packet(source=1, destination=2, source_port=3, destination_port=4, payload=b"\0" * 8)])
    program = compile_expression("udp[8] = 0")
    assert matches(program, data, np.asarray([len(data[0])], np.int32)).tolist() == [True]
    assert matches(program, data, np.asarray([42], np.int32)).tolist() == [False]


def test_no_packets():
    assert matches(compile_expression("udp"), np.zeros((0, 0), np.uint8), np.zeros(0, np.int32)).tolist() == []


def test_a_bad_expression_is_refused_in_the_words_of_libpcap():
    with pytest.raises(BpfError, match=r"libpcap refuses it \(.*\) - .*Actual: 'udp and and'"):
        compile_expression("udp and and")


def test_a_missing_libpcap_says_how_to_get_it():
    with pytest.raises(BpfError, match=r"libnowhere.*apt install libpcap0\.8"):
        compile_expression("udp", library_names=("libnowhere.so.7",))


@pytest.mark.parametrize(
    "program",
    [
        (),
        ((0x28, 0, 0, 12),),
        ((0x15, 9, 0, 1), (0x06, 0, 0, 1)),
        ((0x05, 0, 0, 5), (0x06, 0, 0, 1)),
        ((0xC0, 0, 0, 0), (0x06, 0, 0, 1)),
        ((0xB4, 0, 0, 1), (0x06, 0, 0, 1)),
        ((0x55, 0, 0, 1), (0x06, 0, 0, 1)),
        ((0x02, 0, 0, 16), (0x06, 0, 0, 1)),
    ],
)
def test_a_damaged_program_is_refused(program):
    with pytest.raises(BpfError):
        matches(program, np.zeros((1, 60), np.uint8), np.asarray([60], np.int32))


# Instructions that libpcap's optimiser seldom leaves in: each alone, with the answer worked out by hand.
RETURN_A = (0x16, 0, 0, 0)
HAND_MADE = [
    ("return k", ((0x06, 0, 0, 0),), False),
    ("return a", ((0x00, 0, 0, 5), RETURN_A), True),
    ("a starts at 0", (RETURN_A,), False),
    ("ldx, txa", ((0x01, 0, 0, 7), (0x87, 0, 0, 0), RETURN_A), True),
    ("tax, x - x", ((0x00, 0, 0, 7), (0x07, 0, 0, 0), (0x1C, 0, 0, 0), RETURN_A), False),
    ("st, ld m", ((0x00, 0, 0, 3), (0x02, 0, 0, 15), (0x00, 0, 0, 0), (0x60, 0, 0, 15), RETURN_A), True),
    ("stx, ldx m", ((0x01, 0, 0, 3), (0x03, 0, 0, 2), (0x61, 0, 0, 2), (0x87, 0, 0, 0), RETURN_A), True),
    ("division by x = 0 rejects", ((0x00, 0, 0, 9), (0x01, 0, 0, 0), (0x3C, 0, 0, 0), (0x06, 0, 0, 1)), False),
    ("shift by 32 gives 0", ((0x00, 0, 0, 1), (0x01, 0, 0, 32), (0x6C, 0, 0, 0), RETURN_A), False),
    (
        "shift right by 31",
        ((0x00, 0, 0, 0x80000000), (0x74, 0, 0, 31), (0x15, 0, 1, 1), RETURN_A, (0x06, 0, 0, 0)),
        True,
    ),
    ("0 - 1 is 2^32 - 1", ((0x14, 0, 0, 1), (0x15, 0, 1, 0xFFFFFFFF), (0x06, 0, 0, 1), (0x06, 0, 0, 0)), True),
    ("neg", ((0x00, 0, 0, 1), (0x84, 0, 0, 0), (0x15, 0, 1, 0xFFFFFFFF), (0x06, 0, 0, 1), (0x06, 0, 0, 0)), True),
    ("jump always", ((0x05, 0, 0, 1), (0x06, 0, 0, 0), (0x06, 0, 0, 1)), True),
    ("length", ((0x80, 0, 0, 0), (0x15, 0, 1, 60), (0x06, 0, 0, 1), (0x06, 0, 0, 0)), True),
    ("load at the last byte", ((0x30, 0, 0, 59), (0x06, 0, 0, 1)), True),
    ("load behind the last byte rejects", ((0x30, 0, 0, 60), (0x06, 0, 0, 1)), False),
    ("x minus something", ((0x01, 0, 0, 4), (0x50, 0, 0, 0xFFFFFFFC), (0x06, 0, 0, 1)), True),
    ("jset with x", ((0x00, 0, 0, 6), (0x01, 0, 0, 2), (0x4D, 0, 1, 0), (0x06, 0, 0, 1), (0x06, 0, 0, 0)), True),
]


@pytest.mark.parametrize(("program", "accepted"), [row[1:] for row in HAND_MADE], ids=[row[0] for row in HAND_MADE])
def test_single_instructions(program, accepted):
    packets = np.zeros((3, 60), np.uint8)
    assert matches(program, packets, np.full(3, 60, np.int32)).tolist() == [accepted] * 3
