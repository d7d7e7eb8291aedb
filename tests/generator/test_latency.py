from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lab.generator.counters import HISTOGRAM_BUCKETS, LATENCY_FIELDS
from lab.generator.latency import LatencyMeter, SequenceCheck, bucket_key, bucket_of
from tests.generator.fakes import shared_counters

FIRST = 0xFFFFFFFE


def check(*numbers, chunks=1):
    """Feeds numbers that count from the first packet of the flow."""
    each = SequenceCheck()
    wire = np.array([(FIRST + number) % (1 << 32) for number in numbers], dtype=np.uint32)
    for part in np.array_split(wire, chunks):
        if len(part):
            each.add(part)
    return each.dropped, each.out_of_order, each.duplicates, each.too_high, each.too_low


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0, 1, 2, 3, 4], (0, 0, 0, 0, 0)),  # across the wrap
        ([0, 1, 4, 5], (2, 0, 0, 1, 0)),
        ([2, 3], (2, 0, 0, 1, 0)),
        ([0, 1, 3, 2, 4], (0, 1, 0, 1, 1)),
        ([0, 1, 1, 2], (0, 0, 1, 0, 1)),
        ([0, 3, 2, 1, 4], (0, 2, 0, 1, 2)),
        ([0, 5, 1, 2, 3, 4, 6], (0, 4, 0, 1, 4)),
        ([0, 5, 2, 2, 6], (3, 1, 1, 1, 2)),
        ([0, 1, 2, 0, 1, 2, 3], (0, 0, 3, 0, 3)),
        ([0, 2, 4, 1, 3, 5], (0, 2, 0, 2, 2)),
        ([0, 10, 4, 5, 6, 11], (6, 3, 0, 1, 3)),
        ([0, 3, 1, 2, 3, 4], (0, 2, 1, 1, 3)),
    ],
)
@pytest.mark.parametrize("chunks", [1, 2, 3, 7])
def test_gaps_late_packets_and_doubles(numbers, expected, chunks):
    assert check(*numbers, chunks=chunks) == expected


def slow(numbers):
    """The same rules, one packet at a time."""
    expected, missing, counts = 0, set(), dict.fromkeys(("dup", "ooo", "high", "low"), 0)
    for number in numbers:
        if number > expected:
            missing |= set(range(expected, number))
            counts["high"] += 1
        if number >= expected:
            expected = number + 1
            continue
        counts["low"] += 1
        counts["ooo" if number in missing else "dup"] += 1
        missing.discard(number)
    return len(missing), counts["ooo"], counts["dup"], counts["high"], counts["low"]


@pytest.mark.parametrize("seed", range(20))
def test_any_disorder_is_counted_as_one_by_one(seed):
    generator = np.random.default_rng(seed)
    numbers = np.flatnonzero(generator.random(400) > 0.1)
    numbers = np.sort(np.concatenate([numbers, generator.choice(numbers, 10)]))
    jumbled = numbers[np.argsort(np.arange(len(numbers)) + generator.integers(0, 6, len(numbers)), kind="stable")]
    assert check(*jumbled.tolist(), chunks=5) == slow(jumbled.tolist())


def test_loss_at_the_end_is_not_seen():
    assert check(*range(100))[0] == 0


def test_a_restart_expects_the_first_number_again_and_keeps_the_counts():
    each = SequenceCheck()
    each.add(np.array([FIRST, FIRST + 1, 3], dtype=np.uint32))
    each.restart()
    each.add(np.array([FIRST, FIRST + 1, 0], dtype=np.uint32))
    assert (each.dropped, each.too_high, each.too_low) == (3, 1, 0)


@pytest.mark.parametrize(
    ("latency_us", "key"),
    [
        (10, "10"),
        (19.9, "10"),
        (20, "20"),
        (99, "90"),
        (100, "100"),
        (199, "100"),
        (999, "900"),
        (1000, "1000"),
        (6044, "6000"),
        (10_000, "10000"),
        (187_888, "100000"),
        (999_999, "900000"),
    ],
)
def test_buckets_are_named_by_their_lower_edge(latency_us, key):
    (bucket,) = bucket_of(np.array([round(latency_us * 1000)])).tolist()
    assert bucket_key(bucket) == key


@pytest.mark.parametrize("latency_us", [0, 9.9, 1_000_000, 5_000_000])
def test_what_is_too_short_or_too_long_has_no_bucket(latency_us):
    assert bucket_of(np.array([round(latency_us * 1000)])).tolist() == [-1]


def test_buckets_are_all_different():
    assert len({bucket_key(bucket) for bucket in range(HISTOGRAM_BUCKETS)}) == HISTOGRAM_BUCKETS


@pytest.fixture
def meter():
    counters = shared_counters()
    return LatencyMeter(counters.latency[3], counters.histogram[3])


def figure(meter, name):
    return int(meter.row[LATENCY_FIELDS.index(name)])


def feed(meter, latencies_us, first=0):
    numbers = np.arange(first, first + len(latencies_us), dtype=np.uint64) + np.uint64(FIRST)
    meter.add(numbers.astype(np.uint32), np.array([round(each * 1000) for each in latencies_us], dtype=np.int64))


def test_a_meter_publishes_what_it_sees(meter):
    feed(meter, [5, *[50] * 20, 300])
    meter.end_period()
    assert figure(meter, "count") == 22
    assert figure(meter, "below_histogram") == 1
    assert figure(meter, "total_min_ns") == 5_000
    assert figure(meter, "total_max_ns") == figure(meter, "last_max_ns") == 300_000
    assert figure(meter, "average_ns") == (5 + 1000 + 300) * 1000 // 22
    assert meter.histogram.sum() == 21


def test_the_first_packets_do_not_count_for_the_maximum(meter):
    feed(meter, [9000] * 10 + [50] * 5)
    assert figure(meter, "total_max_ns") == 50_000


def test_averages_follow_slowly_and_stay_when_nothing_comes(meter):
    feed(meter, [100] * 20)
    meter.end_period()
    feed(meter, [200] * 20, 20)
    meter.end_period()
    meter.end_period()
    assert figure(meter, "average_ns") == 150_000
    assert figure(meter, "last_max_ns") == 200_000


def test_jitter_is_that_of_rfc_3550_whatever_the_blocks(meter):
    latencies = np.random.default_rng(3).integers(20, 900, 200).tolist()
    jitter = 0.0
    for before, after in pairwise(latencies):
        jitter += (abs(after - before) - jitter) / 16
    for start in range(0, 200, 23):
        feed(meter, latencies[start : start + 23], start)
    assert figure(meter, "jitter_ns") == pytest.approx(jitter * 1000, abs=2)


def test_a_cleared_meter_has_forgotten(meter):
    feed(meter, [100] * 30, 5)
    meter.clear()
    assert not meter.row.any()
    assert not meter.histogram.any()
    feed(meter, [70] * 3)
    assert (figure(meter, "count"), figure(meter, "dropped"), figure(meter, "total_min_ns")) == (3, 0, 70_000)


def test_errors_are_published(meter):
    numbers = np.array([0, 1, 4, 3, 3], dtype=np.uint64) + np.uint64(FIRST)
    meter.add(numbers.astype(np.uint32), np.full(5, 1000, dtype=np.int64))
    names = ("dropped", "out_of_order", "duplicates", "sequence_too_high", "sequence_too_low")
    assert [figure(meter, name) for name in names] == [1, 1, 1, 1, 2]
