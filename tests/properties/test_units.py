from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hitless.history import Interval
from hitless.measures.changes import Openers
from hitless.measures.in_service import lowest_possible, lowest_sure, stretches
from hitless.measures.shares import Plateau
from hitless.measures.side_load import pieces
from hitless.measures.units import Unit, UnitTimeline, unit_timeline
from tests.core.builders import Scene, at
from tests.core.management import DECLARED
from tests.properties.dice import dice
from tests.properties.managed import REQUEST_S, managements

SMALL = st.integers(0, 12)
PPS = {"gateway": 2500, "gateway-large": 5000}


@cache
def plain():
    return Scene(started_s=8.0, stopped_s=9.0, long_until_s=9.0).history()


def read(shown):
    """Return the units as a tester sees them."""
    return unit_timeline(replace(plain(), snapshots=shown, sut=DECLARED), at(REQUEST_S))


def truly(line, second):
    """Tell whether a unit really is in service: from being listed as added until it is removed."""
    begun = line.appeared_s is None or second >= line.added_s
    return begun and (line.removed_s is None or second < line.removed_s)


def seen(shown):
    """Return the names of all units that any document of the instance shows."""
    instances = [view.document["instantiatedVnfInfo"] for view in shown if view.kind == "vnf_instance"]
    return {entry["id"] for info in instances for entry in info["vnfcResourceInfo"]}


@given(managements(), st.integers(0, 550), st.integers(0, 200))
def test_what_is_said_of_units_is_true_of_them(management, start, length):
    """Surely in service: at every instant of the span. In service at any instant of it: perhaps in service."""
    shown = management.snapshots()
    timeline, known = read(shown), seen(shown)
    start_s, end_s = REQUEST_S + 0.11 + start / 100, REQUEST_S + 0.12 + (start + length) / 100
    assume(at(end_s) <= timeline.seen_until_ns)
    instants = [start_s + (end_s - start_s) * part / 40 for part in range(1, 40)]
    for line in management.units:
        mine = [unit for unit in timeline.units if unit.id == line.id]
        in_service = [truly(line, second) for second in instants]
        # A unit that is changed in place counts as an old one, then as a new one.
        if any(unit.surely_in_service(at(start_s), at(end_s)) for unit in mine):
            assert all(in_service), line
        if line.id in known and any(in_service):
            assert any(unit.maybe_in_service(at(start_s), at(end_s)) for unit in mine), line
        if line.modified_s is None and line.id in known:
            assert len(mine) == 1
            assert mine[0].new == (line.appeared_s is not None)
            for instant, second in ((mine[0].appeared, line.appeared_s), (mine[0].gone, line.removed_s)):
                if instant is not None:
                    assert instant.earliest_ns <= at(second) <= instant.latest_ns, line
            if line.removed_s is not None:
                assert mine[0].gone is not None


@given(managements())
def test_capacity_in_service_lies_between_what_is_sure_and_what_is_possible(management):
    shown = management.snapshots()
    timeline, known = read(shown), seen(shown)
    assume(all(line.id in known for line in management.units))
    found = stretches(timeline)
    for one in found:
        middle_s = REQUEST_S + ((one.start_ns + one.end_ns) / 2 - at(REQUEST_S)) / 1e9
        actual = sum(PPS[line.vdu] for line in management.units if truly(line, middle_s))
        assert one.sure_pps <= actual <= one.possible_pps
    assert lowest_sure(found).sure_pps == min(one.sure_pps for one in found)
    assert lowest_possible(found).possible_pps == min(one.possible_pps for one in found)
    assert [one.end_ns for one in found[:-1]] == [one.start_ns for one in found[1:]]
    assert (found[0].start_ns, found[-1].end_ns) == (at(REQUEST_S), timeline.seen_until_ns)


def unit_of(ready, gone, number=0):
    return Unit(f"u{number}", "v", "d", new=True, capacity_pps=100.0, appeared=ready, ready=ready, gone=gone)


@st.composite
def units(draw, number=0):
    """A new unit whose instants are known to lie in some interval."""
    marks = sorted(draw(st.lists(SMALL, min_size=4, max_size=4)))
    gone = Interval(marks[2], marks[3]) if draw(st.booleans()) else None
    return unit_of(Interval(marks[0], marks[1]), gone, number)


@given(units(), SMALL, SMALL)
def test_surely_and_perhaps_mean_every_and_some_order_of_events(unit, one, other):
    start, end = min(one, other), max(one, other)
    ready = range(unit.ready.earliest_ns, unit.ready.latest_ns + 1)
    gone = range(unit.gone.earliest_ns, unit.gone.latest_ns + 1) if unit.gone else [10**9]
    orders = [(begun, ended) for begun, ended in product(ready, gone) if begun <= ended]
    every = all(begun <= start and ended >= end for begun, ended in orders)
    some = any(begun <= end and ended >= start for begun, ended in orders)
    assert unit.surely_in_service(start, end) == every
    assert unit.maybe_in_service(start, end) == some


@given(st.lists(units(), max_size=4))
def test_stretches_of_any_units(found):
    timeline = UnitTimeline(tuple(found), 0, 12, ())
    for one in stretches(timeline):
        assert one.sure_pps == 100.0 * sum(unit.surely_in_service(one.start_ns, one.end_ns) for unit in found)
        inner = (one.start_ns + 1, one.end_ns - 1)
        assert one.possible_pps == 100.0 * sum(unit.maybe_in_service(*inner) for unit in found)
        assert one.sure_pps <= one.possible_pps


@given(st.lists(units(), max_size=3), st.lists(SMALL, min_size=4, max_size=4), st.booleans(), dice(40))
def test_pieces_of_plateaus_have_their_users_and_their_capacity(found, marks, surely, rolled):
    first, second, third, last = sorted(marks)
    came = sorted(rolled.below(13) for _ in range(20))
    on_new = [bool(rolled.below(2)) for _ in came]
    of = Openers(np.asarray(came, np.int64), np.asarray(on_new, np.bool_))
    plateaus = [
        Plateau(Interval(first, first), Interval(second, third), 10, 5),
        Plateau(Interval(second, third), Interval(last, last), 10, 5),
    ]
    until = [third, last] if surely else [second, last]
    cut = pieces(of, plateaus, found, surely=surely)
    for plateau, end_ns in zip(plateaus, until, strict=True):
        mine = [piece for piece in cut if piece.plateau == plateau]
        low = plateau.start.latest_ns
        users = [new for at_ns, new in zip(came, on_new, strict=True) if low < at_ns <= end_ns]
        assert sum(piece.users for piece in mine) == len(users)
        assert sum(piece.on_new for piece in mine) == sum(users)
        for piece in mine:
            inside = [new for at_ns, new in zip(came, on_new, strict=True) if piece.start_ns < at_ns <= piece.end_ns]
            assert (piece.users, piece.on_new) == (len(inside), sum(inside))
            span = (piece.start_ns, piece.end_ns) if surely else (piece.start_ns + 1, piece.end_ns - 1)
            there = [unit.surely_in_service(*span) if surely else unit.maybe_in_service(*span) for unit in found]
            assert piece.capacity_pps == 100.0 * sum(there)
            # Few users say less than all of the plateau.
            assert piece.share == (plateau.share if inside else 0.0)
            assert 0.0 <= piece.least_share <= (sum(inside) / len(inside) if inside else 0.0) + 1e-12


@pytest.mark.parametrize("surely", [True, False])
def test_no_plateaus_no_pieces(surely):
    assert pieces(Openers(np.zeros(0, np.int64), np.zeros(0, np.bool_)), [], [], surely=surely) == ()
