"""RQ-UPG-03: the ramp. Never down, and capacity before share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hitless.history import Ending
from hitless.judges import judge_upg_03
from hitless.verdict import Outcome
from tests.core.builders import at, unmark
from tests.core.management import DECLARED, NEW, OLD, Management, StepScene, changed, quick
from tests.core.mutilations import only_probes

LIMITS = quick("RQ-UPG-03")
FALLS, CAPACITY = "share never falls", "capacity before share"


def judge(scene=None, sut=DECLARED, limits=None, **options):
    history = replace((scene or StepScene()).history(), snapshots=Management(**options).snapshots(), sut=sut)
    return judge_upg_03(history, limits or LIMITS)


def outcomes(verdict):
    return {one.name: one.outcome for one in verdict.checks if one.outcome is not Outcome.PASS}


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def test_a_clean_upgrade_passes_and_says_the_steps():
    verdict = judge()
    assert verdict.outcome is Outcome.PASS
    assert "share rose in 4 steps: 9.53 %, 32.73 %, 65.96 %, 100.00 %" in verdict.message
    assert "a fall for 2 s would show from about 21.81 % on" in verdict.message
    assert verdict.figures["new_side_utilisation_ratio"] == pytest.approx(1.0, abs=0.01)
    assert verdict.figures["last_share_ratio"] == 1.0
    assert verdict.figures["largest_fall_ratio"] < 0
    assert [row["new_in_service_pps"] for row in verdict.evidence["plateaus"]] == [
        [2500, 5000],
        [5000, 7500],
        [7500, 10000],
        [10000],
    ]


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge().figures} <= {"ratio", "count", "ms", "s", "pps"}


def test_the_same_history_gives_the_same_verdict():
    assert repr(judge()) == repr(judge())


# --- never down -----------------------------------------------------------------------------------------------------


def test_a_share_that_falls_is_a_fail():
    verdict = judge(StepScene(shares=((13.0, 0.1), (16.0, 0.45), (18.0, 0.2), (20.0, 1.0))))
    assert outcomes(verdict) == {FALLS: Outcome.FAIL}
    assert "fell" in verdict.message
    assert verdict.figures["largest_fall_ratio"] > 0.2


def test_a_share_that_falls_in_small_steps_is_a_fail():
    """No two neighbours differ beyond doubt; the first and the last do."""
    shares = ((12.6, 0.24), (15.0, 0.165), (17.0, 0.09), (20.0, 1.0))
    verdict = judge(StepScene(shares=shares), units=changed("new-1", added_s=11.5))
    assert check(verdict, FALLS).outcome is Outcome.FAIL


def test_a_share_that_stays_is_no_fall():
    assert judge(StepScene(shares=((13.0, 0.1), (20.0, 1.0)))).outcome is Outcome.PASS


def test_all_at_once_is_no_fall():
    """That the first share is missing is what RQ-UPG-02 says."""
    units = (*OLD, *(replace(one, appeared_s=11.0, added_s=12.4) for one in NEW))
    verdict = judge(StepScene(shares=((13.0, 1.0),)), units=units)
    assert verdict.outcome is Outcome.PASS


# --- capacity before share ------------------------------------------------------------------------------------------


def test_a_share_before_its_capacity_is_a_fail():
    """The second new unit is ready 1 s after the share that needs it."""
    verdict = judge(units=changed("new-3", added_s=19.0, appeared_s=18.5))
    assert outcomes(verdict) == {CAPACITY: Outcome.FAIL}
    assert "8.2 s after the request, with 68.35 % of the users on the new version" in verdict.message
    assert "Expected: <= 105.00 % of the new units in service, Actual: 6835 pps for 5000 pps" in verdict.message


def test_a_complete_switch_without_the_last_unit_is_a_fail():
    verdict = judge(units=(*OLD, *NEW[:3]))
    assert check(verdict, CAPACITY).outcome is Outcome.FAIL
    assert verdict.figures["new_side_utilisation_ratio"] == pytest.approx(4 / 3, abs=0.01)


def test_a_unit_that_is_ready_just_before_is_in_time():
    assert judge(units=changed("new-4", added_s=19.6)).outcome is Outcome.PASS


def test_a_unit_that_is_ready_before_anybody_comes_is_in_time():
    """Users come in rounds of 0.256 s; the share rises at 20 s, the next round comes at 20.22 s."""
    assert judge(units=changed("new-4", added_s=20.0)).outcome is Outcome.PASS


def test_a_unit_that_is_ready_after_the_next_users_have_come_leaves_it_open():
    verdict = judge(units=changed("new-4", added_s=20.25))
    assert outcomes(verdict) == {CAPACITY: Outcome.INCONC}
    assert check(verdict, CAPACITY).reasons == ("I4",)


def test_the_first_share_needs_its_capacity_from_its_first_user_on():
    assert judge(units=changed("new-1", added_s=12.9)).outcome is Outcome.PASS
    assert check(judge(units=changed("new-1", added_s=13.5)), CAPACITY).outcome is Outcome.FAIL


def test_a_share_near_the_capacity_passes():
    """26 % for the first unit, which carries 25 %: 1.04 of it."""
    verdict = judge(StepScene(shares=((13.0, 0.258), (18.0, 0.66), (20.0, 1.0))))
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["new_side_utilisation_ratio"] == pytest.approx(1.03, abs=0.02)


def test_a_share_above_the_capacity_that_may_be_chance_leaves_it_open():
    verdict = judge(StepScene(shares=((13.0, 0.275), (16.0, 0.5), (18.0, 0.66), (20.0, 1.0))))
    assert outcomes(verdict) == {CAPACITY: Outcome.INCONC}
    assert check(verdict, CAPACITY).reasons == ("I6",)


def test_a_share_far_above_the_capacity_is_a_fail():
    verdict = judge(StepScene(shares=((13.0, 0.4), (18.0, 0.66), (20.0, 1.0))))
    assert outcomes(verdict) == {CAPACITY: Outcome.FAIL}


def test_a_higher_limit_allows_it():
    scene = StepScene(shares=((13.0, 0.4), (18.0, 0.66), (20.0, 1.0)))
    assert judge(scene, limits={**LIMITS, "new_side_utilisation_ratio": 1.7}).outcome is Outcome.PASS


def test_at_half_load_half_of_the_units_are_enough():
    scene = StepScene(load_factor=1 / 6)  # 1 000 + 4 000 pps
    verdict = judge(scene, units=(*OLD, *NEW[:2]))
    assert check(verdict, CAPACITY).outcome is Outcome.PASS


def test_larger_units_need_to_be_fewer():
    units = (*OLD, *(replace(one, vdu="gateway-large") for one in NEW[::2]))
    assert judge(units=units).outcome is Outcome.PASS


def test_a_new_unit_that_goes_again_is_missed():
    extra = replace(NEW[3], removed_s=22.0)
    verdict = judge(units=(*OLD, *NEW[:3], extra))
    assert outcomes(verdict) == {CAPACITY: Outcome.FAIL}
    assert "12.0 s after the request" in verdict.message


def test_a_small_step_that_does_not_show_is_held_against_the_capacity_of_its_time():
    """From 50 to 66 % is too small a step for so few users to show; the unit for it came in between."""
    verdict = judge(StepScene(shares=((13.0, 0.1), (16.0, 0.5), (18.0, 0.66), (20.0, 1.0))))
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["plateaus_count"] == 3


def test_the_same_step_without_the_unit_leaves_it_open():
    scene = StepScene(shares=((13.0, 0.1), (16.0, 0.5), (18.0, 0.66), (20.0, 1.0)))
    verdict = judge(scene, units=changed("new-3", appeared_s=19.3, added_s=19.7))
    assert outcomes(verdict) == {CAPACITY: Outcome.INCONC}
    assert verdict.reasons == ("I6",)


def test_a_few_users_before_the_capacity_leave_it_open():
    """The unit for two thirds is ready 0.3 s after the share: one round of users, who may be chance."""
    verdict = judge(units=changed("new-3", added_s=18.4))
    assert outcomes(verdict) == {CAPACITY: Outcome.INCONC}


def test_new_units_that_were_never_ready_are_a_fail():
    units = (*OLD, *(replace(one, added_s=None) for one in NEW))
    assert check(judge(units=units, completed_s=None), CAPACITY).outcome is Outcome.FAIL


# --- blind ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [("before",), ("followed", "after", "end"), ("vnf_instance",)])
def test_without_documents_nothing_passes(without):
    verdict = judge(without=without)
    assert outcomes(verdict) == {"units": Outcome.INCONC}
    assert verdict.reasons == ("I12",)


def test_a_list_that_comes_with_the_end_leaves_it_open():
    verdict = judge(listed_late=True)
    assert outcomes(verdict) == {CAPACITY: Outcome.INCONC}
    assert verdict.reasons == ("I4",)


def test_new_units_of_unknown_capacity_leave_it_open():
    verdict = judge(units=changed("new-1", vdu="other"))
    assert outcomes(verdict) == {"unit capacity": Outcome.INCONC}


def test_without_users_of_the_target_nothing_passes():
    verdict = judge(StepScene(shares=()))
    assert outcomes(verdict) == {"share": Outcome.INCONC}


def test_users_without_marks_leave_it_open():
    def edit(packets):
        if packets.group.name == "new-sessions":
            unmark(packets, packets.user % 97 == 5)

    verdict = judge(StepScene(edit=edit))
    assert check(verdict, "old and new share").outcome is Outcome.INCONC
    assert set(verdict.reasons) == {"I9"}


def test_an_upgrade_that_failed_is_a_fail():
    failed = StepScene(states=(("PROCESSING", 10.3, {}), ("ROLLING_BACK", 21.0, {})))
    assert outcomes(judge(failed)) == {"upgrade operation": Outcome.FAIL}


def test_traffic_that_ended_early_leaves_it_open():
    verdict = judge(StepScene(stopped_s=25.0))
    assert check(verdict, "overlap").reasons == ("I7",)


def test_an_upgrade_that_was_never_requested():
    stopped = StepScene(without_events=("request",), ending=Ending.STOPPED_BY_SUT, ending_reason="busy")
    assert judge(stopped).reasons == ("I8",)


def test_a_fail_tells_when_it_began():
    fallen = judge(StepScene(shares=((13.0, 0.1), (16.0, 0.66), (18.0, 0.33), (20.0, 1.0))), limits={**LIMITS})
    assert at(18.0) >= fallen.evidence["first_violation_ns"] >= at(15.9)
    assert "first_violation_ns" not in judge().evidence


def test_an_operation_that_nobody_read_is_no_fail():
    assert outcomes(judge(without=("operation",))) == {CAPACITY: Outcome.INCONC}


# --- users whom nobody answered ---------------------------------------------------------------------------------------


def losing(since_s, until_s, *, of=None, every=1, **options):
    """A scene in which users who come then get nothing back: all, those of one version, or every so many."""

    def lose(packets):
        if packets.group.name == "new-sessions":
            rows = (packets.opened_s >= since_s) & (packets.opened_s < until_s) & (packets.user % every == 0)
            packets.received[rows if of is None else rows & (packets.version == of)] = False

    return StepScene(edit=lose, **options)


LATE_UNIT = changed("new-3", added_s=19.0, appeared_s=18.5)


@pytest.mark.parametrize("of", [None, 1])
def test_loss_before_the_capacity_is_there_hides_no_share(of):
    """Without the loss the share that came too early is a FAIL."""
    verdict = judge(losing(17.9, 19.1, of=of), units=LATE_UNIT)
    assert check(verdict, CAPACITY).outcome is Outcome.INCONC
    assert check(verdict, CAPACITY).reasons == ("I6",)
    assert "users who got nothing back at first may say otherwise" in verdict.message


def test_a_new_unit_that_drops_everybody_until_it_is_ready_does_not_pass():
    """10 % are sent to it from 13 s on, the unit is ready at 15 s: the first user of the new version is seen then."""
    units = (*changed("new-1", appeared_s=14.5, added_s=15.0)[:5], *NEW[1:])
    seen = judge(units=units)
    assert check(seen, CAPACITY).outcome is Outcome.FAIL
    verdict = judge(losing(12.9, 15.2, of=1), units=units)
    assert check(verdict, CAPACITY).outcome is Outcome.INCONC


def test_what_is_too_much_without_those_who_were_lost_stays_a_fail():
    verdict = judge(losing(18.0, 19.0, every=32), units=LATE_UNIT)
    assert outcomes(verdict) == {CAPACITY: Outcome.FAIL}


def test_a_fall_among_users_who_were_lost_is_no_pass():
    verdict = judge(losing(17.9, 20.1, shares=((13.0, 0.1), (16.0, 0.45), (18.0, 0.2), (20.0, 1.0))))
    assert check(verdict, FALLS).outcome is Outcome.INCONC
    assert verdict.reasons == ("I6",)


def test_a_fall_that_is_certain_stays_a_fail():
    verdict = judge(losing(16.0, 20.0, every=8, shares=((13.0, 0.1), (16.0, 0.66), (18.0, 0.2), (20.0, 1.0))))
    assert check(verdict, FALLS).outcome is Outcome.FAIL


def test_a_fall_that_needs_users_on_different_sides_leaves_it_open():
    """Neither with all of those who were lost on the new version nor with none of them it falls."""
    verdict = judge(losing(13.0, 29.0, every=3, shares=((13.0, 0.1), (16.0, 0.35), (20.0, 0.55))))
    assert check(verdict, FALLS).outcome is Outcome.INCONC


def test_loss_after_the_last_step_leaves_it_open_whether_all_stayed():
    assert check(judge(losing(25.0, 26.0)), FALLS).outcome is Outcome.INCONC


def test_loss_before_the_request_says_nothing():
    verdict = judge(losing(4.0, 6.0))
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["unanswered_users_count"] > 100


def test_users_whom_the_new_version_answers_later_are_its_users():
    """It polices what is too much for it, opening packets among it, and answers the rest of their sessions."""

    def lose(packets):
        if packets.group.name == "new-sessions":
            opening = packets.layout.position(packets.number) == 0
            packets.received[opening & (packets.version == 1) & (packets.opened_s >= 25.0)] = False

    verdict = judge(StepScene(edit=lose))
    assert verdict.outcome is Outcome.PASS
    assert verdict.figures["unanswered_users_count"] > 400


def test_users_whom_a_blind_capture_did_not_see_are_the_receivers_doing():
    history = StepScene().history()
    mine = (history.probes.pg_id == 21) & (history.probes.sent_ns > at(25.0)) & (history.probes.sent_ns < at(27.0))
    blind = only_probes(replace(history, snapshots=Management().snapshots(), sut=DECLARED), lambda _: ~mine)
    assert check(judge_upg_03(blind, LIMITS), FALLS).reasons == ("I3",)
