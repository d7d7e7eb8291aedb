from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.judges import JUDGES, judge_cap_01
from hitless.measures import counting
from hitless.measures.copies import counted_once, doubled_probes
from hitless.verdict import Outcome
from tests.core.builders import CAP_LIMITS, Scene, at
from tests.core.mutilations import only_probes, only_samples

LONG, NEW = 20, 21


def places(history, start_s, stop_s, pg_id=NEW):
    probes = history.probes
    return np.flatnonzero((probes.pg_id == pg_id) & (probes.sent_ns >= at(start_s)) & (probes.sent_ns < at(stop_s)))


def with_fates(history, lost=(), doubled=()):
    """Some probes are lost and some come twice; nothing of it is in the counters."""
    keep = np.setdiff1d(np.arange(len(history.probes.number)), np.asarray(lost, np.int64))
    return only_probes(history, lambda _: np.sort(np.concatenate([keep, np.asarray(doubled, np.int64)])))


def lost_of(counters, pg_id):
    return counting.group_losses(counters, 0, len(counters.tx) - 1)[pg_id].lost


@pytest.fixture
def hidden():
    """60 lost probes and 60 others that came twice within the same second: sent and received are equal."""
    made = Scene().history()
    rows = places(made, 13.0, 14.0)
    return with_fates(made, rows[:60], rows[200:260])


def test_without_copies_counters_are_what_they_are():
    made = Scene().history()
    assert doubled_probes(made) == 0
    assert counted_once(made) is made.counters
    assert doubled_probes(only_probes(made, lambda _: slice(0, 0))) == 0


def test_without_samples_there_is_nothing_to_take_off(hidden):
    nothing = only_samples(hidden, slice(0, 0))
    assert counted_once(nothing) is nothing.counters


def test_a_loss_that_copies_hide_comes_out(hidden):
    assert lost_of(hidden.counters, NEW) == 0
    assert doubled_probes(hidden) == 60
    once = counted_once(hidden)
    assert lost_of(once, NEW) == 60
    assert lost_of(once, LONG) == lost_of(once, 1) == 0


def test_copies_alone_are_no_loss():
    made = Scene().history()
    rows = places(made, 13.0, 14.0)
    more = made.counters.rx.copy()
    more[140:, list(made.counters.pg_ids).index(NEW)] += 50
    doubled = with_fates(replace(made, counters=replace(made.counters, rx=more)), doubled=rows[:50])
    once = counted_once(doubled)
    assert lost_of(once, NEW) == 0
    assert counting.surplus_groups(once) == {}
    assert counting.surplus_groups(doubled.counters) == {NEW: 50}


def test_copies_of_several_streams_are_taken_off_each():
    made = Scene().history()
    new, long = places(made, 13.0, 14.0), places(made, 13.0, 14.0, LONG)
    once = counted_once(with_fates(made, [*new[:7], *long[:9]], [*new[20:27], *long[20:29]]))
    assert (lost_of(once, NEW), lost_of(once, LONG)) == (7, 9)


def test_a_capture_that_holds_packets_twice_takes_nothing_off():
    """All probes came, were counted once each, and are captured twice: the capture is wrong, nothing is lost."""
    made = Scene().history()
    twice = with_fates(made, doubled=np.arange(len(made.probes.number)))
    assert doubled_probes(twice) == len(made.probes.number)
    once = counted_once(twice)
    assert lost_of(once, NEW) == lost_of(once, LONG) == 0


def test_copies_that_come_later_hide_no_earlier_loss():
    """What is counted while the loss is not made up for shows it; the copies of a later second would hide it again."""
    clean = Scene().history()
    made = with_fates(clean, places(clean, 12.0, 12.5)[:30], places(clean, 24.0, 24.5)[:30])
    rx, at_ns = made.counters.rx.copy(), counting.instants_ns(made.counters)
    rx[(at_ns > at(12.5)) & (at_ns < at(24.1)), list(made.counters.pg_ids).index(NEW)] -= 30
    counted = replace(made, counters=replace(made.counters, rx=rx))
    first, last = counting.row_before(counted.counters, at(11.0)), counting.row_after(counted.counters, at(20.0))
    assert counting.loss_between(counted.counters, first, last).lost == 0
    assert counting.loss_between(counted_once(counted), first, last).lost == 30


def test_capacity_does_not_pass_by_copies(hidden):
    verdict = JUDGES["RQ-CAP-01"](hidden, CAP_LIMITS)
    assert verdict.outcome is Outcome.FAIL
    assert "60 of 191 000" in verdict.message


def test_capacity_is_in_doubt_where_load_may_have_come_twice():
    made = Scene().history()
    rows = places(made, 13.0, 14.0)
    verdict = judge_cap_01(with_fates(made, rows[:1], rows[200:201]), CAP_LIMITS)
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I3",)
    assert "1 probes that came once more" in verdict.message


def test_what_the_capture_misses_is_no_less_for_copies():
    """Copies in the capture do not stand for probes that it lacks."""
    made = Scene().history()
    lost, rows = places(made, 11.0, 20.0)[:4000], places(made, 20.0, 26.0)
    doubled = with_fates(made, lost, rows[:100])
    (seen,) = [one for one in judge_cap_01(doubled, CAP_LIMITS).checks if one.name == "counters"]
    assert seen.outcome is Outcome.INCONC
    assert "3 900 probes came back that the capture does not hold" in seen.message


def test_copies_of_load_that_come_soon_after_a_loss_are_beyond_counters():
    """The limit that docs/verdicts.md names: sent and received are equal, and nothing that was captured tells."""
    made = Scene().history()
    rx, at_ns = made.counters.rx.copy(), counting.instants_ns(made.counters)
    rx[at_ns >= at(13.0), 0] -= 60
    rx[at_ns >= at(13.5), 0] += 60
    hidden = replace(made, counters=replace(made.counters, rx=rx))
    assert judge_cap_01(hidden, CAP_LIMITS).outcome is Outcome.PASS


def test_copies_of_load_that_come_before_a_loss_are_seen():
    made = Scene().history()
    rx, at_ns = made.counters.rx.copy(), counting.instants_ns(made.counters)
    rx[at_ns >= at(11.0), 0] += 1500
    rx[at_ns >= at(13.0), 0] -= 1500
    hidden = replace(made, counters=replace(made.counters, rx=rx))
    verdict = JUDGES["RQ-CAP-01"](hidden, CAP_LIMITS)
    assert verdict.outcome is Outcome.INCONC, verdict.message
    assert verdict.reasons == ("I3",)
