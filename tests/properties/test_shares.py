from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hitless.measures import partition
from hitless.measures.changes import Openers, openers, share_changes
from hitless.measures.partition import best_changes
from hitless.measures.shares import arrivals, offered_pps, plateaus, smallest_step
from hitless.measures.timelines import timelines
from tests.properties import reference_shares as reference
from tests.properties.histories import ROUGH, recordings
from tests.properties.reference_counting import samples_of
from tests.properties.reference_packets import all_packets
from tests.properties.truth import EPOCH_NS, MS

SLOW = settings(max_examples=max(15, settings().max_examples // 4))


def opened(on_new):
    times = EPOCH_NS + np.arange(len(on_new), dtype=np.int64) * MS
    return Openers(times, np.asarray(on_new, np.bool_))


@st.composite
def sequences(draw, most=230):
    """Where the openers went: a few stretches with a share each, by chance or evenly spread."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        length, share = draw(st.integers(1, most // 2)), draw(st.sampled_from([0, 26, 128, 200, 256]))
        if draw(st.booleans()):
            found += [(place + 1) * share // 256 > place * share // 256 for place in range(length)]
        else:
            found += [byte < share for byte in draw(st.binary(min_size=length, max_size=length))]
    return found[:most]


@given(recordings(fates=ROUGH, probes=2, loads=0))
def test_openers_and_arrivals(made):
    streams, timeout_s = timelines(made.history), made.history.session_timeout_s
    packets = all_packets(streams)
    found = openers(streams)
    assert sorted(zip(found.sent_ns.tolist(), found.on_new.tolist(), strict=True)) == reference.openers(packets)
    assert (np.diff(found.sent_ns) >= 0).all()
    came = arrivals(streams, timeout_s)
    expected = reference.arrivals(packets, timeout_s)
    rows = zip(came.opened.sent_ns.tolist(), came.opened.on_new.tolist(), strict=True)
    assert (sorted(rows), came.unmarked) == (sorted(expected.opened), expected.unmarked)
    assert (came.unanswered_ns.tolist(), came.late_ns.tolist()) == (sorted(expected.unanswered), sorted(expected.late))
    total = len(expected.opened) + expected.unmarked
    assert came.unmarked_ratio == (expected.unmarked / total if total else 0.0)


@SLOW
@given(sequences())
def test_share_changes_divide_where_two_shares_explain_much_more(on_new):
    try:
        expected = reference.changes(on_new)
    except reference.Ambiguous:
        assume(False)  # noqa: FBT003 - hypothesis's interface
    of = opened(on_new)
    found = share_changes(of)
    assert [(one.at.earliest_ns, one.at.latest_ns) for one in found] == [
        (int(of.sent_ns[one.earliest]), int(of.sent_ns[one.latest])) for one in expected
    ]
    for one, other in zip(found, expected, strict=True):
        assert (one.share_before, one.share_after) == (pytest.approx(other.before), pytest.approx(other.after))


@SLOW
@given(sequences(most=190))
def test_no_way_to_cut_is_better_than_the_best_partition(on_new):
    assume(any(on_new))
    start = on_new.index(True)
    rest = on_new[start:]
    cuts = [cut - start for cut in partition._cuts(np.asarray(on_new, np.bool_), start)]
    assert all(after - before >= reference.SHORTEST for before, after in pairwise([0, *cuts, len(rest)]) if cuts)
    best = reference.best_partition(rest)
    if math.isfinite(best):
        assert reference.value_of(rest, cuts) == pytest.approx(best, abs=1e-6)
    else:
        assert cuts == []  # too few to cut


@given(sequences(most=700))
def test_best_changes_are_in_order_and_begin_with_the_first_opener_on_the_new_version(on_new):
    of = opened(on_new)
    found = best_changes(of)
    if not any(on_new):
        assert found == ()
        return
    first = on_new.index(True)
    assert all(one.at.earliest_ns < one.at.latest_ns for one in found)
    assert all(one.at.latest_ns <= other.at.latest_ns for one, other in pairwise(found))
    if first:
        assert found[0].at.latest_ns == of.sent_ns[first]
        assert found[0].share_before == 0.0


STEPS = st.permutations([0.0, 0.35, 0.7, 1.0])


@given(STEPS, st.lists(st.integers(110, 220), min_size=4, max_size=4))
def test_the_instants_of_clear_steps_lie_in_their_intervals(shares, lengths):
    on_new = [
        math.floor((place + 1) * share) > math.floor(place * share)
        for share, length in zip(shares, lengths, strict=True)
        for place in range(length)
    ]
    of = opened(on_new)
    for found in (share_changes(of), best_changes(of)):
        truth = [sum(lengths[: number + 1]) for number in range(3)]
        if not on_new[0]:  # the first change is the first opener on the new version, known to have been earlier
            truth = truth if shares[0] == 0.0 else [on_new.index(True), *truth]
        assert len(found) == len(truth)
        for change, place in zip(found, truth, strict=True):
            assert change.at.earliest_ns <= of.sent_ns[place]
            assert of.sent_ns[place - 1] <= change.at.latest_ns


@given(sequences(most=500))
def test_users_of_a_plateau_came_while_it_surely_held(on_new):
    of = opened(on_new)
    found, changes = plateaus(of), best_changes(of)
    assert len(found) == len(changes)
    for number, (one, change) in enumerate(zip(found, changes, strict=True)):
        until_ns = changes[number + 1].at.earliest_ns if number + 1 < len(changes) else int(of.sent_ns[-1])
        mine = [
            new for at, new in zip(of.sent_ns.tolist(), on_new, strict=True) if change.at.latest_ns < at <= until_ns
        ]
        assert (one.users, one.on_new) == (len(mine), sum(mine))
        assert one.share == (sum(mine) / len(mine) if mine else 0.0)
        assert one.start.latest_ns == change.at.latest_ns
        assert one.start.earliest_ns <= one.start.latest_ns
        assert one.end.earliest_ns == until_ns
        low, high = one.bounds
        assert low <= one.share <= high or not mine


@given(recordings(fates=ROUGH, probes=1, loads=2), sequences(most=300))
def test_offered_rate_of_a_plateau(made, on_new):
    samples = samples_of(made.history.counters)
    for plateau in plateaus(opened(on_new)):
        rows = [row for row, at in enumerate(samples.at_ns) if plateau.start.latest_ns <= at <= plateau.end.earliest_ns]
        found = offered_pps(made.history.counters, plateau)
        if len(rows) < 2:
            assert found is None
        else:
            sent = sum(samples.tx[rows[-1]]) - sum(samples.tx[rows[0]])
            assert found == pytest.approx(sent / ((samples.at_ns[rows[-1]] - samples.at_ns[rows[0]]) / 1e9))


@given(st.integers(0, 400), st.floats(0.01, 20.0))
def test_the_smallest_step_that_shows(count, seconds):
    found = smallest_step(opened([True] * count), seconds)
    if count < 2:
        assert found == 1.0
    else:
        users = seconds * count / ((count - 1) / 1000)
        assert found == pytest.approx(min(1.0, math.sqrt(12.0 / max(users, 1.0))))
