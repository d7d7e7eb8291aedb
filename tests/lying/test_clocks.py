"""The generator's clock jumps against the tester's: a recording shows it in its readings, and nothing passes on it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from hitless.catalogue import load_catalogue
from hitless.judges.meter import clock_check
from hitless.judging import judge_history
from hitless.recording import load
from hitless.recording.manifest import CLOCK
from hitless.verdict import Outcome
from tests.core.builders import at
from tests.core.management import StepScene
from tests.core.test_recording import TSC_HZ, record


def jumped(folder, kind, second, jump_s):
    """Have one of the generator's clocks jump at a second of the recording; the other goes on."""
    record(folder)
    path = folder / CLOCK
    clock = json.loads(path.read_text())
    unit = 1.0 if kind == "uptime_pairs" else TSC_HZ
    for pair in clock[kind]:
        if pair[0] >= second * 10**9:
            pair[1] += type(pair[1])(jump_s * unit)
    path.write_text(json.dumps(clock))
    return folder


@pytest.mark.parametrize("kind", ["uptime_pairs", "tsc_pairs"])
@pytest.mark.parametrize("second", [103, 110, 117, 127])
@pytest.mark.parametrize("jump_s", [0.3, 2.0, 60.0])
def test_a_clock_that_jumps_ahead_is_not_known(tmp_path, kind, second, jump_s):
    history = load(jumped(tmp_path / "recording", kind, second, jump_s))
    check = clock_check(history)
    assert (check.outcome, check.reasons) == (Outcome.INCONC, ("I10",)), check.message


@pytest.mark.parametrize("kind", ["uptime_pairs", "tsc_pairs"])
def test_a_step_that_hardly_matters_is_part_of_the_error(tmp_path, kind):
    history = load(jumped(tmp_path / "recording", kind, 110, 0.02))
    assert 10_000_000 < history.probes.clock_error_ns < 30_000_000
    assert clock_check(history).outcome is Outcome.PASS


@pytest.mark.parametrize("kind", ["uptime_pairs", "tsc_pairs"])
@pytest.mark.parametrize("second", [103, 110, 117, 127])
@pytest.mark.parametrize("jump_s", [-0.3, -0.9, -1.1, -5.0, -60.0])
def test_a_clock_that_jumps_back_is_not_known(tmp_path, kind, second, jump_s):
    """The recording stays readable, so that judges can say what is wrong with it."""
    history = load(jumped(tmp_path / "recording", kind, second, jump_s))
    check = clock_check(history)
    assert (check.outcome, check.reasons) == (Outcome.INCONC, ("I10",)), check.message
    if jump_s <= -1.1:
        assert history.probes.clock_error_ns >= -jump_s * 1e9


@cache
def truth():
    return StepScene().history()


def set_back(history, second, jump_s):
    """Have the generator's clock jump back at a second of a scene: packets from then on bear earlier times."""
    probes, by_ns = history.probes, round(jump_s * 1e9)
    sent = np.where(probes.sent_ns >= at(second), probes.sent_ns - by_ns, probes.sent_ns)
    received = np.where(probes.received_ns >= at(second), probes.received_ns - by_ns, probes.received_ns)
    return replace(history, probes=replace(probes, sent_ns=sent, received_ns=received, clock_error_ns=by_ns))


BY_PROBES = [f"RQ-{one}" for one in ("CAP-01", "TRF-01", "TRF-02", "UPG-01", "UPG-02", "UPG-03", "UPG-04", "UPG-05")]


@pytest.mark.parametrize("requirement", BY_PROBES)
@pytest.mark.parametrize(("second", "jump_s"), [(5.0, 2.0), (14.0, 0.5), (18.0, 20.0), (27.0, 5.0)])
def test_nothing_passes_on_a_clock_that_jumped_back(requirement, second, jump_s):
    verdict = judge_history(set_back(truth(), second, jump_s), requirement, load_catalogue())
    assert verdict.outcome in {Outcome.INCONC, Outcome.FAIL}, verdict.message
    assert "I10" in {reason for one in verdict.checks for reason in one.reasons}


def test_readings_that_took_long_leave_the_clock_unknown(tmp_path):
    record(tmp_path / "recording")
    path = tmp_path / "recording" / CLOCK
    clock = json.loads(path.read_text())
    clock["uptime_pairs"] = [
        [asked - 150_000_000, up, answered + 150_000_000] for asked, up, answered in clock["uptime_pairs"]
    ]
    path.write_text(json.dumps(clock))
    assert clock_check(load(tmp_path / "recording")).reasons == ("I10",)
