from __future__ import annotations

import itertools
import json

import pytest

from lab.generator import framing, statistics, streams
from lab.generator.clock import ServerClock
from lab.generator.counters import LATENCY_FIELDS
from lab.generator.groups import Groups
from lab.generator.publisher import Publisher
from lab.generator.rates import Rates
from tests.generator import packets
from tests.generator.fakes import MS, Clock, shared_counters

LATENCY = (20, "latency")


@pytest.fixture
def counters():
    return shared_counters()


@pytest.fixture
def groups(counters):
    made = Groups(counters)
    joined = []
    for number, statistic in enumerate([(10, "stats"), (11, "stats"), LATENCY]):
        joined.append(streams.parse(number, packets.stream(statistics=statistic), 1518))
        made.join(joined[-1], (0, "_", number))
    with made.counted(joined):
        return made


def measure(counters, **figures):
    for name, value in figures.items():
        counters.latency[0, LATENCY_FIELDS.index(name)] = value


def asked(groups, counters, *pg_ids):
    return statistics.group_stats(pg_ids, groups, counters, Rates(counters, 0), [(0, "_")])


def test_groups_have_rows_of_their_own(groups):
    rows = [(group.pg_id, group.counting.row, hex(group.counting.ip_id)) for group in groups]
    assert rows == [(10, 0, "0xfc00"), (11, 1, "0xfc01"), (20, 1023, "0xffff")]


def test_counts_are_given_per_port(groups, counters):
    counters.group_sent[0, 1] += (7, 700)
    counters.group_received[1, 1] += (6, 600)
    flow = asked(groups, counters, 11)["flow_stats"]["11"]
    assert (flow["tp"], flow["tb"]) == ({"0": 7, "1": 0}, {"0": 700, "1": 0})
    assert (flow["rp"], flow["rb"]) == ({"0": 0, "1": 6}, {"0": 0, "1": 600})


def test_only_groups_asked_for_are_answered(groups, counters):
    answer = asked(groups, counters, 11, 999)
    assert set(answer["flow_stats"]) == {"11"}
    assert answer["ver_id"] == {"11": 2}
    assert asked(groups, counters) == {"flow_stats": None, "latency": {"g": None}, "ver_id": None}


def test_latency_is_given_in_microseconds(groups, counters):
    measure(counters, average_ns=528_400, jitter_ns=468_000, last_max_ns=1_317_000, total_max_ns=6_044_000)
    measure(counters, total_min_ns=9_600)
    latency = asked(groups, counters, 20)["latency"]
    assert latency == {
        "g": None,
        "20": {"lat": {"average": 528.0, "jit": 468, "last_max": 1317, "total_max": 6044, "total_min": 10}},
    }


def test_the_histogram_has_what_is_not_empty(groups, counters):
    counters.histogram[0, [0, 9, 44]] = (3, 4, 5)
    measure(counters, below_histogram=2)
    assert asked(groups, counters, 20)["latency"]["20"]["lat"]["histogram"] == {
        "0": 2,
        "10": 3,
        "100": 4,
        "900000": 5,
    }


def test_errors_are_there_only_if_there_are_any(groups, counters):
    measure(counters, dropped=30, sequence_too_high=29)
    assert asked(groups, counters, 20)["latency"]["20"]["er"] == {"drp": 30, "sth": 29}
    measure(counters, dropped=0, sequence_too_high=0, out_of_order=1, duplicates=2, sequence_too_low=3)
    assert asked(groups, counters, 20)["latency"]["20"]["er"] == {"ooo": 1, "dup": 2, "stl": 3}


def test_the_published_message_has_both_ports_and_the_clock(counters):
    counters.sent[1] += (4, 400, 1)
    message = statistics.published_global(counters, Rates(counters, 0), 123_456_789)
    data = message["data"]
    assert (message["name"], message["type"]) == ("trex-global", 0)
    assert data["ts"] == {"value": 123_456_789, "freq": 1_000_000_000}
    assert (data["opackets-0"], data["opackets-1"], data["oerrors-1"], data["m_total_tx_pkts"]) == (0, 4, 1, 4)


def test_rates_of_groups_wait_for_half_a_second(counters):
    rates = Rates(counters, 0)
    counters.group_received[0, 7] += (100, 10_000)
    rates.update(499 * MS)
    assert rates.group_received[0, 7].tolist() == [0, 0]
    rates.update(500 * MS)
    assert rates.group_received[0, 7].tolist() == [200, 160_000]


def test_rates_of_ports_wait_for_a_second_and_are_smoothed(counters):
    rates = Rates(counters, 0)
    counters.received[0] += (104, 10_400, 0)
    rates.update(1039 * MS)
    assert rates.received[0].tolist() == [0, 0, 0]
    rates.update(1040 * MS)
    assert rates.received[0].tolist() == pytest.approx([50, 40_000, 0])  # half of 100 and 80 000
    rates.update(2079 * MS)
    assert rates.received[0].tolist() == pytest.approx([50, 40_000, 0])
    rates.update(2080 * MS)
    assert rates.received[0].tolist() == pytest.approx([25, 20_000, 0])


def test_a_late_look_does_not_make_the_next_one_late(counters):
    rates = Rates(counters, 0)
    rates.update(1500 * MS)
    counters.sent[0] += (58, 5_800, 0)
    rates.update(2080 * MS)  # 0.58 s after the late one
    assert rates.sent[0].tolist() == pytest.approx([50, 40_000, 0])


class Sink:
    def __init__(self):
        self.sent = []

    def send(self, data):
        self.sent.append(json.loads(framing.unpack(data).body)["data"]["m_tx_pps"])


def test_each_rate_of_a_port_is_published_twice(counters):
    clock = Clock(0)
    rates, sink = Rates(counters, 0), Sink()
    publisher = Publisher(sink, counters, rates, ServerClock(0, clock))
    for _ in range(4600):
        counters.sent[0, 0] += 1
        rates.update(clock())
        publisher.publish_in_time()
        clock.advance(1)
    assert sink.sent == pytest.approx([0, 0, 500, 500, 750, 750, 875, 875, 937.5], rel=0.01)


def test_messages_keep_to_their_grid(counters):
    clock = Clock(0)
    sink = Sink()
    publisher = Publisher(sink, counters, Rates(counters, 0), ServerClock(0, clock))
    publisher.publish_in_time()
    clock.advance(600)  # 80 ms late
    publisher.publish_in_time()
    assert publisher.wait_ns() == 440 * MS
    clock.advance(2000)  # several are missed: one makes up for them
    publisher.publish_in_time()
    publisher.publish_in_time()
    assert len(sink.sent) == 3
    assert publisher.wait_ns() == 520 * MS  # after 2.6 s, which is a multiple


@pytest.mark.parametrize(("received_bytes", "drop_bps"), [(910, 0), (890, 440), (0, 4000), (1100, 0)])
def test_drops_count_from_a_tenth_on(counters, received_bytes, drop_bps):
    rates = Rates(counters, 0)
    counters.sent[0, 1] += 1040
    counters.received[1, 1] += received_bytes * 104 // 100
    rates.update(1040 * MS)
    assert statistics.global_stats(counters, rates)["m_rx_drop_bps"] == pytest.approx(drop_bps, abs=8)


def test_load_of_the_processes(counters):
    rates = Rates(counters, 0)
    counters.add_health("sender_cpu_ns", 100 * MS)
    counters.add_health("receiver_cpu_ns", 25 * MS)
    rates.update(500 * MS)
    assert (rates.sender_cpu, rates.receiver_cpu) == (20.0, 5.0)
    assert statistics.global_stats(counters, rates)["m_cpu_util"] == 20.0


def test_flow_sequences_are_never_zero_and_differ_from_start_to_start(counters):
    groups = Groups(counters)
    numbers = [groups.next_flow_sequence() for _ in range(600)]
    assert min(numbers) == 1
    assert max(numbers) == 255
    assert all(one != other for one, other in itertools.pairwise(numbers))
