"""How the generator is driven through a calibration, and what is said in which order."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hitless.catalogue import load_catalogue
from hitless.preflight.calibration_run import Calibration, Wanted, judge_loopback, steps_percent
from hitless.traffic import TrafficError
from tests.preflight.calibrated import FakeTester, groups
from tests.preflight.fakes import declared
from tests.preflight.test_calibration_limits import replaced
from tests.preflight.test_calibration_trial import recorded

CATALOGUE = load_catalogue()


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path, monkeypatch):
    """Recordings of trials are temporary; whatever happens, none stays."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield
    assert list(tmp_path.iterdir()) == []


@dataclass
class Calibrated:
    lines: list[str]
    table: list[str]
    tester: FakeTester = field(repr=False)

    @property
    def names(self):
        return [line.split(" - ")[0] for line in self.lines]

    @property
    def levels(self):
        return dict(reversed(name.split(None, 1)) for name in self.names)

    @property
    def rates(self):
        return [call.removeprefix("prepare ") for call in self.tester.calls if call.startswith("prepare")]


def calibrated(tester=None, *, profile="quick", loopback=False, up_to=None, sut=None):
    tester = tester or FakeTester()
    table = []
    wanted = Wanted(profile, loopback, up_to, table.append)
    made = Calibration(sut or declared(), tester, groups(), wanted, sleep=tester.sleep, clock_ns=tester.clock_ns)
    return Calibrated([str(one) for one in made.findings(CATALOGUE)], table, tester)


class TestSteps:
    @pytest.mark.parametrize(
        ("most", "steps"),
        [
            (100.0, (50.0, 75.0, 100.0)),
            (120.0, (50.0, 75.0, 100.0, 120.0)),
            (150.0, (50.0, 75.0, 100.0, 120.0, 150.0)),
            (90.0, (50.0, 75.0, 90.0)),
            (41.0, (41.0,)),
            (30.0, (30.0,)),  # less than the probes: the profile refuses it and says why
        ],
    )
    def test_from_the_smallest_load_to_the_largest(self, most, steps):
        assert steps_percent(groups(), most) == steps

    def test_few_probes_allow_a_lower_load(self):
        assert steps_percent(groups(10_000, 500, 500), 100.0)[0] == 25.0

    def test_through_a_system_its_capacity_is_the_most(self):
        assert calibrated().rates == ["5000", "7500", "10000"]
        assert calibrated(up_to=120.0).rates == ["5000", "7500", "10000", "12000"]
        assert calibrated(up_to=60.0).rates == ["5000", "6000"]

    def test_back_to_back_there_is_nothing_to_overload(self):
        assert calibrated(loopback=True).rates == ["5000", "7500", "10000", "12000"]

    @pytest.mark.parametrize("loopback", [False, True])
    def test_it_is_short(self, loopback):
        tester = calibrated(loopback=loopback).tester
        assert tester.now_s - 1000.0 < 20.0


class TestDriving:
    def test_each_trial_is_loaded_recorded_and_stopped(self):
        calls = calibrated(up_to=50.0).tester.calls
        assert calls == [
            *("prepare 5000", "record_start", "start main", "start long", "stop long", "stop main", "record_stop")
        ]

    def test_the_replacement_part_is_not_sent(self):
        assert not [call for call in calibrated().tester.calls if "filler" in call]

    def test_it_stops_at_the_first_rate_with_own_loss(self):
        assert calibrated(FakeTester(ring_pps=6000.0)).rates == ["5000", "7500"]
        assert calibrated(FakeTester(ceiling_pps=4000.0)).rates == ["5000"]

    def test_loss_of_the_system_does_not_stop_it(self):
        assert calibrated(FakeTester(system_loss=50)).rates == ["5000", "7500", "10000"]

    @pytest.mark.parametrize("call", ["start", "stop"])
    def test_a_generator_that_fails_is_told_and_the_recording_ended(self, call):
        found = calibrated(FakeTester(trouble={call: TrafficError("TRex server x", "lost", "worker.log")}))
        assert found.lines == [
            "failed   calibration - TRex server x - lost - worker.log - look at the TRex server and the worker's log"
        ]
        assert found.tester.calls[-1] == "record_stop"

    @pytest.mark.parametrize("call", ["prepare", "record_start", "record_stop"])
    def test_so_is_one_that_fails_before_or_after(self, call):
        found = calibrated(FakeTester(trouble={call: TrafficError("TRex server x", "lost")}))
        assert found.names == ["failed   calibration"]

    def test_what_failed_first_is_the_reason(self):
        trouble = {
            "start": TrafficError("TRex server x", "first"),
            "record_stop": TrafficError("TRex server x", "then"),
        }
        assert "x - first" in calibrated(FakeTester(trouble=trouble)).lines[0]

    def test_an_interruption_ends_the_recording(self):
        tester = FakeTester()
        tester.sleep = interrupt
        with pytest.raises(KeyboardInterrupt):
            calibrated(tester)
        assert tester.calls[-1] == "record_stop"

    def test_trials_before_a_failure_are_told_all_the_same(self):
        tester = FailsLater()
        found = calibrated(tester)
        assert found.names[0] == "failed   calibration"
        assert "warning  tester's rate" in found.names
        assert len(found.table) == 2

    def test_a_recording_that_cannot_be_read_is_told(self):
        found = calibrated(WritesNothing())
        assert found.names == ["failed   calibration"]
        assert "probes.json - file is missing" in found.lines[0]


def interrupt(_):
    raise KeyboardInterrupt


class FailsLater(FakeTester):
    def prepare(self, profile, tunables, ports, *, force):
        if any(call.startswith("prepare") for call in self.calls):
            raise TrafficError("TRex server x", "lost")
        return super().prepare(profile, tunables, ports, force=force)


class WritesNothing(FakeTester):
    def record_stop(self):
        (self._folder / "probes.pcap").touch()
        return {}


class TestSaid:
    def test_all_well(self):
        found = calibrated()
        assert [name.split(None, 1)[1] for name in found.names if "RQ-" not in name] == [
            *("tester's rate", "probe spacing", "counter sampling", "generator's clock", "tester's stalls", "limits")
        ]
        assert set(found.levels.values()) == {"ok"}
        assert [row.split()[0] for row in found.table] == ["load", "50", "75", "100"]

    def test_own_drops(self):
        found = calibrated(FakeTester(ring_pps=9000.0))
        assert found.lines[0].startswith("failed   tester's rate - own trouble at 10000 pps, carries 7500 pps")
        assert found.levels["limits"] == "warning"
        assert found.table[-1].split()[6] == "7"

    def test_the_systems_loss(self):
        found = calibrated(FakeTester(system_loss=100))
        assert found.levels["tester's rate"] == "ok"
        assert found.levels["system's loss"] == "warning"

    def test_a_slow_clock(self):
        assert calibrated(FakeTester(clock_rate=0.99)).levels["generator's clock"] == "failed"

    def test_a_stall(self):
        found = calibrated(FakeTester(stall_ms=120.0))
        assert found.levels["tester's stalls"] == "warning"
        assert found.levels["tester's rate"] == "ok"

    def test_nothing_back(self):
        found = calibrated(FakeTester(silent=True))
        assert found.levels["tester's rate"] == "failed"
        assert found.lines[-1].startswith(
            "failed   resolution - not measured - Expected: probes that come back Actual: 0"
        )

    def test_a_limit_that_is_too_strict_says_which_number_to_change(self):
        found = calibrated(sut=declared(**replaced("RQ-CAP-01", "loss_ratio", 1e-9)))
        assert found.levels["RQ-CAP-01 loss_ratio <= 1e-09"] == "failed"
        (line,) = [line for line in found.lines if "RQ-CAP-01 loss_ratio" in line]
        assert "change one of: limits.RQ-CAP-01.loss_ratio.value to >= " in line
        assert found.lines[-1].startswith("ok       limits - ")

    def test_limits_are_held_against_the_planned_load_whatever_was_carried(self):
        carried = calibrated(profile="acceptance")
        stopped = calibrated(FakeTester(ring_pps=6000.0), profile="acceptance")
        assert [line for line in carried.lines if "loss_ratio" in line] == [
            line for line in stopped.lines if "loss_ratio" in line
        ]

    def test_a_wrong_limit_is_told(self):
        found = calibrated(sut=declared(**replaced("RQ-CAP-01", "loss_ration", 1e-9)))
        assert found.lines[-1].startswith(
            "failed   resolution - sut.yaml - limits.RQ-CAP-01.loss_ration - no such limit"
        )


class TestLoopback:
    def test_all_well(self):
        found = calibrated(loopback=True)
        assert found.lines[0] == "ok       loopback - 300 probes came back as they were sent"
        assert found.lines[1].startswith("ok       tester's rate - 12000 pps (120 %")

    def test_whatever_rewrites_packets_is_no_cable_and_gets_no_more_load(self):
        found = calibrated(FakeTester(hop_ttl=63), loopback=True)
        assert found.lines == [
            (
                "failed   loopback - something between the ports rewrites packets - Expected: as they were sent"
                " Actual: ttl (sent 64, received 63) - cable the two ports back to back,"
                " or leave out --loopback to send through the system under test"
            )
        ]
        assert found.rates == ["5000"]

    def test_through_a_system_that_is_as_it_should_be(self):
        assert calibrated(FakeTester(hop_ttl=63)).levels["tester's rate"] == "ok"

    def test_nothing_on_the_cable(self):
        found = calibrated(FakeTester(silent=True), loopback=True)
        assert found.lines[0].startswith("failed   loopback - no probe came back - Expected: some of 12358 packets")
        assert len(found.lines) == 1

    def test_loss_on_a_cable_is_own_loss(self):
        found = calibrated(FakeTester(system_loss=100), loopback=True)
        assert found.levels["tester's rate"] == "failed"
        assert "look at the cable" in found.lines[1]
        assert "system's loss" not in found.levels

    def test_no_reserve(self):
        found = calibrated(FakeTester(ceiling_pps=11_000.0), loopback=True)
        assert found.levels["tester's rate"] == "warning"
        assert found.levels["limits"] == "ok"

    def test_packets_without_a_probes_number(self):
        first = recorded()
        broken = first.packets[0][:-16] + bytes(16)
        mixed = type(first)(first.trial, first.history, first.running, (*first.packets, broken), first.rate)
        told = judge_loopback(mixed)
        assert told.level == "failed"
        assert "1 packets without a probe's number" in told.message


def test_the_recordings_of_trials_stay_within_the_folder_for_temporary_files():
    folders = []

    class Watched(FakeTester):
        def record_start(self, folder):
            folders.append(Path(folder))
            return super().record_start(folder)

    calibrated(Watched())
    assert len(folders) == 3
    assert all(folder.is_relative_to(tempfile.gettempdir()) and not folder.exists() for folder in folders)
