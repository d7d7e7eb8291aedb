"""What is left of the source version at an instant and after it."""

from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.residue import Census, last_served_ns, packets_after, session_census
from hitless.measures.timelines import timelines
from tests.core.builders import at
from tests.core.management import StepScene


def census(scene, second, version=0, timeout_s=5.0):
    return session_census(
        timelines(scene.history()), at(second), heard_ns=2_000_000_000, session_timeout_s=timeout_s, version=version
    )


@pytest.fixture(scope="module")
def streams():
    return timelines(StepScene().history())


def test_before_the_upgrade_the_source_serves_all():
    found = census(StepScene(), 9.0)
    # 4 096 long sessions and up to 64 short ones; in 2 s nearly all of the long ones are heard of.
    assert 4096 <= found.open <= 4160
    assert found.open_served == found.open
    assert found.heard_served == found.heard > 4000
    assert found.ratio == 1.0


def test_afterwards_it_serves_none():
    found = census(StepScene(), 24.0)
    assert (found.open_served, found.heard_served, found.ratio) == (0, 0, 0.0)
    assert 0 < found.open <= 64
    assert 450 < found.heard < 600


def test_while_the_long_sessions_stay_it_serves_them():
    found = census(StepScene(), 21.5)
    assert found.open_served == 1000  # those of which another packet comes in the 0.5 s before they end
    assert found.ratio > 0.9


def test_the_target_serves_the_others():
    assert census(StepScene(), 24.0, version=1).open_served == census(StepScene(), 24.0).open


def test_a_session_that_is_over_is_not_open():
    assert census(StepScene(), 9.0, timeout_s=1.0).open <= 64


def test_a_session_whose_last_packets_were_lost_is_open_and_served_by_nobody():
    def edit(packets):
        packets.received[packets.sent_s >= 23.9] = False

    found = census(StepScene(edit=edit), 24.0)
    assert found.open > 0
    assert (found.open_served, found.heard) == (0, 0)


def test_a_session_that_moved_across_the_instant_is_not_the_versions():
    def edit(packets):
        packets.version[:] = (packets.sent_s >= 9.0).astype(np.int16)

    found = census(StepScene(edit=edit), 9.0)
    assert found.open >= 4096
    assert (found.open_served, found.heard_served) == (0, 0)


def test_a_ratio_without_sessions_is_nothing():
    assert Census(0, 0, 0, 0).ratio == 0.0


def test_the_larger_ratio_counts():
    assert Census(100, 2, 500, 1).ratio == 0.02
    assert Census(100, 0, 500, 20).ratio == 0.04


def test_packets_of_a_span(streams):
    marked, served = packets_after(streams, at(5.0), at(6.0), version=0)
    assert (marked, served) == (4000, 4000)
    assert packets_after(streams, at(24.0), at(25.0), version=0) == (2000, 0)
    assert packets_after(streams, at(40.0), at(45.0), version=0) == (0, 0)


def test_the_last_packet_of_a_version(streams):
    assert at(21.9) < last_served_ns(streams, version=0) < at(22.0)
    assert last_served_ns(streams, version=1) > at(29.0)
    assert last_served_ns(streams, version=2) is None
