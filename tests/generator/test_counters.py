from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from lab.generator import counters
from lab.generator.clock import ServerClock
from tests.generator.fakes import Clock


@pytest.fixture
def descriptor():
    made = counters.create()
    yield made
    os.close(made)


def test_all_processes_see_the_same_counters(descriptor):
    writer, reader = counters.attach(descriptor), counters.attach(descriptor)
    writer.sent[1, counters.PACKETS] = 5
    writer.group_received[0, counters.NO_GROUP, counters.BYTES] = 1 << 40
    writer.histogram[127, 44] = 7
    assert reader.sent[1, counters.PACKETS] == 5
    assert reader.group_received[0, counters.NO_GROUP, counters.BYTES] == 1 << 40
    assert reader.histogram[127, 44] == 7


def test_another_process_sees_them_too(descriptor):
    mine = counters.attach(descriptor)
    script = f"from lab.generator import counters; counters.attach({descriptor}).received[0, 0] = 99"
    subprocess.run([sys.executable, "-c", script], pass_fds=[descriptor], check=True)
    assert mine.received[0, 0] == 99


def test_tables_do_not_overlap(descriptor):
    shared = counters.attach(descriptor)
    tables = [getattr(shared, name) for name in counters._SHAPES]
    for number, table in enumerate(tables, 1):
        table[...] = number
    for number, table in enumerate(tables, 1):
        assert (table == number).all()


def test_counters_start_at_zero(descriptor):
    shared = counters.attach(descriptor)
    assert not any(np.any(getattr(shared, name)) for name in counters._SHAPES)


def test_health_adds_up_or_keeps_the_largest(descriptor):
    shared = counters.attach(descriptor)
    for value in (5, 3, 9, 1):
        shared.add_health("slipped_ns", value)
        shared.raise_health("longest_kick_ns", value)
    assert shared.health_of("slipped_ns") == 18
    assert shared.health_of("longest_kick_ns") == 9


def test_uptimes_and_instants():
    clock = Clock(5_000_000_000)
    server = ServerClock(clock(), clock)
    clock.advance(1250)
    assert server.uptime_s() == 1.25
    assert server.since_start_s(4_000_000_000) == -1.0
    assert server.at_uptime_ns(2.5) == 7_500_000_000
    assert server.at_uptime_ns(server.uptime_s()) == clock()
