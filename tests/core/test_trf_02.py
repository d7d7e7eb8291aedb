from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending
from hitless.verdict import Outcome
from tests.core.builders import Scene, unmark
from tests.core.judging import check, judged, outcomes
from tests.core.scenes import PairScene, bucket, state

RQ = "RQ-TRF-02"
MIXED, BACK = "one version at a time", "no way back"


def by_session(ratio=1.0):
    """The version is chosen for each session, not for each user."""

    def edit(packets):
        if packets.group.name != "new-sessions":
            return
        key = bucket(packets.session * 7 + (packets.session >> 9))
        share = np.zeros(len(packets.number))
        for since, value in Scene().shares:
            share = np.where(packets.opened_s >= since, value, share)
        some = packets.user % 1000 < ratio * 1000
        packets.version[some] = (key < np.round(share * 256))[some]

    return edit


def move(users, after_s, version, slot=None):
    """Sessions of some short-session users that are opened after an instant go elsewhere."""

    def edit(packets):
        if packets.group.name != "new-sessions":
            return
        rows = np.isin(packets.user, users) & (packets.opened_s >= after_s)
        if slot is not None:
            rows &= (packets.session >> 5) % 2 == slot
        packets.version[rows] = version

    return edit


def test_users_who_stay_together_pass():
    verdict = judged(RQ, PairScene().history())
    assert verdict.outcome is Outcome.PASS, outcomes(verdict)
    assert verdict.figures["mixed_users_count"] == 0
    assert verdict.figures["back_switches_count"] == 0
    assert verdict.figures["countable_users_count"] >= 2995
    assert "bounded at" in verdict.message


def test_a_choice_by_session_splits_users():
    verdict = judged(RQ, PairScene(edit=by_session()).history())
    assert outcomes(verdict) == {MIXED: "FAIL", BACK: "FAIL"}
    assert verdict.figures["mixed_users_count"] > 100
    assert verdict.evidence["mixed_users"][0]["after_request_s"] >= 3.0


def users_at(second, version):
    """Users of short sessions who come right after a second and are served by that version in the clean scene."""
    found = []

    def note(packets):
        if packets.group.name == "new-sessions":
            rows = (packets.opened_s >= second) & (packets.opened_s < second + 0.2) & (packets.version == version)
            found.extend(np.unique(packets.user[rows]).tolist())

    PairScene(edit=note).history()
    return found


def test_one_user_whose_second_session_goes_elsewhere_is_a_failure():
    user = users_at(14.0, 0)[0]
    verdict = judged(RQ, PairScene(edit=move([user], 13.9, 1, slot=1)).history())
    assert check(verdict, MIXED).outcome is Outcome.FAIL
    assert "Expected: <= 0 users, Actual: 1 users" in check(verdict, MIXED).message
    assert verdict.figures["mixed_users_count"] == 1


def test_a_single_violation_fails_however_few_users_there_are():
    user = users_at(14.0, 0)[0]
    verdict = judged(RQ, PairScene(edit=move([user], 13.9, 1, slot=1)).history(), countable_users_count=1e6)
    assert outcomes(verdict) == {"users": "INCONC", MIXED: "FAIL"}
    assert verdict.outcome is Outcome.FAIL


def test_a_user_who_was_switched_and_comes_back_to_the_old_version_fails():
    scene = PairScene(stopped_s=45.1, ended_s=40.0, long_until_s=20.0, states=(("COMPLETED", 40.0, {}),))
    verdict = judged(RQ, replace_edit(scene, move(range(32), 30.0, 0)).history())
    assert check(verdict, BACK).outcome is Outcome.FAIL
    assert check(verdict, MIXED).outcome is Outcome.PASS
    assert verdict.evidence["back_switches"][0]["served_by"] == "1.0"


def replace_edit(scene, edit):
    return replace(scene, edit=edit)


def test_going_back_during_a_rollback_is_allowed():
    scene = PairScene(
        stopped_s=45.1,
        ended_s=40.0,
        edit=move(range(2048), 24.0, 0),
        states=(("PROCESSING", 10.3, {}), ("FAILED_TEMP", 23.5, {}), ("ROLLING_BACK", 24.0, {})),
    )
    verdict = judged(RQ, scene.history())
    assert check(verdict, BACK).outcome is Outcome.PASS
    assert check(verdict, "upgrade operation").outcome is Outcome.FAIL, "it should have completed"


def test_what_happens_before_the_request_as_well_is_not_the_upgrades():
    def edit(packets):
        if packets.group.name == "new-sessions":
            packets.version[(packets.user % 64 == 5) & ((packets.session >> 5) % 2 == 1)] = 1
            packets.version[(packets.user % 64 == 5) & ((packets.session >> 5) % 2 == 0)] = 0

    verdict = judged(RQ, PairScene(edit=edit, stopped_s=17.0, ended_s=12.0).history())
    mixed = check(verdict, MIXED)
    assert mixed.outcome is Outcome.INCONC
    assert mixed.reasons == ("I1",)
    assert verdict.figures["mixed_users_before_request_count"] > 0


@pytest.mark.parametrize(("needed", "outcome"), [(0, Outcome.PASS), (1, Outcome.INCONC)])
def test_enough_users_are_needed(needed, outcome):
    seen = judged(RQ, PairScene().history()).figures["countable_users_count"]
    verdict = judged(RQ, PairScene().history(), countable_users_count=seen + needed)
    assert check(verdict, "users").outcome is outcome
    assert check(verdict, "users").reasons == (("I5",) if needed else ())


def test_long_lived_sessions_of_a_user_count_as_well():
    def edit(packets):
        if packets.group.name == "long-sessions":
            packets.version[(packets.session == 100) & (packets.sent_s >= 14.0)] = 1

    verdict = judged(RQ, PairScene(edit=edit).history())
    assert verdict.figures["mixed_users_count"] == 1
    assert check(verdict, MIXED).outcome is Outcome.FAIL


def test_a_user_all_of_whose_sessions_move_at_once_is_not_mixed():
    """That sessions do not stay where they are is another requirement's matter."""

    def edit(packets):
        if packets.group.name == "long-sessions":
            packets.version[(packets.user == 100) & (packets.sent_s >= 14.0)] = 1

    assert judged(RQ, PairScene(edit=edit).history()).outcome is Outcome.PASS


def test_without_a_share_change_nothing_is_shown():
    verdict = judged(RQ, PairScene(shares=()).history())
    assert outcomes(verdict) == {"users": "INCONC", "share change": "INCONC"}
    assert check(verdict, "share change").reasons == ("I7",)


def test_a_meter_that_sees_no_marks_passes_nothing():
    verdict = judged(RQ, PairScene(edit=lambda packets: unmark(packets, packets.number >= 0)).history())
    assert verdict.outcome is Outcome.INCONC
    assert {"I5", "I7", "I9"} <= set(verdict.reasons)


def test_a_capture_that_ended_early_passes_nothing():
    history = PairScene().history()
    kept = history.probes.received_ns < np.quantile(history.probes.received_ns, 0.8)
    columns = {
        name: getattr(history.probes, name)[kept]
        for name in ("sent_ns", "received_ns", "pg_id", "number", "user", "session", "index", "version", "instance")
    }
    verdict = judged(RQ, replace(history, probes=replace(history.probes, **columns)))
    assert verdict.outcome is Outcome.INCONC
    assert check(verdict, "receiver").reasons == ("I3",)


def test_no_request_no_judgement():
    history = PairScene(without_events=("request",), ending=Ending.STOPPED_BY_SUT, ending_reason="no VNF").history()
    assert judged(RQ, history).reasons == ("I8",)


def test_an_upgrade_that_fails_fails_the_row():
    history = replace(PairScene().history(), operations=(state("PROCESSING", 10.3), state("FAILED_TEMP", 12.0)))
    assert check(judged(RQ, history), "upgrade operation").outcome is Outcome.FAIL


def test_traffic_that_does_not_cover_the_upgrade_is_inconclusive():
    verdict = judged(RQ, PairScene(stopped_s=24.0).history())
    assert check(verdict, "overlap").reasons == ("I7",)


def test_users_who_never_have_two_sessions_at_one_instant_cannot_be_mixed():
    """The second session of each pair is not sent, the long-lived ones neither."""

    def edit(packets):
        unmark(packets, packets.session % 64 >= 32)

    scene = PairScene(edit=edit, without_groups=("long-sessions",))
    verdict = judged(RQ, scene.history())
    assert check(verdict, "users").outcome is Outcome.INCONC
    assert "two sessions at one instant" in check(verdict, "users").message
    assert verdict.figures["parallel_users_count"] == 0
