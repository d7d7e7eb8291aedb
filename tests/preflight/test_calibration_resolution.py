"""What the tester resolves, from what a fake tester recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Stall
from hitless.preflight.resolution import (
    ClockRate,
    Spread,
    clock_rate,
    judge_resolution,
    measure_resolution,
)
from tests.preflight.calibrated import FakeTester, resolution, spread
from tests.preflight.test_calibration_trial import recorded

RUNNING = (1, 2, 21, 20)


def measured(**weaknesses):
    trial = recorded(FakeTester(**weaknesses))
    return measure_resolution(trial.history, RUNNING, trial.rate)


def lines(found):
    return [str(one) for one in judge_resolution(found)]


class TestSpread:
    def test_percentiles_are_values_that_occurred(self):
        values = np.arange(1, 1001, dtype=np.int64) * 1_000_000
        found = Spread.of(values[::-1])
        assert found == Spread(1000, 501_000_000, 991_000_000, 1_000_000_000, 1_000_000_000)

    def test_doubt_goes_to_the_larger_one(self):
        assert Spread.of(np.array([1, 9], np.int64)).median_ns == 9

    def test_nothing(self):
        assert Spread.of(np.zeros(0, np.int64)) == Spread(0, 0, 0, 0, 0)

    def test_words(self):
        assert str(spread(0.25, 3.0)) == "median 0.25, 99 % within 3.00, 99.9 % within 3.00, largest 3.00 ms"


class TestMeasured:
    def test_a_good_tester(self):
        found = measured()
        assert dict(found.streams).keys() == {"new-sessions", "long-sessions"}
        for one in dict(found.streams).values():
            assert one.median_ns == pytest.approx(500_000, abs=2)
            assert one.largest_ns == pytest.approx(500_000, abs=1000)
        # Two streams of 2000 pps: no gap of all of them is longer than a period of one.
        assert found.sent.largest_ns <= 501_000
        assert found.sent.count == pytest.approx(4000 * 2.0, rel=0.15)
        assert found.sampling.median_ns == pytest.approx(100_000_000, abs=2)
        assert found.reading_ns == pytest.approx(400_000, abs=2)
        assert found.clock_error_ns == pytest.approx(200_000, abs=2000)
        assert found.stalls == ()
        assert found.longest_stall_ns == 0

    def test_the_longest_gap_of_a_session_is_its_period(self):
        # 4096 sessions at 2000 pps.
        assert measured().session_ns == pytest.approx(2.048e9, rel=1e-3)

    def test_it_agrees_with_a_slow_look_at_every_packet(self):
        trial = recorded()
        found = measure_resolution(trial.history, RUNNING, trial.rate)
        probes = trial.history.probes
        longest = 0
        for session in np.unique(probes.session)[:300]:
            longest = max(longest, *np.diff(np.sort(probes.sent_ns[probes.session == session])).tolist(), 0)
        assert longest <= found.session_ns

    @pytest.mark.parametrize("pause_s", [0.03, 0.3])
    def test_a_pause_of_the_sender_is_the_largest_gap_and_a_stall(self, pause_s):
        found = measured(pause=(1.0, 1.0 + pause_s))
        assert found.sent.largest_ns == pytest.approx(pause_s * 1e9, abs=1.1e6)
        assert found.sent.p99_ns <= 501_000
        assert found.longest_stall_ns == pytest.approx(pause_s * 1e9, abs=1.1e6)

    def test_loss_of_the_system_is_no_gap_of_the_tester(self):
        trial = recorded()
        probes = trial.history.probes
        middle = len(probes.number) // 2
        kept = np.ones(len(probes.number), bool)
        kept[middle : middle + 2000] = False
        columns = {
            name: getattr(probes, name)[kept]
            for name in ("sent_ns", "received_ns", "pg_id", "number", "user", "session", "index", "version", "instance")
        }
        lossy = replace(trial.history, probes=replace(probes, **columns))
        found = measure_resolution(lossy, RUNNING, trial.rate)
        assert found.sent.largest_ns <= 501_000
        assert found.received.largest_ns > 400_000_000

    def test_stalls_of_the_worker_count_while_traffic_runs(self):
        found = measured(stall_ms=80.0)
        assert [one.process for one in found.stalls] == ["traffic-worker"]
        assert found.longest_stall_ns == 80_000_000

    def test_stalls_at_another_time_do_not(self):
        trial = recorded()
        aside = replace(trial.history, stalls=(Stall("traffic-worker", 0, 10**9), Stall("x", 5 * 10**15, 6 * 10**15)))
        assert measure_resolution(aside, RUNNING, trial.rate).stalls == ()

    @pytest.mark.parametrize("round_trip_s", [0.002, 0.05])
    def test_slow_readings_leave_the_clock_in_doubt(self, round_trip_s):
        found = measured(round_trip_s=round_trip_s)
        assert found.clock_error_ns == pytest.approx(round_trip_s / 2 * 1e9, rel=0.01)
        assert found.clock_rate.least < 1 < found.clock_rate.most
        assert not found.clock_rate.is_off

    def test_packets_on_their_way(self):
        # Half a millisecond at 10 000 pps; a sample may see a packet more or less.
        assert 3 <= measured().on_the_way <= 8

    def test_lost_packets_are_not_on_their_way(self):
        assert 2 <= measured(system_loss=3).on_the_way <= 8

    def test_nothing_came_back(self):
        with pytest.raises(ValueError, match="probes that come back Actual: 0"):
            measured(silent=True)

    def test_not_every_group_was_sent(self):
        trial = recorded()
        with pytest.raises(ValueError, match="while all groups are sent"):
            measure_resolution(trial.history, (1, 3), trial.rate)


class TestClockRate:
    def pairs(self, rate, round_trip_s=0.001, seconds=2.0):
        half = round_trip_s / 2 * 1e9
        return [[at * 1e9 - half, 5.0 + at * rate, at * 1e9 + half] for at in (0.0, seconds / 2, seconds)]

    @pytest.mark.parametrize(
        ("rate", "off"), [(1.0, False), (0.9995, False), (0.99, True), (1.005, False), (1.02, True)]
    )
    def test_bounds_hold_the_truth(self, rate, off):
        found = clock_rate(self.pairs(rate))
        assert found.least < rate < found.most
        assert found.is_off is off

    def test_what_readings_leave_open_is_no_fault(self):
        assert not clock_rate(self.pairs(0.99, round_trip_s=0.1)).is_off

    @pytest.mark.parametrize("count", [0, 1])
    def test_too_few_readings(self, count):
        assert clock_rate(self.pairs(1.0)[:count]) is None

    def test_readings_that_overlap(self):
        assert clock_rate(self.pairs(1.0, round_trip_s=5.0)) is None


class TestWords:
    def test_all_well(self):
        assert lines(resolution()) == [
            (
                "ok       probe spacing - sent: median 0.25, 99 % within 0.50, 99.9 % within 0.50, largest 0.50 ms;"
                " received: median 0.25, 99 % within 0.90, 99.9 % within 0.90, largest 0.90 ms; largest by stream:"
                " new-sessions 0.90 ms, long-sessions 0.80 ms; within a session 2.05 s"
            ),
            (
                "ok       counter sampling - median 100.00, 99 % within 102.00, 99.9 % within 102.00,"
                " largest 102.00 ms; a reading takes at most 0.90 ms,"
                " packets on their way that a bin may take for lost: 0"
            ),
            (
                "ok       generator's clock - instants of probes are known to +- 0.30 ms;"
                " 0.99980 to 1.00020 of its seconds in one second of the tester's"
            ),
            "ok       tester's stalls - none of more than 20 ms",
        ]

    def test_sessions_that_are_heard_of_once(self):
        assert "within a session" not in lines(resolution(session_ns=0))[0]

    def test_stalls(self):
        stalls = (Stall("traffic-worker", 0, 30_000_000), Stall("generator, long-sessions", 0, 90_000_000))
        assert lines(resolution(stalls=stalls))[3] == (
            "warning  tester's stalls - 2 of more than 20 ms, the longest in generator, long-sessions - Expected: none"
            " Actual: 90 ms - other load on the tester's machine? gaps that a stall covers are INCONC"
        )

    def test_a_slow_clock(self):
        assert lines(resolution(clock_rate=ClockRate(0.9898, 0.9902)))[2] == (
            "failed   generator's clock - too slow or too fast, and so is what it sends - Expected: 0.999 to 1.01"
            " Actual: 0.98980 to 0.99020 of its seconds in one second of the tester's;"
            " instants of probes are known to +- 0.30 ms - restart the generator when its machine is idle, as it"
            " measures its clock at the start; see that the machine's time source is steady (constant_tsc in"
            " /proc/cpuinfo, chronyc tracking), in a virtual machine that of its host"
        )

    def test_a_clock_that_is_fast_by_no_more_than_a_run_tolerates(self):
        told = lines(resolution(clock_rate=ClockRate(1.0049, 1.0051)))[2]
        assert told.startswith(
            "warning  generator's clock - fast, by no more than a run tolerates - Expected: 1 within"
        )
        assert " - restart the generator when its machine is idle" in told

    @pytest.mark.parametrize(("rate", "exact"), [(1.0005, True), (1.0015, False), (0.9995, True), (0.9985, False)])
    def test_which_clock_needs_no_word(self, rate, exact):
        assert ClockRate(rate - 0.0001, rate + 0.0001).is_exact is exact

    def test_an_unknown_clock_rate(self):
        assert lines(resolution(clock_rate=None))[2].startswith(
            "warning  generator's clock - instants of probes are known to +- 0.30 ms; its rate is unknown"
        )
