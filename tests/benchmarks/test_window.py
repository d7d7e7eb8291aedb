"""A sender is looked at between two instants of a clock that the test moves."""

from __future__ import annotations

import pytest

from benchmarks.cost import Cost
from benchmarks.receiving import wait_until_quiet
from benchmarks.window import Clock, NothingSentError, look


class World:
    """Time that passes only when somebody sleeps, and a sender that sends and costs meanwhile."""

    def __init__(self, pps, cpu_per_s=0.8, machine_per_s=1.5, starts_at_s=0.0):
        self.now = 100.0
        self.pps, self.cpu, self.machine, self.starts_at = pps, cpu_per_s, machine_per_s, 100.0 + starts_at_s

    def sleep(self, seconds):
        self.now += seconds

    def sent(self):
        return round(max(0.0, self.now - self.starts_at) * self.pps)

    def cost(self):
        return Cost(self.now * self.cpu, self.now * self.machine)

    def look(self, **options):
        return look(
            self.sent, self.cost, settle_s=0.5, window_s=2.0, clock=Clock(lambda: self.now, self.sleep), **options
        )


def test_rates_and_costs_are_those_of_the_window_alone():
    steady = World(400_000, starts_at_s=0.4).look()
    assert steady.packets == 800_000
    assert steady.pps == pytest.approx(400_000)
    assert steady.cpu_s_per_million == pytest.approx(1.6 / 0.8)
    assert steady.machine_s_per_million == pytest.approx(3.0 / 0.8)


def test_what_the_machine_takes_anyway_is_not_charged():
    steady = World(400_000).look(idle_machine_ratio=0.5)
    assert steady.machine_s_per_million == pytest.approx((3.0 - 1.0) / 0.8)
    assert World(400_000).look(idle_machine_ratio=9.0).machine_s_per_million == 0


@pytest.mark.parametrize("world", [World(0), World(1000, starts_at_s=10)])
def test_a_sender_that_sends_nothing_is_no_measurement(world):
    with pytest.raises(NothingSentError, match=r"Expected: > 0 packets in 2 s, Actual: 0"):
        world.look()


def test_a_receiver_is_waited_for_until_it_has_caught_up():
    used = [1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4, 2.401, 9.0]
    readings = iter([Cost(seconds, 0) for seconds in used])
    slept = []
    assert wait_until_quiet(lambda: next(readings), slept.append).tree_s == 2.401
    assert len(slept) == 8


def test_a_receiver_that_rests_is_given_the_time_in_which_its_ring_hands_over_the_last_packets():
    slept = []
    wait_until_quiet(lambda: Cost(1.0, 0), slept.append)
    assert 1.2 < sum(slept) < 2.0


def test_a_receiver_that_never_rests_is_not_waited_for_without_end():
    used = iter(range(10_000))
    slept = []
    wait_until_quiet(lambda: Cost(float(next(used)), 0), slept.append)
    assert sum(slept) == pytest.approx(25.0)
