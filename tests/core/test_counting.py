from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from hitless.measures import counting
from hitless.measures.spans import Span
from tests.core.builders import Loss, Scene, at


def reference(scene, start_s, end_s):
    """Count packets one by one from what was simulated."""
    sent = lost = 0
    for group in scene.groups():
        packets = scene._traffic(group)
        for second, came_back in zip(packets.sent_s, packets.received, strict=True):
            if start_s <= second < end_s:
                sent += 1
                lost += not came_back
    return sent, lost


@pytest.mark.parametrize("seed", range(6))
def test_loss_between_samples_is_what_was_lost_between_them(seed):
    chance = random.Random(seed)
    losses = tuple(
        Loss(start, start + chance.uniform(0.05, 2.0), chance.choice([1.0, 0.5, 0.03]))
        for start in (chance.uniform(1.0, 24.0) for _ in range(3))
    )
    scene = Scene(losses=losses, sample_s=chance.choice([0.1, 0.23]))
    counters = scene.history().counters
    first, last = counting.row_before(counters, at(9.0)), counting.row_after(counters, at(25.5))
    found = counting.loss_between(counters, first, last)
    start_s, end_s = ((int(counting.instants_ns(counters)[row]) - at(0)) / 1e9 for row in (first, last))
    sent, lost = reference(scene, start_s, end_s)
    # A packet sent right at a sample counts on one side or the other.
    assert abs(found.sent - sent) <= 5
    assert found.lost - 12 <= lost <= found.lost_at_most + 12
    assert found.ratio == found.lost / found.sent


def test_packets_on_their_way_are_not_lost():
    counters = Scene(delays=((0.0, 30.0, 0.4),)).history().counters
    assert int((counters.tx - counters.rx)[100].sum()) > 3000
    assert counting.loss_between(counters, 50, 200).lost == 0


def test_loss_before_the_window_is_not_in_it():
    counters = Scene(losses=(Loss(3.0, 4.0),)).history().counters
    begin = counting.row_before(counters, at(8.0))
    assert counting.loss_between(counters, begin, len(counters.tx) - 1).lost == 0
    assert counting.loss_between(counters, 0, begin).lost == 10_000


def test_what_was_on_its_way_when_the_window_began_bounds_the_loss_from_above():
    at_ns = np.arange(4, dtype=np.int64)
    tx = np.asarray([[100], [200], [300], [300]], np.int64)
    rx = np.asarray([[90], [190], [285], [290]], np.int64)
    assert counting.settled_loss(tx, rx).ravel().tolist() == [10, 10, 10, 10]
    counters = Scene().history().counters
    odd = counters.__class__(
        asked_ns=at_ns,
        answered_ns=at_ns,
        pg_ids=np.asarray([1], np.int32),
        tx=tx,
        rx=rx,
        port_ids=np.zeros(0, np.int32),
        ierrors=np.zeros((4, 0), np.int64),
        oerrors=np.zeros((4, 0), np.int64),
        generator_cpu_percent=np.zeros(4),
    )
    loss = counting.loss_between(odd, 1, 3)
    assert (loss.sent, loss.lost, loss.lost_at_most) == (100, 0, 5)


def test_more_received_than_sent_is_no_negative_loss():
    tx, rx = np.asarray([[5], [9]], np.int64), np.asarray([[6], [11]], np.int64)
    assert counting.settled_loss(tx, rx).tolist() == [[0], [0]]


@pytest.mark.parametrize("seed", range(10))
def test_settled_loss_is_the_least_of_all_later_samples(seed):
    chance = np.random.default_rng(seed)
    tx = np.cumsum(chance.integers(0, 50, (40, 3)), axis=0)
    rx = np.maximum(tx - chance.integers(0, 30, (40, 3)), 0)
    settled = counting.settled_loss(tx, rx)
    for row in range(40):
        for column in range(3):
            assert settled[row, column] == min(tx[later, column] - rx[later, column] for later in range(row, 40))
    assert (np.diff(settled, axis=0) >= 0).all()


@pytest.mark.parametrize("seed", range(10))
def test_undelivered_are_the_packets_that_are_lost_or_late(seed):
    """Compared with a queue of packets that keeps their order, in which each may be lost or held back."""
    chance = random.Random(seed)
    sent_at = list(range(0, 3000, 2))
    arrives_at, last = [], 0
    for instant in sent_at:
        held_back = chance.choice([1, 1, 1, 40]) if instant < 2400 else 1
        last = max(last, instant + held_back + (300 if 1000 < instant < 1100 else 0))
        arrives_at.append(None if chance.random() < 0.05 else last)
    at_ns = np.arange(0, 3600, 25)
    tx = np.asarray([[sum(sent <= now for sent in sent_at)] for now in at_ns])
    rx = np.asarray([[sum(one is not None and one <= now for one in arrives_at)] for now in at_ns])
    found = counting.undelivered(at_ns, tx, rx, patience_ns=100)
    for row, now in enumerate(at_ns.tolist()):
        due = min(now + 100, int(at_ns[-1]))
        missing = sum(one is None or one > due for sent, one in zip(sent_at, arrives_at, strict=True) if sent <= now)
        # The samples see the loss a little early: packets on their way cannot be told from lost ones.
        assert missing <= found[row, 0] <= missing + 25


def test_group_losses_name_the_group():
    counters = Scene(losses=(Loss(12.0, 13.0, 1.0, (2,)),)).history().counters
    losses = counting.group_losses(counters, 0, len(counters.tx) - 1)
    assert {pg_id: loss.lost for pg_id, loss in losses.items()} == {1: 0, 2: 3500, 3: 0, 20: 0, 21: 0}


def test_bins_show_the_second_in_which_packets_were_lost():
    counters = Scene(losses=(Loss(12.3, 12.8),)).history().counters
    bins = counting.rate_bins(counters, Span(at(8.0), at(27.0)))
    assert len(bins) == 19
    assert int(np.argmin(bins.ratios)) == 4
    assert bins.ratios[4] == pytest.approx(0.5, abs=0.01)
    assert bins.goodput_pps[4] == pytest.approx(5000, abs=100)
    assert np.delete(bins.ratios, 4).min() == 1.0
    assert bins.offered_pps == pytest.approx(np.full(19, 10_000), abs=120)


@pytest.mark.parametrize("until_s", [13.0, 40.0])
def test_a_longer_latency_is_no_missing_goodput(until_s):
    slower = Scene(delays=((12.0, until_s, 0.3),)).history().counters
    assert counting.rate_bins(slower, Span(at(8.0), at(27.0))).ratios.min() == 1.0


def test_what_is_delivered_later_than_a_second_is_missing_goodput():
    held = Scene(holds=((12.0, 15.0),)).history().counters
    bins = counting.rate_bins(held, Span(at(8.0), at(27.0)))
    assert bins.ratios[4] == pytest.approx(0.0, abs=0.02)
    assert bins.ratios[2] == 1.0
    assert bins.delivered.sum() == bins.offered.sum()


def test_bins_without_a_whole_second_or_without_samples_are_none():
    counters = Scene().history().counters
    assert len(counting.rate_bins(counters, Span(at(8.0), at(8.9)))) == 0
    assert len(counting.rate_bins(counters, Span(at(-9.0), at(-5.0)))) == 0


def test_nothing_offered_is_no_bad_ratio():
    counters = Scene(pauses=((12.0, 15.0),)).history().counters
    bins = counting.rate_bins(counters, Span(at(8.0), at(27.0)))
    assert bins.offered.min() == 0
    assert bins.ratios.min() == 1.0


def test_the_longest_time_between_samples():
    counters = Scene(sample_gaps=((12.0, 13.5),)).history().counters
    assert counting.coarsest_sampling_ns(counters, Span(at(8.0), at(27.0))) == pytest.approx(1.6e9, abs=1e8)
    assert counting.coarsest_sampling_ns(counters, Span(at(15.0), at(27.0))) == pytest.approx(1e8, abs=1e6)
    assert counting.coarsest_sampling_ns(counters, Span(at(40.0), at(47.0))) == 7 * 10**9


def test_losses_of_the_tester_are_counted_between_samples():
    counters = Scene(ierrors=((12.0, 40), (20.0, 2))).history().counters
    rows = [counting.row_before(counters, at(second)) for second in (10.0, 15.0, 25.0)]
    assert counting.tester_lost(counters, rows[0], rows[1]) == 40
    assert counting.tester_lost(counters, rows[0], rows[2]) == 42
    assert counting.tester_lost(counters, rows[1], rows[1]) == 0


def test_groups_that_received_more_than_was_sent():
    counters = Scene(surplus={20: 3}).history().counters
    assert counting.surplus_groups(counters) == {20: 3}
    assert counting.surplus_groups(Scene().history().counters) == {}


def test_rows_around_an_instant():
    counters = Scene().history().counters
    before, after = counting.row_before(counters, at(10.0)), counting.row_after(counters, at(10.0))
    assert counters.answered_ns[before] <= at(10.0) < counters.answered_ns[before + 1]
    assert counters.asked_ns[after - 1] < at(10.0) <= counters.asked_ns[after]
    assert counting.row_before(counters, at(-100)) == 0
    assert counting.row_after(counters, at(1000)) == len(counters.asked_ns) - 1


def cut(counters, second):
    kept = counters.answered_ns < at(second)
    names = ("asked_ns", "answered_ns", "tx", "rx", "ierrors", "oerrors", "generator_cpu_percent")
    return replace(counters, **{name: getattr(counters, name)[kept] for name in names})


def test_sampling_that_ends_while_traffic_runs_does_not_make_packets_lost():
    counters = cut(Scene(delays=((15.0, 30.0, 0.3),)).history().counters, 20.0)
    first, last = counting.row_before(counters, at(9.0)), len(counters.tx) - 1
    loss = counting.loss_between(counters, first, last)
    assert loss.lost == 0
    assert loss.lost_at_most >= 2900


def test_what_was_surely_lost_before_sampling_ended_counts():
    """Three seconds long everything; what was sent in the last second before the end need not be lost."""
    counters = cut(Scene(losses=(Loss(15.0, 18.0),)).history().counters, 20.0)
    loss = counting.loss_between(counters, counting.row_before(counters, at(9.0)), len(counters.tx) - 1)
    assert loss.lost == pytest.approx(20_000, rel=0.1)
    assert loss.lost_at_most >= 29_900


def test_the_last_settled_sample_is_the_last_one_after_traffic_and_a_second_earlier_within_it():
    counters = Scene().history().counters
    assert counting.last_settled_row(counters) == len(counters.tx) - 1
    broken = cut(counters, 20.0)
    left_ns = int(counting.instants_ns(broken)[-1] - counting.instants_ns(broken)[counting.last_settled_row(broken)])
    assert counting.BIN_NS <= left_ns < 1.2 * counting.BIN_NS


def test_bins_end_where_it_is_known_what_became_of_their_packets():
    counters = cut(Scene(delays=((0.0, 30.0, 0.3),)).history().counters, 20.0)
    bins = counting.rate_bins(counters, Span(at(10.0), at(25.0)))
    assert len(bins) == 9
    assert bins.ratios.min() > 0.999
