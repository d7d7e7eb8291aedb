"""Trials measured from what a fake tester recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Event
from hitless.preflight.calibration import Trouble, troubles
from hitless.preflight.calibration_run import Calibration, Wanted
from hitless.preflight.calibration_trial import STARTED, STOPPED, STOPPING, measure_trial, steady_rows
from tests.core.mutilations import only_probes
from tests.preflight.calibrated import FakeTester, groups
from tests.preflight.fakes import declared


def recorded(tester=None, percent=100.0):
    tester = tester or FakeTester()
    calibration = Calibration(
        declared(), tester, groups(), Wanted("quick"), sleep=tester.sleep, clock_ns=tester.clock_ns
    )
    return calibration._trial(percent)


def trial_of(**weaknesses):
    return recorded(FakeTester(**weaknesses)).trial


def kinds(trial, *, loopback=False):
    return [kind for kind, _ in troubles(trial, loopback=loopback)]


def test_a_good_tester():
    trial = trial_of()
    assert troubles(trial, loopback=True) == ()
    assert trial.asked_pps == 10_000
    assert trial.sent_pps == pytest.approx(10_000, rel=1e-3)
    assert 0 < trial.sent_error_pps < 20
    assert trial.sent == trial.received > 24_000
    assert trial.told_s == pytest.approx((2.502, 2.504), abs=1e-3)
    assert trial.elapsed_s[0] <= trial.told_s[1]
    assert trial.told_s[0] <= trial.elapsed_s[1] <= trial.elapsed_s[0] + 0.11
    assert (trial.own_drops, trial.missing, trial.uncaptured, trial.surplus) == (0, 0, 0, 0)
    assert trial.cpu_percent == 12.0


@pytest.mark.parametrize("percent", [50.0, 75.0, 120.0])
def test_every_rate_is_measured_as_what_it_is(percent):
    trial = recorded(percent=percent).trial
    assert trial.percent == percent
    assert trial.asked_pps == percent * 100
    assert trial.sent_pps == pytest.approx(percent * 100, rel=1e-3)


class TestSendingTooLittle:
    """A TRex that is asked for too much does not say so."""

    @pytest.mark.parametrize("ceiling", [5000.0, 9000.0, 9900.0])
    def test_more_slowly(self, ceiling):
        trial = trial_of(ceiling_pps=ceiling)
        assert trial.sent_pps == pytest.approx(ceiling, rel=2e-3)
        assert Trouble.PACE in kinds(trial)

    def test_for_longer(self):
        trial = trial_of(ceiling_pps=8000.0, overruns=True)
        assert trial.sent == pytest.approx(trial_of().sent, abs=4)  # all of them, so counts alone say nothing
        assert trial.elapsed_s[0] > 2.9
        assert kinds(trial) == [Trouble.PACE, Trouble.TIME]

    def test_it_stops_early(self):
        trial = trial_of(stops_early_s=0.6)
        assert kinds(trial) == [Trouble.TIME]
        assert trial.elapsed_s[1] < 2.1

    def test_it_sends_hardly_anything(self):
        trial = trial_of(stops_early_s=2.0)
        assert trial.sent_pps is not None
        assert kinds(trial) == [Trouble.PACE, Trouble.TIME]

    @pytest.mark.parametrize("pause", [(0.5, 0.8), (1.0, 1.4), (1.8, 2.0)])
    def test_a_pause_that_is_made_up_for_is_no_lower_rate(self, pause):
        trial = trial_of(pause=pause)
        assert kinds(trial) == []
        assert trial.sent_pps == pytest.approx(10_000, rel=1e-3)

    def test_a_generator_with_a_slow_clock_sends_too_little(self):
        trial = trial_of(clock_rate=0.99)
        assert trial.sent_pps == pytest.approx(9900, rel=1e-3)
        assert kinds(trial) == [Trouble.PACE]

    def test_readings_that_take_long_leave_more_open(self):
        good, vague = trial_of(ceiling_pps=9950.0), trial_of(ceiling_pps=9950.0, round_trip_s=0.2)
        assert kinds(good) == [Trouble.PACE]
        assert vague.sent_error_pps > 10 * good.sent_error_pps
        assert kinds(vague) == []

    def test_counters_that_are_hardly_read_tell_nothing(self):
        trial = trial_of(sample_s=0.9)
        assert trial.sent_pps is None
        assert Trouble.PACE in kinds(trial)


class TestStopping:
    def test_a_stop_that_takes_long_is_neither_a_lower_pace_nor_an_early_end(self):
        trial = recorded(SlowToAnswer()).trial
        assert trial.told_s[1] - trial.told_s[0] > 0.5
        assert kinds(trial) == []

    def test_a_stop_that_takes_long_does_not_hide_an_early_end(self):
        assert kinds(recorded(SlowToAnswer(stops_early_s=0.6)).trial) == [Trouble.TIME]


class SlowToAnswer(FakeTester):
    """Stops when it is told to, and says so a quarter of a second later."""

    def stop(self, part):
        interval = super().stop(part)
        self.now_s += 0.3
        return interval


class TestLoss:
    def test_the_ring_drops(self):
        trial = trial_of(ring_pps=9000.0)
        assert trial.drops == (("port 1 ierrors", 7),)
        assert (trial.missing, trial.missing_elsewhere) == (7, 0)
        assert kinds(trial) == [Trouble.DROPS]

    def test_the_system_loses(self):
        trial = trial_of(system_loss=100)
        assert trial.missing == trial.missing_elsewhere == trial.sent - trial.received > 50
        assert kinds(trial) == []
        assert kinds(trial, loopback=True) == [Trouble.CABLE]

    def test_both_are_told_apart(self):
        trial = trial_of(ring_pps=9000.0, system_loss=100, ring_drops=20)
        alone = trial_of(system_loss=100)
        assert trial.own_drops == 20
        # Where both hit the same packet it is gone once: then the system's part is understated, never overstated.
        assert alone.missing - 1 <= trial.missing_elsewhere <= alone.missing

    def test_the_capture_misses_probes(self):
        trial = trial_of(uncaptured=11)
        assert trial.uncaptured == 11
        assert kinds(trial) == [Trouble.CAPTURE]

    def test_so_does_one_that_was_full(self):
        history = recorded().history
        full = replace(history, probes=replace(history.probes, capture_lost_count=5))
        assert measure_trial(full, (1, 2, 21, 20)).uncaptured == 5

    def test_a_surplus_does_not_hide_loss(self):
        trial = trial_of(surplus=200, system_loss=100)
        assert trial.surplus == 200
        assert trial.missing > 50
        assert kinds(trial) == []
        assert [kind for kind, _ in troubles(trial, loopback=True)] == [Trouble.SURPLUS, Trouble.CABLE]

    def test_probes_that_come_twice_are_seen_where_the_counters_are_equal(self):
        """Others are lost for them."""
        history = recorded().history
        rows = np.concatenate((np.arange(7), np.arange(7), np.arange(14, len(history.probes.number))))
        trial = measure_trial(only_probes(history, lambda _: rows), (1, 2, 21, 20))
        assert (trial.surplus, trial.doubled, trial.too_many) == (0, 7, 7)

    def test_nothing_comes_back(self):
        assert kinds(trial_of(silent=True)) == [Trouble.SILENCE]


class TestBookkeeping:
    def history(self):
        return recorded().history

    RUNNING = (1, 2, 21, 20)

    @pytest.mark.parametrize("name", [STARTED, STOPPING, STOPPED])
    def test_a_trial_without_its_events_is_none(self, name):
        history = self.history()
        cut = replace(history, events=tuple(one for one in history.events if one.name != name))
        with pytest.raises(ValueError, match="not recorded"):
            measure_trial(cut, self.RUNNING)

    def test_a_trial_without_counters_is_none(self):
        history = self.history()
        counters = replace(
            history.counters,
            **{
                name: getattr(history.counters, name)[:0]
                for name in ("asked_ns", "answered_ns", "tx", "rx", "ierrors", "oerrors", "generator_cpu_percent")
            },
        )
        with pytest.raises(ValueError, match="not recorded"):
            measure_trial(replace(history, counters=counters), self.RUNNING)

    def test_drops_before_the_recording_do_not_count(self):
        history = self.history()
        before = replace(history.counters, ierrors=history.counters.ierrors + 5)
        assert measure_trial(replace(history, counters=before), self.RUNNING).drops == ()

    def test_a_generator_that_does_not_tell_its_load(self):
        history = self.history()
        silent = replace(history.counters, generator_cpu_percent=history.counters.generator_cpu_percent * np.nan)
        assert measure_trial(replace(history, counters=silent), self.RUNNING).cpu_percent is None

    def test_the_load_between_the_runs_does_not_count(self):
        history = self.history()
        cpu = history.counters.generator_cpu_percent.copy()
        cpu[history.counters.asked_ns > history.when(STOPPING)] = 100.0
        busy_later = replace(history.counters, generator_cpu_percent=cpu)
        assert measure_trial(replace(history, counters=busy_later), self.RUNNING).cpu_percent == 12.0

    def test_steady_is_when_every_group_sends(self):
        history = self.history()
        counters, stopping = history.counters, history.when(STOPPING)
        columns = np.isin(counters.pg_ids, self.RUNNING)
        rows = steady_rows(counters, columns, stopping)
        down = counters.pg_ids.tolist().index(2)
        assert counters.tx[rows[0] - 1, down] > 0  # the sample before saw the last group begin
        assert counters.tx[rows[0] - 2, down] == 0
        assert counters.answered_ns[rows[-1]] <= stopping < counters.answered_ns[rows[-1] + 1]

    def test_without_a_group_nothing_is_steady(self):
        history = self.history()
        counters = history.counters
        assert len(steady_rows(counters, np.isin(counters.pg_ids, (1, 3)), history.when(STOPPING))) == 0

    def test_groups_that_were_not_started_are_not_asked_for(self):
        history = self.history()
        assert measure_trial(history, self.RUNNING).asked_pps == 10_000
        assert sum(group.rate_pps for group in history.groups) == 12_000

    def test_events_of_other_names_do_not_matter(self):
        history = self.history()
        more = replace(history, events=(Event(0, "remark"), *history.events))
        assert measure_trial(more, self.RUNNING) == measure_trial(history, self.RUNNING)
