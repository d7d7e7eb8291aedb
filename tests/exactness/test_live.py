"""Real packets through rules that drop, double and hold known ones: the suite's figures are the kernel's, off by 0.

Short form; ``python -m benchmarks.exactness`` is the long one. One path and one generator serve all recordings.
"""

from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.counted_outages import counted_outages
from hitless.measures.gaps import longest_gaps
from hitless.measures.outages import OutageKind, outages
from hitless.measures.spans import Span
from hitless.measures.timelines import timelines
from tests.exactness import scenarios
from tests.exactness.compare import compare, differing, dropped, own_drops, packets_sent
from tests.exactness.outage_errors import by_capture, by_counters
from tests.exactness.ruleset import DROP, DUPLICATE, HOLD
from tests.exactness.sandbox import carry_out
from tests.exactness.scenarios import DOWN, LONG, NEW, UP

pytestmark = pytest.mark.namespaces

CAPTURED_MS = ((50, 1), (300, 5), (340, 8), (600, 60), (900, 300), (1500, 60_000))
COUNTED_MS = ((100, 60), (600, 250), (1300, 500))
PLANS = (
    scenarios.loss("loss", 24_000, 2.0),
    scenarios.disorder("disorder", 10_000, 2.5),
    scenarios.ends("ends", 40_000, 1.6, tail_ms=400),
    scenarios.loss_in_the_tester("tester", 6_000, stop_s=9.5),
    scenarios.captured_outages("captured", 2000, CAPTURED_MS, 2.6),
    scenarios.counted_outages("counted", 10_000, COUNTED_MS, 3.2),
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exactness")
    return {outcome.plan.name: outcome for outcome in carry_out(folder, PLANS)}


@pytest.mark.parametrize("name", [plan.name for plan in PLANS])
def test_everything_that_both_count_is_the_same_to_the_packet(outcomes, name):
    rows = compare(outcomes[name])
    assert len(rows) >= 8
    assert differing(rows) == []


def test_the_comparison_is_about_many_packets(outcomes):
    assert packets_sent(list(outcomes.values())) > 200_000


def test_the_kernel_has_dropped_doubled_and_held_what_the_rules_say(outcomes):
    """Otherwise 0 would be compared with 0."""
    lossy, mixed = outcomes["loss"], outcomes["disorder"]
    assert lossy.truth.counters["head"] == 512
    assert lossy.truth.counters["one_packet"] == 1
    assert all(lossy.truth.counters[rule.name] > 0 for rule in lossy.plan.rules)
    assert all(mixed.truth.counters[rule.name] > 0 for rule in mixed.plan.rules)
    assert dropped(mixed, NEW, HOLD) > 20
    assert dropped(mixed, LONG, DUPLICATE) > 100
    assert all(len(lossy.truth.sessions[rule.name]) > 0 for rule in lossy.plan.rules if rule.by_session)


def test_everything_lost_is_everything_lost(outcomes):
    ends = outcomes["ends"]
    stream = next(one for one in timelines(ends.history) if one.group.name == LONG)
    assert not stream.received.any()
    assert len(stream) == dropped(ends, LONG) > 1000
    counters = ends.history.counters
    down = counters.pg_ids.tolist().index(2)
    assert counters.rx[-1, down] == 0
    assert counters.tx[-1, down] == dropped(ends, DOWN) > 1000


def test_the_tail_is_open_not_over(outcomes):
    ends = outcomes["ends"]
    streams = [one for one in timelines(ends.history) if one.group.name == NEW]
    assert outages(ends.history.probes, streams).kinds == (OutageKind.OPEN,)
    total = [one for one in timelines(ends.history) if one.group.name == LONG]
    assert outages(ends.history.probes, total).kinds == (OutageKind.TOTAL,)
    assert [one.over for one in counted_outages(ends.history.counters, [1]).located] == [False]
    assert dropped(ends, UP) > 1000
    assert dropped(ends, NEW) > 500


def test_what_the_tester_lost_itself_is_told_apart(outcomes):
    outcome = outcomes["tester"]
    own = own_drops(outcome.history)
    counters = outcome.history.counters
    missing = int((counters.tx[-1] - counters.rx[-1]).sum())
    on_the_path = sum(dropped(outcome, group) for group in (NEW, LONG, UP, DOWN))
    assert own > 0
    assert missing == on_the_path + own
    assert outcome.history.probes.capture_lost_count == 0, "the capture has a reader of its own"


def test_outages_by_capture_are_contained_and_hardly_longer_than_true(outcomes):
    outcome = outcomes["captured"]
    slack_ns = 2 * outcome.history.probes.clock_error_ns
    errors = by_capture(outcome)
    assert len(errors) >= len(CAPTURED_MS) - 1, "all but the one of 1 ms cost a packet for sure"
    for error in errors:
        assert error.matches == 1, f"one outage, not several: {error}"
        assert error.contained, error
        assert error.error_ns <= error.allowed_ns + slack_ns or not error.over, error
    assert [error.over for error in errors] == [True] * (len(errors) - 1) + [False]


def test_nothing_else_is_taken_for_an_outage(outcomes):
    outcome = outcomes["captured"]
    found = outages(outcome.history.probes, timelines(outcome.history))
    assert len(found) == len([window for window in outcome.truth.windows if window.dropped])
    assert int(found.lost.sum()) == dropped(outcome, NEW, DROP)


def test_the_longest_gap_that_the_judges_print_holds_the_longest_outage_that_ended(outcomes):
    outcome = outcomes["captured"]
    streams = timelines(outcome.history)
    found = outages(outcome.history.probes, streams)
    over = found.where(found.came_after)
    (stream,) = streams
    until_ns = int(stream.sent_ns[int(found.first_number[-1]) - 1]) + 1
    gap_ns = longest_gaps(streams, Span(int(stream.sent_ns[0]), until_ns)).service_ns
    assert gap_ns >= np.max(stream.sent_ns[over.first_number + over.lost] - over.since_ns)


def test_outages_by_counters_are_contained_and_their_length_is_right(outcomes):
    outcome = outcomes["counted"]
    found, errors = by_counters(outcome)
    assert found.lost == sum(window.dropped for window in outcome.truth.windows)
    assert len(found.located) == len(COUNTED_MS), f"several outages stay several: {found}"
    for error in errors:
        assert error.matches == 1
        assert error.contained, error
        assert error.over, error
        assert abs(error.error_ns) < error.allowed_ns
