"""The new side's load against its capacity, piece by piece."""

from __future__ import annotations

import numpy as np
import pytest

from hitless.history import Interval
from hitless.measures.changes import Openers
from hitless.measures.confidence import interval
from hitless.measures.shares import Plateau
from hitless.measures.side_load import pieces
from hitless.measures.units import Unit

MS = 1_000_000


def users(*, count=1000, every=2):
    """A user each millisecond from 1 ms on; every second one goes to the new version."""
    return Openers(np.arange(1, count + 1, dtype=np.int64) * MS, np.arange(1, count + 1) % every == 0)


def plateau(start_ms, end_ms, *, share=0.5, known_within_ms=0):
    start = Interval((start_ms - known_within_ms) * MS, start_ms * MS)
    end = Interval((end_ms - known_within_ms) * MS, end_ms * MS)
    count = end_ms - start_ms
    return Plateau(start, end, count, round(count * share))


def unit(ready_ms, *, gone_ms=None, within_ms=10):
    ready = Interval((ready_ms - within_ms) * MS, ready_ms * MS)
    gone = None if gone_ms is None else Interval((gone_ms - within_ms) * MS, gone_ms * MS)
    return Unit("new", "gateway", "t", new=True, capacity_pps=100.0, appeared=ready, ready=ready, gone=gone)


def cut(units, plateaus=None, *, surely=True, opened=None):
    found = pieces(opened or users(), (plateau(100, 900),) if plateaus is None else plateaus, units, surely=surely)
    return [(one.start_ns // MS, one.end_ns // MS, one.users, one.capacity_pps) for one in found]


def test_a_plateau_with_a_unit_from_before_is_one_piece():
    assert cut([unit(50)]) == [(100, 900, 800, 100.0)]
    assert cut([unit(50)], surely=False) == [(100, 900, 800, 100.0)]


def test_a_plateau_without_units_has_no_capacity():
    assert cut([]) == [(100, 900, 800, 0.0)]


def test_a_unit_that_comes_within_counts_from_when_it_is_certain_or_possible():
    assert cut([unit(50), unit(300)]) == [(100, 300, 200, 100.0), (300, 900, 600, 200.0)]
    assert cut([unit(50), unit(300)], surely=False) == [(100, 290, 190, 100.0), (290, 900, 610, 200.0)]


def test_a_unit_that_goes_within_counts_until_it_may_or_must_be_gone():
    assert cut([unit(50, gone_ms=700)]) == [(100, 690, 590, 100.0), (690, 900, 210, 0.0)]
    assert cut([unit(50, gone_ms=700)], surely=False) == [(100, 700, 600, 100.0), (700, 900, 200, 0.0)]


def test_a_unit_that_is_ready_exactly_at_the_beginning_is_there():
    assert cut([unit(100)]) == [(100, 900, 800, 100.0)]


def test_users_who_may_belong_to_the_next_plateau_count_for_this_one_where_it_matters():
    two = (plateau(100, 500, known_within_ms=50), plateau(500, 900, known_within_ms=50))
    assert cut([unit(50)], two) == [(100, 500, 400, 100.0), (500, 900, 400, 100.0)]
    assert cut([unit(50)], two, surely=False) == [(100, 450, 350, 100.0), (500, 850, 350, 100.0)]


def test_the_share_of_many_users_is_their_own():
    (first, second) = pieces(users(), (plateau(100, 900, share=0.9),), [unit(50), unit(300)], surely=True)
    assert (first.share, second.share) == (0.5, 0.5)
    assert first.least_share == interval(100, 200)[0]


def test_the_share_of_few_users_is_that_of_the_plateau():
    (first, _) = pieces(users(), (plateau(100, 900, share=0.9),), [unit(50), unit(163)], surely=True)
    assert first.users == 63
    assert first.share == pytest.approx(0.9)
    (first, _) = pieces(users(), (plateau(100, 900, share=0.9),), [unit(50), unit(164)], surely=True)
    assert first.share == pytest.approx(0.5)


def test_what_is_certain_of_few_users_is_their_own():
    (first, _) = pieces(users(), (plateau(100, 900, share=0.9),), [unit(50), unit(120)], surely=False)
    assert first.users == 10
    assert first.least_share == interval(5, 10)[0]


def test_a_piece_without_users_has_no_share():
    late = Openers(np.asarray([950 * MS], np.int64), np.asarray([True]))
    (only,) = pieces(late, (plateau(100, 900, share=0.9),), [unit(50)], surely=True)
    assert (only.users, only.share, only.least_share) == (0, 0.0, 0.0)


def test_no_plateau_no_piece():
    assert cut([unit(50)], ()) == []


def test_users_whom_nobody_answered_make_the_share_less_certain():
    lost = np.arange(101, 141, dtype=np.int64) * MS
    (first, second) = pieces(users(), (plateau(100, 900),), [unit(50), unit(300)], surely=True, unanswered_ns=lost)
    assert (first.unanswered, second.unanswered) == (40, 0)
    assert first.share == 0.5
    assert first.least_share == interval(100, 240)[0]
    assert second.least_share == interval(300, 600)[0]
