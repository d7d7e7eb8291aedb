"""Phases, operation states and marked instants of the timeline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Event
from hitless.report.bands import Band, Instant, bands, state_changes
from tests.report.histories import Plan, at, empty_history, history, state


def test_phases_follow_each_other_without_gaps():
    phases = bands(history(Plan(before_s=7, upgrade_s=24, after_s=7))).phases
    assert [band.label for band in phases] == ["lead-in", "baseline", "upgrade", "after", "tail"]
    assert [(band.start_s, band.end_s) for band in phases] == [(-7, -5), (-5, 0), (0, 24), (24, 25), (25, 31)]


def test_a_phase_that_was_not_reached_is_not_shown():
    made = history()
    begun = tuple(event for event in made.events if event.name in {"lead-in", "baseline"})
    phases = bands(replace(made, events=begun, operations=(), counters=empty_history().counters)).phases
    assert [band.label for band in phases] == ["lead-in"]


def test_polls_and_notifications_of_one_operation_are_one_row():
    (row,) = bands(history()).operations
    name, states = row
    assert name == "CHANGE_VNFPKG"
    assert [(band.label, band.start_s) for band in states] == [
        ("STARTING", 0.1),
        ("PROCESSING", 0.6),
        ("COMPLETED", 24),
    ]
    assert [band.end_s for band in states] == pytest.approx([0.6, 24, 31], abs=0.01)


def test_each_operation_has_a_row():
    other = state("PROCESSING", 3.0, operation_id="op-2", operation="SCALE")
    made = history()
    rows = bands(replace(made, operations=(*made.operations, other))).operations
    assert [name for name, _ in rows] == ["CHANGE_VNFPKG", "SCALE"]


def test_the_earliest_news_of_a_state_counts():
    changes = state_changes([state("PROCESSING", 2.0), state("PROCESSING", 1.0, source="notification")])
    assert changes == [(at(1.0), "PROCESSING")]


def test_late_news_of_an_earlier_state_is_no_step_back():
    changes = state_changes([
        state("STARTING", 1.0),
        state("PROCESSING", 1.2, source="notification"),
        state("STARTING", 1.25, width_s=0.2),
    ])  # fmt: skip
    assert [name for _, name in changes] == ["STARTING", "PROCESSING"]


def test_a_state_that_is_entered_again_is_shown_again():
    changes = state_changes([
        state("PROCESSING", 1.0),
        state("FAILED_TEMP", 5.0),
        state("PROCESSING", 9.0),
    ])  # fmt: skip
    assert [name for _, name in changes] == ["PROCESSING", "FAILED_TEMP", "PROCESSING"]


def test_instants_are_named_for_people_and_unknown_events_keep_their_name():
    made = history()
    extra = Event(at(3.0), "management-outage")
    instants = bands(replace(made, events=(*made.events, extra))).instants
    assert instants == (
        Instant(0.0, "request"),
        Instant(3.0, "management-outage"),
        Instant(20.0, "long sessions end"),
        Instant(24.0, "operation ended"),
    )


def test_bookkeeping_of_the_tester_is_not_drawn():
    names = ("traffic-started", "traffic-accounted", "filler-started")
    silent = tuple(Event(at(1.0), name) for name in names)
    assert bands(replace(history(), events=silent)).instants == ()


def test_stalls_are_bands():
    assert bands(history(Plan(stalls=((5.0, 5.4),)))).stalls == (Band(5.0, 5.4, "sampler"),)


def test_an_empty_recording_has_no_bands():
    nothing = bands(empty_history())
    assert (nothing.phases, nothing.operations, nothing.stalls, nothing.instants) == ((), (), (), ())


def test_a_request_that_says_its_purpose_names_the_phase():
    events = (Event(at(-3), "warm-up"), Event(at(0), "request", {"purpose": "downgrade"}), Event(at(9), "tail"))
    phases = bands(replace(history(), events=events)).phases
    assert [band.label for band in phases] == ["warm-up", "downgrade", "tail"]


def test_operations_of_one_name_that_follow_each_other_share_a_row():
    first = [state("PROCESSING", 1.0), state("ROLLED_BACK", 4.0)]
    second = [state("PROCESSING", 5.0, operation_id="op-2"), state("COMPLETED", 8.0, operation_id="op-2")]
    beside = [state("PROCESSING", 6.0, operation_id="op-3"), state("COMPLETED", 7.0, operation_id="op-3")]
    rows = bands(replace(history(), operations=(*first, *second, *beside))).operations
    assert [[(band.label, band.start_s, round(band.end_s)) for band in row][:3] for _, row in rows] == [
        [("PROCESSING", 1.0, 4.0), ("ROLLED_BACK", 4.0, 5.0), ("PROCESSING", 5.0, 8.0)],
        [("PROCESSING", 6.0, 7.0), ("COMPLETED", 7.0, 31.0)],
    ]


def test_stages_steps_and_rules_are_named_and_dozens_of_rule_changes_are_one():
    churn = [Event(at(10 + number / 10), "rules-set", {"purpose": "churn"}) for number in range(50)]
    events = (
        Event(at(0), "request"),
        Event(at(1), "stage", {"step": "3"}),
        Event(at(2), "step-reached", {"step": "3", "share": 0.5}),
        Event(at(3), "stage-ended", {"step": "3"}),
        Event(at(4), "rules-set", {"purpose": "user-group"}),
        *churn,
        Event(at(20), "rules-set", {"purpose": "clear"}),
    )
    assert [(one.at_s, one.label) for one in bands(replace(history(), events=events)).instants] == [
        (0.0, "request"),
        (1.0, "stage 3"),
        (2.0, "step 3 reached"),
        (4.0, "rules: user-group"),
        (10.0, "rules: churn"),
        (20.0, "rules: clear"),
    ]
