"""The interval that the suite computes holds the true outage, whatever sending, path and ends look like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hitless.measures.outages import OutageKind, outages
from hitless.measures.timelines import timelines
from tests.exactness.simulated import EPOCH_NS, MS, Traffic, after_start, evenly, in_bursts


def find(traffic, least_lost=1):
    history = traffic.history()
    return outages(history.probes, timelines(history), least_lost)


def windows(*pairs_ms):
    return [(after_start(on), after_start(on + length)) for on, length in pairs_ms]


def test_no_loss_no_outage():
    found = find(Traffic(evenly(1000, 2)))
    assert len(found) == 0
    assert found.kinds == ()
    assert found.length_ns.tolist() == []


def test_an_outage_lies_between_the_packets_around_it():
    found = find(Traffic(evenly(1000, 2), windows_ns=windows((500.4, 100))))
    assert found.kinds == (OutageKind.OVER,)
    assert found.first_number.tolist() == [501]
    assert found.lost.tolist() == [100]
    assert found.since_ns.tolist() == [after_start(500)]
    assert found.until_ns.tolist() == [after_start(601)]
    assert found.length_ns.tolist() == [101 * MS]


def test_several_outages_stay_several_even_with_one_packet_between():
    found = find(Traffic(evenly(1000, 2), windows_ns=windows((100.5, 50), (151.5, 50), (900.5, 3))))
    assert found.lost.tolist() == [50, 50, 3]
    assert found.kinds == (OutageKind.OVER,) * 3
    assert found.until_ns[0] == found.since_ns[1], "the packet between both"


def test_an_outage_that_is_open_at_the_end_is_its_own_result():
    found = find(Traffic(evenly(1000, 2), windows_ns=windows((100.5, 5), (1700, 60_000))))
    assert found.kinds == (OutageKind.OVER, OutageKind.OPEN)
    assert found.lost.tolist() == [5, 300]
    assert found.length_ns[1] >= 299 * MS


def test_an_outage_from_the_start_has_no_beginning_and_one_of_everything_has_neither():
    assert find(Traffic(evenly(1000, 2), windows_ns=windows((-10, 300)))).kinds == (OutageKind.FROM_START,)
    whole = find(Traffic(evenly(1000, 2), windows_ns=windows((-10, 60_000))))
    assert whole.kinds == (OutageKind.TOTAL,)
    assert whole.lost.tolist() == [2000]
    assert whole.length_ns[0] == pytest.approx(1999 * MS, abs=MS)


def test_single_losses_can_be_left_out():
    traffic = Traffic(evenly(1000, 2), windows_ns=windows((800.5, 20)), lost=range(0, 700, 7))
    assert len(find(traffic)) == 101
    assert find(traffic, least_lost=3).lost.tolist() == [20]


def test_some_outages_can_be_picked():
    found = find(Traffic(evenly(1000, 2), windows_ns=windows((100.5, 50), (900.5, 3))))
    picked = found.where(found.lost > 10)
    assert picked.lost.tolist() == [50]
    assert picked.kinds == (OutageKind.OVER,)


def test_a_packet_that_waited_before_the_path_does_not_hide_the_end_of_the_outage():
    """Sent while the path was still out, but it passed after that: by its send time alone the outage would be short."""
    waits = np.full(2000, 20_000)
    waits[600] = 5 * MS
    traffic = Traffic(evenly(1000, 2), windows_ns=windows((500.4, 103)), before_ns=waits)
    found = find(traffic)
    assert found.first_number.tolist()[0] == 501
    on_ns, off_ns = traffic.windows_ns[0]
    assert found.since_ns[0] < on_ns
    assert found.until_ns[0] + 20_000 >= off_ns


def test_a_long_way_does_not_make_outages_longer():
    near = find(Traffic(evenly(1000, 2), windows_ns=windows((500.4, 100))))
    far = find(Traffic(evenly(1000, 2), windows_ns=windows((500.4, 100)), behind_ns=80 * MS))
    assert far.length_ns.tolist() == near.length_ns.tolist()


@settings(max_examples=150, deadline=None)
@given(
    pps=st.sampled_from([1000, 2000, 5000]),
    starts_us=st.lists(st.integers(50_000, 1_700_000), min_size=1, max_size=6, unique=True),
    lengths_us=st.lists(st.integers(1, 400_000), min_size=6, max_size=6),
    stalls_ms=st.lists(st.tuples(st.integers(0, 1900), st.integers(1, 120)), max_size=4),
    seed=st.integers(0, 1 << 30),
)
def test_every_outage_is_contained_and_at_most_the_gaps_at_its_ends_longer(pps, starts_us, lengths_us, stalls_ms, seed):
    random = np.random.default_rng(seed)
    sent = in_bursts(pps, 2.0, stalls_ms=stalls_ms)
    truth = []
    for start_us, length_us in zip(sorted(starts_us), lengths_us, strict=False):
        on = EPOCH_NS + start_us * 1000
        if not truth or on > truth[-1][1]:
            truth.append((on, on + length_us * 1000))
    # First come, first served on each part of the way, as packets of one stream keep their order.
    before = np.maximum.accumulate(sent + random.integers(20_000, 400_000, len(sent))) - sent
    behind = np.maximum.accumulate(sent + before + random.integers(10_000, 300_000, len(sent))) - sent - before
    before[0], behind[0] = 20_000, 10_000  # one packet is on its way as short as can be
    traffic = Traffic(sent, truth, before, behind, pps=pps)
    found, passed, received = find(traffic), traffic.passed_ns, traffic.received
    assert int(found.lost.sum()) == int((~received).sum())
    for on_ns, off_ns in truth:
        hit = np.flatnonzero((passed >= on_ns) & (passed < off_ns))
        if len(hit) == 0:
            continue  # between two packets: nobody can have seen it
        rows = np.flatnonzero((found.first_number <= hit[0]) & (found.first_number + found.lost > hit[-1]))
        assert len(rows) == 1, "one outage is one, not several"
        row = int(rows[0])
        first, stop = int(found.first_number[row]), int(found.first_number[row] + found.lost[row])
        edges = np.concatenate(([0], passed, [np.iinfo(np.int64).max]))  # of packets -1, 0, ..., one beyond the last
        within = [pair for pair in truth if pair[1] > edges[first] and pair[0] <= edges[stop + 1]]
        began, ended = min(on for on, _ in within), max(off for _, off in within)
        if found.came_before[row]:
            assert found.since_ns[row] + 20_000 < began
        if found.came_after[row]:
            assert found.until_ns[row] + 20_000 >= ended
        if found.came_before[row] and found.came_after[row]:
            gaps = int(passed[first] - passed[first - 1]) + int(passed[stop] - passed[stop - 1])
            waits = int(before[first - 1] - 20_000) + int(behind[stop] - 10_000)
            assert found.length_ns[row] <= passed[stop - 1] - passed[first] + gaps + waits
