"""RQ-UPG-02: the first share. Part of the users who come anew, the declared part, and no unit goes meanwhile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hitless.history import Ending
from hitless.judges import judge_upg_02
from hitless.verdict import Outcome
from tests.core.builders import at, unmark
from tests.core.management import DECLARED, Management, StepScene, changed, quick
from tests.core.mutilations import only_probes

LIMITS = quick("RQ-UPG-02")
FIRST, SAMPLE, UNITS_CHECK = "first share", "users in the first share", "units in the first share"
LATER = ((18.0, 0.66), (20.0, 1.0))


def judge(scene=None, sut=DECLARED, limits=None, **options):
    history = replace((scene or StepScene()).history(), snapshots=Management(**options).snapshots(), sut=sut)
    return judge_upg_02(history, limits or LIMITS)


def outcomes(verdict):
    return {one.name: one.outcome for one in verdict.checks if one.outcome is not Outcome.PASS}


def check(verdict, name):
    return next(one for one in verdict.checks if one.name == name)


def declaring(share):
    return {**DECLARED, "upgrade": {"first_share": share}}


UNDECLARED = {"vnf": DECLARED["vnf"]}


def test_a_clean_upgrade_passes_and_says_the_bounds():
    verdict = judge()
    assert verdict.outcome is Outcome.PASS
    assert "first share 9.53 % (33 of 346 users, 6.65 % to 13.13 % at 95 %), declared 10.00 %" in verdict.message
    assert "no unit removed while it lasted" in verdict.message
    assert verdict.figures["first_plateau_users_count"] == 346
    assert verdict.figures["declared_first_share_ratio"] == 0.1
    assert len(verdict.evidence["plateaus"]) == 4


def test_every_figure_names_its_unit():
    assert {name.rsplit("_", 1)[1] for name in judge().figures} <= {"ratio", "count", "ms", "s", "pps"}


def test_the_same_history_gives_the_same_verdict():
    assert repr(judge()) == repr(judge())


# --- the declared share ---------------------------------------------------------------------------------------------


def test_twice_the_declared_share_is_a_fail():
    verdict = judge(StepScene(shares=((13.0, 0.2), (16.0, 0.33), *LATER)))
    assert outcomes(verdict) == {FIRST: Outcome.FAIL}
    assert "Expected: 10.00 % +- 2.00 %, Actual: 2" in verdict.message


def test_far_less_than_the_declared_share_is_a_fail():
    verdict = judge(StepScene(shares=((13.0, 0.1), (16.0, 0.33), *LATER)), sut=declaring(0.3))
    assert outcomes(verdict) == {FIRST: Outcome.FAIL}


@pytest.mark.parametrize("share", [0.09, 0.11])
def test_a_share_that_differs_by_a_point_passes(share):
    assert judge(StepScene(shares=((13.0, share), (16.0, 0.33), *LATER))).outcome is Outcome.PASS


@pytest.mark.parametrize("declared", [0.13, 0.065])
def test_a_difference_that_is_too_large_but_perhaps_chance_leaves_it_open(declared):
    verdict = judge(sut=declaring(declared))
    assert outcomes(verdict) == {FIRST: Outcome.INCONC}
    assert check(verdict, FIRST).reasons == ("I6",)


def test_a_wider_limit_lets_it_pass():
    verdict = judge(sut=declaring(0.13), limits={**LIMITS, "share_error_ratio": 0.05})
    assert verdict.outcome is Outcome.PASS


def test_many_users_show_a_difference_that_few_do_not():
    """15 % instead of 10 %: 346 users leave it open, three times as many do not."""
    short = StepScene(shares=((13.0, 0.14), (16.0, 0.33), *LATER))
    assert check(judge(short), FIRST).outcome is Outcome.INCONC
    long = StepScene(shares=((11.0, 0.15), (19.0, 0.5), (20.5, 1.0)))
    assert check(judge(long), FIRST).outcome is Outcome.FAIL


# --- without declaration --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_without_declaration_any_part_passes(share):
    verdict = judge(StepScene(shares=((13.0, share), (20.0, 1.0))), sut=UNDECLARED)
    assert verdict.outcome is Outcome.PASS
    assert "none is declared" in verdict.message
    assert verdict.figures["declared_first_share_ratio"] is None


@pytest.mark.parametrize("sut", [DECLARED, UNDECLARED])
def test_all_users_at_once_is_a_fail(sut):
    verdict = judge(StepScene(shares=((13.0, 1.0),)), sut=sut)
    assert outcomes(verdict) == {FIRST: Outcome.FAIL}
    assert "Actual: 100.00 %" in verdict.message


def test_all_users_at_once_but_for_stragglers_is_a_fail():
    verdict = judge(StepScene(shares=((13.0, 0.992),)), sut=UNDECLARED)
    assert outcomes(verdict) == {FIRST: Outcome.FAIL}


@pytest.mark.parametrize("value", ["0.1", None, True])
def test_a_declaration_that_is_no_number_is_none(value):
    assert judge(sut=declaring(value)).figures["declared_first_share_ratio"] is None


# --- enough users ---------------------------------------------------------------------------------------------------


def test_too_few_users_leave_it_open():
    verdict = judge(StepScene(shares=((14.5, 0.1), (16.0, 0.33), *LATER)))
    assert check(verdict, SAMPLE).outcome is Outcome.INCONC
    assert check(verdict, SAMPLE).reasons == ("I5",)
    assert "Expected: >= 216" in verdict.message


def test_exactly_enough_users_pass():
    assert judge(limits={**LIMITS, "users_count": 346}).outcome is Outcome.PASS
    assert outcomes(judge(limits={**LIMITS, "users_count": 347})) == {SAMPLE: Outcome.INCONC}


def test_nobody_after_the_first_share_leaves_it_open():
    verdict = judge(StepScene(shares=((28.93, 1.0),)))
    assert check(verdict, FIRST).outcome in {Outcome.INCONC, Outcome.FAIL}
    assert verdict.outcome is not Outcome.PASS


# --- units ----------------------------------------------------------------------------------------------------------


def test_a_unit_that_goes_in_the_first_share_is_a_fail():
    verdict = judge(units=changed("old-2", removed_s=14.5))
    assert outcomes(verdict) == {UNITS_CHECK: Outcome.FAIL}
    assert "Actual: 1 (old-2)" in verdict.message


@pytest.mark.parametrize("removed_s", [12.5, 17.0])
def test_a_unit_that_goes_before_or_after_it_is_no_matter_of_this_step(removed_s):
    assert judge(units=changed("old-2", removed_s=removed_s)).outcome is Outcome.PASS


@pytest.mark.parametrize("removed_s", [13.05, 16.0])
def test_a_unit_that_goes_at_its_edge_leaves_it_open(removed_s):
    verdict = judge(units=changed("old-2", removed_s=removed_s))
    assert outcomes(verdict) == {UNITS_CHECK: Outcome.INCONC}
    assert check(verdict, UNITS_CHECK).reasons == ("I4",)


def test_with_all_users_at_once_units_may_go():
    verdict = judge(StepScene(shares=((13.0, 1.0),)), units=changed("old-2", removed_s=20.0))
    assert check(verdict, UNITS_CHECK).outcome is Outcome.PASS


# --- blind ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", [("before",), ("followed", "after", "end"), ("vnf_instance",)])
def test_without_documents_nothing_passes(without):
    verdict = judge(without=without)
    assert outcomes(verdict) == {"units": Outcome.INCONC}
    assert verdict.reasons == ("I12",)


def test_without_users_of_the_target_nothing_passes():
    verdict = judge(StepScene(shares=()))
    assert outcomes(verdict) == {"share": Outcome.INCONC}
    assert "I9" in verdict.reasons


def test_users_without_marks_leave_it_open():
    def edit(packets):
        if packets.group.name == "new-sessions":
            unmark(packets, packets.user % 97 == 5)

    verdict = judge(StepScene(edit=edit))
    assert check(verdict, "old and new share").outcome is Outcome.INCONC
    assert "I9" in verdict.reasons


def test_without_new_sessions_nothing_passes():
    verdict = judge(StepScene(without_groups=("new-sessions",)))
    assert verdict.outcome is Outcome.INCONC


def test_a_capture_that_saw_little_leaves_it_open():
    history = StepScene(capture_lost_count=500).history()
    assert outcomes(judge_upg_02(history, LIMITS)) == {"receiver": Outcome.INCONC}


def test_without_counters_nothing_passes():
    history = StepScene().history()
    empty = {
        name: np.asarray(getattr(history.counters, name))[:0]
        for name in ("asked_ns", "answered_ns", "tx", "rx", "ierrors", "oerrors", "generator_cpu_percent")
    }
    verdict = judge_upg_02(replace(history, counters=replace(history.counters, **empty)), LIMITS)
    assert "I12" in verdict.reasons


def test_an_upgrade_that_failed_is_a_fail():
    failed = StepScene(states=(("PROCESSING", 10.3, {}), ("FAILED_TEMP", 17.0, {})))
    assert outcomes(judge(failed)) == {"upgrade operation": Outcome.FAIL}


def test_an_upgrade_that_was_never_requested():
    stopped = StepScene(without_events=("request",), ending=Ending.STOPPED_BY_TESTER, ending_reason="cable")
    assert judge(stopped).outcome is Outcome.ERROR


# --- few users, and when it began -----------------------------------------------------------------------------------


def sole_user(packets):
    """One user goes to the new version long before the others."""
    if packets.group.name == "new-sessions":
        rows = (packets.opened_s >= 13.0) & (packets.opened_s < 18.0)
        packets.version[rows] = 0
        first = packets.user[np.argmax(rows)]
        packets.version[rows & (packets.user == first)] = 1


def test_a_single_user_is_no_switch_of_all():
    verdict = judge(StepScene(shares=LATER, edit=sole_user), sut=UNDECLARED)
    assert check(verdict, FIRST).outcome is Outcome.INCONC
    assert check(verdict, FIRST).reasons == ("I6",)
    assert "not to be told from a single user" in verdict.message


def test_a_single_user_is_not_the_declared_share():
    verdict = judge(StepScene(shares=LATER, edit=sole_user))
    assert check(verdict, FIRST).outcome is Outcome.FAIL
    assert "not the declared one" in verdict.message


def test_all_of_a_few_users_are_not_all_users():
    verdict = judge(StepScene(shares=((27.9, 1.0),)))
    assert verdict.figures["first_plateau_users_count"] < 183
    assert check(verdict, FIRST).outcome is Outcome.INCONC
    assert check(verdict, FIRST).reasons == ("I5",)


def test_a_share_that_a_capture_with_holes_shows_is_no_fail():
    history = StepScene(shares=((13.0, 0.25), *LATER)).history()
    assert judge_upg_02(history, LIMITS).outcome is Outcome.FAIL
    verdict = judge_upg_02(only_probes(history, lambda of: np.arange(len(of.probes.number)) % 100 != 0), LIMITS)
    assert verdict.outcome is Outcome.INCONC
    assert "I3" in verdict.reasons


def test_a_fail_tells_when_it_began():
    share = judge(StepScene(shares=((13.0, 0.25), *LATER)))
    assert share.evidence["first_violation_ns"] == pytest.approx(at(13.0), abs=200_000_000)
    gone = judge(units=changed("old-2", removed_s=14.0))
    assert at(14.0) <= gone.evidence["first_violation_ns"] <= at(14.2)


# --- users whom nobody answered ---------------------------------------------------------------------------------------


def losing(since_s, until_s, *, of=None, every=1, **options):
    """A scene in which users who come then get nothing back: all, those of one version, or every so many."""

    def lose(packets):
        if packets.group.name == "new-sessions":
            rows = (packets.opened_s >= since_s) & (packets.opened_s < until_s) & (packets.user % every == 0)
            packets.received[rows if of is None else rows & (packets.version == of)] = False

    return StepScene(edit=lose, **options)


def test_a_first_share_that_depends_on_users_who_were_lost_leaves_it_open():
    """A fifth of the new version's users would be what is declared, without those of whom nothing came back."""
    twice = ((13.0, 0.2), (16.0, 0.33), *LATER)
    assert check(judge(StepScene(shares=twice)), FIRST).outcome is Outcome.FAIL
    verdict = judge(losing(13.0, 16.0, of=1, every=2, shares=twice))
    assert check(verdict, FIRST).outcome is Outcome.INCONC
    assert check(verdict, FIRST).reasons == ("I6",)


def test_a_first_share_that_is_wrong_wherever_they_went_stays_a_fail():
    verdict = judge(losing(13.0, 16.0, every=16, shares=((13.0, 0.4), (16.0, 0.5), *LATER)))
    assert check(verdict, FIRST).outcome is Outcome.FAIL


def test_a_first_share_that_is_right_wherever_they_went_passes():
    verdict = judge(losing(13.0, 16.0, every=64))
    assert 0 < verdict.figures["unanswered_users_count"] < 10
    assert verdict.outcome is Outcome.PASS


def test_a_first_share_before_the_one_that_was_seen_leaves_it_open():
    """All users at once, as far as anybody was answered."""
    verdict = judge(losing(13.0, 16.0, shares=((13.0, 0.1), (16.0, 1.0))))
    assert check(verdict, FIRST).outcome is Outcome.INCONC
    assert "may have met another share" in check(verdict, FIRST).message


def test_all_at_once_that_nobody_answered_at_first_is_no_pass():
    """Everything went to the new version and was lost, then the declared share was set."""
    verdict = judge(losing(12.0, 13.0))
    assert check(verdict, FIRST).outcome is Outcome.INCONC


def test_all_at_once_with_some_who_were_lost_leaves_it_open():
    verdict = judge(losing(13.0, 29.0, every=8, shares=((13.0, 1.0),)), sut=UNDECLARED)
    assert check(verdict, FIRST).outcome is Outcome.INCONC
    assert check(verdict, FIRST).reasons == ("I6",)


def test_a_unit_that_goes_when_the_first_share_may_have_been_over_leaves_it_open():
    verdict = judge(losing(13.6, 14.2), units=changed("old-2", removed_s=14.5))
    assert check(verdict, UNITS_CHECK).outcome is Outcome.INCONC


def test_loss_before_the_request_says_nothing():
    assert judge(losing(4.0, 6.0)).outcome is Outcome.PASS
