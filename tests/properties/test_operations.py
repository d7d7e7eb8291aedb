from __future__ import annotations

from dataclasses import replace
from functools import cache

from hypothesis import assume, given
from hypothesis import strategies as st

from hitless.history import Attempt
from hitless.measures.life_cycle import TRANSITIONS
from hitless.measures.operations import course_of, courses, possible_states
from tests.core.builders import Scene
from tests.properties.managed import walks
from tests.properties.truth import EPOCH_NS, MS


@cache
def plain():
    return Scene(started_s=8.0, stopped_s=9.0, long_until_s=9.0).history()


def recorded(walk, **changes):
    return replace(plain(), **{"operations": walk.states, "attempts": walk.attempts, **changes})


def course(walk, **changes):
    return course_of(recorded(walk, **changes), "op")


def polled(walk):
    return [state for state in walk.states if state.source == "poll"]


@given(walks())
def test_what_polls_and_notifications_tell_together_is_the_way_that_was_gone(walk):
    found = course(walk)
    assert found is not None
    assert list(found.states) == walk.names
    assert found.surplus == ()
    for entry, (_, at_ns) in zip(found.entries, walk.entered, strict=True):
        assert entry.legal
        assert entry.note is not None
        assert at_ns <= entry.note.entered.latest_ns <= at_ns + 4 * MS
        if entry.polled:
            assert entry.entered.earliest_ns <= at_ns + 2 * MS
            assert at_ns <= entry.entered.latest_ns
    assert found.last_state == walk.names[-1]
    assert found.notes_count == len(walk.entered)


@given(walks())
def test_without_notifications_no_legal_way_looks_illegal(walk):
    assume(walk.always_polled or "FAILED_TEMP" in walk.names)
    found = course(walk, operations=tuple(polled(walk)))
    assert all(entry.legal for entry in found.entries)
    assert not any(entry.note for entry in found.entries)
    if walk.always_polled:
        assert list(found.states) == walk.names
    left = iter(walk.names)
    assert all(state in left for state in (entry.state for entry in found.entries if entry.polled))


@given(walks(), st.integers(0, 8), st.sampled_from(sorted(TRANSITIONS)[1:]))
def test_a_step_that_is_not_permitted_is_seen_where_no_legal_way_leads_there(walk, place, wrong):
    seen = polled(walk)
    assume(seen)
    place %= len(seen)
    before = seen[place - 1].state if place else ""
    reachable, waiting = set(), [before]
    while waiting:
        new = TRANSITIONS[waiting.pop()] - reachable
        reachable |= new
        waiting += new
    assume(wrong != before)
    changed = [*seen[:place], replace(seen[place], state=wrong)]
    entries = course(walk, operations=tuple(changed), attempts=()).entries
    assert entries[-1].state == wrong
    assert entries[-1].legal == (wrong in reachable)


@given(walks(), st.permutations(range(40)))
def test_the_order_in_which_notifications_are_listed_says_nothing(walk, order):
    notes = [state for state in walk.states if state.source == "notification"]
    shuffled = [notes[place] for place in order if place < len(notes)]
    assert course(walk, operations=(*shuffled, *polled(walk))) == course(walk)


@given(walks())
def test_operations_do_not_mix(walk):
    others = tuple(replace(state, operation_id="other") for state in walk.states)
    together = recorded(walk, operations=(*others, *walk.states))
    assert [one.operation_id for one in courses(together)] == ["other", "op"]
    assert course_of(together, "op") == course(walk)
    assert course_of(together, "none") is None


@given(walks(), st.integers(0, 4000), st.integers(1, 200))
def test_an_operation_was_in_no_other_states_while_a_request_was_answered(walk, after_ms, took_ms):
    asked_ns = EPOCH_NS + after_ms * MS
    known = [state for state in polled(walk) if state.entered.latest_ns <= asked_ns]
    assume(known)
    attempt = Attempt("cancel", "op", known[-1].state, asked_ns, asked_ns + took_ms * MS, "POST", "/cancel", 409)
    # A tester asks for one thing after the other: meanwhile nobody takes the operation out of FAILED_TEMP.
    read_ns = known[-1].entered.latest_ns
    assume(not any(read_ns <= one.asked_ns <= attempt.answered_ns for one in walk.attempts))
    possible = {attempt.state, *possible_states(attempt, courses(recorded(walk)))}
    actual = {walk.at(asked_ns), walk.at(attempt.answered_ns)}
    actual |= {state for state, at_ns in walk.entered if asked_ns < at_ns <= attempt.answered_ns}
    assert actual <= possible
