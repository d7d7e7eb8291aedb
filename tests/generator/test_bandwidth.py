from __future__ import annotations

import pytest

from lab.generator import bandwidth
from lab.generator.bandwidth import Bandwidth, Offer
from lab.generator.courses import Course
from lab.generator.jsonrpc import RpcError


def offer(course, pps=1000.0, *, size=96, gap_us=0.0, scaled=True):
    return Offer(course, bandwidth.of_rate(pps, size), gap_us, scaled)


def demand(*offers):
    return bandwidth.demand(offers)


def test_units_of_a_rate():
    assert bandwidth.of_rate(1000, 96) == Bandwidth(1000, 800_000, 960_000)


def test_streams_that_go_together_add_up():
    found = demand(offer(Course(1)), offer(Course(2), 500.0), offer(Course(3), 200.0, scaled=False))
    assert found.variable.pps == 1500
    assert found.fixed.pps == 200
    assert found.l1_bps(2.0) == (3000 + 200) * 960


def test_streams_that_follow_each_other_do_not():
    found = demand(offer(Course(1, 5000, next_id=2)), offer(Course(2, 5000, starts=False), 700.0))
    assert found.variable.pps == 1000


def test_the_highest_point_counts():
    late = offer(Course(3), 100.0, gap_us=2e6)
    found = demand(offer(Course(1, 5000, next_id=2)), offer(Course(2, 5000, starts=False), 3000.0), late)
    assert found.variable.pps == 3100


def test_multi_bursts_last_with_their_gaps():
    bursts = offer(Course(1, 1000, 2, 1e9, next_id=2))  # 0.999 s and 1 s, twice
    early, late = (offer(Course(3, 1000), 10.0, gap_us=gap_us) for gap_us in (3.9e6, 4.1e6))
    assert demand(bursts, offer(Course(2, 1, starts=False)), early).variable.pps == 1010
    assert demand(bursts, offer(Course(2, 1, starts=False)), late).variable.pps == 1000


def test_short_bursts_count_as_next_to_nothing():
    found = demand(offer(Course(1, 999), 50_000.0))
    assert found.variable == Bandwidth(1, 112, 272)


def test_loops_are_followed_once():
    found = demand(offer(Course(1, 2000, next_id=2)), offer(Course(2, 2000, starts=False, next_id=1), 10.0))
    assert found.variable.pps == 1000


@pytest.mark.parametrize(
    ("wanted", "factor"),
    [({"pps": 2200}, 2.0), ({"BPS L2": 2200 * 800}, 2.0), ({"BPS L1": 700 * 960}, 0.5)],
)
def test_the_factor_spares_what_is_fixed(wanted, factor):
    found = demand(offer(Course(1)), offer(Course(2), 200.0, scaled=False))
    assert found.factor(wanted) == pytest.approx(factor)


def test_impossible_rates_are_refused_in_their_unit():
    fixed = demand(offer(Course(2), 200.0, scaled=False))
    with pytest.raises(RpcError, match="enforces a minimum rate of '200' pps"):
        fixed.factor({"pps": 100})
    with pytest.raises(RpcError, match="enforces a minimum rate of '192000' BPS L1"):
        fixed.factor({"BPS L1": 100})
    with pytest.raises(RpcError, match="no stream of the profile can be scaled"):
        fixed.factor({"pps": 300})


def test_a_stream_that_does_not_exist_cannot_follow():
    with pytest.raises(RpcError, match=r"^stream id 777 does not exists$"):
        demand(offer(Course(1, 5, next_id=777)))


@pytest.mark.parametrize(
    ("courses", "text"),
    [
        ([(Course(1, next_id=2), False), (Course(2), False)], "^error: continous stream '1' cannot point to another"),
        ([(Course(1, starts=False), False)], "^error: stream 1 is unreachable from any other stream\n"),
        (
            [(Course(1, 5, next_id=2, starts=False), False), (Course(2, 5, next_id=1, starts=False), False)],
            "stream 1 is unreachable from any other stream\nstream 2 is unreachable",
        ),
        (
            [(Course(1, 5, next_id=2), False), (Course(2, starts=False), True)],
            "Non-sequenced stream 1 is pointing to a s",
        ),
        ([(Course(1, 5, next_id=2), True), (Course(2), False)], "Sequenced stream 1 is pointing to a non-s"),
    ],
)
def test_chains_that_do_not_hold_are_refused(courses, text):
    with pytest.raises(RpcError, match=text):
        bandwidth.check_chains(courses)


def test_chains_that_hold_are_accepted():
    bandwidth.check_chains([(Course(1, 5, next_id=2), False), (Course(2, 5, next_id=1, starts=False), False)])
    bandwidth.check_chains([(Course(1, 5, next_id=2), True), (Course(2, starts=False), True), (Course(3), False)])
