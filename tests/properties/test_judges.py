"""What holds of every judge, whatever it judges: on recordings of defects, and of such as stay within the limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hitless.verdict import Outcome, Verdict
from tests.core.mutilations import mutilations
from tests.properties import altered
from tests.properties.dice import dice

FEW = settings(max_examples=max(15, settings().max_examples // 4))
NAMES = st.sampled_from(altered.RECORDINGS)
EXPLAINED = frozenset({"one-version", "nothing-declared"})
"""Marks are read by the versions that are declared, so that none is of a version that is not; a share that is not
declared cannot be missed."""
FAILING = st.sampled_from([name for name in altered.RECORDINGS if not name.endswith("-within")])


def outcomes(verdict: Verdict) -> list[tuple[str, Outcome, tuple[str, ...]]]:
    return [(one.name, one.outcome, one.reasons) for one in verdict.checks]


@FEW
@given(NAMES, st.integers(-(10**12), 10**16))
def test_no_verdict_depends_on_the_epoch_of_the_clock(name, by_ns):
    before, after = altered.verdict_of(name), altered.judged(name, altered.shifted(altered.recording(name), by_ns))
    assert outcomes(after) == outcomes(before)
    assert after.message == before.message
    instants = {key for key in before.figures if key.endswith("_ns")}
    assert {key: value for key, value in after.figures.items() if key not in instants} == {
        key: value for key, value in before.figures.items() if key not in instants
    }
    if "first_violation_ns" in before.evidence:
        assert after.evidence["first_violation_ns"] == before.evidence["first_violation_ns"] + by_ns


@FEW
@given(NAMES, st.permutations(range(12)))
def test_no_verdict_depends_on_the_order_in_which_independent_things_are_listed(name, order):
    before = altered.verdict_of(name)
    after = altered.judged(name, altered.interleaved(altered.recording(name), order))
    assert outcomes(after) == outcomes(before)


def some_rows(rolled, total):
    """Return some of so many rows: one, a stretch, or here and there."""
    if total == 0:
        return np.zeros(0, np.int64)
    part = rolled.below(65_536) * total // 65_536
    kind = rolled.below(3)
    if kind == 0:
        return np.asarray([part], np.int64)
    length = max(1, total // rolled.pick([4, 20, 200, 2000]))
    if kind == 1:
        return np.arange(part, min(total, part + length), dtype=np.int64)
    return np.arange(rolled.below(length), total, max(2, total // length), dtype=np.int64)


@FEW
@given(FAILING, dice(12))
def test_more_loss_never_makes_a_failure_pass(name, rolled):
    before = altered.verdict_of(name)
    assert before.outcome is Outcome.FAIL
    history = altered.recording(name)
    if rolled.below(3):
        rows = some_rows(rolled, len(history.probes.number))
        history = altered.with_lost_probes(history, rows)
    else:
        samples = len(history.counters.asked_ns)
        row = rolled.below(samples)
        history = altered.with_lost_load(history, rolled.below(5), row, rolled.pick([1, 50, 3000]))
    assert altered.judged(name, history).outcome is not Outcome.PASS


@FEW
@given(FAILING, st.integers(0, 10_000))
def test_no_accident_of_the_tester_makes_a_failure_pass(name, which):
    history = altered.recording(name)
    named = list(mutilations(history))
    accident, mutilation = named[which % len(named)]
    assume(accident not in EXPLAINED)
    assume(accident != "cut-after-request" or history.when("request") is not None)
    assert altered.judged(name, mutilation(history)).outcome is not Outcome.PASS, accident


def unseen(history, rolled):
    """Return a recording of which something was not seen."""
    rows, kind = some_rows(rolled, len(history.probes.number)), rolled.below(5)
    if kind == 0:
        return altered.without_probes(history, rows)
    if kind in {1, 2}:
        return altered.without_marks(history, ("version", "instance")[kind - 1], rows)
    if kind == 3:
        kept = np.ones(len(history.counters.asked_ns), np.bool_)
        kept[some_rows(rolled, len(kept))] = False
        return altered.without_samples(history, kept)
    gone = some_rows(rolled, len(history.snapshots)).tolist()
    return replace(history, snapshots=tuple(one for place, one in enumerate(history.snapshots) if place not in gone))


@FEW
@given(FAILING, dice(12))
def test_what_was_not_seen_never_makes_a_failure_pass(name, rolled):
    assert altered.judged(name, unseen(altered.recording(name), rolled)).outcome is not Outcome.PASS


@FEW
@given(NAMES, dice(24))
def test_nothing_becomes_certain_by_seeing_still_less(name, rolled):
    once = unseen(altered.recording(name), rolled)
    assume(altered.judged(name, once).outcome is not Outcome.PASS)
    assert altered.judged(name, unseen(once, rolled)).outcome is not Outcome.PASS


@FEW
@given(FAILING, dice(2))
def test_counters_that_are_set_to_zero_never_make_a_failure_pass(name, rolled):
    history = altered.recording(name)
    verdict = altered.judged(name, altered.with_reset(history, 1 + rolled.below(len(history.counters.asked_ns) - 1)))
    assert verdict.outcome is not Outcome.PASS
