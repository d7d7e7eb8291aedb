"""The comparison finds a difference of a single packet: a test that cannot fail would prove nothing."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import numpy as np
import pytest

from hitless.measures.timelines import timelines
from hitless.sessions import Layout
from tests.exactness.compare import compare, differing, own_drops, packets_sent
from tests.exactness.outage_errors import arrivals, by_capture, by_counters
from tests.exactness.plans import Outcome, Plan, TrueWindow, Truth
from tests.exactness.ruleset import DROP, DUPLICATE, HOLD, Rule
from tests.exactness.simulated import MS, Traffic, after_start, evenly, in_bursts

NEW = "new-sessions"
LOST, TWICE, LATE = [3, 67, 200, 500], [10, 20], [300]
RULES = (
    Rule("gone", NEW, DROP, by_session=True),
    Rule("twice", NEW, DUPLICATE, by_session=True),
    Rule("late", NEW, HOLD, by_session=True),
)


def kernel_sessions(traffic, numbers):
    fields = Layout.from_data(traffic.layout).fields(np.asarray(numbers, np.int64))
    found = {}
    for address, port in zip(fields.address.tolist(), fields.port.tolist(), strict=True):
        key = (str(IPv4Address(address)), port)
        found[key] = found.get(key, 0) + 1
    return [(*key, count) for key, count in found.items()]


def truth_of(traffic, rules, windows=()):
    lost = int((~traffic.received).sum())
    counters = {"came_new_sessions": len(traffic.sent_ns), "held_back": len(traffic.held)}
    counters["arrived_new_sessions"] = len(traffic.sent_ns) - lost + len(traffic.duplicated)
    numbers = {"gone": traffic.lost, "twice": traffic.duplicated, "late": traffic.held}
    counters |= {rule.name: len(numbers[rule.name]) for rule in rules}
    sessions = {rule.name: kernel_sessions(traffic, numbers[rule.name]) for rule in rules}
    return Truth(counters, sessions, list(windows), {}, 0)


@pytest.fixture
def outcome():
    traffic = Traffic(evenly(1000, 1.5), lost=LOST, duplicated=TWICE, held=LATE, hold_ns=70 * MS)
    return Outcome(Plan("paper", [], rules=RULES), traffic.history(), truth_of(traffic, RULES))


def test_what_agrees_has_no_difference_and_every_kind_is_looked_at(outcome):
    rows = compare(outcome)
    assert differing(rows) == []
    shown = {row.what: row.suite for row in rows}
    assert shown["lost, by capture"] == 4
    assert shown["duplicates"] == 2
    assert shown["reordered"] == 1
    assert shown["lost, by session (3 of 192)"] == 4
    assert shown["sent"] == shown["sent, by capture"] == 1500


@pytest.mark.parametrize("counter", ["came_new_sessions", "arrived_new_sessions", "gone", "twice", "late", "held_back"])
def test_one_packet_more_in_any_counter_is_seen(outcome, counter):
    counters = {**outcome.truth.counters, counter: outcome.truth.counters[counter] + 1}
    assert differing(compare(replace(outcome, truth=replace(outcome.truth, counters=counters))))


@pytest.mark.parametrize("rule", ["gone", "twice", "late"])
def test_a_packet_of_another_session_is_seen_although_the_sums_agree(outcome, rule):
    address, port, count = outcome.truth.sessions[rule][0]
    moved = [("10.1.64.9", 1025, 1), (address, port, count - 1), *outcome.truth.sessions[rule][1:]]
    sessions = {**outcome.truth.sessions, rule: moved}
    (row,) = differing(compare(replace(outcome, truth=replace(outcome.truth, sessions=sessions))))
    assert row.off == 2
    assert row.suite == row.kernel


def test_a_session_that_nobody_opened_is_an_error(outcome):
    sessions = {**outcome.truth.sessions, "gone": [("10.9.9.9", 1024, 1)]}
    with pytest.raises(AssertionError, match="1 sessions that nobody opened"):
        compare(replace(outcome, truth=replace(outcome.truth, sessions=sessions)))


def test_loss_by_counters_is_compared_where_nothing_comes_twice():
    traffic = Traffic(evenly(1000, 1.5), lost=LOST)
    rules = RULES[:1]
    outcome = Outcome(Plan("paper", [], rules=rules), traffic.history(), truth_of(traffic, rules))
    shown = {row.what: row for row in compare(outcome)}
    assert shown["lost, by counters"].suite == shown["lost, by counters"].kernel == 4


def test_what_the_tester_lost_itself_is_taken_apart():
    traffic = Traffic(evenly(1000, 1.5), lost=LOST)
    history, truth = traffic.history(), truth_of(traffic, RULES[:1])
    counters = history.counters
    ierrors = counters.ierrors.copy()
    ierrors[-20:, 1] = 5
    short = replace(counters, rx=np.maximum(counters.rx - 5, 0), ierrors=ierrors)
    outcome = Outcome(Plan("paper", [], rules=RULES[:1]), replace(history, counters=short), truth)
    assert own_drops(outcome.history) == 5
    assert differing(compare(outcome)) == []
    silent = replace(short, ierrors=counters.ierrors)
    assert differing(compare(replace(outcome, history=replace(history, counters=silent))))


def test_packets_are_summed_over_recordings(outcome):
    assert packets_sent([outcome, outcome]) == 3000


def watched(windows_ms, pps=2000, seconds=3.0):
    pairs = [(after_start(on), after_start(on + length)) for on, length in windows_ms]
    traffic = Traffic(in_bursts(pps, seconds), pairs, pps=pps)
    truth = [
        TrueWindow(NEW, on, off, int(((traffic.passed_ns >= on) & (traffic.passed_ns < off)).sum()))
        for on, off in pairs
    ]
    numbers = np.arange(len(traffic.sent_ns))
    users = Layout.from_data(traffic.layout).fields(numbers).address
    witness = np.stack((traffic.passed_ns, (numbers - 2) % (1 << 32), users), axis=1)
    return Outcome(Plan("paper", []), traffic.history(), truth_of(traffic, (), truth), witness)


def test_outages_by_capture_on_paper_are_exact():
    outcome = watched([(100, 1.5), (300, 5), (340, 8), (900, 300), (2500, 60_000)])
    errors = by_capture(outcome)
    assert [error.matches for error in errors] == [1] * 5
    assert all(error.contained for error in errors)
    assert [error.over for error in errors] == [True] * 4 + [False]
    assert all(0 <= error.error_ns <= error.allowed_ns for error in errors[:-1])
    assert all(error.allowed_ns <= 2 * MS for error in errors[:-1])


def test_an_outage_that_is_computed_too_short_is_not_contained():
    outcome = watched([(300, 50)])
    window = outcome.truth.windows[0]
    longer = [replace(window, off_ns=window.off_ns + 3 * MS)]
    (error,) = by_capture(replace(outcome, truth=replace(outcome.truth, windows=longer)))
    assert not error.contained
    assert error.late_ns < 0


def test_an_outage_that_is_computed_as_two_does_not_match():
    outcome = watched([(300, 20), (340, 20)])
    first, second = outcome.truth.windows
    one = [replace(first, off_ns=second.off_ns, dropped=first.dropped + second.dropped)]
    (error,) = by_capture(replace(outcome, truth=replace(outcome.truth, windows=one)))
    assert error.matches == 2
    assert not error.contained


def test_a_window_between_two_packets_is_nobodys_outage():
    assert by_capture(watched([(300.1, 0.3)])) == []


def test_a_witness_that_missed_a_packet_is_no_witness():
    outcome = watched([(300, 20)])
    blind = replace(outcome, witness=outcome.witness[1:])
    with pytest.raises(AssertionError, match="each of 6000 packets once, Actual: 5999 seen"):
        arrivals(blind, timelines(blind.history)[0])


def test_outages_by_counters_on_paper():
    found, errors = by_counters(watched([(700, 60), (1500, 400), (2600, 60_000)], pps=10_000))
    assert len(found.located) == 3
    assert [error.contained for error in errors] == [True] * 3
    assert [error.over for error in errors] == [True, True, False]
    assert abs(errors[1].error_ns) < 9 * MS
    _, (missed,) = by_counters(watched([(700, 1)], pps=10_000))
    assert missed.matches == 0
