"""Undoing the four-step upgrade at any moment: the old side complete first, nobody of the old version moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.vnfm.procedure import Cancelled, ProcedureError, UpgradeTask
from lab.vnfm.site import SiteError
from lab.vnfm.upgrade import FourStepUpgrade
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.worlds import GRACEFUL, MODES, World, world

MOMENTS_S = [0.05, 0.3, 0.9, 2.0, 4.0, 4.5, 5.5, 8.0, 10.0, 12.0, 14.0]
"""From the first server that is asked for to the drain, in which nothing is removed as long as all are busy."""


def cancelled(at_s: float, mode: str = GRACEFUL) -> World:
    """A world in which the upgrade was cancelled; old units are busy until the drain is tested on purpose."""
    this = world()
    this.site.pins_of = lambda name, _at_s: 1 if name in this.old_names else 0
    this.upgrade_until(FourStepUpgrade, at_s, graceful=mode == GRACEFUL)
    return this


def halfway_through_the_drain(gone: int) -> World:
    """A world in which some old units are removed already and the others still have users."""
    this = world()
    busy = {unit.name for unit in this.old[gone:]}
    this.site.pins_of = lambda name, _at_s: 1 if name in busy else 0
    with pytest.raises(ProcedureError, match="still have users"):
        this.upgrade(FourStepUpgrade, drain_timeout_s=3)
    assert len(this.old_names & set(this.servers())) == 4 - gone
    return this


def assert_as_before(this: World) -> None:
    """As many old units as before with all users, and nothing else."""
    assert list(this.servers().values()) == [OLD.image] * len(this.old)
    assert this.site.in_service() == set(this.servers()) == this.units_known_to_the_manager()
    assert [(set(one.units), one.share) for one in this.site.split] == [(set(this.servers()), 1.0)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("at_s", MOMENTS_S)
def test_everything_is_as_before_wherever_the_upgrade_was_cancelled(at_s: float, mode: str) -> None:
    this = cancelled(at_s, mode)
    this.roll_back(FourStepUpgrade)
    assert_as_before(this)
    assert this.old_names == set(this.servers())
    assert this.units == this.old


@pytest.mark.parametrize("gone", [1, 2, 3, 4])
def test_old_units_that_are_gone_are_made_again_before_users_move(gone: int) -> None:
    this = halfway_through_the_drain(gone) if gone < 4 else world()
    if gone == 4:
        this.site.fail_at("set_split", 5)
        with pytest.raises(SiteError):
            this.upgrade(FourStepUpgrade)
    this.site.happenings.clear()
    this.roll_back(FourStepUpgrade)
    assert_as_before(this)
    first, last = this.site.of("set_split")
    assert len(first.in_service - this.new_names) + gone == 4
    assert first.subject == last.subject
    assert set(first.subject[0].units) == {unit.name for unit in this.units}
    created = [happening for happening in this.site.happenings if happening.what == "create_server"]
    assert len(created) == gone
    assert first.at_s - created[0].at_s >= 0.8 + 0.5
    assert {unit.vnfd_id for unit in this.units} == {OLD.vnfd_id}


@pytest.mark.parametrize("at_s", [2.0, 8.0, 12.0])
def test_users_of_new_units_move_in_one_transaction_and_nobody_else(at_s: float) -> None:
    this = cancelled(at_s)
    new = {unit.name for unit in this.progress.of("ready")}
    this.site.happenings.clear()
    this.roll_back(FourStepUpgrade)
    (ahead, split), (forget,) = this.site.of("set_split"), this.site.of("forget")
    for one in (ahead, split):
        assert [(set(to.units), to.share, to.version) for to in one.subject] == [(set(this.old_names), 1.0, "1.0")]
    assert set(forget.subject) == new
    assert forget.at_s == split.at_s
    assert split.at_s - ahead.at_s >= 0.5  # most of what new units serve has ended by itself
    assert this.site.of("drop_pins") == []


def test_sessions_are_handed_over_before_and_after_the_switch() -> None:
    this = cancelled(6.0)
    new = tuple(unit.name for unit in this.progress.of("ready"))
    this.site.happenings.clear()
    this.roll_back(FourStepUpgrade)
    order = [
        (happening.what, happening.subject)
        for happening in this.site.happenings
        if happening.what in {"flush_sessions", "adopt_sessions", "forget", "delete_server"}
    ]
    hand_over = [
        *(("flush_sessions", name) for name in new),
        *(("adopt_sessions", (unit.name, new)) for unit in this.old),
    ]
    assert order == [*hand_over, ("forget", new), *hand_over, *(("delete_server", name) for name in new)]


def test_new_units_go_a_while_after_their_users() -> None:
    this = cancelled(6.0)
    this.site.happenings.clear()
    this.roll_back(FourStepUpgrade, settle_s=4)
    assert this.site.of("delete_server")[0].at_s - this.site.of("set_split")[0].at_s >= 4


def test_capacity_never_falls() -> None:
    this = halfway_through_the_drain(2)
    this.site.happenings.clear()
    this.roll_back(FourStepUpgrade)
    assert min(len(happening.in_service) for happening in this.site.happenings) == 4


@pytest.mark.parametrize("method", ["flush_sessions", "adopt_sessions"])
def test_users_go_back_even_if_their_sessions_cannot(method: str) -> None:
    this = cancelled(6.0)

    def refuse(_argument: Any) -> None:
        raise SiteError("unit - no answer")

    this.site.hooks[method] = refuse
    this.roll_back(FourStepUpgrade)
    assert_as_before(this)


def test_units_that_do_not_answer_hold_nobody_up() -> None:
    this = cancelled(12.0)
    asked: list[str] = []

    def dead(name: str) -> None:
        asked.append(name)
        this.pace.time_s += 2.0
        raise SiteError("unit - no answer")

    this.site.hooks["flush_sessions"] = dead
    before_s = this.pace.now_s()
    this.site.happenings.clear()
    this.roll_back(FourStepUpgrade)
    assert this.site.of("set_split")[0].at_s - before_s <= 4.0
    assert len(asked) == 4  # two before the switch and two after it, of four


def test_new_unit_that_has_died_does_not_hinder_the_rollback() -> None:
    this = cancelled(6.0)
    dead, alive = this.progress.of("ready")
    del this.site.servers[dead.server_id]  # with it the decider has forgotten its users
    this.site.happenings.clear()
    this.roll_back(FourStepUpgrade)
    assert_as_before(this)
    assert this.site.of("forget")[0].subject == (alive.name,)


@pytest.mark.parametrize("method", ["set_split", "pins", "delete_server", "current_split"])
@pytest.mark.parametrize("call", [1, 2])
def test_rollback_that_fails_can_be_done_again(method: str, call: int) -> None:
    this = halfway_through_the_drain(2)
    this.site.fail_at(method, call)
    try:
        this.roll_back(FourStepUpgrade)
    except SiteError:
        this.site.hooks.clear()
        this.roll_back(FourStepUpgrade)
    assert_as_before(this)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("at_s", [0.0, 0.2, 0.6, 1.0, 1.4, 1.7])
def test_rollback_can_be_cancelled_and_done_again(at_s: float, mode: str) -> None:
    this = halfway_through_the_drain(2)
    this.pace.cancel_at_s, this.pace.graceful = this.pace.now_s() + at_s, mode == GRACEFUL
    with pytest.raises(Cancelled):
        this.roll_back(FourStepUpgrade)
    this.pace.cancel_at_s = float("inf")
    this.roll_back(FourStepUpgrade)
    assert_as_before(this)


@pytest.mark.parametrize("at_s", [0.2, 1.0, 1.4, 1.7])
def test_upgrade_can_be_resumed_after_a_rollback_was_cancelled(at_s: float) -> None:
    this = halfway_through_the_drain(2)
    this.pace.cancel_at_s, this.pace.graceful = this.pace.now_s() + at_s, False
    with pytest.raises(Cancelled):
        this.roll_back(FourStepUpgrade)
    this.pace.cancel_at_s = float("inf")
    this.site.pins_of = lambda _name, _at_s: 0
    this.site.happenings.clear()
    this.resume(FourStepUpgrade)
    assert list(this.servers().values()) == [NEW.image] * 4
    assert min(len(happening.in_service) for happening in this.site.happenings) == 4


def test_rollback_of_nothing_changes_nothing() -> None:
    this = world()
    this.roll_back(FourStepUpgrade)
    assert_as_before(this)
    assert [happening.what for happening in this.site.happenings] == ["set_split"]


def test_more_old_units_than_before_do_not_stay() -> None:
    this = cancelled(6.0)
    (extra,) = this.fleet.add(OLD, 1, flavour=OLD.compute_flavour, ready_timeout_s=10)
    this.roll_back(FourStepUpgrade)
    assert extra.name not in this.servers()
    assert_as_before(this)


def test_users_go_back_to_old_units_only_though_another_was_left_behind_before() -> None:
    this = world()
    (orphan,) = this.fleet.add(NEW, 1, flavour=NEW.compute_flavour, ready_timeout_s=10)
    task = UpgradeTask(this.fleet, OLD, NEW, {}, (*this.old, orphan), (*this.old, orphan))
    FourStepUpgrade(task).roll_back()
    assert set(this.site.split[0].units) == this.old_names
    assert orphan.name in this.servers()
    assert this.site.of("forget")[0].subject == (orphan.name,)


def test_instance_that_was_mostly_new_before_keeps_its_capacity() -> None:
    this = world(old_units=1)
    new = this.fleet.add(NEW, 4, flavour=NEW.compute_flavour, ready_timeout_s=10)
    before = (*this.old, *new)
    FourStepUpgrade(UpgradeTask(this.fleet, OLD, NEW, {}, before, before)).roll_back()
    assert set(this.site.split[0].units) == {unit.name for unit in before}
    assert set(this.servers()) == {unit.name for unit in before}


def test_unit_of_another_size_is_made_again_as_it_was() -> None:
    this = world(old_units=1)
    large = replace(OLD, vdu_id="gateway-large")
    (lost,) = this.fleet.add(large, 1, flavour="gateway.large", ready_timeout_s=10)
    before = (*this.old, lost)
    this.fleet.remove(lost)
    FourStepUpgrade(UpgradeTask(this.fleet, OLD, NEW, {}, before, this.old)).roll_back()
    (made,) = (unit for unit in this.units if unit not in this.old)
    assert (made.vdu_id, made.flavour, made.vnfd_id) == ("gateway-large", "gateway.large", OLD.vnfd_id)
    assert {one.name for one in (*this.old, made)} == set(this.site.split[0].units)
