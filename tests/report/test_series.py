"""What the timeline plots, against hand-made counters and probes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import AMBIGUOUS, UNMARKED
from hitless.report.series import (
    cumulative,
    mean_bin_s,
    opening_packets,
    probe_losses_s,
    rates,
    runs,
    steps_of,
    version_shares,
    zero_ns,
)
from tests.report.histories import GROUPS, ZERO_NS, Loss, Plan, empty_history, history


def between(over_time, start_s, end_s):
    """Bins that lie wholly between two instants."""
    return (over_time.edges_s[:-1] >= start_s - 1e-9) & (over_time.edges_s[1:] <= end_s + 1e-9)


def test_time_counts_from_the_request_of_the_upgrade():
    assert zero_ns(history()) == ZERO_NS
    assert rates(history()).edges_s[0] == pytest.approx(-7.0, abs=0.01)


def test_without_a_request_time_counts_from_the_first_thing_seen():
    made = history()
    assert zero_ns(replace(made, events=())) == made.counters.asked_ns[0]
    assert zero_ns(replace(made, events=made.events[:1])) == made.events[0].at_ns
    assert zero_ns(empty_history()) == 0


def test_a_clean_upgrade_receives_what_is_offered():
    over_time = rates(history())
    assert over_time.offered_pps == pytest.approx(10_000, rel=0.001)
    assert over_time.received_pps == pytest.approx(over_time.offered_pps)
    assert over_time.lost_pps == pytest.approx(0)


def test_packets_in_flight_are_no_loss():
    assert rates(history(Plan(in_flight=70))).lost_pps == pytest.approx(0)


def test_packets_in_flight_are_not_added_to_a_real_loss():
    over_time = rates(history(Plan(in_flight=40, losses=(Loss(10.0, 11.0, 0.5),))))
    lost = over_time.lost_pps * mean_bin_s(over_time.edges_s)
    assert lost.sum() == pytest.approx(5000, abs=2)
    assert lost[between(over_time, 9.5, 11.5)].sum() == pytest.approx(5000, abs=2)


def test_half_the_capacity_is_seen_where_it_is_missing():
    over_time = rates(history(Plan(losses=(Loss(3.0, 11.0, 0.5),))))
    assert over_time.received_pps[between(over_time, 3.5, 10.5)] == pytest.approx(5000, rel=0.01)
    assert over_time.received_pps[between(over_time, -6.5, 2.5)] == pytest.approx(10_000, rel=0.01)
    assert over_time.received_pps[between(over_time, 11.5, 30.0)] == pytest.approx(10_000, rel=0.01)


def test_a_large_loss_from_the_very_beginning_is_not_taken_for_packets_in_flight():
    over_time = rates(history(Plan(losses=(Loss(-7.0, -6.0, 1.0),))))
    lost = over_time.lost_pps * mean_bin_s(over_time.edges_s)
    assert lost.sum() == pytest.approx(10_000, abs=1)
    assert lost[between(over_time, -7.1, -5.9)].sum() >= 9_800


def test_losses_never_exceed_the_counters_even_if_the_end_is_not_settled():
    made = history(Plan(losses=(Loss(10.0, 11.0, 0.5),), in_flight=40))
    counters = replace(made.counters, tx=made.counters.tx[:-1], rx=made.counters.rx[:-1])
    counters = replace(counters, asked_ns=counters.asked_ns[:-1], answered_ns=counters.answered_ns[:-1])
    _, sent, lost = cumulative(counters)
    assert lost[-1] == sent[-1] - counters.rx[-1].sum()
    assert np.all(np.diff(lost) >= 0)


def test_more_received_than_sent_is_shown_as_no_loss():
    made = history()
    _, _, lost = cumulative(replace(made.counters, rx=made.counters.tx + 5))
    assert np.all(lost == 0)


def test_received_packets_are_split_by_the_versions_of_the_probes():
    over_time = rates(history(Plan(steps=((10.0, 0.5), (20.0, 1.0)))))
    old, new = over_time.version_pps
    assert old + new + over_time.unknown_pps == pytest.approx(over_time.received_pps)
    assert np.all(new[between(over_time, -7.0, 9.5)] == 0)
    assert new[between(over_time, 10.5, 19.5)].mean() == pytest.approx(5000, rel=0.05)
    assert old[between(over_time, 20.5, 30.5)] == pytest.approx(0)


def test_packets_without_a_clear_mark_are_of_unknown_version():
    made = history()
    marks = made.probes.version.copy()
    marks[::4] = UNMARKED
    marks[1::4] = AMBIGUOUS
    over_time = rates(replace(made, probes=replace(made.probes, version=marks)))
    assert over_time.unknown_pps.mean() == pytest.approx(5000, rel=0.02)
    assert np.nanmax(over_time.new_share) == 1.0


def test_without_probes_nothing_is_known_about_versions():
    made = replace(history(), probes=empty_history().probes)
    over_time = rates(made)
    assert over_time.unknown_pps == pytest.approx(over_time.received_pps)
    assert np.all(np.isnan(over_time.new_share))
    assert np.all(np.isnan(version_shares(made.probes, 2, np.array([0.0, 1e9]))[0]))


def test_the_share_of_the_new_version_follows_the_probes():
    over_time = rates(history(Plan(steps=((4.0, 0.1), (16.0, 1.0)))))
    assert np.all(over_time.new_share[between(over_time, -7.0, 3.5)] == 0)
    assert over_time.new_share[between(over_time, 4.5, 15.5)].mean() == pytest.approx(0.1, abs=0.02)
    assert np.all(over_time.new_share[between(over_time, 16.5, 30.0)] == 1)


def test_only_short_sessions_tell_which_packet_opened_them():
    made = history()
    opened = opening_packets(made)
    assert opened.any()
    assert set(made.probes.pg_id[opened]) == {21}
    assert np.all(made.probes.index[opened] == 0)
    assert (made.probes.index[made.probes.pg_id == 20] == 0).any()


def test_lost_probes_are_placed_where_they_were_sent():
    lost = probe_losses_s(history(Plan(losses=(Loss(10.0, 10.02, 1.0),))))
    assert lost.size == 60
    assert lost.min() >= 9.999
    assert lost.max() <= 10.02


def test_a_clean_recording_has_no_lost_probes():
    assert probe_losses_s(history()).size == 0
    assert probe_losses_s(empty_history()).size == 0


def test_duplicates_and_reordering_are_no_lost_probes():
    probes = history().probes
    order = np.arange(probes.sent_ns.size)
    order[100:104] = order[103:99:-1]
    order = np.append(order, [5, 6, 7])
    columns = ("sent_ns", "received_ns", "pg_id", "number", "user", "session", "index", "version", "instance")
    shuffled = replace(probes, **{name: getattr(probes, name)[order] for name in columns})
    assert probe_losses_s(replace(history(), probes=shuffled)).size == 0


def test_an_empty_recording_has_no_rates():
    over_time = rates(empty_history())
    assert over_time.edges_s.size == 0
    assert over_time.offered_pps.size == 0
    assert all(series.size == 0 for series in over_time.version_pps)
    assert mean_bin_s(over_time.edges_s) == 0.0


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_a_few_samples_are_enough_not_to_fail(samples):
    made = history()
    names = ("asked_ns", "answered_ns", "tx", "rx")
    counters = replace(made.counters, **{name: getattr(made.counters, name)[:samples] for name in names})
    over_time = rates(replace(made, counters=counters))
    assert over_time.offered_pps.size == max(over_time.edges_s.size - 1, 0)
    assert np.all(np.isfinite(over_time.offered_pps))


@pytest.mark.parametrize(("seconds", "width_s"), [(24, 0.25), (200, 1.0), (3000, 30.0)])
def test_bins_grow_with_the_recording(seconds, width_s):
    slow = tuple(replace(group, rate_pps=group.rate_pps / 100) for group in GROUPS)
    over_time = rates(history(Plan(upgrade_s=seconds, sample_s=0.1), groups=slow))
    assert mean_bin_s(over_time.edges_s) == pytest.approx(width_s)
    assert over_time.offered_pps.size <= 260


def test_bins_are_not_finer_than_the_samples():
    assert mean_bin_s(rates(history(Plan(sample_s=1.0))).edges_s) == pytest.approx(2.0)


def test_runs_join_neighbours_and_part_at_gaps():
    found = runs(np.array([1.0, 1.1, 1.2, 5.0, 9.0, 9.05]), gap_s=0.2)
    assert found.tolist() == [[1.0, 1.2], [5.0, 5.0], [9.0, 9.05]]
    assert runs(np.empty(0), gap_s=0.2).shape == (0, 2)


def test_a_staircase_has_two_points_per_bin():
    x, y = steps_of(np.array([0.0, 1.0, 2.0]), np.array([5.0, 7.0]))
    assert x.tolist() == [0, 1, 1, 2]
    assert y.tolist() == [5, 5, 7, 7]
