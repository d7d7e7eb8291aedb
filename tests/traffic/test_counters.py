"""Samples of the counters and the file that they make."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest

from hitless.history import CounterSeries
from hitless.traffic.counters import CountedGroup, CounterLog, Sample, Sampler
from tests.traffic.fakes import FakeClock, FakeRpc

UP, DOWN = CountedGroup(1, "load-up", 0, 1), CountedGroup(2, "load-down", 1, 0)
SAMPLE = Sample(asked_ns=10, answered_ns=12, tx=(5, 6), rx=(5, 4), ierrors=(100, 7), oerrors=(0, 3), cpu_percent=12.5)


def flow(tx: dict[str, int], rx: dict[str, int]) -> dict:
    return {"tp": tx, "rp": rx, "tb": {"0": 1, "1": 1}, "tps": {"0": 0.0, "1": 0.0}}


def rpc_with(flow_stats: object, ports: list[dict] | None = None, overall: dict | None = None) -> FakeRpc:
    ports = ports or [{"ierrors": 3, "oerrors": 1}, {"ierrors": 4, "oerrors": 2}]
    return FakeRpc(
        get_pgid_stats=lambda **_params: {"flow_stats": flow_stats, "latency": {"g": None}, "ver_id": {}},
        get_port_stats=lambda port_id: ports[port_id],
        get_global_stats=lambda: {"m_cpu_util": 33.0} if overall is None else overall,
    )


def test_a_sample_is_one_round_trip_with_both_stamps():
    clock = FakeClock(1000)
    rpc = rpc_with({"1": flow({"0": 10, "1": 0}, {"0": 0, "1": 9}), "2": flow({"0": 0, "1": 8}, {"0": 8, "1": 0})})
    whole, batches = rpc.batch, []

    def batch(calls):
        batches.append(len(calls))
        clock.now_ns += 500
        return whole(calls)

    rpc.batch = batch
    sample = Sampler(rpc, [UP, DOWN], [0, 1], clock).take()
    assert batches == [4]
    assert (sample.asked_ns, sample.answered_ns) == (1000, 1500)
    assert (sample.tx, sample.rx) == ((10, 8), (9, 8))
    assert (sample.ierrors, sample.oerrors) == ((3, 4), (1, 2))
    assert sample.cpu_percent == 33.0
    assert ("get_pgid_stats", {"pgids": [1, 2]}) in rpc.calls


def test_a_packet_that_comes_back_on_its_own_port_was_not_delivered():
    rpc = rpc_with({"1": flow({"0": 10, "1": 0}, {"0": 7, "1": 3})})
    assert Sampler(rpc, [UP], [0, 1]).take().rx == (3,)


@pytest.mark.parametrize("flow_stats", [None, {}, {"1": {}}, {"1": flow({}, {})}])
def test_a_group_that_the_server_does_not_list_yet_counts_nothing(flow_stats):
    sample = Sampler(rpc_with(flow_stats), [UP, DOWN], [0, 1]).take()
    assert (sample.tx, sample.rx) == ((0, 0), (0, 0))


def test_a_generator_that_does_not_tell_its_load():
    assert math.isnan(Sampler(rpc_with(None, overall={}), [UP], [0, 1]).take().cpu_percent)


def test_what_two_samples_have_in_common():
    assert SAMPLE.same_packets(replace(SAMPLE, asked_ns=99, ierrors=(0, 0)))
    assert not SAMPLE.same_packets(replace(SAMPLE, rx=(5, 5)))
    assert not SAMPLE.same_packets(replace(SAMPLE, tx=(6, 6)))
    assert not SAMPLE.all_back
    assert replace(SAMPLE, rx=SAMPLE.tx).all_back


def test_the_file_holds_exactly_the_fields_of_the_history(tmp_path):
    log = CounterLog([1, 2], [0, 1])
    log.append(SAMPLE)
    log.append(replace(SAMPLE, asked_ns=20, answered_ns=25, tx=(50, 60), rx=(49, 60), ierrors=(101, 7), oerrors=(0, 5)))
    log.save(tmp_path / "counters.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["counters.npz"]
    with np.load(tmp_path / "counters.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {field.name for field in fields(CounterSeries)}
        series = CounterSeries(**arrays)
    assert series.tx.tolist() == [[5, 6], [50, 60]]
    assert series.rx.tolist() == [[5, 4], [49, 60]]
    assert series.asked_ns.tolist() == [10, 20]
    assert series.answered_ns.tolist() == [12, 25]
    assert series.pg_ids.tolist() == [1, 2]
    assert series.port_ids.tolist() == [0, 1]
    assert (series.tx.dtype, series.pg_ids.dtype, series.generator_cpu_percent.dtype) == ("int64", "int32", "float64")


def test_the_testers_own_losses_count_from_the_start_of_the_recording():
    log = CounterLog([1, 2], [0, 1])
    log.append(SAMPLE)
    log.append(replace(SAMPLE, ierrors=(104, 7), oerrors=(0, 4)))
    arrays = log.arrays()
    assert arrays["ierrors"].tolist() == [[0, 0], [4, 0]]
    assert arrays["oerrors"].tolist() == [[0, 0], [0, 1]]


def test_a_log_without_samples_is_a_file_without_rows(tmp_path):
    log = CounterLog([1, 2], [0, 1])
    log.save(tmp_path / "counters.npz")
    with np.load(tmp_path / "counters.npz") as arrays:
        assert arrays["tx"].shape == (0, 2)
        assert arrays["ierrors"].shape == (0, 2)
    assert log.last is None
    assert len(log) == 0
