from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import UNMARKED, Stall
from hitless.measures.spans import Span
from hitless.measures.stalls import sending_stalls, stall_spans
from hitless.measures.timelines import timelines
from tests.core.builders import Loss, Scene, at


def stream(history, name):
    return next(one for one in timelines(history) if one.group.name == name)


def test_a_timeline_has_all_packets_those_that_were_lost_too():
    history = Scene(losses=(Loss(11.0, 11.5),)).history()
    new = stream(history, "new-sessions")
    assert len(new) == 27_100
    assert int((~new.received).sum()) == 500
    truth = at(0) + np.arange(27_100) * 1_000_000
    assert np.abs(new.sent_ns - truth).max() <= 1
    assert set(new.version[~new.received].tolist()) == {UNMARKED}
    assert new.rows_in(Span(at(1), at(2))).sum() == 1000


def test_packets_lost_at_both_ends_are_known_by_counter_and_header():
    history = Scene(losses=(Loss(0.0, 2.0, 1.0, (21,)), Loss(25.0, 30.0, 1.0, (21,)))).history()
    new = stream(history, "new-sessions")
    assert len(new) == 27_100
    assert not new.received[:2000].any()
    assert not new.received[25_000:].any()
    assert new.received[2000:25_000].all()
    truth = at(0) + np.arange(27_100) * 1_000_000
    assert np.abs(new.sent_ns - truth).max() <= 10


def test_a_stream_of_which_nothing_came_back_has_a_timeline_too():
    new = stream(Scene(losses=(Loss(-1.0, 30.0, 1.0, (21,)),)).history(), "new-sessions")
    assert len(new) == 27_100
    assert not new.received.any()
    assert abs(int(new.sent_ns[0]) - at(0)) < 200_000_000
    assert int(new.sent_ns[-1] - new.sent_ns[0]) == 27_099 * 1_000_000


def test_a_stream_that_was_never_started_has_none():
    assert [one.group.name for one in timelines(Scene(long_until_s=0.0).history())] == ["new-sessions"]


def test_without_counters_the_last_packet_received_is_the_last():
    history = Scene(losses=(Loss(25.0, 30.0),)).history()
    none = replace(history.counters, tx=history.counters.tx[:0], rx=history.counters.rx[:0])
    assert len(stream(replace(history, counters=none), "new-sessions")) == 25_000


def arrive(history, rows):
    probes = history.probes
    columns = ("sent_ns", "received_ns", "pg_id", "number", "user", "session", "index", "version", "instance")
    return replace(history, probes=replace(probes, **{name: getattr(probes, name)[rows] for name in columns}))


def test_duplicates_and_reordering_are_counted_and_the_first_copy_is_kept():
    history = Scene().history()
    rows = np.flatnonzero(history.probes.pg_id == 21)
    order = rows.copy()
    order[[10, 11]] = order[[11, 10]]  # one packet overtaken by one
    order[[50, 53]] = order[[53, 50]]  # three packets overtaken by one
    order = np.concatenate((order, rows[:7]))  # seven copies, late
    changed = arrive(history, order)
    version = changed.probes.version.copy()
    version[-7:] = 1
    new = stream(replace(changed, probes=replace(changed.probes, version=version)), "new-sessions")
    assert new.duplicate_count == 7
    assert new.reordered_count == 1 + 3  # a copy that comes late is a duplicate, not late
    assert set(new.version[:7].tolist()) == {0}
    assert new.received.all()


def test_a_pause_of_the_generator_is_found():
    history = Scene(pauses=((12.0, 12.05), (14.0, 14.01))).history()
    stalls = sending_stalls(timelines(history))
    assert {stall.process for stall in stalls} == {"generator, long-sessions", "generator, new-sessions"}
    spans = stall_spans(stalls)
    assert len(spans) == 1
    assert spans[0].start_ns == pytest.approx(at(11.9995), abs=1_000_000)
    assert spans[0].end_ns == pytest.approx(at(12.05), abs=1_000_000)


def test_lost_packets_are_no_pause():
    assert sending_stalls(timelines(Scene(losses=(Loss(12.0, 14.0),)).history())) == ()


def test_stalls_of_several_processes_are_one_stretch_of_time():
    spans = stall_spans([Stall("a", 5, 9), Stall("b", 7, 12), Stall("c", 20, 21)])
    assert [(span.start_ns, span.end_ns) for span in spans] == [(5, 12), (20, 21)]
