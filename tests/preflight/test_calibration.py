"""Which rate does the tester carry? Trials by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.preflight.calibration import (
    Trouble,
    carried,
    judge_doubled,
    judge_missing,
    judge_rate,
    rate_table,
    troubles,
)
from hitless.preflight.calibration_trial import Trial
from hitless.preflight.findings import Level


def trial(percent=100.0, **values):
    """A trial of 10 000 pps at 100 % without any trouble."""
    asked = percent * 100
    good = {
        "percent": percent,
        "asked_pps": asked,
        "sent_pps": asked,
        "sent_error_pps": 2.0,
        "sent": round(asked * 2.5),
        "received": round(asked * 2.5),
        "missing": 0,
        "drops": (),
        "uncaptured": 0,
        "surplus": 0,
        "told_s": (2.5, 2.5),
        "elapsed_s": (2.45, 2.55),
        "cpu_percent": 20.0,
    }
    return Trial(**(good | values))


def kinds(one, *, loopback=False):
    return [kind for kind, _ in troubles(one, loopback=loopback)]


def told(one, *, loopback=False):
    return [text for _, text in troubles(one, loopback=loopback)]


class TestTroubles:
    def test_none(self):
        assert troubles(trial(), loopback=False) == ()
        assert troubles(trial(), loopback=True) == ()

    @pytest.mark.parametrize(
        ("pace", "error", "wrong"),
        [
            (9990.0, 0.0, None),
            (9989.0, 0.0, Trouble.PACE),
            (9989.0, 2.0, None),  # what the readings leave open is no fault
            (10011.0, 0.0, None),
            (10099.9, 0.0, None),
            (10101.0, 0.0, Trouble.HASTE),
            (10101.0, 2.0, None),
        ],
    )
    def test_the_pace_is_held_to_what_a_run_tolerates(self, pace, error, wrong):
        assert kinds(trial(sent_pps=pace, sent_error_pps=error)) == ([] if wrong is None else [wrong])

    def test_both_directions_are_told(self):
        assert told(trial(sent_pps=8000.0)) == [
            "Expected: 99.9 % to 101 % of 10000 pps Actual: 8000 pps, it sends more slowly than it is asked to"
        ]
        assert told(trial(sent_pps=12000.0)) == [
            "Expected: 99.9 % to 101 % of 10000 pps Actual: 12000 pps, it sends faster than it is asked to"
        ]

    def test_an_unknown_pace_is_no_good_one(self):
        assert kinds(trial(sent_pps=None)) == [Trouble.PACE]

    @pytest.mark.parametrize(
        ("elapsed", "wrong"),
        [((2.6, 2.7), False), ((2.71, 2.8), True), ((2.2, 2.31), False), ((2.1, 2.29), True)],
    )
    def test_sending_for_longer_or_shorter_than_told(self, elapsed, wrong):
        assert kinds(trial(elapsed_s=elapsed)) == ([Trouble.TIME] if wrong else [])

    def test_times_are_told(self):
        assert told(trial(elapsed_s=(4.9, 5.0))) == ["Expected: 2.50 s of sending Actual: 4.90 to 5.00 s"]

    def test_a_busy_generator(self):
        assert told(trial(cpu_percent=81.0)) == ["Expected: generator CPU <= 80 % Actual: 81 %"]
        assert kinds(trial(cpu_percent=80.0)) == []
        assert kinds(trial(cpu_percent=None)) == []

    def test_own_drops_are_told_by_port(self):
        one = trial(drops=(("port 0 oerrors", 1), ("port 1 ierrors", 7)), missing=8, received=24992)
        assert one.own_drops == 8
        assert told(one) == [
            "Expected: 0 packets dropped by the tester itself Actual: port 0 oerrors 1, port 1 ierrors 7"
        ]

    def test_probes_that_no_capture_holds(self):
        assert kinds(trial(uncaptured=1)) == [Trouble.CAPTURE]

    @pytest.mark.parametrize("more", [{"surplus": 1}, {"doubled": 1}, {"surplus": 3, "doubled": 2}])
    def test_what_comes_twice_is_the_testers_only_on_a_cable(self, more):
        assert kinds(trial(**more), loopback=True) == [Trouble.SURPLUS]
        assert kinds(trial(**more)) == []
        assert carried([trial(**more)], loopback=False) is not None

    def test_how_many_came_twice_is_told(self):
        assert told(trial(surplus=3, doubled=2), loopback=True) == [
            "Expected: each packet received once Actual: 3 packets more"
        ]

    def test_nothing_back_is_no_carried_rate(self):
        silent = trial(received=0, missing=25000)
        assert kinds(silent) == [Trouble.SILENCE]
        assert carried([silent], loopback=False) is None

    def test_what_is_missing_is_the_systems_but_on_a_cable(self):
        lossy = trial(missing=3, received=24997)
        assert kinds(lossy) == []
        assert kinds(lossy, loopback=True) == [Trouble.CABLE]

    def test_own_drops_are_not_the_systems(self):
        assert trial(missing=9, drops=(("port 1 ierrors", 7),)).missing_elsewhere == 2
        assert trial(missing=5, drops=(("port 1 ierrors", 7),)).missing_elsewhere == 0
        assert kinds(trial(missing=7, drops=(("port 1 ierrors", 7),)), loopback=True) == [Trouble.DROPS]


DROPPING = (("port 1 ierrors", 7),)


class TestCarried:
    def test_the_highest_rate_below_the_first_trouble(self):
        trials = [trial(50.0), trial(75.0), trial(100.0, drops=DROPPING), trial(120.0)]
        assert carried(trials, loopback=False) is trials[1]

    def test_none(self):
        assert carried([trial(50.0, drops=DROPPING)], loopback=False) is None


class TestRate:
    def judged(self, *trials, loopback=False):
        return str(judge_rate(trials, 10000.0, loopback=loopback))

    def test_all_carried(self):
        assert self.judged(trial(50.0), trial()) == (
            "ok       tester's rate - 10000 pps (100 % of the rated capacity) without own loss, the most tried"
        )
        assert self.judged(trial(), trial(120.0), loopback=True).startswith("ok       tester's rate - 12000 pps (120 %")

    def test_only_a_part_was_tried(self):
        assert self.judged(trial(50.0)) == (
            "warning  tester's rate - 5000 pps (50 % of the rated capacity) without own loss, the most tried"
            " - Expected: 10000 pps - try the whole load: --up-to 100"
        )

    def test_less_than_the_load(self):
        assert self.judged(trial(50.0), trial(75.0), trial(drops=DROPPING)) == (
            "failed   tester's rate - own trouble at 10000 pps, carries 7500 pps of 10000 pps"
            " - Expected: 0 packets dropped by the tester itself Actual: port 1 ierrors 7"
            " - larger rings at the generator's ports, or fewer packets per second;"
            " lower vnf.rated_capacity.value_pps to <= 7500"
        )

    def test_nothing_at_all(self):
        told = self.judged(trial(50.0, sent_pps=4000.0))
        assert told.startswith("failed   tester's rate - own trouble at 5000 pps, carries 0 pps of 10000 pps")
        assert "lower vnf" not in told  # to no number that anybody knows

    def test_no_reserve_is_a_warning(self):
        told = self.judged(trial(), trial(120.0, sent_pps=11000.0), loopback=True)
        assert told.startswith("warning  tester's rate - 10000 pps without own loss, and no reserve: at 12000 pps")
        assert "11000 pps, it sends more slowly" in told

    def test_each_remedy_once(self):
        told = self.judged(trial(sent_pps=9000.0, elapsed_s=(4.0, 4.1), cpu_percent=99.0))
        assert told.count("Expected:") == 3
        for kind in (Trouble.PACE, Trouble.TIME, Trouble.CPU):
            assert told.count(kind.value) == 1

    def test_a_rate_that_hardly_came_back_does_not_show_that_it_can_be_received(self):
        lossy = trial(received=12500, missing=12500)
        assert self.judged(lossy) == (
            "warning  tester's rate - 10000 pps (100 % of the rated capacity) without own loss, the most tried, as far"
            " as it was received - Expected: >= 99 % of it back Actual: 12500 of 25000 packets"
            " - look at what the system loses"
        )
        assert self.judged(trial(received=24750, missing=250)).startswith("ok")


class TestMissing:
    def test_nothing_to_say(self):
        assert list(judge_missing([trial(), trial(missing=7, drops=DROPPING)])) == []

    def test_every_rate_is_told(self):
        (found,) = judge_missing([trial(50.0, missing=1), trial(75.0), trial(missing=9, drops=DROPPING)])
        assert str(found) == (
            "warning  system's loss - packets are missing that the tester did not drop - Expected: 0"
            " Actual: 1 of 12500 at 5000 pps, 2 of 25000 at 10000 pps - a lossy baseline leaves verdicts inconclusive"
        )


class TestTable:
    def test_one_line_for_each_trial(self):
        lines = list(rate_table([trial(50.0), replace(trial(), drops=DROPPING, missing=9, uncaptured=1)]))
        assert lines[0].split() == (
            [
                "load",
                "asked",
                "pps",
                "sent",
                "pps",
                "sent",
                "received",
                "own",
                "drops",
                "not",
                "captured",
                "missing",
                "elsewhere",
                "elapsed",
            ]
        )
        assert " ".join(lines[1].split()) == ("50 % 5000 5000 12500 12500 0 0 0 2.45 to 2.55 of 2.50 s")
        assert " ".join(lines[2].split()) == ("100 % 10000 10000 25000 25000 7 1 2 2.45 to 2.55 of 2.50 s")

    def test_columns_stand_below_their_heads(self):
        head, row = rate_table([trial(120.0)])
        for word in ("asked pps", "sent pps", "received", "own drops", "not captured", "missing elsewhere"):
            assert row[head.index(word) + len(word) - 1].isdigit(), word
        assert max(len(head), len(row)) <= 120

    def test_an_unknown_pace_is_shown_as_such(self):
        assert list(rate_table([trial(sent_pps=None)]))[1].split()[3] == "?"


class TestDoubled:
    def test_nothing_to_say(self):
        assert list(judge_doubled([trial(), trial(missing=7)])) == []

    def test_every_rate_is_told(self):
        (found,) = judge_doubled([trial(50.0, doubled=2), trial(75.0), trial(surplus=9, doubled=4)])
        assert (found.level, found.name) == (Level.WARNING, "system's duplicates")
        assert "2 of 12500 at 5000 pps, 9 of 25000 at 10000 pps" in found.message
        assert "; 4 of them are probes of this tester that came twice" in found.message
        assert "--loopback shows the tester alone" in found.remedy

    def test_whose_load_is_nobody_knows(self):
        (found,) = judge_doubled([trial(surplus=9)])
        assert "probes of this tester" not in found.message
