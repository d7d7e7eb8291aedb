from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Event
from hitless.measures.sending import (
    earlier_probes,
    longest_silence_ns,
    probe_rates,
    received_ahead,
    sending_span,
)
from hitless.measures.spans import Span
from tests.core.builders import Scene, at
from tests.core.mutilations import only_samples, without_event

WINDOW = Span(at(10.0), at(22.0))
SAMPLE_NS = 100_000_000


def test_traffic_ran_while_counters_grew():
    span = sending_span(Scene(started_s=2.0, stopped_s=20.0).history().counters)
    assert span.start_ns == pytest.approx(at(2.0), abs=2 * SAMPLE_NS)
    assert span.end_ns == pytest.approx(at(20.0), abs=2 * SAMPLE_NS)
    assert span.end_ns < at(20.2)


@pytest.mark.parametrize("scene", [Scene(pauses=((-1.0, 60.0),)), Scene(stopped_s=0.0)])
def test_where_nothing_was_sent_there_is_no_span(scene):
    assert sending_span(scene.history().counters) is None


def test_without_samples_there_is_no_span():
    assert sending_span(only_samples(Scene().history(), slice(0, 0)).counters) is None
    assert sending_span(only_samples(Scene().history(), slice(50, 51)).counters) is None


def test_no_silence_is_longer_than_a_sample():
    assert longest_silence_ns(Scene().history().counters, WINDOW) < SAMPLE_NS


@pytest.mark.parametrize("pause", [(12.0, 15.0), (9.0, 13.0), (20.0, 26.0)])
def test_a_pause_is_a_silence_as_far_as_it_reaches_into_the_span(pause):
    history = Scene(pauses=(pause,)).history()
    inside = Span(max(at(pause[0]), WINDOW.start_ns), min(at(pause[1]), WINDOW.end_ns)).length_ns
    found = longest_silence_ns(history.counters, WINDOW)
    assert inside - 2 * SAMPLE_NS <= found <= inside


def test_of_several_pauses_the_longest_counts():
    history = Scene(pauses=((11.0, 12.0), (13.0, 15.5), (16.0, 17.0))).history()
    assert longest_silence_ns(history.counters, WINDOW) == pytest.approx(2.5e9, abs=2 * SAMPLE_NS)


def test_samples_that_are_missing_are_no_silence():
    history = Scene(sample_gaps=((12.0, 16.0),)).history()
    assert longest_silence_ns(history.counters, WINDOW) < SAMPLE_NS


def test_a_span_in_which_nothing_was_sent_is_silent_altogether():
    history = Scene(pauses=((-1.0, 60.0),)).history()
    assert longest_silence_ns(history.counters, WINDOW) == WINDOW.length_ns


def test_probes_are_sent_at_the_planned_rate():
    rates = probe_rates(Scene().history(), WINDOW)
    assert set(rates) == {"long-sessions", "new-sessions"}
    assert list(rates.values()) == pytest.approx([1.0, 1.0], abs=0.002)


def test_a_stream_of_half_the_planned_rate():
    made = Scene().history()
    groups = tuple(replace(group, rate_pps=2 * group.rate_pps) for group in made.groups)
    assert list(probe_rates(replace(made, groups=groups), WINDOW).values()) == pytest.approx([0.5, 0.5], abs=0.002)


def test_slow_answers_are_no_slow_sending():
    """Two samples 2 s apart, at the end of one round trip and the beginning of another: it looks like 2.08 s."""
    samples = only_samples(Scene().history(), [100, 120])
    asked, answered = samples.counters.asked_ns.copy(), samples.counters.answered_ns.copy()
    asked[0] -= 80_000_000
    answered[1] += 80_000_000
    slow = replace(samples, counters=replace(samples.counters, asked_ns=asked, answered_ns=answered))
    rates = probe_rates(slow, Span(at(9.0), at(22.0)))
    assert set(rates) == {"long-sessions", "new-sessions"}
    assert all(rate >= 0.998 for rate in rates.values()), rates


def test_long_lived_sessions_are_planned_until_they_are_ended():
    made = Scene(long_until_s=16.0).history()
    assert probe_rates(made, WINDOW)["long-sessions"] == pytest.approx(1.0, abs=0.002)
    assert probe_rates(without_event(made, "cohort-stopped"), WINDOW)["long-sessions"] < 0.6


def test_a_stream_that_ends_early_is_short_of_its_plan():
    rates = probe_rates(Scene(pauses=((16.0, 40.0),)).history(), WINDOW)
    assert rates["new-sessions"] == pytest.approx(0.5, abs=0.01)


def test_what_was_looked_at_for_less_than_a_second_has_no_rate():
    assert probe_rates(Scene().history(), Span(at(12.0), at(12.9))) == {}
    assert probe_rates(only_samples(Scene().history(), slice(0, 0)), WINDOW) == {}
    assert probe_rates(only_samples(Scene().history(), slice(120, 121)), WINDOW) == {}


def test_nothing_is_received_before_it_was_sent():
    assert received_ahead(Scene().history().counters) == {}
    assert received_ahead(Scene(sample_s=0.01).history().counters) == {}


def test_what_came_before_it_was_sent_is_of_somebody_else():
    assert received_ahead(Scene(surplus={1: 7, 21: 3}).history().counters) == {1: 7, 21: 3}


def test_a_surplus_that_loss_hides_later_is_found_where_it_began():
    """50 packets of an earlier run come in before the traffic begins; the system loses 50 of this one."""
    made = Scene().history()
    rx = made.counters.rx.copy()
    rx[:, 0] += 50 - np.minimum(50, made.counters.tx[:, 0])
    counters = replace(made.counters, rx=rx)
    assert rx[-1, 0] == counters.tx[-1, 0]
    assert received_ahead(counters) == {1: 50}


def test_a_receiver_that_counts_a_little_earlier_than_the_sender_is_none():
    made = Scene().history()
    rx = made.counters.rx.copy()
    rx[100, 0] = made.counters.tx[100, 0] + 20
    assert received_ahead(replace(made.counters, rx=rx)) == {}


def test_one_sample_says_nothing():
    assert received_ahead(only_samples(Scene().history(), slice(0, 1)).counters) == {}


def moved(history, count, second):
    sent = history.probes.sent_ns.copy()
    sent[:count] = at(second)
    return replace(history, probes=replace(history.probes, sent_ns=sent))


def test_probes_that_were_sent_before_the_traffic_began():
    made = Scene().history()
    assert earlier_probes(made) == 0
    assert earlier_probes(moved(made, 5, -0.5)) == 5
    assert earlier_probes(moved(made, 5, -0.0005)) == 0, "the clocks are not known so well"


def test_without_a_beginning_nothing_is_earlier():
    made = without_event(moved(Scene().history(), 5, -0.5), "traffic-started")
    assert earlier_probes(made) == 0
    later = replace(made, events=(*made.events, Event(at(0.0), "traffic-started")))
    assert earlier_probes(later) == 5


def test_probes_of_another_run_that_decoding_left_out_are_earlier_ones():
    made = Scene().history()
    left_out = replace(made, probes=replace(made.probes, earlier_count=3))
    assert earlier_probes(left_out) == 3
    assert earlier_probes(moved(left_out, 5, -0.5)) == 8
    assert earlier_probes(without_event(left_out, "traffic-started")) == 3
