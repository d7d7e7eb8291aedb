from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Event
from hitless.judges.allowances import window_allowance
from hitless.measures import counting
from hitless.measures.counting import LossCount
from hitless.measures.next_hop import lost_unfollowed, unfollowed
from tests.core.builders import Loss, Scene, at
from tests.core.mutilations import only_samples

UP, DOWN = (1, 3, 20, 21), (2,)
OLD, NEW = "02:00:00:00:0d:00", "02:00:00:00:0e:00"


def seen(second, mac, port=0, configured=OLD):
    return Event(at(second), "next-hop", {"port": port, "configured_mac": configured, "neighbour_mac": mac})


MOVED = (seen(0.0, OLD), seen(15.9, OLD), seen(16.3, NEW), seen(27.0, NEW))


ALL_UP = (Loss(16.0, 40.0, 1.0, UP),)


def history(*events, losses=ALL_UP):
    made = Scene(losses=losses).history()
    return replace(made, events=(*made.events, *events))


def test_everything_is_lost_from_the_change_on():
    (astray,) = unfollowed(history(*MOVED))
    assert (astray.port, astray.pg_ids) == (0, UP)
    assert (astray.configured_mac, astray.neighbour_mac) == (OLD, NEW)
    assert astray.since_ns == pytest.approx(at(16.0), abs=200_000_000)


def test_the_other_direction_has_a_neighbour_of_its_own():
    events = tuple(seen((one.at_ns - at(0.0)) / 1e9, one.detail["neighbour_mac"], port=1) for one in MOVED)
    assert unfollowed(history(*events)) == ()
    (astray,) = unfollowed(history(*events, losses=(Loss(16.0, 40.0, 1.0, DOWN),)))
    assert (astray.port, astray.pg_ids) == (1, DOWN)


@pytest.mark.parametrize(
    "events",
    [
        (),
        MOVED[:2],
        MOVED[2:],
        (*MOVED, seen(28.0, OLD)),
        (seen(0.0, OLD), seen(16.3, "")),
        (seen(0.0, OLD, configured=""), seen(16.3, NEW, configured="")),
        (seen(0.0, OLD.upper()), seen(16.3, OLD)),
    ],
    ids=["nothing seen", "no change", "never as configured", "back", "gone", "not known", "spelt otherwise"],
)
def test_no_change_of_the_neighbour_no_excuse(events):
    assert unfollowed(history(*events)) == ()


@pytest.mark.parametrize(
    "losses",
    [
        (Loss(15.0, 40.0, 1.0, UP),),
        (Loss(16.0, 20.0, 1.0, UP),),
        (Loss(16.0, 40.0, 0.9, UP),),
        (Loss(16.0, 40.0, 1.0, (1, 3, 20)),),
        (),
    ],
    ids=["began before", "ended", "not everything", "not all groups", "nothing lost"],
)
def test_loss_that_it_does_not_explain_is_not_excused(losses):
    assert unfollowed(history(*MOVED, losses=losses)) == ()


def test_traffic_that_had_ended_before_was_not_lost():
    made = replace(Scene(stopped_s=16.0).history(), events=MOVED)
    assert unfollowed(made) == ()


@pytest.mark.parametrize("count", [0, 1])
def test_without_samples_nothing_is_known(count):
    assert unfollowed(only_samples(history(*MOVED), slice(0, count))) == ()


def test_what_went_astray_is_counted_from_then_on_only():
    made = history(*MOVED)
    counters, astray = made.counters, unfollowed(made)
    up = [counters.pg_ids.tolist().index(pg_id) for pg_id in UP]
    whole = (0, len(counters.asked_ns) - 1)
    lost = int((counters.tx[-1, up] - counters.rx[-1, up]).sum())
    assert lost <= lost_unfollowed(counters, whole, astray) <= lost + 2 * 6500 // 10
    before = (0, counting.row_before(counters, at(15.5)))
    assert lost_unfollowed(counters, before, astray) == 0
    late = (counting.row_before(counters, at(25.0)), whole[1])
    assert lost_unfollowed(counters, late, astray) < lost / 4
    assert lost_unfollowed(counters, whole, ()) == 0


def test_the_allowance_names_it():
    made = history(*MOVED)
    rows = (0, len(made.counters.asked_ns) - 1)
    nothing = LossCount(100_000, 0, 0)
    made_of = window_allowance(
        made.counters, rows, stalls=(), rated_pps=10_000.0, baseline=nothing, astray=unfollowed(made)
    )
    assert made_of.reasons == ("I13",)
    assert made_of.total == made_of.astray > 0
    assert "changed its MAC address" in made_of.words
