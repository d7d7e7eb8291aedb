from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitless.history import Event
from hitless.measures.sending import (
    earlier_probes,
    longest_silence_ns,
    probe_rates,
    received_ahead,
    sending_span,
)
from tests.properties.histories import CALM, ROUGH, instants, recordings
from tests.properties.reference_counting import samples_of
from tests.properties.truth import MS, S


@given(recordings(fates=CALM, probes=2, loads=2), instants(2))
def test_from_when_to_when_packets_were_sent(made, between):
    counters, span = made.history.counters, between.span(made)
    samples = samples_of(counters)
    grew = [row for row in range(len(samples.tx) - 1) if sum(samples.tx[row + 1]) > sum(samples.tx[row])]
    found = sending_span(counters)
    if not grew:
        assert found is None
    else:
        assert (found.start_ns, found.end_ns) == (
            int(counters.asked_ns[grew[0]]),
            int(counters.answered_ns[grew[-1] + 1]),
        )
        first_ns, last_ns = int(counters.answered_ns[0]), int(counters.asked_ns[-1])
        inside = [one.sent_ns for stream in made.streams for one in stream.packets if first_ns < one.sent_ns <= last_ns]
        assert all(found.start_ns <= at_ns <= found.end_ns for at_ns in inside)
    # No packet within the longest silence, which is never longer than the true one.
    sent_ns = sorted(one.sent_ns for stream in made.streams for one in stream.packets)
    covered = counters.asked_ns[0] <= span.start_ns and span.end_ns <= counters.answered_ns[-1]
    marks = [span.start_ns, *(at for at in sent_ns if span.start_ns <= at < span.end_ns), span.end_ns]
    silence = max(later - earlier for earlier, later in pairwise(marks))
    if covered:
        assert 0 <= longest_silence_ns(counters, span) <= silence


@given(recordings(fates=CALM, probes=2, loads=1), instants(2))
def test_rates_of_probes_are_what_was_sent_over_the_time_that_passed(made, between):
    counters, span = made.history.counters, between.span(made)
    samples, rates = samples_of(counters), probe_rates(made.history, span)
    asked, answered = int(counters.asked_ns[0]), int(counters.answered_ns[-1])
    for column, group in enumerate(made.history.groups):
        inside = [
            row
            for row, at_ns in enumerate(samples.at_ns)
            if max(span.start_ns, asked) <= at_ns <= min(span.end_ns, answered)
        ]
        lasted_ns = int(counters.asked_ns[inside[-1]] - counters.answered_ns[inside[0]]) if len(inside) > 1 else 0
        if group.kind != "probe" or lasted_ns < S:
            assert group.name not in rates
        else:
            sent = samples.tx[inside[-1]][column] - samples.tx[inside[0]][column]
            assert rates[group.name] == pytest.approx(sent / (lasted_ns / 1e9) / group.rate_pps)


@given(recordings(fates=ROUGH, probes=2, loads=1), st.integers(-40, 40), st.integers(0, 999), instants(1))
def test_packets_of_an_earlier_run(made, more, place, began):
    counters, probes = made.history.counters, made.history.probes
    rx, row = counters.rx.copy(), place % len(counters.rx)
    rx[row:] += more
    found = received_ahead(replace(counters, rx=rx))
    for column, pg_id in enumerate(counters.pg_ids.tolist()):
        ahead = [int(rx[at, column]) - int(counters.tx[at + 1, column]) for at in range(len(rx) - 1)]
        assert found.get(pg_id, 0) == max(0, *ahead, 0)
    began_ns = began.within(made)[0]
    history = replace(made.history, events=(Event(began_ns, "traffic-started"),))
    assert earlier_probes(history) == sum(int(at) + MS < began_ns for at in probes.sent_ns)
    assert earlier_probes(made.history) == 0
