"""The generator's clock jumps against the tester's: a recording shows it in its readings, and nothing passes on it."""

from __future__ import annotations

import json

import pytest

from hitless.judges.meter import clock_check
from hitless.recording import RecordingError, load
from hitless.recording.manifest import CLOCK
from hitless.verdict import Outcome
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
def test_a_clock_that_jumps_back_makes_no_history(tmp_path, kind):
    """Nothing can be judged then, so nothing can pass."""
    with pytest.raises(RecordingError, match="went backwards"):
        load(jumped(tmp_path / "recording", kind, 110, -5.0))


def test_readings_that_took_long_leave_the_clock_unknown(tmp_path):
    record(tmp_path / "recording")
    path = tmp_path / "recording" / CLOCK
    clock = json.loads(path.read_text())
    clock["uptime_pairs"] = [
        [asked - 150_000_000, up, answered + 150_000_000] for asked, up, answered in clock["uptime_pairs"]
    ]
    path.write_text(json.dumps(clock))
    assert clock_check(load(tmp_path / "recording")).reasons == ("I10",)
