"""Strays, pauses and long outages of users of failing software, with the truth beside them."""

from __future__ import annotations

import numpy as np
import pytest

from hitless.measures.hitless_flows import loss_of_others, loss_of_version
from hitless.measures.recovery import longest_outage, longest_sure_outage, outage_of
from hitless.measures.spans import Span
from hitless.measures.timelines import timelines
from hitless.verdict import Outcome
from tests.core.builders import Loss, at
from tests.core.judging import check, judged, outcomes
from tests.core.scenes import FailingScene, PairScene

RQ = "RQ-RBK-01"
WHOLE = Span(at(0.0), at(60.0))
DENSE = {"shares": ((13.0, 0.5),), "stopped_s": 28.1, "long_until_s": 28.1}
LATER = {**DENSE, "failing_s": 20.0, "failed_s": 21.0, "rollback_s": 21.1, "switched_s": 22.0, "ended_s": 23.0}
"""The software fails at 20 s; everybody is served again at 22 s."""


def stray(second, place):
    """Take one packet of a session of the new version, at a place within it."""

    def edit(packets):
        if packets.group.name != "new-sessions":
            return
        index = packets.layout.position(packets.number)
        rows = (packets.version == 1) & (packets.sent_s >= second) & (index == place) & (packets.user % 16 != 3)
        packets.received[np.flatnonzero(rows)[:1]] = False

    return edit


def test_failing_software_two_seconds_long_passes():
    verdict = judged(RQ, FailingScene(**LATER).history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["recovery_s"] == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize("place", [0, 3, 7])
def test_a_stray_loss_seconds_before_the_failure_is_no_long_outage(place):
    """Its session is over in a quarter of a second, so that nobody can say that it was served for long afterwards."""
    verdict = judged(RQ, FailingScene(edit=stray(14.0, place), **LATER).history())
    assert outcomes(verdict) == {"recovery": "INCONC"}
    assert verdict.reasons == ("I4",)
    assert verdict.figures["recovery_s"] == pytest.approx(8.0, abs=0.5)


@pytest.mark.parametrize("place", [0, 3, 7])
def test_nor_is_one_seconds_after_it(place):
    """Those who were hit come again much later only."""

    def edit(packets):
        stray(21.0, place)(packets)
        hit = (packets.version == 1) & (packets.sent_s >= 14.0) & (packets.sent_s < 16.0)
        packets.received[hit & (packets.user % 16 == 3)] = False

    scene = FailingScene(edit=edit, **{**LATER, "failing_s": 40.0})
    assert check(judged(RQ, scene.history()), "recovery").outcome is Outcome.INCONC


def test_two_packets_in_a_row_of_a_session_that_never_comes_back_may_be_the_beginning():
    """A class of users that is out shows itself in bursts, one for each of them who comes."""

    def edit(packets):
        for second in (14.0, 16.0, 18.0):
            hit = (packets.version == 1) & (packets.sent_s >= second) & (packets.sent_s < second + 0.5)
            packets.received[hit & (packets.user % 16 == 5)] = False

    assert outcomes(judged(RQ, FailingScene(edit=edit, **LATER).history())) == {"recovery": "FAIL"}


def test_users_who_are_out_for_too_long_are_so_whoever_else_is_served():
    """Of every 16th user of a tenth of the load nothing is heard for a second; others are served all the time."""
    times = {"switched_s": 23.5, "ended_s": 25.0, "stopped_s": 30.1, "long_until_s": 30.1}
    verdict = judged(RQ, FailingScene(**times).history())
    assert outcomes(verdict) == {"recovery": "FAIL"}
    streams = timelines(FailingScene(**times).history())
    lost_ns = loss_of_others(streams, [WHOLE], 0).lost_ns
    assert np.max(np.diff(lost_ns)) > 500_000_000


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
def test_a_failure_that_loses_a_part_of_the_packets_never_passes(part):
    """Some sessions get packets through, but for nobody is it over."""
    dice = np.random.default_rng(7)

    def edit(packets):
        hit = (packets.version == 1) & (packets.sent_s >= 14.0) & (packets.sent_s < 22.0)
        packets.received[hit & (packets.user % 16 == 3) & (dice.random(len(packets.number)) < part)] = False

    scene = FailingScene(edit=edit, failing_s=40.0, switched_s=22.0, ended_s=23.0, **DENSE)
    verdict = judged(RQ, scene.history())
    recovery = check(verdict, "recovery")
    assert recovery.outcome in {Outcome.FAIL, Outcome.INCONC}
    assert verdict.figures["recovery_s"] > 6.0
    if part > 0.4:
        assert recovery.outcome is Outcome.FAIL


@pytest.mark.parametrize("spell_s", [0.5, 2.0])
def test_a_failure_that_comes_and_goes_is_one(spell_s):
    """Users who come in a good spell are served, those of a bad one are never seen again."""

    def edit(packets):
        bad = (packets.sent_s // spell_s) % 2 == 0
        hit = (packets.version == 1) & (packets.sent_s >= 14.0) & (packets.sent_s < 26.0)
        packets.received[hit & bad & (packets.user % 16 == 3)] = False

    scene = FailingScene(edit=edit, failing_s=40.0, switched_s=26.0, ended_s=27.0, **DENSE)
    assert check(judged(RQ, scene.history()), "recovery").outcome is Outcome.FAIL


def long_lived(*losses):
    """Sessions that stay, a packet of each every two seconds."""
    scene = PairScene(losses=losses, shares=((5.0, 1.0),), without_groups=("new-sessions",), stopped_s=40.0)
    scene.long_until_s = 40.0
    streams = timelines(scene.history())
    return loss_of_version(streams, [WHOLE], 0), streams


def test_sessions_that_are_served_for_long_enough_in_between_have_two_outages():
    loss, streams = long_lived(Loss(12.0, 15.0), Loss(30.0, 32.0))
    outage = longest_outage(loss, streams, WHOLE, 6e9)
    assert outage.first_ns == pytest.approx(at(12.0), abs=2_000_000)
    assert outage.length_ns == pytest.approx(3e9, abs=4_000_000)
    assert outage.over
    assert outage_of(loss, streams, WHOLE).length_ns == pytest.approx(20e9, abs=4_000_000)
    assert longest_sure_outage(loss, streams, WHOLE, [], 0).length_ns <= outage.length_ns


def test_sessions_that_are_served_for_a_short_time_in_between_have_one():
    loss, streams = long_lived(Loss(12.0, 18.0), Loss(23.0, 30.0))
    assert longest_outage(loss, streams, WHOLE, 6e9).length_ns == pytest.approx(18e9, abs=4_000_000)
    assert longest_outage(loss, streams, WHOLE, 1e9).length_ns == pytest.approx(7e9, abs=4_000_000)
    sure = longest_sure_outage(loss, streams, WHOLE, [], 0)
    assert sure.length_ns == pytest.approx(7e9, abs=4_000_000)


def test_a_doubtful_loss_does_not_join_what_others_were_back_between():
    """One session never comes back; that it is out may be two packets of the tester's."""
    loss, streams = long_lived(Loss(12.0, 18.0), Loss(30.0, 36.0))
    first = int(loss.lost_sessions[0])
    stream = next(one for one in streams if first in one.sessions)
    gone = (stream.sessions == first) & (stream.sent_ns > at(12.0)) & (stream.sent_ns < at(30.0))
    stream.received[gone] = False
    loss = loss_of_version(streams, [WHOLE], 0)
    extra = int(np.count_nonzero(gone))
    lengths = [longest_sure_outage(loss, streams, WHOLE, [], count).length_ns for count in (0, extra)]
    assert lengths[0] == pytest.approx(24e9, abs=10_000_000)
    assert lengths[1] == pytest.approx(6e9, abs=100_000_000)


def test_losses_near_other_causes_join_nothing():
    loss, streams = long_lived(Loss(12.0, 18.0), Loss(19.0, 24.0))
    whole = longest_sure_outage(loss, streams, WHOLE, [], 0).length_ns
    half = longest_sure_outage(loss, streams, WHOLE, [Span(at(18.9), at(24.1))], 0).length_ns
    assert (whole / 1e9, half / 1e9) == pytest.approx((12.0, 6.0), abs=0.01)


def test_without_loss_there_is_no_outage():
    loss, streams = long_lived()
    assert longest_outage(loss, streams, WHOLE, 6e9) is None
    assert longest_sure_outage(loss, streams, WHOLE, [], 0) is None
