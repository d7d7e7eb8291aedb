"""What is done in which order on the path, with a generator and a kernel that only note it."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from hitless.history import TrafficGroup
from hitless.recording.manifest import read_manifest
from hitless.traffic import PlannedGroup
from tests.exactness import drive, kernel
from tests.exactness.plans import Plan, ReaderStop
from tests.exactness.ruleset import DROP, HOLD, Rule, time_literal, windows_text
from tests.exactness.simulated import SHORT

OFFSET_NS = 1_700_000_000_000_000_000


class Generator:
    """Notes what it is told."""

    def __init__(self, done):
        self.done = done

    def prepare(self, profile, tunables):
        self.done.append(("prepare", *tunables))
        group = TrafficGroup(21, "new-sessions", "probe", "up", 1000.0, 96, SHORT)
        return (PlannedGroup(group, "main", 0),)

    def record_start(self, folder):
        self.done.append(("record_start",))

    def start(self, part):
        self.done.append(("start", part))

    def record_stop(self):
        self.done.append(("record_stop",))
        return {"tx": {"new-sessions": 5}}


@pytest.fixture
def done(monkeypatch):
    noted = []

    @contextlib.contextmanager
    def process(command, log):
        noted.append(("up", command[0]))
        yield None
        noted.append(("down", command[0]))

    monkeypatch.setattr(drive, "process", process)
    monkeypatch.setattr(drive, "_receiver_of", lambda _pid: 4711)
    monkeypatch.setattr(drive.os, "kill", lambda pid, signal: noted.append(("kill", pid, signal.name)))
    monkeypatch.setattr(kernel, "put_in_force", lambda path: noted.append(("rules", [r.name for r in path.rules])))
    monkeypatch.setattr(kernel, "add_windows", lambda path, windows: noted.append(("windows", path, list(windows))))
    monkeypatch.setattr(kernel, "wall_minus_monotonic_ns", lambda: OFFSET_NS)
    monkeypatch.setattr(kernel, "counters", lambda: {"gone": 3, "window_0_0": 2})
    monkeypatch.setattr(kernel, "session_counters", lambda name: [(name, 1024, 3)])
    return noted


def carry_out(plan, done, folder):
    return drive.carry_out(plan, Generator(done), folder, Path("profile.py"), 1)


def test_rules_are_in_force_before_traffic_and_counted_when_it_has_come_to_rest(done, tmp_path):
    rules = [Rule("gone", "new-sessions", DROP, by_session=True)]
    truth = carry_out(Plan("one", ["--load-pps", "9"], ("main", "long"), 0.01, rules), done, tmp_path)
    assert [entry[0] for entry in done] == ["prepare", "rules", "record_start", "start", "start", "record_stop"]
    assert truth.counters["gone"] == 3
    assert truth.sessions == {"gone": [("sessions_gone", 1024, 3)]}
    assert truth.accounting == {"tx": {"new-sessions": 5}}
    assert truth.clock_step_ns == 0
    assert read_manifest(tmp_path).ending.value == "complete"


def test_windows_lie_in_the_future_and_are_told_on_the_testers_clock(done, tmp_path):
    before_ns = time.time_ns()
    truth = carry_out(Plan("one", [], run_s=0.01, windows_ms=[(100.0, 2.0)]), done, tmp_path)
    ((_, path, (window,)),) = [entry for entry in done if entry[0] == "windows"]
    assert window.on_ns >= before_ns + 790_000_000
    assert window.off_ns - window.on_ns == pytest.approx(2_000_000, abs=512)
    assert str(time_literal(window.on_ns)) in windows_text(path, [window])
    assert [(w.group, w.on_ns, w.off_ns, w.dropped) for w in truth.windows] == [
        ("new-sessions", window.on_ns - OFFSET_NS, window.off_ns - OFFSET_NS, 2)
    ]


def test_helpers_run_only_where_they_are_needed_and_not_longer_than_the_recording(done, tmp_path):
    rules = [Rule("gone", "new-sessions", HOLD)]
    carry_out(Plan("one", [], run_s=0.01, rules=rules, watched=True), done, tmp_path)
    order = [entry[:2] for entry in done if entry[0] in {"up", "down", "start", "record_stop"}]
    assert order[:2] == [("up", "tests.exactness.detour"), ("up", "tests.exactness.witness")]
    assert order[2:4] == [("start", "main"), ("record_stop",)]
    assert {entry[1] for entry in order[4:]} == {"tests.exactness.detour", "tests.exactness.witness"}


def test_a_reader_that_was_stopped_goes_on_before_the_recording_ends(done, tmp_path):
    carry_out(Plan("one", [], run_s=0.05, reader_stop=ReaderStop(0.01, 0.01)), done, tmp_path)
    order = [entry for entry in done if entry[0] in {"kill", "record_stop"}]
    assert order == [("kill", 4711, "SIGSTOP"), ("kill", 4711, "SIGCONT"), ("record_stop",)]


def test_windows_that_come_into_force_too_late_are_no_truth(done, tmp_path):
    with pytest.raises(RuntimeError, match="in force before the first begins"):
        carry_out(Plan("one", [], run_s=0.01, windows_ms=[(-5000.0, 2.0)]), done, tmp_path)


def test_the_generators_receiver_is_not_any_process():
    with pytest.raises(RuntimeError, match="a receiving process, Actual: none"):
        drive._receiver_of(-1)
