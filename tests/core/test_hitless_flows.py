from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import UNMARKED
from hitless.measures.hitless_flows import duplicates_in, loss_of_others, loss_of_version, served_by
from hitless.measures.recovery import last_served, outage_of, sure_outage
from hitless.measures.spans import Span
from hitless.measures.timelines import timelines
from tests.core.builders import Loss, at
from tests.core.scenes import FailingScene, PairScene

WHOLE = [Span(at(0.0), at(60.0))]


def streams_of(scene):
    return timelines(scene.history())


def naive_servers(stream):
    """The mark of the first marked packet of each session."""
    found = {}
    for session, version in zip(stream.sessions.tolist(), stream.version.tolist(), strict=True):
        if version >= 0:
            found.setdefault(session, version)
    return found


def test_a_session_is_served_by_whoever_served_its_first_marked_packet():
    scene = PairScene(losses=(Loss(0.0, 2.0, 0.3, (21,)),), shares=((0.5, 0.5),), started_s=0.0, stopped_s=2.0)
    stream = next(one for one in streams_of(scene) if one.group.name == "new-sessions")
    served = served_by(stream)
    assert {0, 1} <= set(served.tolist())
    naive = naive_servers(stream)
    assert served.tolist() == [naive.get(session, UNMARKED) for session in stream.sessions.tolist()]


def test_nothing_marked_nothing_known():
    scene = PairScene(losses=(Loss(0.0, 60.0, 1.0, (21,)),))
    stream = next(one for one in streams_of(scene) if one.group.name == "new-sessions")
    assert set(served_by(stream).tolist()) == {UNMARKED}


def test_every_packet_is_of_the_one_or_of_the_others():
    streams = streams_of(FailingScene(losses=(Loss(5.0, 20.0, 0.01),)))
    old, others = loss_of_version(streams, WHOLE, 0), loss_of_others(streams, WHOLE, 0)
    assert old.sent + others.sent == sum(len(stream) for stream in streams)
    assert old.lost + others.lost == sum(int(np.count_nonzero(~stream.received)) for stream in streams)
    assert np.all(np.diff(others.lost_ns) >= 0)
    assert old.sessions_with_loss == len(np.unique(old.lost_sessions))


def test_loss_while_only_the_old_version_serves_is_its_own():
    streams = streams_of(PairScene(losses=(Loss(5.0, 5.5),)))
    assert loss_of_version(streams, WHOLE, 0).lost == 2000
    assert loss_of_others(streams, WHOLE, 0).lost == 0


def test_the_lost_beginning_of_a_session_counts_to_the_new_version_once_that_serves():
    def edit(packets):
        if packets.group.name == "new-sessions":
            first = packets.session[packets.opened_s >= 15.0][0]
            rows = np.flatnonzero(packets.session == first)
            packets.received[rows[:3]] = False
            packets.version[rows] = 0

    streams = streams_of(PairScene(edit=edit))
    assert loss_of_version(streams, WHOLE, 0).lost == 0
    assert loss_of_others(streams, WHOLE, 0).lost == 3


def test_loss_after_a_session_was_served_is_of_who_served_it():
    def edit(packets):
        if packets.group.name == "long-sessions":
            packets.received[(packets.session == 9) & (packets.sent_s > 15.0)] = False

    streams = streams_of(PairScene(edit=edit))
    loss = loss_of_version(streams, WHOLE, 0)
    assert loss.lost in {2, 3}
    assert set(loss.lost_sessions.tolist()) == {(20 << 40) + 9}


def test_only_what_was_sent_in_the_spans_counts():
    streams = streams_of(PairScene(losses=(Loss(5.0, 6.0), Loss(11.0, 12.0))))
    spans = [Span(at(4.0), at(5.5)), Span(at(11.5), at(13.0))]
    loss = loss_of_version(streams, spans, 0)
    assert loss.sent == 3.0 * 4000
    assert loss.lost == 1.0 * 4000


@pytest.mark.parametrize(("start", "end", "copies"), [(0, 100, 3), (0, 10, 1), (10, 100, 2), (50, 60, 0)])
def test_copies_beyond_the_first(start, end, copies):
    sent = np.asarray([5, 5, 20, 20, 20, 30, 30])
    number = np.asarray([1, 1, 2, 2, 2, 3, 3])
    pg_id = np.asarray([21, 21, 21, 21, 21, 21, 22], np.int32)
    assert duplicates_in(number, sent, pg_id, Span(start, end)) == copies


def test_an_outage_lasts_from_the_first_loss_until_something_comes_back():
    scene = PairScene(losses=(Loss(15.0, 16.0), Loss(17.0, 17.5)), shares=((5.0, 1.0),))
    streams = streams_of(scene)
    loss = loss_of_others(streams, WHOLE, 0)
    outage = outage_of(loss, streams, WHOLE[0])
    assert outage.first_ns == pytest.approx(at(15.0), abs=2_000_000)
    assert outage.until_ns == pytest.approx(at(17.5), abs=2_000_000)
    assert outage.length_ns == outage.until_ns - outage.first_ns
    assert outage.over


def test_an_outage_that_does_not_end_lasts_to_the_end_of_what_was_looked_at():
    scene = PairScene(losses=(Loss(15.0, 60.0),), shares=((5.0, 1.0),))
    streams = streams_of(scene)
    span = Span(at(10.0), at(27.0))
    outage = outage_of(loss_of_others(streams, [span], 0), streams, span)
    assert outage.until_ns == span.end_ns
    assert not outage.over


def test_losses_near_other_causes_can_be_left_out():
    scene = PairScene(losses=(Loss(15.0, 15.1), Loss(20.0, 20.1)), shares=((5.0, 1.0),))
    streams = streams_of(scene)
    loss = loss_of_others(streams, WHOLE, 0)
    around = [Span(at(19.0), at(21.0))]
    assert outage_of(loss, streams, WHOLE[0], around).until_ns < at(15.2)
    assert outage_of(loss, streams, WHOLE[0], [Span(at(14.0), at(21.0))]) is None


def test_doubtful_losses_make_the_sure_outage_as_short_as_they_can():
    scene = PairScene(losses=(Loss(14.0, 14.0005, 1.0, (21,)), Loss(15.0, 16.0), Loss(18.0, 18.001, 1.0, (21,))))
    streams = streams_of(replace(scene, shares=((5.0, 1.0),)))
    loss = loss_of_others(streams, WHOLE, 0)
    strays = int(np.count_nonzero((loss.lost_ns < at(14.5)) | (loss.lost_ns > at(17.0))))
    assert strays == 3
    lengths = [sure_outage(loss, streams, WHOLE[0], [], count).length_ns / 1e9 for count in range(strays + 1)]
    assert lengths == pytest.approx([4.0, 3.0, 2.0, 1.0], abs=0.01)
    assert sure_outage(loss, streams, WHOLE[0], [], loss.lost) is None
    assert sure_outage(loss, streams, WHOLE[0], [Span(at(10.0), at(20.0))], 0) is None


@pytest.mark.parametrize("count", [1, 2, 5, 40])
def test_no_choice_of_doubtful_losses_leaves_a_shorter_outage(count):
    dice = np.random.default_rng(count)
    lost_ns = np.sort(dice.choice(np.arange(at(10.0), at(20.0), 10_000_000), 60, replace=False))
    streams = streams_of(PairScene(shares=((5.0, 1.0),)))
    loss = replace(loss_of_others(streams, WHOLE, 0), lost=60, lost_ns=lost_ns)
    sure = sure_outage(loss, streams, WHOLE[0], [], count)
    for _ in range(50):
        left = np.sort(dice.choice(lost_ns, 60 - count, replace=False))
        assert sure.length_ns <= outage_of(replace(loss, lost_ns=left), streams, WHOLE[0]).length_ns + 2_000_000
    edges = range(count + 1)
    assert min(lost_ns[59 - count + k] - lost_ns[k] for k in edges) == pytest.approx(sure.length_ns, abs=2_000_000)


def test_of_two_single_losses_the_doubtful_one_is_that_before_the_longer_silence():
    streams = streams_of(PairScene(pauses=((12.0, 13.0),)))
    times_ns = np.asarray([at(11.999_9), at(14.0)], np.int64)
    loss = replace(loss_of_others(streams, WHOLE, 0), lost=2, lost_ns=times_ns)
    assert outage_of(replace(loss, lost=1, lost_ns=times_ns[:1]), streams, WHOLE[0]).length_ns > 1_000_000_000
    sure = sure_outage(loss, streams, WHOLE[0], [], 1)
    assert (sure.first_ns, sure.over) == (at(14.0), True)
    assert sure.length_ns < 2_000_000


def test_nothing_lost_no_outage():
    streams = streams_of(PairScene())
    assert outage_of(loss_of_others(streams, WHOLE, 0), streams, WHOLE[0]) is None


def test_when_a_version_served_last_is_known_to_the_way_of_a_packet():
    history = FailingScene().history()
    last = last_served(history, 1, WHOLE[0])
    assert last.earliest_ns < at(17.2) < last.latest_ns + 30_000_000
    assert last.latest_ns - last.earliest_ns == pytest.approx(500_000 + 2 * 1_000_000, abs=1000)
    assert last_served(history, 1, Span(at(0.0), at(12.0))) is None
