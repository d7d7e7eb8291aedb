from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from hitless.history import CounterSeries, Ending, Event, Interval, OperationState, Stall, TrafficGroup
from hitless.recording import (
    CaptureAccount,
    ClockPairs,
    RecordingError,
    RecordingPlan,
    RecordingWriter,
    libpcap,
    load,
)
from hitless.recording.bpf import BpfError
from hitless.sessions import Layout
from tests.core.builders import LOAD, LONG, NEW
from tests.core.packets import MAC_A, MAC_B, probe

TSC_HZ = 2_445_425_589
GROUPS = (
    TrafficGroup(1, "load-up", "load", "up", 3500.0, 128, LOAD),
    TrafficGroup(20, "long-sessions", "probe", "up", 2000.0, 96, LONG),
    TrafficGroup(21, "new-sessions", "probe", "up", 1000.0, 96, NEW),
)
PLAN = RecordingPlan(
    procedure="upgrade-under-load",
    parameters={"profile": "quick", "load_percent": 100},
    versions={"1.0": "ip[1] & 0xfc == 0x28", "2.0": "ip[1] & 0xfc == 0x48"},
    instance_mark="source_mac",
    groups=GROUPS,
    rated_capacity_pps=10_000,
    session_timeout_s=5.0,
    sut={"name": "example"},
    started_at="2026-01-01T00:00:00+00:00",
)
# The generator's clocks: ours minus 100 s as uptime, and a tick counter that began long before.
UPTIME_OFFSET_NS = 100_000_000_000
TICKS_AT_100_S = 11_397_531_655_840


def ticks(ours_ns):
    return TICKS_AT_100_S + round((ours_ns - 100_000_000_000) * TSC_HZ / 1e9)


def clock_pairs():
    seconds = range(100, 131)
    return ClockPairs(
        uptime_pairs=tuple((s * 10**9 - 200_000, s - 100.0, s * 10**9 + 200_000) for s in seconds),
        tsc_pairs=tuple((s * 10**9 - 400_000, ticks(s * 10**9), s * 10**9 + 400_000) for s in seconds),
        tsc_hz=float(TSC_HZ),
    )


def counters():
    samples = 5
    column = np.arange(samples, dtype=np.int64)
    return CounterSeries(
        asked_ns=column * 10**8,
        answered_ns=column * 10**8 + 1000,
        pg_ids=np.asarray([1, 20, 21], np.int32),
        tx=np.stack([column * 350, column * 200, column * 100], axis=1),
        rx=np.stack([column * 349, column * 200, column * 100], axis=1),
        port_ids=np.asarray([0, 1], np.int32),
        ierrors=np.zeros((samples, 2), np.int64),
        oerrors=np.ones((samples, 2), np.int64),
        generator_cpu_percent=np.asarray([1.0, np.nan, 3.0, 4.0, 5.0]),
    )


def probe_packets():
    """300 new-session packets from 1.0 at MAC A, the last 100 from 2.0 at MAC B; 3 of them never come back."""
    layout = Layout.from_data(NEW)
    packets, times = [], []
    for number in range(300):
        if number in {0, 1, 150}:
            continue
        sent_ns = 101_000_000_000 + number * 1_000_000
        new = number >= 200
        mark = {"tos": 0x48, "source_mac": MAC_B} if new else {"tos": 0x29, "source_mac": MAC_A}
        packets.append(probe(layout, number, ticks=ticks(sent_ns), **mark))
        times.append(sent_ns + 700_000 - UPTIME_OFFSET_NS)
    return packets, times


def record(folder, ending=Ending.COMPLETE, reason=""):
    with RecordingWriter(folder, PLAN) as writer:
        writer.event(Event(5, "request", {"id": 1}))
        writer.event(Event(7, "operation-ended"))
        writer.operation(OperationState("op", "CHANGE_VNFPKG", "STARTING", Interval(5, 6), "poll", {"x": [1]}))
        writer.http({"method": "GET", "url": "/vnf_instances"})
        writer.stall(Stall("worker", 1, 2))
        packets, times = probe_packets()
        writer.packets(packets[:100], times[:100])
        writer.packets(packets[100:], times[100:])
        writer.counters(counters())
        writer.captures([CaptureAccount(1, 1, 300, 298, 297), CaptureAccount(2, 1, 2, 2, 2)])
        writer.clock(clock_pairs())
        writer.finish(ending, reason)


@pytest.fixture
def folder(tmp_path):
    record(tmp_path / "recording")
    return tmp_path / "recording"


def test_what_is_written_is_what_is_loaded(folder):
    history = load(folder)
    assert history.procedure == PLAN.procedure
    assert history.parameters == PLAN.parameters
    assert (history.ending, history.ending_reason) == (Ending.COMPLETE, "")
    assert history.versions == ("1.0", "2.0")
    assert history.groups == GROUPS
    assert (history.rated_capacity_pps, history.session_timeout_s) == (10_000, 5.0)
    assert history.sut == {"name": "example"}
    assert history.events == (Event(5, "request", {"id": 1}), Event(7, "operation-ended", {}))
    assert history.operations == (
        OperationState("op", "CHANGE_VNFPKG", "STARTING", Interval(5, 6), "poll", {"x": [1]}),
    )
    assert history.stalls == (Stall("worker", 1, 2),)
    for field in fields(CounterSeries):
        np.testing.assert_array_equal(getattr(history.counters, field.name), getattr(counters(), field.name))


def test_probes_are_decoded_with_session_times_and_marks(folder):
    probes = load(folder).probes
    numbers = np.asarray([number for number in range(300) if number not in {0, 1, 150}])
    assert probes.number.tolist() == numbers.tolist()
    assert set(probes.pg_id.tolist()) == {21}
    assert probes.version.tolist() == (numbers >= 200).astype(int).tolist()
    assert probes.instance.tolist() == (numbers >= 200).astype(int).tolist()
    assert load(folder).instances == ("02:00:00:01:00:01", "02:00:00:01:00:02")
    truth = 101_000_000_000 + numbers * 1_000_000
    assert np.abs(probes.sent_ns - truth).max() <= 2
    assert np.abs(probes.received_ns - truth - 700_000).max() <= 2
    assert 400_000 <= probes.clock_error_ns <= 400_010
    assert probes.unidentified_count == 0
    assert probes.capture_lost_count == 302 - 297


def test_judging_needs_no_libpcap(folder, monkeypatch):
    def missing(_names):
        raise BpfError("not here")

    expected = load(folder).probes.version.tolist()
    monkeypatch.setattr(libpcap, "_libpcap", missing)
    assert load(folder).probes.version.tolist() == expected


def test_the_manifest_says_what_the_programs_stand_for(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    mark = manifest["marks"]["versions"][1]
    assert (mark["version"], mark["expression"]) == ("2.0", "ip[1] & 0xfc == 0x48")
    assert all(len(instruction) == 4 for instruction in mark["program"])
    assert manifest["schema_version"] == 1


def test_until_it_is_finished_a_recording_says_so(tmp_path):
    writer = RecordingWriter(tmp_path / "one", PLAN)
    writer.event(Event(1, "request"))
    history = load(tmp_path / "one")
    assert (history.ending, history.ending_reason) == (Ending.STOPPED_BY_TESTER, "not finished")
    assert history.when("request") == 1
    assert len(history.probes.number) == len(history.counters.asked_ns) == 0
    writer.finish(Ending.STOPPED_BY_SUT, "gone")
    with pytest.raises(RecordingError, match=r"(counters\.npz|probes\.pcap) - file is missing"):
        load(tmp_path / "one")


def test_an_exception_ends_it_as_stopped_by_the_tester(tmp_path):
    with pytest.raises(OSError, match="disk"), RecordingWriter(tmp_path / "one", PLAN):
        raise OSError("disk full")
    history = load(tmp_path / "one")
    assert (history.ending, history.ending_reason) == (Ending.STOPPED_BY_TESTER, "OSError: disk full")


def test_an_ending_needs_its_reason(tmp_path):
    writer = RecordingWriter(tmp_path / "one", PLAN)
    with pytest.raises(ValueError, match="stopped-by-sut"):
        writer.finish(Ending.STOPPED_BY_SUT)
    writer.finish(Ending.COMPLETE)


def test_a_run_that_is_killed_leaves_a_readable_folder(tmp_path):
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from hitless.history import Event
        from hitless.recording import RecordingWriter
        from tests.core.test_recording import PLAN, clock_pairs, probe_packets
        writer = RecordingWriter(Path(sys.argv[1]), PLAN)
        writer.event(Event(1, "request"))
        writer.clock(clock_pairs())
        writer.packets(*probe_packets())
        print("ready", flush=True)
        time.sleep(60)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "one")], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    with (tmp_path / "one" / "events.jsonl").open("ab") as file:
        file.write(b'{"at_ns": 7, "na')  # as a line that was cut in the middle
    with (tmp_path / "one" / "probes.pcap").open("ab") as file:
        file.write(b"\0" * 9)
    history = load(tmp_path / "one")
    assert history.ending is Ending.STOPPED_BY_TESTER
    assert [event.name for event in history.events] == ["request"]
    assert len(history.probes.number) == 297


def test_another_process_may_write_the_packets_and_append_stalls(tmp_path):
    folder = tmp_path / "one"
    writer = RecordingWriter(folder, PLAN)
    record(tmp_path / "other")
    for name in ("probes.pcap", "counters.npz", "clock.json", "probes.json"):
        (folder / name).write_bytes((tmp_path / "other" / name).read_bytes())
    writer.stall(Stall("suite", 1, 2))
    with (folder / "stalls.jsonl").open("a") as file:
        file.write('{"process": "worker", "started_ns": 3, "ended_ns": 4}\n')
    writer.stall(Stall("suite", 5, 6))
    writer.finish(Ending.COMPLETE)
    history = load(folder)
    assert [stall.started_ns for stall in history.stalls] == [1, 3, 5]
    assert len(history.probes.number) == 297


def test_a_recording_is_never_written_over(folder):
    with pytest.raises(RecordingError, match="holds a recording already"):
        RecordingWriter(folder, PLAN)


def test_a_bad_mark_is_told_before_anything_is_recorded(tmp_path):
    plan = RecordingPlan(
        **{field.name: getattr(PLAN, field.name) for field in fields(PLAN)} | {"versions": {"1": "ip["}}
    )
    with pytest.raises(BpfError):
        RecordingWriter(tmp_path / "one", plan)
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "counters.npz",
        "probes.pcap",
        "probes.json",
        "clock.json",
        "events.jsonl",
        "operations.jsonl",
        "stalls.jsonl",
    ],
)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(RecordingError, match="file is missing") as caught:
        load(folder)
    assert caught.value.file == folder / name
    assert caught.value.remedy


@pytest.mark.parametrize(
    "name",
    [
        "manifest.json",
        "counters.npz",
        "probes.pcap",
        "probes.json",
        "clock.json",
        "events.jsonl",
        "operations.jsonl",
        "stalls.jsonl",
    ],
)
@pytest.mark.parametrize("damage", [b"\xff\xfenonsense\n", b"[1]\n" + bytes(30)])
def test_a_damaged_file_is_named(folder, name, damage):
    (folder / name).write_bytes(damage)
    with pytest.raises(RecordingError) as caught:
        load(folder)
    assert caught.value.file == folder / name


def test_a_cut_file_of_a_complete_recording_is_refused(folder):
    events = folder / "events.jsonl"
    events.write_bytes(events.read_bytes()[:-5])
    with pytest.raises(RecordingError, match="last line is cut off"):
        load(folder)


def test_a_cut_capture_of_a_complete_recording_is_refused(folder):
    path = folder / "probes.pcap"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(RecordingError, match="last packet is cut off"):
        load(folder)


def change_manifest(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schema_version": 2}, "schema_version is not known - Expected: 1, Actual: 2"),
        ({"schema_version": None}, "Actual: None"),
        ({"ending": "whatever"}, "ending: "),
        ({"surprise": 1}, "surprise: "),
        ({"rated_capacity_pps": "many"}, "rated_capacity_pps: "),
        ({"groups": [{"pg_id": 1}]}, "groups.0.name: "),
    ],
)
def test_a_wrong_manifest_is_refused_by_key(folder, changes, told):
    change_manifest(folder, **changes)
    with pytest.raises(RecordingError, match=told):
        load(folder)


def test_a_damaged_program_in_the_manifest_is_refused(folder):
    marks = {"versions": [{"version": "1.0", "expression": "udp", "program": [[1, 2]]}], "instance": "none"}
    change_manifest(folder, marks=marks)
    with pytest.raises(RecordingError, match=r"program of version 1\.0"):
        load(folder)


def test_a_wrong_layout_is_refused(folder):
    groups = json.loads((folder / "manifest.json").read_text())["groups"]
    groups[1]["layout"]["lane_bits"] = 99
    change_manifest(folder, groups=groups)
    with pytest.raises(RecordingError, match="lane_bits"):
        load(folder)


def test_counters_of_other_groups_are_refused(folder):
    groups = json.loads((folder / "manifest.json").read_text())["groups"]
    change_manifest(folder, groups=groups[:2])
    with pytest.raises(RecordingError, match=r"counters.npz - groups - Expected: \[1, 20\], Actual: \[1, 20, 21\]"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "array", "told"),
    [("tx", np.zeros((5, 2), np.int64), "tx - Expected: shape"), ("surprise", np.zeros(3), "arrays - Expected")],
)
def test_counters_of_the_wrong_shape_are_refused(folder, name, array, told):
    arrays = {field.name: getattr(counters(), field.name) for field in fields(CounterSeries)}
    np.savez(folder / "counters.npz", **arrays | {name: array})
    with pytest.raises(RecordingError, match=told):
        load(folder)


@pytest.mark.parametrize(
    "clock",
    [
        {"uptime_pairs": [], "tsc_pairs": [], "tsc_hz": 1.0},
        {"uptime_pairs": [[0, 1.0, 1]], "tsc_pairs": [[0, 1, 1]], "tsc_hz": None},
        {"uptime_pairs": [[0, 1.0, 1]], "tsc_pairs": [[0, 1, 1]], "tsc_hz": 0},
        {"uptime_pairs": [[0, 1.0, 1]]},
        {"uptime_pairs": [[9, 1.0, 1]], "tsc_pairs": [[0, 1, 1]], "tsc_hz": 1.0},
    ],
)
def test_clock_readings_that_are_no_use_are_refused(folder, clock):
    (folder / "clock.json").write_text(json.dumps(clock))
    with pytest.raises(RecordingError, match=r"clock\.json"):
        load(folder)


def test_loading_twice_gives_the_same(folder):
    first, second = load(folder).probes, load(folder).probes
    for field in fields(first):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(second, field.name))
