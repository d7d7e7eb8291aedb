from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from hitless.measures.gaps import longest_gaps, probe_loss
from hitless.measures.spans import Span
from hitless.measures.timelines import timelines
from tests.core.builders import Loss, Scene, at

WHOLE = Span(at(8.0), at(27.0))


def reference(streams, span):
    """Walk through the packets one by one; levels by name."""
    service, sessions, versions, instances = [], {}, {}, {}
    for stream in streams:
        names = stream.sessions
        for number in range(len(stream)):
            sent = int(stream.sent_ns[number])
            if not span.start_ns <= sent < span.end_ns:
                continue
            came_back = bool(stream.received[number])
            service.append((sent, came_back))
            sessions.setdefault(int(names[number]), []).append((sent, came_back))
            if came_back:
                versions.setdefault(int(stream.version[number]), []).append((sent, True))
                instances.setdefault(int(stream.instance[number]), []).append((sent, True))

    def longest(packets):
        packets.sort(key=lambda packet: packet[0])
        kept = [sent for place, (sent, came_back) in enumerate(packets) if came_back or place in {0, len(packets) - 1}]
        return max((right - left for left, right in itertools.pairwise(kept)), default=0)

    return tuple(
        max((longest(packets) for packets in level), default=0)
        for level in ([service], versions.values(), instances.values(), sessions.values())
    )


@pytest.mark.parametrize("seed", range(5))
def test_gaps_are_those_of_a_walk_through_the_packets(seed):
    chance = random.Random(seed)
    losses = tuple(
        Loss(
            start,
            start + chance.uniform(0.01, 3.0),
            chance.choice([1.0, 0.6, 0.1]),
            chance.choice([None, (20,), (21,)]),
        )
        for start in (chance.uniform(8.0, 27.0) for _ in range(3))
    )
    streams = timelines(Scene(losses=losses).history())
    found = longest_gaps(streams, WHOLE)
    assert (found.service_ns, found.version_ns, found.instance_ns, found.session_ns) == reference(streams, WHOLE)


def test_an_outage_is_seen_to_within_one_packet():
    found = longest_gaps(timelines(Scene(losses=(Loss(12.0, 12.517),)).history()), WHOLE)
    assert 517e6 <= found.service_ns <= 519e6


def test_an_outage_that_is_open_at_the_end_counts():
    found = longest_gaps(timelines(Scene(losses=(Loss(24.0, 99.0),)).history()), WHOLE)
    assert found.service_ns == pytest.approx(3.0e9, abs=2e6)


def test_without_loss_the_gap_is_the_distance_of_packets():
    found = longest_gaps(timelines(Scene().history()), WHOLE)
    assert found.service_ns == 1_000_000
    assert found.session_ns == 2_048_000_000


def test_without_probes_there_are_no_gaps():
    found = longest_gaps((), WHOLE)
    assert (found.service_ns, found.version_ns, found.instance_ns, found.session_ns) == (None, None, None, None)


@pytest.mark.parametrize("seed", range(5))
def test_probe_loss_is_that_of_a_walk_through_the_packets(seed):
    chance = random.Random(seed)
    losses = tuple(
        Loss(start, start + chance.uniform(0.01, 2.0), chance.choice([1.0, 0.3]))
        for start in (chance.uniform(8.0, 26.0) for _ in range(3))
    )
    streams = timelines(Scene(losses=losses).history())
    sent = lost = periods = 0
    sessions, hit = set(), set()
    for stream in streams:
        before = True
        names = stream.sessions
        for number in np.flatnonzero(stream.rows_in(WHOLE)).tolist():
            came_back = bool(stream.received[number])
            sent += 1
            lost += not came_back
            periods += before and not came_back
            before = came_back
            sessions.add(int(names[number]))
            if not came_back:
                hit.add(int(names[number]))
    found = probe_loss(streams, WHOLE)
    assert (found.sent, found.lost, found.loss_periods) == (sent, lost, periods)
    assert (found.sessions, found.sessions_with_loss) == (len(sessions), len(hit))
