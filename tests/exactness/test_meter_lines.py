"""What the meter report prints of a recording: always the same lines, and the truth in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.report.meter_lines import Switched, clean_lines, no_outage_lines, outage_lines
from tests.core.builders import Loss, Scene, at

MS = 1_000_000


def scene(**more):
    history = Scene(without_groups=("filler-up",), long_until_s=30.0, **more).history()
    return replace(history, groups=tuple(group for group in history.groups if group.name != "filler-up"))


def switched(on_s, off_s, command_ms=20):
    return Switched(at(on_s) - command_ms * MS, at(on_s), at(off_s), at(off_s) + command_ms * MS)


def names(lines):
    return [name for name, _ in lines]


def test_a_path_that_loses_nothing():
    found = dict(clean_lines(scene()))
    assert found["loss.load-up.planned_pps"] == "3500"
    assert float(found["loss.load-up.sent_pps"]) == pytest.approx(3500, rel=0.01)
    for name, value in found.items():
        if name.rpartition(".")[2] in {"lost", "with_loss", "duplicates", "reordered", "tester_own_drops"}:
            assert value == "0", name
    assert found["sessions.new-sessions.most_packets"] == "8"
    assert found["capture.way_ms_p50"] == "0.500"
    assert found["capture.counted_but_not_captured"] == "0"


def test_loss_is_told_per_group_and_per_session():
    history = scene(losses=(Loss(11.0, 11.5, 1.0, (21,)),))
    found = dict(clean_lines(history))
    assert found["loss.new-sessions.lost"] == "500"
    assert found["loss.long-sessions.lost"] == "0"
    assert found["sessions.new-sessions.lost_packets"] == "500"
    assert int(found["sessions.new-sessions.with_loss"]) > 60


def test_what_the_tester_lost_itself_and_what_came_too_often():
    found = dict(clean_lines(scene(ierrors=((5.0, 7),), surplus={1: 3})))
    assert found["loss.tester_own_drops"] == "7"
    assert found["loss.load-up.more_received_than_sent"] == "3"


def test_the_lines_are_the_same_whatever_happens():
    calm, wild = scene(), scene(losses=(Loss(11.0, 11.5), Loss(15.0, 15.2)), ierrors=((5.0, 7),))
    dead = scene(losses=(Loss(-1.0, 60.0),))
    assert names(clean_lines(calm)) == names(clean_lines(wild)) == names(clean_lines(dead))
    window = switched(11, 11.5)
    assert names(outage_lines(calm, window)) == names(outage_lines(wild, window)) == names(outage_lines(dead, window))
    silent = nothing_sent(calm)
    assert names(clean_lines(silent)) == names(clean_lines(calm))
    assert names(no_outage_lines(calm)) == names(no_outage_lines(silent)) == names(outage_lines(wild, window))
    assert names(outage_lines(silent, window)) == names(outage_lines(calm, window))


def nothing_sent(history):
    counters, probes = history.counters, history.probes
    fields = {name: getattr(probes, name) for name in probes.__dataclass_fields__}
    empty = type(probes)(**{n: value[:0] if isinstance(value, np.ndarray) else value for n, value in fields.items()})
    return replace(history, counters=replace(counters, tx=counters.tx * 0, rx=counters.rx * 0), probes=empty)


def test_an_outage_is_told_by_capture_and_by_counters():
    found = dict(outage_lines(scene(losses=(Loss(11.0, 11.5),)), switched(11, 11.5)))
    assert found["outage.switched_at_least_ms"] == "500.0"
    assert found["outage.switched_at_most_ms"] == "540.0"
    assert found["outage.new-sessions.count"] == "1"
    assert found["outage.new-sessions.lost"] == "500"
    assert float(found["outage.new-sessions.ms"]) == pytest.approx(501, abs=0.1)
    assert found["outage.new-sessions.kind"] == "over"
    assert found["outage.new-sessions.fits_the_commands"] == "yes"
    assert found["outage.counters.count"] == "1"
    assert float(found["outage.counters.ms"]) == pytest.approx(500, abs=5)
    assert found["outage.counters.over"] == "yes"


def test_an_outage_that_is_too_short_too_long_or_still_open_does_not_fit():
    short = dict(outage_lines(scene(losses=(Loss(11.0, 11.4),)), switched(11, 11.5)))
    assert short["outage.new-sessions.fits_the_commands"] == "no"
    long = dict(outage_lines(scene(losses=(Loss(11.0, 11.8),)), switched(11, 11.5)))
    assert long["outage.new-sessions.fits_the_commands"] == "no"
    left = dict(outage_lines(scene(losses=(Loss(26.5, 60.0),)), switched(26.5, 27)))
    assert left["outage.new-sessions.kind"] == "open"
    assert left["outage.new-sessions.fits_the_commands"] == "no"
    assert left["outage.counters.over"] == "no"


def test_a_path_that_was_switched_without_an_outage_does_not_fit():
    found = dict(outage_lines(scene(), switched(11, 11.5)))
    assert found["outage.new-sessions.count"] == "0"
    assert found["outage.new-sessions.kind"] == "-"
    assert found["outage.new-sessions.fits_the_commands"] == "no"
    assert found["outage.counters.ms"] == "-"


def test_a_stream_of_which_nothing_was_sent_does_not_fit_either():
    found = dict(outage_lines(nothing_sent(scene()), switched(11, 11.5)))
    assert found["outage.new-sessions.count"] == "-"
    assert found["outage.new-sessions.fits_the_commands"] == "no"
    assert found["outage.new-sessions.longest_gap_ms"] == "-"


def test_without_commands_every_line_of_an_outage_is_there_and_empty():
    found = list(no_outage_lines(scene(losses=(Loss(11.0, 11.5),))))
    assert {value for _, value in found} == {"-"}
    assert all(name.startswith("outage.") for name, _ in found)


def test_the_width_of_the_window_is_the_time_that_the_commands_took():
    found = dict(outage_lines(scene(), Switched(at(11.0), at(11.25), at(11.75), at(11.8))))
    assert found["outage.switched_at_least_ms"] == "500.0"
    assert found["outage.switched_at_most_ms"] == "800.0"
    assert found["outage.switched_width_ms"] == "300.0"


def test_packets_of_the_second_recording_are_counted_too():
    found = dict(outage_lines(scene(losses=(Loss(11.0, 11.5),), ierrors=((5.0, 7),)), switched(11, 11.5)))
    for group, lost in (("load-up", 1750), ("new-sessions", 500), ("long-sessions", 1000)):
        prefix = f"outage.loss.{group}"
        assert found[f"{prefix}.lost"] == str(lost)
        assert int(found[f"{prefix}.sent"]) - int(found[f"{prefix}.received"]) == lost
    assert found["outage.loss.tester_own_drops"] == "7"


def test_an_outage_that_only_holds_packets_shows_in_the_longest_gap():
    held = scene(holds=((11.0, 11.5),))
    found = dict(outage_lines(held, switched(11, 11.5)))
    assert found["outage.loss.new-sessions.lost"] == "0"
    assert found["outage.new-sessions.count"] == "0"
    assert found["outage.new-sessions.fits_the_commands"] == "no"
    for group in ("new-sessions", "long-sessions"):
        assert float(found[f"outage.{group}.longest_gap_ms"]) == pytest.approx(500, abs=2)
    assert float(dict(clean_lines(held))["sessions.new-sessions.longest_gap_ms"]) == pytest.approx(500, abs=2)


def test_the_longest_gap_of_an_outage_that_drops_and_of_none():
    lost = dict(outage_lines(scene(losses=(Loss(11.0, 11.5),)), switched(11, 11.5)))
    assert float(lost["outage.new-sessions.longest_gap_ms"]) == pytest.approx(501, abs=0.1)
    calm = dict(clean_lines(scene()))
    assert float(calm["sessions.new-sessions.longest_gap_ms"]) == pytest.approx(1, abs=0.01)
    assert float(calm["sessions.long-sessions.longest_gap_ms"]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("silence", [Loss(-1.0, 3.0), Loss(24.1, 60.0)])
def test_silence_at_either_end_is_a_gap(silence):
    found = dict(clean_lines(scene(losses=(silence,))))
    assert float(found["sessions.new-sessions.longest_gap_ms"]) == pytest.approx(3000, abs=5)


def test_where_nothing_came_back_the_gap_is_as_long_as_the_traffic_and_clocks_are_unknown():
    found = dict(clean_lines(scene(losses=(Loss(-1.0, 60.0),))))
    assert float(found["sessions.new-sessions.longest_gap_ms"]) == pytest.approx(27_100, abs=200)
    assert found["capture.probes"] == "0"
    assert found["capture.clock_error_ms"] == "-"
    assert dict(clean_lines(scene()))["capture.clock_error_ms"] == "1.000"
