"""Verdicts that fail tell when the violation began: the report shows the packets around that instant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import ProbeRecords
from hitless.judges import judge_cap_01, judge_trf_01
from hitless.verdict import Outcome
from tests.core.builders import CAP_LIMITS, TRF_LIMITS, Loss, Scene, at
from tests.core.judging import judged
from tests.core.scenes import FailingScene, PairScene, RuleScene, StepScene

FIRST = "first_violation_ns"


def told_s(verdict):
    """Return when the violation began, in seconds of the scene."""
    assert verdict.outcome is Outcome.FAIL
    return (verdict.evidence[FIRST] - at(0)) / 1e9


def moved(group, from_s):
    def edit(packets):
        if packets.group.name == group:
            packets.version[(packets.session == packets.session[10]) & (packets.sent_s >= from_s)] = 1

    return edit


def test_the_first_session_that_was_moved():
    verdict = judge_trf_01(Scene(edit=moved("long-sessions", 13.5)).history(), TRF_LIMITS)
    assert told_s(verdict) == pytest.approx(13.5, abs=2.1)


def test_the_first_user_on_two_versions():
    verdict = judged("RQ-TRF-02", PairScene(edit=moved("long-sessions", 14.5)).history())
    assert told_s(verdict) == pytest.approx(14.5, abs=2.1)


def test_a_verdict_that_fails_for_another_reason_names_no_instant():
    states = (("PROCESSING", 10.3, {}), ("FAILED_TEMP", 20.0, {}))
    for verdict in (
        judge_trf_01(Scene(states=states).history(), TRF_LIMITS),
        judge_cap_01(Scene(states=states).history(), CAP_LIMITS),
        judged("RQ-TRF-02", PairScene(states=states).history()),
        judged("RQ-RBK-01", FailingScene(rolled_back=False).history()),
    ):
        assert verdict.outcome is Outcome.FAIL
        assert FIRST not in verdict.evidence


def test_the_first_session_that_a_rule_did_not_reach_or_should_not_have_reached():
    wide = tuple(f"10.1.{third}.0/23" for third in (64, 66, 68, 70))
    leaked = judged("RQ-TRF-03", RuleScene(effective_users=wide).history())
    assert 12.0 <= told_s(leaked) < 17.0
    missed = judged("RQ-TRF-03", RuleScene(in_force_s={"user-group": 12.0, "service-type": 27.0}).history())
    assert told_s(missed) == pytest.approx(25.0, abs=0.1)


@pytest.mark.parametrize("pg_id", [1, 21])
def test_the_first_packet_that_was_lost_while_rules_changed(pg_id):
    verdict = judged("RQ-TRF-06", RuleScene(losses=(Loss(39.4, 39.5, 1.0, (pg_id,)),)).history())
    assert told_s(verdict) == pytest.approx(39.4, abs=0.12)


def test_the_first_packet_that_came_twice():
    history = RuleScene().history()
    probes = history.probes
    row = int(np.flatnonzero((probes.pg_id == 21) & (probes.sent_ns >= at(40.0)))[0])
    columns = {
        name: np.append(getattr(probes, name), getattr(probes, name)[row])
        for name in ProbeRecords.__dataclass_fields__
        if isinstance(getattr(probes, name), np.ndarray)
    }
    verdict = judged("RQ-TRF-06", replace(history, probes=replace(probes, **columns)))
    assert told_s(verdict) == pytest.approx(40.0, abs=0.001)


def lose_one_old_packet(packets):
    if packets.group.name == "long-sessions":
        packets.received[(packets.session == 9) & (packets.sent_s > 18.0) & (packets.sent_s < 20.1)] = False


def test_the_first_packet_that_users_of_the_old_version_lost():
    verdict = judged("RQ-RBK-01", FailingScene(edit=lose_one_old_packet).history())
    assert 18.0 < told_s(verdict) < 20.1


def test_the_first_packet_of_an_outage_that_was_too_long():
    scene = FailingScene(switched_s=24.0, shares=((13.0, 0.5),), ended_s=25.0, stopped_s=30.1, long_until_s=30.1)
    assert told_s(judged("RQ-RBK-01", scene.history())) == pytest.approx(16.0, abs=0.3)


def test_the_slowest_second_of_a_stage_that_failed():
    scene = StepScene(losses=(Loss(23.0, 24.0, 0.5, (1, 2, 3)),))
    assert told_s(judged("RQ-RBK-05", scene.history())) == pytest.approx(23.0, abs=0.2)


def test_the_first_packet_that_was_lost_under_rated_load():
    verdict = judge_cap_01(Scene(losses=(Loss(13.0, 19.0, 0.5),)).history(), CAP_LIMITS)
    assert told_s(verdict) == pytest.approx(13.0, abs=0.12)


def test_the_slowest_second_where_everything_only_came_late():
    verdict = judge_cap_01(Scene(delays=((15.0, 16.0, 1.5),)).history(), CAP_LIMITS)
    assert told_s(verdict) == pytest.approx(15.0, abs=1.2)
