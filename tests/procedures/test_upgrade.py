"""The procedure against a generator and a VNFM on paper: what the recording says afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hitless.history import Ending
from hitless.mano.errors import ProblemDetails, RefusedError, UnreachableError
from hitless.procedures import rig as rig_module
from hitless.procedures.upgrade import record_upgrade
from hitless.recording import RecordingError, load
from hitless.sut import parse
from hitless.traffic import TrafficError
from tests.procedures.world import DECLARATION, SECOND, World, names, record_with


@pytest.fixture
def world():
    return World()


def record(world, folder, load_percent=100.0):
    return record_with(record_upgrade, world, folder, load_percent)


def test_a_whole_upgrade(world, tmp_path):
    history = record(world, tmp_path)
    assert (history.ending, history.ending_reason) == (Ending.COMPLETE, "")
    assert names(history) == [
        "traffic-started",
        "warm-up",
        "baseline",
        "lead-in",
        "request",
        "request-accepted",
        "operation-ended",
        "cohort-stopped",
        "filler-started",
        "tail",
        "traffic-stopped",
        "traffic-accounted",
    ]
    assert [(state.state, state.source) for state in history.operations] == [
        ("PROCESSING", "poll"),
        ("COMPLETED", "poll"),
    ]
    assert history.versions == ("1.0", "2.0")  # source first, whatever the order in the file
    assert history.parameters == {"profile": "quick", "load_percent": 100.0}


def test_phases_last_as_long_as_the_profile_says(world, tmp_path):
    history = record(world, tmp_path)
    seconds = {name: (history.when(name) or 0) / SECOND for name in names(history)}
    assert seconds["lead-in"] - seconds["baseline"] == pytest.approx(10, abs=0.3)
    assert seconds["request"] - seconds["lead-in"] == pytest.approx(2, abs=0.3)
    assert seconds["operation-ended"] - seconds["request"] == pytest.approx(20, abs=0.5)
    assert seconds["traffic-stopped"] - seconds["tail"] == pytest.approx(5, abs=0.3)


def test_what_is_asked_of_the_vnfm_and_of_the_generator(world, tmp_path):
    record(world, tmp_path, load_percent=70.0)
    assert ("prepare", ("--load-pps", "7000.0", "--load-frame", "128"), (0, 1)) in world.log
    assert ("change_vnfpkg", "i-1", {"vnfdId": "vnfd-2", "additionalParams": {"pace": "slow"}}) in world.log
    order = [entry for entry in world.log if entry[0] in {"record_start", "start", "stop", "record_stop"}]
    assert order == [
        ("record_start",),
        ("start", "main"),
        ("start", "long"),
        ("stop", "long"),
        ("start", "filler"),
        ("record_stop",),
    ]
    assert world.log[-1] == ("generator closed",)


def test_an_operation_that_fails_is_part_of_the_history(world, tmp_path):
    world.final = "FAILED_TEMP"
    history = record(world, tmp_path)
    assert history.ending is Ending.COMPLETE
    assert history.operations[-1].state == "FAILED_TEMP"
    assert "image missing" in history.operations[-1].detail["error"]
    assert any("FAILED_TEMP - no image: image missing" in sentence for sentence in world.said)


def test_a_refused_request_is_told_and_the_tail_is_recorded_all_the_same(world, tmp_path):
    def refuse():
        raise RefusedError("POST x", 409, ProblemDetails(409, "", "busy", conforming=True), expected="202")

    world.on_request = refuse
    history = record(world, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "409 busy" in history.ending_reason
    assert names(history)[-3:] == ["tail", "traffic-stopped", "traffic-accounted"]
    assert history.operations == ()


def test_an_interface_that_goes_away_is_the_systems_doing(world, tmp_path):
    def vanish():
        if world.now_ns - world.requested_ns > 3 * SECOND:
            raise UnreachableError("GET op", "unreachable", expected="a connection", actual="refused")

    world.on_poll = vanish
    history = record(world, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "unreachable" in history.ending_reason
    outage = next(event for event in history.events if event.name == "management-outage")
    assert outage.detail["failed_count"] > 10


def test_an_operation_that_never_ends_is_given_up_at_the_deadline(world, tmp_path):
    world.took_s = 1e9
    history = record(world, tmp_path)
    assert history.ending is Ending.STOPPED_BY_SUT
    assert "not finished" in history.ending_reason
    assert "PROCESSING" in history.ending_reason
    # the long-lived sessions did not keep it from ending
    assert history.when("cohort-stopped") < history.when("operation-ended")


def test_a_generator_that_fails_stops_the_recording_as_the_testers_doing(world, tmp_path):
    def fail():
        if world.requested_ns is not None:
            raise TrafficError("TRex server", "does not answer")

    world.on_snapshot = fail
    history = record(world, tmp_path)
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "does not answer" in history.ending_reason
    assert "tester-trouble" in names(history)
    assert world.log[-1] == ("generator closed",)


def test_an_interrupted_recording_says_so_and_can_be_read(world, tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    world.on_poll = interrupt
    with pytest.raises(KeyboardInterrupt):
        record(world, tmp_path)
    history = load(tmp_path / "recording")
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "KeyboardInterrupt" in history.ending_reason


def test_a_folder_is_never_overwritten(world, tmp_path):
    record(world, tmp_path)
    world.vnfd_id = "vnfd-1"
    with pytest.raises(RecordingError, match="holds a recording already"):
        record(world, tmp_path)


def test_the_profile_is_looked_for_where_the_declaration_says(world, tmp_path):
    assert isinstance(Path(parse(DECLARATION).traffic.profile), Path)
    record(world, tmp_path)
    assert [entry for entry in world.log if entry[0] == "prepare"]


def test_with_a_wrong_mark_nothing_is_upgraded(world, tmp_path, monkeypatch):
    opened = np.arange(100, dtype=np.int64), np.full(100, -1, np.int16)
    monkeypatch.setattr(rig_module.LiveProbes, "opened_sessions", lambda _: opened)
    history = record(world, tmp_path)
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert "none of 100 sessions carries it" in history.ending_reason
    assert "request" not in names(history)
    assert not [entry for entry in world.log if entry[0] == "change_vnfpkg"]
