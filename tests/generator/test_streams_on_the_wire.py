"""Streams of every kind between two ports of a running generator."""

from __future__ import annotations

import base64
import struct

import numpy as np
import pytest

from tests.generator import packets, sandbox

pytestmark = pytest.mark.namespaces


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return sandbox.run("streams", tmp_path_factory.mktemp("streams"))


def frames(part):
    return [base64.b64decode(packet["binary"]) for packet in part["arrived"]]


def of_port(part, number):
    return [frame for frame in frames(part) if frame[12:14] == b"\x08\x00" and frame[34:36] == number.to_bytes(2)]


def test_bursts_loops_and_silence_come_to_their_ends(found):
    part = found["chain"]
    assert [len(of_port(part, number)) for number in (1, 2, 3, 4)] == [40, 15, 15, 0]
    assert part["counted"]["flow_stats"]["1"]["tp"]["0"] == part["counted"]["flow_stats"]["1"]["rp"]["1"] == 40


def test_bursts_keep_their_distance(found):
    times = [packet["ts"] for packet in found["chain"]["arrived"]]
    ports = [int.from_bytes(frame[34:36]) for frame in frames(found["chain"])]
    mine = np.array([at for at, port in zip(times, ports, strict=True) if port == 1]) - found["chain"]["started_s"]
    # Ten packets 1 ms apart, then 50 ms of silence. A busy machine delays packets; none can be early.
    due_s = np.array([burst * 0.059 + packet * 0.001 for burst in range(4) for packet in range(10)])
    assert (mine > due_s - 0.001).all()
    assert float(np.median(np.diff(mine))) < 0.01


def test_streams_of_a_loop_take_turns(found):
    ports = [int.from_bytes(frame[34:36]) for frame in frames(found["chain"])]
    assert [port for port in ports if port in (2, 3)] == ([2] * 5 + [3] * 5) * 3


@pytest.mark.parametrize("pg_id", range(1, 7))
def test_every_kind_is_counted_on_both_sides(found, pg_id):
    counted = found["kinds"]["counted"]["flow_stats"][str(pg_id)]
    assert counted["tp"]["0"] == counted["rp"]["1"] == 200
    assert counted["tb"]["0"] == counted["rb"]["1"]


@pytest.mark.parametrize("pg_id", [2, 4, 6])
def test_latency_is_measured_in_every_kind(found, pg_id):
    latency = found["kinds"]["counted"]["latency"][str(pg_id)]
    assert sum(latency["lat"]["histogram"].values()) == 200
    assert "er" not in latency


def test_lengths_walk_through_their_range(found):
    arrived = of_port(found["kinds"], 1)
    assert [len(frame) for frame in arrived] == [80 + number % 20 for number in range(200)]
    assert {packets.checksum(frame[14:34]) for frame in arrived} == {0}


def test_checksums_cover_the_latency_header(found):
    arrived = of_port(found["kinds"], 2)
    assert len(arrived) == 200
    for frame in arrived:
        segment = frame[34:]
        pseudo = frame[26:34] + b"\0\x11" + len(segment).to_bytes(2)
        assert packets.checksum(pseudo + segment + b"\0" * (len(segment) % 2)) == 0
    assert [struct.unpack("<I", frame[-12:-8])[0] for frame in arrived[2:]] == list(range(198))


def test_ipv6_carries_its_marks(found):
    arrived = [frame for frame in frames(found["kinds"]) if frame[12:14] == b"\x86\xdd"]
    marks = {int.from_bytes(frame[14:18]) for frame in arrived}
    assert len(arrived) == 400
    assert {mark & 0xFFFFF for mark in marks if mark & 0xFFFFF != 0xFFFF} <= set(range(0xFC00, 0xFFFF))
    assert {mark >> 20 for mark in marks} == {0x601}
