"""What ports say on their own, held against frames that a TRex server and a Linux router exchanged."""

from __future__ import annotations

import base64
import ipaddress
import struct

import pytest

from lab.generator import stack
from lab.generator.addressing import Addressing, Ipv4Mode
from tests.generator import packets

MAC, ROUTER = bytes.fromhex("020000000010"), bytes.fromhex("020000000d00")
OWN, GATEWAY = (ipaddress.IPv4Address(each).packed for each in ("10.10.0.1", "10.10.0.254"))
# From a recording: the port's question, the router's answer, an echo request of 64 bytes through the port.
RECORDED_QUESTION = base64.b64decode("////////AgAAAAAQCAYAAQgABgQAAQIAAAAAEAoKAAEAAAAAAAAKCgD+")
RECORDED_ANSWER = base64.b64decode("AgAAAAAQAgAAAA0ACAYAAQgABgQAAgIAAAANAAoKAP4CAAAAABAKCgAB")
RECORDED_ECHO_REPLY = base64.b64decode(
    "AgAAAAAQAgAAAA0ACABFAAAyVZ4AAEABEBsKCgD+CgoAAQAAzuED8QAAeHh4eHh4eHh4eHh4eHh4eHh4eHh4eA=="
)


def port(*, resolved=True, tags=(), layer3=True):
    made = Addressing(MAC, ROUTER)
    if layer3:
        made.set_layer3(Ipv4Mode(OWN, GATEWAY), ROUTER if resolved else None)
    made.vlan_tags = tags
    return made


def question(target=OWN, *, tags=b"", operation=1, hardware=1, length=42):
    body = struct.pack(">HHBBH", hardware, 0x0800, 6, 4, operation) + ROUTER + GATEWAY + bytes(6) + target
    return (b"\xff" * 6 + ROUTER + tags + b"\x08\x06" + body).ljust(length, b"\0")


def echo_request(*, target=OWN, kind=8, protocol=1, payload=b"abcdefg", tags=b"", trailer=b""):
    message = struct.pack(">BBHHH", kind, 0, 0, 7, 1) + payload
    even = message + b"\0" * (len(message) % 2)
    message = message[:2] + packets.checksum(even).to_bytes(2) + message[4:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(message), 99, 0, 64, protocol, 0) + GATEWAY + target
    head = head[:10] + packets.checksum(head).to_bytes(2) + head[12:]
    return MAC + ROUTER + tags + b"\x08\x00" + head + message + trailer


def test_a_question_is_asked_as_trex_asks_it():
    asked = stack.arp_request(port(), GATEWAY)
    assert asked == RECORDED_QUESTION.ljust(60, b"\0")


def test_the_recorded_answer_resolves_the_gateway():
    assert stack.resolved_by(RECORDED_ANSWER, port(resolved=False)) == ROUTER


@pytest.mark.parametrize("frame", [RECORDED_QUESTION, RECORDED_ECHO_REPLY, RECORDED_ANSWER[:-1], b"", question()])
def test_nothing_else_resolves_it(frame):
    assert stack.resolved_by(frame, port(resolved=False)) is None


def test_somebody_else_s_answer_resolves_nothing():
    elsewhere = bytearray(RECORDED_ANSWER)
    elsewhere[31] ^= 1  # the sender's address
    assert stack.resolved_by(bytes(elsewhere), port()) is None
    assert stack.resolved_by(RECORDED_ANSWER, port(layer3=False)) is None


def test_who_asks_for_the_port_is_answered():
    answer = stack.answer(question(length=60), port())
    expected = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + MAC + OWN + ROUTER + GATEWAY
    assert answer == (ROUTER + MAC + b"\x08\x06" + expected).ljust(60, b"\0")
    assert stack.resolved_by(answer, mirrored()) == MAC


def mirrored():
    made = Addressing(ROUTER, MAC)
    made.set_layer3(Ipv4Mode(GATEWAY, OWN), None)
    return made


@pytest.mark.parametrize(
    "frame",
    [
        question(GATEWAY),
        question(operation=2),
        question(hardware=6),
        question()[:41],
        question(tags=b"\x81\x00\x00\x64"),
        RECORDED_ANSWER,
        b"\xff" * 20,
        b"",
    ],
    ids=["another address", "an answer", "no Ethernet", "too short", "tagged", "recorded answer", "noise", "nothing"],
)
def test_other_arp_is_left_alone(frame):
    assert stack.answer(frame, port()) is None


def test_a_port_in_layer_2_mode_is_silent():
    assert stack.answer(question(), port(layer3=False)) is None
    with pytest.raises(ValueError, match="layer 2"):
        stack.arp_request(port(layer3=False), GATEWAY)


@pytest.mark.parametrize("payload", [b"", b"odd", b"even", b"x" * 1400])
def test_echo_requests_are_answered_with_good_checksums(payload):
    asked = echo_request(payload=payload, trailer=b"\0" * 9)
    answer = stack.answer(asked, port())
    assert answer[:12] == ROUTER + MAC
    assert answer[26:34] == OWN + GATEWAY
    assert answer[22] == 128  # a fresh packet
    assert packets.checksum(answer[14:34]) == 0
    message = answer[34 : 34 + 8 + len(payload)]
    assert message[0] == 0
    assert packets.checksum(message + b"\0" * (len(message) % 2)) == 0
    assert message[4:] == asked[38 : 38 + 4 + len(payload)]
    assert answer[-9:] == b"\0" * 9


@pytest.mark.parametrize(
    "frame",
    [
        echo_request(target=GATEWAY),
        echo_request(kind=0),
        echo_request(protocol=17),
        echo_request()[:40],
        echo_request()[:14] + b"\x44" + echo_request()[15:],
        echo_request()[:14],
        RECORDED_ECHO_REPLY,
    ],
    ids=["another address", "a reply", "UDP", "cut", "header of 16 bytes", "no header", "recorded reply"],
)
def test_other_packets_are_left_alone(frame):
    assert stack.answer(frame, port()) is None


@pytest.mark.parametrize(("tags", "octets"), [((100,), "81000064"), ((7, 100), "88a8000781000064")])
def test_only_the_port_s_own_vlan_is_answered(tags, octets):
    tagged = bytes.fromhex(octets)
    assert stack.answer(question(tags=tagged), port(tags=tags))[12 : 12 + len(tagged)] == tagged
    assert stack.answer(echo_request(tags=tagged), port(tags=tags))[12 : 12 + len(tagged)] == tagged
    assert stack.answer(question(), port(tags=tags)) is None
    assert stack.answer(question(tags=tagged), port(tags=(99,))) is None


def test_tagged_ports_ask_with_their_tags():
    asked = stack.arp_request(port(tags=(100,)), GATEWAY)
    assert asked[12:18] == bytes.fromhex("810000640806")
    answer = question(OWN, tags=bytes.fromhex("81000064"), operation=2)
    assert stack.resolved_by(answer, port(tags=(100,))) == ROUTER
    assert stack.resolved_by(answer, port()) is None
