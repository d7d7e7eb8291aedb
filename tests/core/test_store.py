from __future__ import annotations

import pytest

from hitless.history import Ending, Event
from hitless.recording import RecordingError, RecordingStore, RecordingWriter, load, recording_key
from tests.core.test_recording import PLAN


class Procedure:
    """Counts its runs; does what a test wants."""

    def __init__(self, *, fail_before=None, fail_after=None, write=True, finish=None):
        self.runs = 0
        self.fail_before, self.fail_after, self.write, self.finish = fail_before, fail_after, write, finish

    def __call__(self, folder):
        self.runs += 1
        if self.fail_before:
            raise self.fail_before
        if not self.write:
            return
        writer = RecordingWriter(folder, PLAN)
        writer.event(Event(1, "request"))
        writer.finish(*self.finish) if self.finish else writer._close()
        if self.fail_after:
            raise self.fail_after


def test_a_procedure_is_run_once_and_its_folder_handed_out(tmp_path):
    store, procedure = RecordingStore(tmp_path), Procedure()
    first = store.get_or_record("upgrade-1", procedure)
    assert store.get_or_record("upgrade-1", procedure) == first == tmp_path / "upgrade-1"
    assert procedure.runs == 1
    assert store.get_or_record("upgrade-2", procedure) != first
    assert procedure.runs == 2
    assert list(store.folders) == ["upgrade-1", "upgrade-2"]


def test_trouble_while_recording_is_part_of_the_recording(tmp_path):
    store, procedure = RecordingStore(tmp_path), Procedure(fail_after=OSError("disk full"))
    history = load(store.get_or_record("one", procedure))
    assert (history.ending, history.ending_reason) == (Ending.STOPPED_BY_TESTER, "OSError: disk full")
    store.get_or_record("one", procedure)
    assert procedure.runs == 1


def test_a_reason_that_is_known_already_is_kept(tmp_path):
    procedure = Procedure(finish=(Ending.STOPPED_BY_TESTER, "generator died"), fail_after=OSError("later"))
    history = load(RecordingStore(tmp_path).get_or_record("one", procedure))
    assert history.ending_reason == "generator died"


def test_a_failure_before_the_recording_is_raised_for_everybody_and_not_tried_again(tmp_path):
    store, procedure = RecordingStore(tmp_path), Procedure(fail_before=RuntimeError("no generator"))
    for _ in range(2):
        with pytest.raises(RecordingError, match="RuntimeError: no generator"):
            store.get_or_record("one", procedure)
    assert procedure.runs == 1


def test_a_procedure_that_records_nothing_is_told(tmp_path):
    store = RecordingStore(tmp_path)
    for _ in range(2):
        with pytest.raises(RecordingError, match="recorded nothing"):
            store.get_or_record("one", Procedure(write=False))


def test_recordings_of_an_earlier_run_are_left_alone(tmp_path):
    first = RecordingStore(tmp_path).get_or_record("one", Procedure())
    content = (first / "manifest.json").read_bytes()
    second = RecordingStore(tmp_path).get_or_record("one", Procedure())
    third = RecordingStore(tmp_path).get_or_record("one", Procedure())
    assert (second.name, third.name) == ("one-2", "one-3")
    assert (first / "manifest.json").read_bytes() == content


def test_an_interrupt_is_not_swallowed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        RecordingStore(tmp_path).get_or_record("one", Procedure(fail_after=KeyboardInterrupt()))


BASE = ("upgrade-under-load", {"load": 100, "steps": [1, 2]}, {"name": "a"}, "quick")


def test_the_key_depends_on_everything_and_on_no_order():
    key = recording_key(*BASE)
    assert key == recording_key(BASE[0], {"steps": [1, 2], "load": 100}, BASE[2], BASE[3])
    others = [
        recording_key("rollback", *BASE[1:]),
        recording_key(BASE[0], {"load": 101, "steps": [1, 2]}, *BASE[2:]),
        recording_key(BASE[0], BASE[1], {"name": "b"}, BASE[3]),
        recording_key(*BASE[:3], "standard"),
    ]
    assert len({key, *others}) == 5
    assert key.startswith("upgrade-under-load-")
