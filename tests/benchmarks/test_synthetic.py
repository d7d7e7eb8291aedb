"""Made recordings are recordings: the suite loads them and finds in them what was put in."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import analysed, analysis
from benchmarks.synthetic import shape_of, suite_shape, write_recording
from hitless.judges.affinity import measure_affinity
from hitless.judges.common import window_of
from hitless.measures.timelines import timelines
from hitless.recording import load


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic") / "recording"
    captured = write_recording(folder, suite_shape(60_000))
    return folder, captured, load(folder)


def test_every_captured_packet_is_identified(recording):
    _, captured, history = recording
    assert len(history.probes.number) == captured
    assert history.probes.unidentified_count == 0
    assert history.probes.capture_lost_count == 0
    assert set(history.probes.version.tolist()) == {0, 1}
    assert len(history.instances) == 4


def test_the_outage_the_changes_and_the_moves_are_found(recording):
    _, _, history = recording
    measured = measure_affinity(history, window_of(history, analysed._LIMITS))
    assert 200_000_000 <= measured.gaps.service_ns < 202_000_000
    assert len(measured.changes) == 2
    request_ns = history.when("request")
    share_times = [(change.at.earliest_ns - request_ns) / 1e9 for change in measured.changes]
    assert share_times == pytest.approx([1.5, 5.25], abs=0.3)
    assert {int(session) & 1023 for session in measured.moves.session} == {7}
    assert len(measured.moves) == 4
    assert 700 < measured.loss.lost < 900


def test_some_packets_come_twice_or_late(tmp_path):
    write_recording(tmp_path / "recording", shape_of(400_000, 1000), seed=3)
    streams = timelines(load(tmp_path / "recording"))
    assert sum(stream.duplicate_count for stream in streams) > 0
    assert sum(stream.reordered_count for stream in streams) > 0


def test_the_same_seed_makes_the_same_recording(tmp_path, recording):
    folder, _, _ = recording
    write_recording(tmp_path / "again", suite_shape(60_000))
    assert (tmp_path / "again" / "probes.pcap").read_bytes() == (folder / "probes.pcap").read_bytes()


@pytest.mark.parametrize("sessions", [100, 1000, 10_000, 100_000])
@pytest.mark.parametrize("packets", [400_000, 1_000_000])
def test_shapes_have_about_as_many_sessions_as_asked(packets, sessions):
    shape = shape_of(packets, sessions)
    assert 0.5 * sessions <= shape.sessions <= 1.6 * sessions
    assert 0 < shape.short_packets < packets


@pytest.mark.parametrize(("packets", "sessions"), [(1000, 99), (1000, 251)])
def test_impossible_shapes_are_refused(packets, sessions):
    with pytest.raises(ValueError, match="recording - sessions"):
        shape_of(packets, sessions)


def test_sessions_of_a_shape_are_those_of_the_recording(tmp_path):
    shape = shape_of(40_000, 500)
    write_recording(tmp_path / "recording", shape)
    history = load(tmp_path / "recording")
    assert len(np.unique(history.probes.session)) == shape.sessions


def test_a_recording_is_analysed_in_a_process_of_its_own(recording):
    folder, captured, _ = recording
    run = analysis.analyse(folder)
    assert run.packets == captured
    assert run.load_s > 0
    assert run.measure_s > 0
    assert run.idle_mib < run.peak_mib < 1024


def test_plans_grow_by_packets_and_by_sessions():
    long, short = analysis.plan(short=False), analysis.plan(short=True)
    assert [shape.packets for name, shape in long if "profile" in name] == [10**5, 10**6, 10**7]
    sessions = [shape.sessions for name, shape in long if "sessions" in name]
    assert sessions == sorted(sessions)
    assert sessions[-1] > 500 * sessions[0]
    assert max(shape.packets for _, shape in short) == 10**6
