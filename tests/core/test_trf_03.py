from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Ending, Event
from hitless.verdict import Outcome
from tests.core.builders import at, unmark
from tests.core.judging import check, judged, outcomes
from tests.core.scenes import RuleScene, state

RQ = "RQ-TRF-03"
GROUP, TYPE = "user group", "service type"


def test_rules_that_select_what_they_say_pass():
    verdict = judged(RQ, RuleScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["misses_count"] == verdict.figures["leakage_count"] == 0
    assert verdict.figures["user_group_selected_sessions_count"] >= 299
    assert verdict.figures["service_type_selected_sessions_count"] >= 299
    assert "misses 0 of" in verdict.message
    assert "at 95 %" in verdict.message


def test_a_mask_that_is_too_wide_leaks():
    wide = tuple(f"10.1.{third}.0/23" for third in (64, 66, 68, 70))
    verdict = judged(RQ, RuleScene(effective_users=wide).history())
    assert outcomes(verdict) == {f"leakage, {GROUP}": "FAIL"}
    assert verdict.figures["user_group_leakage_count"] > 300
    assert verdict.evidence["leakage"][0]["user"].startswith("10.1.")
    assert verdict.evidence["leakage"][0]["served_by"] == "2.0"


def test_a_mask_that_is_too_narrow_misses():
    verdict = judged(RQ, RuleScene(effective_users=tuple(f"10.1.{third}.0/25" for third in (64, 66, 68, 70))).history())
    assert outcomes(verdict) == {f"misses, {GROUP}": "FAIL"}
    assert "g: 10.1.70.0 to 10.1.70.255 to 2.0" in check(verdict, f"misses, {GROUP}").message


def test_a_port_that_is_off_by_one_misses_and_leaks():
    verdict = judged(RQ, RuleScene(effective_port=5001).history())
    assert outcomes(verdict) == {f"misses, {TYPE}": "FAIL", f"leakage, {TYPE}": "FAIL"}


def test_a_single_session_that_leaks_is_a_failure():
    def edit(packets):
        if packets.group.name == "new-sessions-2":
            rows = packets.opened_s >= 15.0
            first = packets.session[rows][0]
            packets.version[packets.session == first] = 1

    verdict = judged(RQ, RuleScene(edit=edit).history())
    assert outcomes(verdict) == {f"leakage, {GROUP}": "FAIL"}
    assert verdict.figures["leakage_count"] == 1


@pytest.mark.parametrize(("delay_s", "failed"), [(0.0, False), (0.5, False), (0.9, False), (1.3, True), (2.0, True)])
def test_a_rule_may_be_late_by_a_second(delay_s, failed):
    scene = RuleScene(in_force_s={"user-group": 12.0, "service-type": 24.0 + delay_s})
    verdict = judged(RQ, scene.history())
    assert outcomes(verdict) == ({f"misses, {TYPE}": "FAIL"} if failed else {})
    assert verdict.figures["service_type_last_miss_after_acknowledgement_s"] <= delay_s + 0.05


def test_a_rule_may_hold_before_it_is_acknowledged():
    """Between asked and answered either version is right."""
    assert (
        judged(RQ, RuleScene(in_force_s={"user-group": 11.98, "service-type": 23.98}).history()).outcome is Outcome.PASS
    )


def test_a_rule_that_is_still_in_force_right_after_it_was_replaced_is_no_leak():
    """Sessions that are opened under no rule are judged by no rule."""

    def edit(packets):
        if packets.group.name == "new-sessions":
            packets.version[(packets.opened_s >= 21.98) & (packets.opened_s < 22.5)] = 1

    assert judged(RQ, RuleScene(edit=edit).history()).outcome is Outcome.PASS


@pytest.mark.parametrize(("more", "outcome"), [(0, Outcome.PASS), (1, Outcome.INCONC)])
def test_enough_sessions_of_each_class_are_needed(more, outcome):
    history = RuleScene().history()
    seen = judged(RQ, history).figures["user_group_selected_sessions_count"]
    verdict = judged(RQ, history, sessions_per_class_count=seen + more)
    assert check(verdict, f"sessions, {GROUP}").outcome is outcome
    assert check(verdict, f"sessions, {GROUP}").reasons == (("I5",) if more else ())


def test_a_violation_fails_however_few_sessions_there_are():
    verdict = judged(RQ, RuleScene(effective_port=5001).history(), sessions_per_class_count=1e6)
    assert verdict.outcome is Outcome.FAIL


@pytest.mark.parametrize("purpose", ["user-group", "service-type"])
def test_a_rule_that_was_never_set_is_not_demonstrated(purpose):
    scene = RuleScene(without_purposes=(purpose,))
    scene.in_force_s = {**scene.in_force_s, purpose: 99.0}
    verdict = judged(RQ, scene.history())
    name = f"rule, {purpose.replace('-', ' ')}"
    assert outcomes(verdict) == {name: "INCONC"}
    assert check(verdict, name).reasons == ("I8",)


@pytest.mark.parametrize(("one_in", "outcome"), [(256, Outcome.PASS), (32, Outcome.INCONC)])
def test_sessions_whose_server_is_unknown_may_hide_errors(one_in, outcome):
    def edit(packets):
        if packets.group.name != "long-sessions":
            packets.received[packets.user % one_in == 1] = False

    verdict = judged(RQ, RuleScene(edit=edit).history())
    assert check(verdict, f"servers, {TYPE}").outcome is outcome


def test_a_session_whose_opening_packet_was_lost_is_known_by_the_next():
    def edit(packets):
        if packets.group.name != "long-sessions":
            packets.received[(packets.user % 4 == 1) & (packets.opened_s == packets.sent_s)] = False

    verdict = judged(RQ, RuleScene(edit=edit).history())
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["service_type_unknown_sessions_count"] == 0


def test_a_meter_that_sees_no_marks_passes_nothing():
    verdict = judged(RQ, RuleScene(edit=lambda packets: unmark(packets, packets.number >= 0)).history())
    assert verdict.outcome is Outcome.INCONC
    assert "I9" in verdict.reasons


def test_an_upgrade_that_was_not_held_shows_nothing():
    history = replace(RuleScene().history(), operations=(state("PROCESSING", 10.3), state("COMPLETED", 30.0)))
    assert outcomes(judged(RQ, history)) == {"held upgrade": "INCONC"}


def test_a_recording_that_was_stopped_shows_nothing():
    history = RuleScene(ending=Ending.STOPPED_BY_SUT, ending_reason="decider - 500").history()
    verdict = judged(RQ, history)
    assert outcomes(verdict) == {"held upgrade": "INCONC"}
    assert "decider - 500" in verdict.message


def test_rules_that_cannot_be_understood_are_an_error():
    history = RuleScene().history()
    odd = Event(at(12.0), "rules-set", {"purpose": "user-group", "rules": [{"users": "x", "version": "2.0"}]})
    assert judged(RQ, replace(history, events=(*history.events, odd))).outcome is Outcome.ERROR


def test_no_request_no_judgement():
    history = RuleScene(without_events=("request",), ending=Ending.STOPPED_BY_SUT, ending_reason="no VNF").history()
    assert judged(RQ, history).reasons == ("I8",)


def test_no_rules_at_all_are_not_demonstrated():
    history = RuleScene(ending=Ending.STOPPED_BY_SUT, ending_reason="decider - no answer").history()
    verdict = judged(RQ, replace(history, events=tuple(one for one in history.events if one.name != "rules-set")))
    assert verdict.outcome is Outcome.INCONC
    assert verdict.reasons == ("I8",)
    assert "decider - no answer" in verdict.message


def test_unknown_servers_of_the_few_selected_do_not_hide_behind_the_many_others():
    """Each 64th of the selected users vanishes; of all sessions it is less than each 100th."""

    def edit(packets):
        if packets.group.pg_id == 21:
            selected = packets.user // 256 % 2 == 0
            packets.received[selected & (packets.user % 64 == 1) & (packets.opened_s < 22.0)] = False

    verdict = judged(RQ, RuleScene(edit=edit).history())
    assert verdict.figures["user_group_unknown_sessions_count"] < 0.01 * 2432
    assert check(verdict, "servers, user group").outcome is Outcome.INCONC


def test_without_counters_nobody_knows_what_the_capture_misses():
    verdict = judged(RQ, RuleScene(sample_gaps=((-1.0, 99.0),)).history())
    assert outcomes(verdict) == {"counters": "INCONC"}
