"""Outages by counters: each is held by its samples, as long as it loses more than counters waver by themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitless.measures.counted_outages import counted_outages
from tests.exactness.simulated import MS, Traffic, after_start, evenly, in_bursts


def traffic(*pairs_ms, pps=10_000, seconds=5.0, **more):
    windows = [(after_start(on), after_start(on + length)) for on, length in pairs_ms]
    return Traffic(in_bursts(pps, seconds), windows, pps=pps, **more)


def find(one):
    return counted_outages(one.counters())


def test_no_loss_no_outage_however_long_packets_are_on_their_way():
    found = find(traffic(behind_ns=35 * MS))
    assert found.located == ()
    assert found.lost == found.lost_elsewhere == 0


def test_an_outage_lies_between_samples_and_its_length_is_right_to_a_packet():
    one = traffic((2040, 500))
    found = find(one)
    (outage,) = found.located
    on_ns, off_ns = one.windows_ns[0]
    assert outage.since_ns <= on_ns
    assert outage.until_ns >= off_ns
    assert outage.until_ns - outage.since_ns <= 500 * MS + 4 * 101 * MS
    assert outage.lost == found.lost == int((~one.received).sum())
    assert outage.length_ns == pytest.approx(500 * MS, abs=5 * MS)
    assert outage.over
    assert found.lost_elsewhere == 0


def test_several_outages_stay_several():
    one = traffic((1010, 60), (1560, 200), (2900, 20), seconds=4)
    found = find(one)
    assert len(found.located) == 3
    assert sum(outage.lost for outage in found.located) + found.lost_elsewhere == int((~one.received).sum())
    for outage, (on_ns, off_ns) in zip(found.located, one.windows_ns, strict=True):
        assert outage.since_ns <= on_ns < off_ns <= outage.until_ns
        assert outage.over


def test_an_outage_that_is_open_at_the_end_says_so():
    found = find(traffic((1010, 60), (4500, 60_000)))
    assert [outage.over for outage in found.located] == [True, False]
    assert found.located[1].length_ns == pytest.approx(500 * MS, abs=20 * MS)


def test_what_is_always_on_its_way_is_no_outage_at_the_beginning_of_one_that_is_open_at_the_end():
    found = find(traffic((3000, 60_000), behind_ns=35 * MS))
    assert [outage.over for outage in found.located] == [False]
    assert found.located[0].length_ns == pytest.approx(2000 * MS, abs=80 * MS)


def test_what_is_smaller_than_the_wavering_is_counted_but_not_located():
    one = traffic((2040, 1), lost=range(0, 3000, 1000))
    found = find(one)
    assert found.located == ()
    assert found.lost == found.lost_elsewhere == int((~one.received).sum()) > 10
    assert 0 < found.wavering < 200


def test_a_generator_that_stalls_and_catches_up_sends_more_packets_into_the_outage_but_does_not_make_it_longer():
    """Packets over planned rate would tell 193 ms too much or too little; the rate really sent is taken instead."""
    sent = in_bursts(10_000, 5.0, stalls_ms=[(1500, 200)])
    one = Traffic(sent, [(after_start(1600), after_start(2600))], pps=10_000)
    (outage,) = find(one).located
    assert outage.since_ns <= one.windows_ns[0][0]
    assert outage.until_ns >= one.windows_ns[0][1]
    assert outage.lost == int((~one.received).sum())


def test_two_samples_are_needed():
    counters = traffic().counters()
    one = type(counters)(
        **{
            name: value[:1] if name not in {"pg_ids", "port_ids"} else value
            for name, value in ((name, getattr(counters, name)) for name in counters.__dataclass_fields__)
        }
    )
    assert counted_outages(one).located == ()


def test_groups_can_be_chosen():
    one = traffic((2040, 500))
    assert counted_outages(one.counters(), [21]).lost == int((~one.received).sum())
    assert counted_outages(one.counters(), [99]).lost == 0


@settings(max_examples=100, deadline=None)
@given(
    pps=st.sampled_from([10_000, 50_000]),
    first_us=st.integers(400_000, 700_000),
    lengths_us=st.lists(st.integers(20_000, 400_000), min_size=1, max_size=4),
    gaps_us=st.lists(st.integers(310_000, 500_000), min_size=4, max_size=4),
)
def test_every_outage_beyond_the_wavering_is_contained(pps, first_us, lengths_us, gaps_us):
    truth, start = [], first_us
    for length, gap in zip(lengths_us, gaps_us, strict=False):
        truth.append((after_start(start / 1000), after_start((start + length) / 1000)))
        start += length + gap
    one = Traffic(evenly(pps, (start + 300_000) / 1e6), truth, pps=pps)
    found = find(one)
    assert found.wavering < 0.02 * pps
    assert found.lost == int((~one.received).sum())
    assert len(found.located) == len(truth)
    for outage, (on_ns, off_ns) in zip(found.located, truth, strict=True):
        assert outage.since_ns <= on_ns < off_ns <= outage.until_ns
        assert outage.until_ns - outage.since_ns <= off_ns - on_ns + 4 * 101 * MS
        assert abs(outage.length_ns - (off_ns - on_ns)) <= 8 * MS + np.int64(1e9 / pps)
