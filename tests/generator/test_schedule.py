"""Pacing: no clock, no packets, only times."""

from __future__ import annotations

import numpy as np
import pytest

from lab.generator.chains import MOST_PACKETS
from lab.generator.schedule import CATCH_UP_NS, HORIZON_NS, Lane, Timeline, burst_end_ns

MS = 1_000_000
START = 5_000 * MS


def lane(pps=1000, **fields):
    return Lane(1e9 / pps, fields.pop("origin", START), **fields)


def play(timeline, until_ns, step_ns=MS, start_ns=START):
    """Sends whatever is due, step by step: [(instant, due time, lane)]."""
    sent = []
    for now in range(start_ns, until_ns, step_ns):
        while True:
            timeline.plan(now)
            due = timeline.due(now)
            if not due:
                break
            part = slice(timeline.position, timeline.position + due)
            times, lanes = timeline.window.times_ns[part], timeline.window.lanes[part]
            sent += [(now, int(time), int(index)) for time, index in zip(times, lanes, strict=True)]
            timeline.position += due
    return sent


def test_a_lane_gives_each_packet_its_time_once():
    slow = lane(pps=3)
    times = np.concatenate([slow.take(START + 400 * MS), slow.take(START + 400 * MS), slow.take(START + 1001 * MS)])
    assert times.tolist() == [START + round(n * 1e9 / 3 - 0.5) for n in range(4)]


def test_long_runs_do_not_drift():
    fast = lane(pps=3333.3)
    count = sum(len(fast.take(START + n * 50 * MS)) for n in range(1, 1201))
    assert count == pytest.approx(60 * 3333.3, abs=1)
    assert fast.due_ns(count) == pytest.approx(START + 60e9, abs=1e9 / 3333)


@pytest.mark.parametrize(("pps", "seconds", "count"), [(1000, 3, 3000), (3, 2, 6), (7, 0.1, 1), (3500, 1.5, 5250)])
def test_a_duration_gives_rate_times_duration_packets(pps, seconds, count):
    each = lane(pps=pps)
    each.stop_after(seconds * 1e9, START)
    assert each.end == count
    assert len(each.take(START + 100_000 * MS)) == count
    assert each.finished


def test_a_gap_counts_into_the_duration():
    late = lane(origin=START + 300 * MS)
    late.stop_after(1e9, START)
    assert late.end == 700


def test_a_gap_longer_than_the_duration_leaves_nothing():
    never = lane(origin=START + 2000 * MS)
    never.stop_after(1e9, START)
    assert never.end == 0
    assert never.finished


def test_a_burst_shorter_than_the_duration_ends_with_the_burst():
    burst = lane(end=10)
    burst.stop_after(1e9, START)
    assert burst.end == 10


def test_a_new_rate_begins_at_once_and_keeps_numbers():
    each = lane(pps=1000)
    each.take(START + 10 * MS)
    each.change_rate(1e9 / 5000, START + 10 * MS)
    times = each.take(START + 12 * MS)
    assert each.planned == 20
    assert times[0] == START + 10 * MS
    assert np.diff(times).tolist() == [200_000] * 9


def test_packets_are_due_in_order_of_time_and_never_early():
    timeline = Timeline([lane(3500), lane(1000, origin=START + MS // 3), lane(2000)])
    sent = play(timeline, START + 1000 * MS)
    due = [time for _, time, _ in sent]
    assert due == sorted(due)
    assert all(now >= time for now, time, _ in sent)
    assert max(now - time for now, time, _ in sent) < MS
    counts = np.bincount([index for _, _, index in sent])
    assert counts.tolist() == pytest.approx([3500, 1000, 2000], abs=4)


def test_streams_interleave_within_a_tick():
    sent = play(Timeline([lane(5000), lane(5000, origin=START + 100_000)]), START + 20 * MS)
    lanes = [index for _, _, index in sent]
    assert lanes == [0, 1] * (len(lanes) // 2) + [0] * (len(lanes) % 2)


def test_windows_are_short():
    timeline = Timeline([lane(10_000)])
    timeline.plan(START)
    assert len(timeline.window.times_ns) == HORIZON_NS * 10_000 // 10**9


def test_nothing_is_planned_twice_while_a_window_lasts():
    timeline = Timeline([lane(10_000)])
    assert timeline.plan(START)
    assert not timeline.plan(START)


def test_a_rewind_loses_and_repeats_nothing():
    lanes = [lane(3500), lane(1000)]
    timeline = Timeline(lanes)
    sent = []
    for stretch in range(20):
        begin = START + stretch * 7 * MS
        sent += play(timeline, begin + 7 * MS, start_ns=begin)
        timeline.rewind()
        timeline.lanes = lanes
    for index, pps in enumerate((3500, 1000)):
        times = [time for _, time, which in sent if which == index]
        expected = [int(START + n * 1e9 / pps) for n in range(len(times))]
        assert times == expected
        assert len(times) == pytest.approx(0.139 * pps, abs=2)


def test_lanes_can_come_and_go_on_the_way():
    stays, leaves, comes = lane(1000), lane(1000), lane(1000, origin=START + 30 * MS)
    timeline = Timeline([stays, leaves])
    first = play(timeline, START + 30 * MS)
    timeline.rewind()
    timeline.lanes = [stays, comes]
    second = play(timeline, START + 60 * MS, start_ns=START + 30 * MS)
    assert [time for _, time, which in first + second if which == 0] == [START + n * MS for n in range(60)]
    assert leaves.planned == 30
    assert comes.planned >= 30
    assert [time for _, time, which in second if which == 1] == [START + (30 + n) * MS for n in range(30)]


def test_a_short_stall_is_caught_up_fully():
    timeline = Timeline([lane(1000)])
    play(timeline, START + 100 * MS)
    stalled = START + 300 * MS
    assert timeline.late_ns(stalled) <= CATCH_UP_NS
    sent = play(timeline, stalled + MS, start_ns=stalled)
    assert len(sent) == 201
    assert {now for now, _, _ in sent} == {stalled}


@pytest.mark.parametrize(
    ("late_ms", "burst_ms"),
    [(0, 0), (1, 1), (4, 4), (5, 4), (32, 4), (40, 5), (200, 25)],
)
def test_a_burst_is_a_part_of_what_was_missed(late_ms, burst_ms):
    now, late = START + 500 * MS, late_ms * MS
    assert burst_end_ns(now, late) - (now - late) == burst_ms * MS


def test_after_a_long_stall_the_schedule_slips():
    timeline = Timeline([lane(1000), lane(500)])
    play(timeline, START + 100 * MS)
    stalled = START + 1100 * MS
    late = timeline.late_ns(stalled)
    assert late == pytest.approx(1000 * MS, abs=MS)
    timeline.slip(late - CATCH_UP_NS)
    assert timeline.late_ns(stalled) == CATCH_UP_NS
    burst = play(timeline, stalled + MS, start_ns=stalled)
    assert len(burst) == pytest.approx(250 + 125, abs=2)
    after = play(timeline, stalled + 1001 * MS, start_ns=stalled + MS)
    assert len(after) == pytest.approx(1500, abs=2)


def test_an_unplanned_lane_knows_that_it_is_late():
    timeline = Timeline([lane(1000)])
    assert timeline.late_ns(START + 40 * MS) == 40 * MS
    assert Timeline([lane(origin=START + 10 * MS)]).late_ns(START) == 0
    assert Timeline().late_ns(START) == 0


def test_the_next_due_time_is_known():
    timeline = Timeline([lane(10, origin=START + 400 * MS)])
    timeline.plan(START)
    assert START < timeline.next_due_ns() < START + 50 * MS  # an empty window: look again before its end
    play(timeline, START + 400 * MS)
    assert timeline.next_due_ns() == START + 400 * MS


def test_nothing_is_due_any_more_when_all_lanes_are_finished():
    timeline = Timeline([lane(1000, end=5)])
    assert len(play(timeline, START + 100 * MS)) == 5
    assert timeline.next_due_ns() is None
    assert Timeline().next_due_ns() is None


@pytest.mark.parametrize("pps", [1e10, 1e300])
def test_a_rate_beyond_reason_is_planned_in_parts(pps):
    fast = lane(pps)
    assert len(fast.take(START + HORIZON_NS)) == MOST_PACKETS
    timeline = Timeline([lane(pps)])
    timeline.plan(START)
    timeline.position = MOST_PACKETS
    assert timeline.late_ns(START + 900 * MS) > 800 * MS
