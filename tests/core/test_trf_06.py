from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import CounterSeries, Ending, Event, History, ProbeRecords, Stall
from hitless.verdict import Outcome
from tests.core.builders import Loss, at
from tests.core.judging import check, judged, outcomes
from tests.core.scenes import RuleScene

RQ = "RQ-TRF-06"


def doubled(history: History, second: float) -> History:
    """One probe of new-sessions that was sent then comes back twice."""
    probes = history.probes
    row = int(np.flatnonzero((probes.pg_id == 21) & (probes.sent_ns >= at(second)))[0])
    columns = {
        name: np.append(getattr(probes, name), getattr(probes, name)[row])
        for name in ProbeRecords.__dataclass_fields__
        if isinstance(getattr(probes, name), np.ndarray)
    }
    return replace(history, probes=replace(probes, **columns))


def test_rule_changes_that_nobody_notices_pass():
    verdict = judged(RQ, RuleScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["rule_changes_count"] == 50
    assert verdict.figures["sent_packets_count"] >= 29_956
    assert "over 50 rule changes (<= 4.3e-5 at 95 %)" in verdict.message
    assert "longest gap below 1 ms for the service" in verdict.message


def test_a_gap_at_each_change_loses_packets():
    losses = tuple(Loss(36.0 + number * 0.12 - 0.01, 36.0 + number * 0.12 - 0.008) for number in range(50))
    verdict = judged(RQ, RuleScene(losses=losses).history())
    assert outcomes(verdict) == {"loss": "FAIL"}
    assert verdict.figures["lost_packets_count"] > 500


def test_a_single_lost_packet_is_a_failure():
    verdict = judged(RQ, RuleScene(losses=(Loss(40.0, 40.0006, 1.0, (21,)),)).history())
    assert outcomes(verdict) == {"loss": "FAIL"}
    assert "1 packets lost that no rule concerns" in verdict.message


@pytest.mark.parametrize("second", [30.0, 35.0, 44.5])
def test_what_was_lost_at_another_time_does_not_matter(second):
    verdict = judged(RQ, RuleScene(losses=(Loss(second, second + 0.01),)).history())
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["lost_packets_count"] == 0


def test_what_was_lost_just_before_the_first_change_leaves_doubt():
    verdict = judged(RQ, RuleScene(losses=(Loss(35.7, 35.71),)).history())
    assert outcomes(verdict) == {"loss": "INCONC"}


def test_what_the_tester_lost_is_no_failure():
    verdict = judged(RQ, RuleScene(losses=(Loss(40.0, 40.0006, 1.0, (21,)),), ierrors=((40.0, 1),)).history())
    assert outcomes(verdict) == {"loss": "INCONC"}
    assert verdict.reasons == ("I3",)


def test_what_was_lost_around_a_stall_is_no_failure():
    stall = Stall("generator", at(39.9), at(40.1))
    verdict = judged(RQ, RuleScene(losses=(Loss(40.0, 40.01, 1.0, (21,)),), stalls=(stall,)).history())
    assert outcomes(verdict) == {"loss": "INCONC"}
    assert verdict.reasons == ("I14",)


def test_a_lossy_baseline_leaves_doubt_about_a_little_loss_but_not_about_much():
    little = judged(RQ, RuleScene(losses=(Loss(0.0, 48.0, 0.001, (21, 22)),)).history())
    assert outcomes(little)["loss"] == "INCONC"
    assert "I1" in little.reasons
    much = judged(RQ, RuleScene(losses=(Loss(0.0, 48.0, 0.001, (21, 22)), Loss(39.0, 40.0, 0.5))).history())
    assert outcomes(much)["loss"] == "FAIL"


@pytest.mark.parametrize(
    ("profile", "outcome"), [("quick", Outcome.PASS), ("standard", Outcome.INCONC), ("acceptance", Outcome.INCONC)]
)
def test_the_bound_of_the_profile_needs_its_number_of_packets(profile, outcome):
    verdict = judged(RQ, RuleScene().history(), profile)
    assert verdict.outcome is outcome
    assert verdict.reasons == (() if outcome is Outcome.PASS else ("I5",))


@pytest.mark.parametrize(
    ("bound", "outcome"), [(0.0, Outcome.INCONC), (0.5, Outcome.PASS), (1.0, Outcome.PASS), (7.0, Outcome.PASS)]
)
def test_any_bound_that_somebody_declares_can_be_judged(bound, outcome):
    """No number of packets shows a bound of 0, and one of 1 or more says nothing."""
    verdict = judged(RQ, RuleScene().history(), loss_bound_ratio=bound)
    assert verdict.outcome is outcome
    lossy = judged(RQ, RuleScene(losses=(Loss(40.0, 41.0),)).history(), loss_bound_ratio=bound)
    assert check(lossy, "loss").outcome is Outcome.FAIL


@pytest.mark.parametrize(("count", "outcome"), [(49, Outcome.INCONC), (50, Outcome.PASS), (51, Outcome.PASS)])
def test_fifty_changes_are_needed(count, outcome):
    verdict = judged(RQ, RuleScene(churn_count=count).history())
    assert check(verdict, "rule changes").outcome is outcome
    assert verdict.outcome is outcome


def test_loss_over_few_changes_is_a_failure_all_the_same():
    verdict = judged(RQ, RuleScene(churn_count=20, losses=(Loss(37.0, 37.01),)).history())
    assert verdict.outcome is Outcome.FAIL


def test_without_changes_there_is_nothing_to_judge():
    verdict = judged(RQ, RuleScene(churn_count=0).history())
    assert outcomes(verdict) == {"rule changes": "INCONC"}
    assert verdict.reasons == ("I8",)


def test_a_packet_that_comes_twice_is_a_failure():
    verdict = judged(RQ, doubled(RuleScene().history(), 40.0))
    assert outcomes(verdict) == {"duplicates": "FAIL"}
    assert verdict.figures["duplicates_count"] == 1


def test_a_packet_that_comes_twice_at_another_time_does_not_matter():
    assert judged(RQ, doubled(RuleScene().history(), 30.0)).outcome is Outcome.PASS


def test_a_path_that_doubles_packets_anyway_leaves_doubt():
    verdict = judged(RQ, doubled(doubled(RuleScene().history(), 40.0), 5.0))
    assert outcomes(verdict) == {"duplicates": "INCONC"}
    assert verdict.reasons == ("I1",)


def test_load_that_comes_back_in_excess_leaves_doubt_when_that_was():
    verdict = judged(RQ, RuleScene(surplus={1: 3}).history())
    assert outcomes(verdict) == {"duplicates": "INCONC", "own packets": "INCONC"}
    assert verdict.reasons == ("I3",)


def test_traffic_that_a_rule_may_concern_does_not_count():
    """One of the changes selects users of new-sessions-2: what becomes of them is another matter."""
    history = RuleScene(losses=(Loss(40.0, 40.1, 1.0, (22,)),)).history()
    assert judged(RQ, history).outcome is Outcome.FAIL
    rule = {"name": "s", "users": "10.1.72.0/24", "service_port": None, "version": "2.0"}
    concerned = Event(
        at(42.5), "rules-set", {"purpose": "churn", "rules": [rule], "asked_ns": at(42.45), "answered_ns": at(42.5)}
    )
    verdict = judged(RQ, replace(history, events=(*history.events, concerned)))
    assert verdict.outcome is Outcome.PASS
    assert "new-sessions-2" not in verdict.evidence["groups"]


def test_traffic_of_unknown_users_does_not_count():
    history = RuleScene(losses=(Loss(40.0, 40.1, 1.0, (1,)),)).history()
    groups = tuple(replace(group, layout={}) if group.pg_id == 1 else group for group in history.groups)
    verdict = judged(RQ, replace(history, groups=groups))
    assert verdict.outcome is Outcome.PASS
    assert "load-up" not in verdict.evidence["groups"]


def test_longest_gaps_are_shown_beside_what_they_may_be():
    evidence = judged(RQ, RuleScene().history()).evidence
    gaps = {row["level"]: row for row in evidence["longest_gaps"]}
    assert gaps["service"]["longest_gap_ms"] <= gaps["service"]["period_and_tolerance_ms"]
    assert gaps["session"]["longest_gap_ms"] <= gaps["session"]["period_and_tolerance_ms"]
    assert evidence["slowest_rule_change_ms"] == pytest.approx(20.0)


def test_an_outage_of_one_change_shows_in_the_gap():
    verdict = judged(RQ, RuleScene(losses=(Loss(40.0, 40.2),)).history())
    gaps = {row["level"]: row for row in verdict.evidence["longest_gaps"]}
    assert gaps["service"]["longest_gap_ms"] > gaps["service"]["period_and_tolerance_ms"]


def test_counters_have_to_be_sampled():
    assert outcomes(judged(RQ, RuleScene(sample_gaps=((38.0, 40.0),)).history())) == {"counters": "INCONC"}


def test_without_counters_nothing_passes():
    history = RuleScene().history()
    one = {
        name: getattr(history.counters, name)[:1]
        for name in CounterSeries.__dataclass_fields__
        if name not in {"pg_ids", "port_ids"}
    }
    verdict = judged(RQ, replace(history, counters=replace(history.counters, **one)))
    assert verdict.outcome is Outcome.INCONC
    assert "I12" in verdict.reasons


def test_no_request_no_judgement():
    history = RuleScene(without_events=("request",), ending=Ending.STOPPED_BY_SUT, ending_reason="no VNF").history()
    assert judged(RQ, history).reasons == ("I8",)


def test_rules_that_cannot_be_understood_are_an_error():
    history = RuleScene().history()
    odd = Event(at(40.01), "rules-set", {"purpose": "churn", "rules": [{"users": "x", "version": "2.0"}]})
    assert judged(RQ, replace(history, events=(*history.events, odd))).outcome is Outcome.ERROR


def without_rules(history: History) -> History:
    return replace(history, events=tuple(one for one in history.events if one.name != "rules-set"))


def test_a_decider_that_never_took_a_rule_leaves_nothing_to_judge():
    scene = RuleScene(ending=Ending.STOPPED_BY_SUT, ending_reason="decider - no answer")
    verdict = judged(RQ, without_rules(scene.history()))
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I8",)
    assert "decider - no answer" in verdict.message


def test_rules_without_any_effect_show_nothing():
    """Nobody ever came to the new version: a decider that ignores rules loses no packet, either."""
    history = RuleScene().history()
    nobody = np.zeros_like(history.probes.version)
    verdict = judged(RQ, replace(history, probes=replace(history.probes, version=nobody)))
    assert outcomes(verdict) == {"both versions in service": "INCONC"}
    assert verdict.reasons == ("I8",)


def test_a_path_that_doubles_some_packets_does_not_hide_many_copies():
    history = doubled(RuleScene().history(), 5.0)
    for number in range(40):
        history = doubled(history, 37.0 + number / 10)
    verdict = judged(RQ, history)
    assert outcomes(verdict) == {"duplicates": "FAIL"}


def test_without_probes_nobody_sees_copies():
    history = RuleScene().history()
    verdict = judged(RQ, replace(history, groups=tuple(one for one in history.groups if one.kind == "load")))
    assert check(verdict, "counters").outcome is Outcome.INCONC


def test_what_is_on_its_way_when_a_recording_breaks_off_is_not_lost():
    history = RuleScene(delays=((40.0, 48.0, 0.2),)).history()
    kept = history.counters.answered_ns < at(41.0)
    columns = {
        name: getattr(history.counters, name)[kept]
        for name in CounterSeries.__dataclass_fields__
        if name not in {"pg_ids", "port_ids"}
    }
    verdict = judged(RQ, replace(history, counters=replace(history.counters, **columns)))
    assert check(verdict, "loss").outcome is Outcome.INCONC
    assert verdict.outcome is Outcome.INCONC


@pytest.mark.parametrize("judge", ["RQ-TRF-03", RQ])
def test_an_upgrade_of_which_no_state_was_seen_was_not_held_for_sure(judge):
    verdict = judged(judge, replace(RuleScene().history(), operations=()))
    assert outcomes(verdict) == {"held upgrade": "INCONC"}
    assert verdict.reasons == ("I12",)
