"""What the helpers on the path do with packets and counters, without a path."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from lab.generator.rx_ring import Packets
from tests.exactness import kernel
from tests.exactness.detour import Queue
from tests.exactness.plans import Plan, ReaderStop, TrueWindow, Truth, load_plans, load_truth, save_plans, save_truth
from tests.exactness.ruleset import DROP, Rule
from tests.exactness.scenarios import counted_outages, disorder, one_stream, tunables
from tests.exactness.witness import probes_of


def test_a_frame_waits_as_long_as_it_is_told_and_frames_keep_their_order():
    queue = Queue(20)
    queue.add(b"a", 100)
    queue.add(b"b", 105)
    assert queue.due(119) == []
    assert queue.wait_s(119) == pytest.approx(1e-9)
    assert queue.due(120) == [b"a"]
    assert queue.due(500) == [b"b"]
    assert queue.wait_s(500) == 1.0


def test_the_witness_reads_time_number_and_user():
    frames = [
        bytes(26) + bytes([10, 1, 64, number]) + bytes(50) + b"\xab\x01\x00\x00" + struct.pack("<IQ", number, 9)
        for number in (7, 8)
    ]
    data = np.frombuffer(b"".join(frames), np.uint8)
    lengths = np.asarray([96, 96])
    packets = Packets(data, np.asarray([0, 96]), lengths, lengths, np.asarray([1000, 2000]), np.asarray([-1, -1]))
    assert probes_of(packets).tolist() == [[1000, 7, 0x0A014007], [2000, 8, 0x0A014008]]


def test_counters_are_read_from_nfts_json():
    listing = {
        "nftables": [
            {"metainfo": {"version": "1.0.6"}},
            {"counter": {"family": "netdev", "name": "gone", "table": "path", "packets": 12, "bytes": 999}},
        ]
    }
    assert kernel.counters_in(listing) == {"gone": 12}


def test_sessions_are_read_from_nfts_json():
    element = {"elem": {"val": {"concat": ["10.1.64.5", 1024]}, "counter": {"packets": 3, "bytes": 1}}}
    listing = {"nftables": [{"metainfo": {}}, {"set": {"name": "sessions_gone", "elem": [element]}}]}
    assert kernel.sessions_in(listing) == [("10.1.64.5", 1024, 3)]
    assert kernel.sessions_in({"nftables": [{"set": {"name": "empty"}}]}) == []


def test_the_clocks_distance_is_read_without_a_jump():
    one, other = kernel.wall_minus_monotonic_ns(), kernel.wall_minus_monotonic_ns()
    assert abs(one - other) < 50_000_000
    with pytest.raises(ValueError, match="at least one attempt"):
        kernel.wall_minus_monotonic_ns(0)


def test_plans_come_back_as_they_were(tmp_path):
    plans = [
        disorder("one", 10_000, 2),
        counted_outages("two", 50_000, [(0.0, 1.5)], 3),
        Plan("three", [], reader_stop=ReaderStop(1, 2)),
    ]
    save_plans(tmp_path, plans)
    assert load_plans(tmp_path) == [
        Plan(
            p.name,
            list(p.tunables),
            list(p.parts),
            p.run_s,
            list(p.rules),
            list(p.windows_ms),
            list(p.window_groups),
            p.hold_ms,
            p.watched,
            p.reader_stop,
        )
        for p in plans
    ]


def test_the_truth_comes_back_as_it_was(tmp_path):
    truth = Truth({"gone": 1}, {"gone": [("10.1.64.5", 1024, 1)]}, [TrueWindow("load-up", 1, 2, 3)], {"tx": {}}, 5)
    save_truth(tmp_path, truth)
    assert load_truth(tmp_path) == truth


def test_tunables_give_the_rates_that_were_asked_for():
    assert tunables(24_000) == ["--load-pps", "24000", "--new-pps", "2000", "--long-pps", "2000"]
    assert one_stream(1000) == ["--new-pps", "1000", "--long-pps", "1", "--load-pps", "1021"]
    assert one_stream(5000)[1] == "4999", "with the other probes not above what can be fetched"


def test_rules_name_groups_of_the_profile():
    assert {rule.group for rule in disorder("x", 10_000, 1).rules} <= {"new-sessions", "long-sessions", "load-up"}
    assert Rule("a", "load-up", DROP).match == ""
