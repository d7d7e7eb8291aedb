from __future__ import annotations

import numpy as np
import pytest

from lab.generator.random_variables import RandomVariable, RepeatedRandom
from lab.generator.tuples import TupleGenerator, TuplePart
from lab.generator.variables import FlowVariable, ListVariable, ticks_of

TOP = (1 << 64) - 1


def values(variable, first=0, count=6):
    return variable.values(ticks_of(variable, first, count)).tolist()


def test_random_numbers_stay_in_range_vary_and_repeat():
    variable = RandomVariable("n", 4, 100, 100, 227)
    drawn = values(variable, 0, 1000)
    assert min(drawn) == 100
    assert max(drawn) == 227
    assert len(set(drawn)) == 128
    assert values(variable, 500, 500) == drawn[500:]


def test_short_random_numbers_have_fifteen_bits():
    assert max(values(RandomVariable("n", 2, 0, 0, 65535), 0, 5000)) < 1 << 15


def test_random_members_of_a_list():
    assert set(values(RandomVariable("n", 2, 2, 0, 2, (7, 9, 11)), 0, 200)) == {7, 9, 11}


def test_repeated_numbers_begin_anew():
    drawn = values(RepeatedRandom("n", 4, 7, 32, 0, 1 << 30), 0, 100)
    assert drawn[:32] == drawn[32:64] == drawn[64:96]
    assert len(set(drawn)) == 32


@pytest.mark.parametrize("variable", [RandomVariable("n", 8, 0, 0, TOP), RepeatedRandom("n", 8, 1, 9, 0, TOP)])
def test_the_widest_range_is_no_exception(variable):
    assert max(values(variable)) > 1 << 33


def test_memory_before_the_first_packet():
    before = np.zeros(1, dtype=np.uint64)
    assert FlowVariable("n", 4, "inc", 3, 3, 9, 2).values(before).tolist() == [8]
    assert FlowVariable("n", 4, "dec", 9, 3, 9, 1).values(before).tolist() == [3]
    assert ListVariable("n", 4, "inc", (50, 60, 70), 1).values(before).tolist() == [2]
    assert RandomVariable("n", 4, 5, 3, 9).values(before).tolist() == [5]
    assert RepeatedRandom("n", 4, 5, 3, 1, 9).values(before).tolist() == [0]


@pytest.mark.parametrize("high", [TOP, TOP - 1])
def test_rounds_of_giant_variables(high):
    huge = FlowVariable("n", 8, "inc", 0, 0, high, 1 << 63)
    ticks = np.arange(1, 6, dtype=np.uint64)
    span = high + 1
    expected = [(((-(1 << 63)) % span) + (1 << 63) * int(tick)) // span for tick in ticks]
    assert huge.rounds(ticks).tolist() == expected


def test_no_packets_have_no_values():
    assert values(FlowVariable("n", 8, "inc", 0, 0, TOP - 1, 1 << 63), 0, 0) == []
    assert values(FlowVariable("n", 4, "inc", 0, 0, 5, 1), 0, 0) == []


CLIENTS = TupleGenerator(0x10000001, 0x10000004, 1025, 1027, 0)


def tuples(generator, first=0, count=15):
    parts = [TuplePart(generator, part) for part in ("ip", "port", "flow_limit")]
    return list(zip(*(values(part, first, count) for part in parts), strict=True))


def test_every_client_takes_its_turn_before_the_next_port():
    found = tuples(CLIENTS, count=24)
    assert [each[0] & 0xF for each in found[:6]] == [1, 2, 3, 4, 1, 2]
    assert [each[1] for each in found[::4]] == [1025, 1026, 1027, 1025, 1026, 1027]
    assert {each[2] for each in found} == {0}


def test_a_limit_of_flows_begins_anew():
    limited = TupleGenerator(1, 4, 1025, 65535, 6)
    found = tuples(limited, count=14)
    assert [each[2] for each in found] == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2]
    assert found[6] == found[0] == (1, 1025, 1)
    assert found[5] == (2, 1026, 6)


def test_one_client_takes_port_after_port():
    assert [each[:2] for each in tuples(TupleGenerator(9, 9, 5, 7, 0), count=5)] == [
        (9, 5),
        (9, 6),
        (9, 7),
        (9, 5),
        (9, 6),
    ]


def test_unlimited_flows_go_through_all_ports_above_1024():
    unlimited = TupleGenerator(1, 2, 1025, 65535, 10, flags=1)
    found = tuples(unlimited, count=6)
    assert [each[1] for each in found] == [1025, 1025, 1026, 1026, 1027, 1027]
    far = tuples(unlimited, first=2 * 64511, count=2)
    assert [each[1] for each in far] == [1025, 1025]
    begins_behind = TupleGenerator(1, 2, 2000, 65533, 0, flags=1)
    assert [each[1] for each in tuples(begins_behind, count=6)] == [65534, 65534, 65535, 65535, 1025, 1025]


def test_a_tuple_before_its_first_packet():
    parts = [TuplePart(CLIENTS, part) for part in ("ip", "port", "flow_limit")]
    before = [part.values(ticks_of(part, 0, 1, before=True)).tolist() for part in parts]
    assert before == [[0x10000004], [1027], [0]]
    assert [part.size for part in parts] == [4, 2, 4]
