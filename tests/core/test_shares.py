"""The share among users who come anew: who counts, where plateaus begin and end."""

from __future__ import annotations

import numpy as np
import pytest

from hitless.history import Interval
from hitless.measures.changes import Openers
from hitless.measures.confidence import interval
from hitless.measures.shares import Plateau, arrivals, offered_pps, plateaus, smallest_step
from hitless.measures.timelines import timelines
from tests.core.builders import EPOCH_NS, at, unmark
from tests.core.management import StepScene


def came(scene, timeout_s=5.0):
    return arrivals(timelines(scene.history()), timeout_s)


def on_new_sessions(edit):
    return lambda packets: edit(packets) if packets.group.name == "new-sessions" else None


@pytest.fixture(scope="module")
def clean():
    return came(StepScene())


def test_each_user_counts_once_however_many_sessions_they_open(clean):
    """32 users open two sessions each, every 0.256 s, and come back after 64 times as long."""
    rounds = np.ceil(29.1 / 0.256)
    assert len(clean.opened.sent_ns) == rounds * 32
    assert clean.unmarked == 0
    assert clean.unmarked_ratio == 0.0


def test_users_are_in_the_order_of_their_coming(clean):
    assert np.all(np.diff(clean.opened.sent_ns) >= 0)
    assert not clean.opened.on_new[clean.opened.sent_ns < at(13.0)].any()
    assert clean.opened.on_new[clean.opened.sent_ns > at(20.3)].all()


def test_a_user_with_a_session_open_does_not_come_anew():
    """With a timeout that is longer than they stay away, users count only when they come for the first time."""
    assert len(came(StepScene(), timeout_s=20.0).opened.sent_ns) == 2048


def test_a_user_whose_first_opener_was_lost_counts_by_the_next():
    def lose(packets):
        opener = np.flatnonzero(packets.layout.position(packets.number) == 0)[0]
        packets.received[opener] = False

    scene = StepScene(edit=on_new_sessions(lose))
    found = came(scene)
    assert len(found.opened.sent_ns) == np.ceil(29.1 / 0.256) * 32
    assert found.unmarked == 0


def test_a_user_who_is_lost_is_not_unmarked():
    def lose(packets):
        packets.received[packets.user == 7] = False

    found = came(StepScene(edit=on_new_sessions(lose)))
    assert found.unmarked == 0
    assert len(found.opened.sent_ns) < np.ceil(29.1 / 0.256) * 32


def lost(select):
    """Lose packets of new sessions; ``select`` tells which."""

    def lose(packets):
        packets.received[select(packets)] = False

    return StepScene(edit=on_new_sessions(lose))


def opening(packets):
    return packets.layout.position(packets.number) == 0


def test_a_user_who_is_lost_is_unanswered_at_each_visit():
    found = came(lost(lambda packets: packets.user == 7))
    assert len(found.unanswered_ns) == 2  # in 29 s they come twice
    assert np.all(np.diff(found.unanswered_ns) > 5_000_000_000)
    assert len(found.late_ns) == 0


def test_a_user_of_whom_one_session_was_answered_is_known():
    def one_session(packets):
        return (packets.user == 7) & (packets.session % 64 >= 32)

    assert len(came(lost(one_session)).unanswered_ns) == 0


def test_a_user_whom_the_new_version_answers_later_is_its_user():
    found = came(lost(lambda packets: opening(packets) & (packets.opened_s > 21.0) & (packets.opened_s < 22.0)))
    assert len(found.unanswered_ns) == 0
    assert 90 < len(found.late_ns) <= 4 * 32  # of some the second session was opened a little later
    assert np.all((found.late_ns > at(21.0)) & (found.late_ns < at(22.0)))


def test_a_user_whom_the_old_version_answers_later_may_have_been_sent_back():
    found = came(lost(lambda packets: opening(packets) & (packets.opened_s > 11.0) & (packets.opened_s < 12.0)))
    assert 90 < len(found.unanswered_ns) <= 4 * 32
    assert len(found.late_ns) == 0


def test_unmarked_users_are_told():
    def edit(packets):
        unmark(packets, packets.user == 7)

    found = came(StepScene(edit=on_new_sessions(edit)))
    assert found.unmarked == 2  # in 29 s they come twice
    assert 0 < found.unmarked_ratio < 0.001


def test_no_streams_no_users():
    found = arrivals((), 5.0)
    assert len(found.opened.sent_ns) == 0
    assert found.unmarked_ratio == 0.0
    assert plateaus(found.opened) == ()


# --- plateaus -------------------------------------------------------------------------------------------------------


def openers(*parts, spacing_ms=8.0):
    """Users at a steady pace; each part is (number of users, every how many of them goes to the new version)."""
    on_new = np.concatenate(
        [np.arange(1, count + 1) % every == 0 if every else np.zeros(count, bool) for count, every in parts]
    )
    return Openers(EPOCH_NS + np.rint(np.arange(len(on_new)) * spacing_ms * 1e6).astype(np.int64), on_new)


def test_a_share_that_never_comes_has_no_plateau():
    assert plateaus(openers((500, 0))) == ()


def test_a_step_and_the_end():
    (first, last) = plateaus(openers((500, 0), (400, 10), (500, 1)))
    assert (first.users, last.users) == (pytest.approx(395, abs=12), pytest.approx(500, abs=12))
    assert first.share == pytest.approx(0.1, abs=0.005)
    assert last.share == 1.0
    assert first.end.earliest_ns <= last.start.latest_ns
    assert last.end.latest_ns == EPOCH_NS + round(1399 * 8e6)


def test_a_plateau_begins_with_its_first_user():
    opened = openers((500, 0), (400, 1))
    (only,) = plateaus(opened)
    assert only.start == Interval(int(opened.sent_ns[500]), int(opened.sent_ns[500]))
    assert only.users == 399


def test_between_two_users_nothing_happens():
    """Users come in bursts; a change between two of them begins with the second."""
    opened = openers((500, 0), (400, 10), (400, 2))
    gap = np.where(np.arange(1300) >= 900, 5_000_000_000, 0)
    (_, second) = plateaus(Openers(opened.sent_ns + gap, opened.on_new))
    assert second.start.earliest_ns > opened.sent_ns[900] - 200_000_000
    assert second.start.latest_ns >= opened.sent_ns[900] + 5_000_000_000


def test_a_share_that_falls_is_a_plateau_of_its_own():
    shares = [one.share for one in plateaus(openers((300, 0), (400, 2), (400, 5), (400, 1)))]
    assert shares == pytest.approx([0.5, 0.2, 1.0], abs=0.02)


def test_bounds_are_those_of_clopper_and_pearson():
    plateau = Plateau(Interval(0, 0), Interval(9, 9), 300, 30)
    assert plateau.bounds == interval(30, 300)
    nobody = Plateau(Interval(0, 0), Interval(9, 9), 0, 0)
    assert (nobody.share, nobody.bounds) == (0.0, (0.0, 1.0))


def test_users_whom_nobody_answered_widen_the_bounds_to_all_or_none_of_them():
    plateau = Plateau(Interval(0, 0), Interval(9, 9), 300, 30, unanswered=100)
    assert plateau.share == 0.1
    assert plateau.bounds == (interval(30, 400)[0], interval(130, 400)[1])
    assert (plateau.if_all_went.share, plateau.if_none_went.share) == (130 / 400, 30 / 400)
    nobody = Plateau(Interval(0, 0), Interval(9, 9), 0, 0, unanswered=100)
    assert nobody.bounds == (0.0, 1.0)


def test_users_whom_nobody_answered_belong_to_the_plateau_in_which_they_came():
    opened = openers((500, 0), (400, 10), (500, 1))
    known = plateaus(opened)
    inside = known[0].start.latest_ns + np.asarray([-1, 0, 1, 1_000_000], np.int64)
    found = plateaus(opened, np.concatenate((inside, [known[1].end.earliest_ns])))
    assert [one.unanswered for one in found] == [2, 1]
    assert [(one.users, one.on_new) for one in found] == [(one.users, one.on_new) for one in known]


def test_offered_load_of_a_plateau():
    counters = StepScene(load_factor=0.5).history().counters
    plateau = Plateau(Interval(at(13), at(13)), Interval(at(16), at(16)), 1, 1)
    assert offered_pps(counters, plateau) == pytest.approx(7000, rel=0.01)


def test_a_plateau_without_two_samples_has_no_offered_load():
    counters = StepScene(sample_s=1.0).history().counters
    assert offered_pps(counters, Plateau(Interval(at(13), at(13)), Interval(at(13.5), at(13.5)), 1, 1)) is None


@pytest.mark.parametrize(("seconds", "expected"), [(2.0, 0.22), (8.0, 0.11), (0.01, 1.0)])
def test_how_small_a_step_can_be_seen_depends_on_how_many_users_come(seconds, expected):
    assert smallest_step(openers((1000, 2)), seconds) == pytest.approx(expected, abs=0.005)


def test_without_users_no_step_can_be_seen():
    assert smallest_step(openers((1, 0)), 2.0) == 1.0


@pytest.mark.parametrize(("fall", "steps"), [(5, 3), (0, 3)])
def test_a_step_that_is_large_enough_is_seen(fall, steps):
    """Half of the users, then fewer for 2 s (250 users), then all."""
    assert len(plateaus(openers((300, 0), (250, 2), (250, fall), (400, 1)))) == steps


def test_the_first_share_begins_with_its_first_user_in_any_case():
    """Users before who went to the old version may have been meant to; they are no load of the new one."""
    (first, *_) = plateaus(openers((500, 0), (400, 10), (400, 1)))
    assert first.start.earliest_ns == first.start.latest_ns == EPOCH_NS + round(509 * 8e6)
