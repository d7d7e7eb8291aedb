"""Defects of the rollback: late, needless or forgetful, and harmless apart from that."""

from __future__ import annotations

import pytest

from lab.defects import rollback
from lab.vnfm.procedure import Cancelled, ProcedureError, UpgradeTask
from lab.vnfm.upgrade import FourStepUpgrade
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.worlds import World, world

ALL = [
    rollback.TeardownFirstUpgrade,
    rollback.TeardownShortlyBeforeUpgrade,
    rollback.RestartsOldUnitUpgrade,
    rollback.ColdStartUpgrade,
    rollback.LateSwitchUpgrade,
    rollback.SlowEndUpgrade,
    rollback.ForgetsNewUnitUpgrade,
    rollback.ForgetsOldUnitsUpgrade,
    rollback.HesitantSwitchUpgrade,
]


def cancelled(procedure: type[FourStepUpgrade], at_s: float) -> World:
    """A world in which an upgrade was cancelled: at 3 s there is one new unit, at 7 s there are two."""
    this = world()
    this.upgrade_until(procedure, at_s)
    this.site.happenings.clear()
    return this


def failed(procedure: type[FourStepUpgrade]) -> World:
    """A world in which the first new unit has found that it does not work."""
    this = world()
    this.site.healthy_of = lambda name, at_s: name in this.old_names or at_s < 3.0
    with pytest.raises(ProcedureError, match="does not work as it should"):
        this.upgrade(procedure)
    this.site.happenings.clear()
    return this


def rolled_back(this: World, procedure: type[FourStepUpgrade]) -> tuple[float, float]:
    """Roll back; returns after how many seconds users moved, and how long all of it took."""
    started_s = this.pace.now_s()
    this.roll_back(procedure)
    return this.site.of("set_split")[0].at_s - started_s, this.pace.now_s() - started_s


@pytest.mark.parametrize("procedure", ALL)
def test_upgrade_itself_is_the_standard_one(procedure: type[FourStepUpgrade]) -> None:
    this, standard = world(), world()
    this.upgrade(procedure)
    standard.upgrade(FourStepUpgrade)
    assert this.site.happenings == standard.site.happenings


@pytest.mark.parametrize("procedure", [one for one in ALL if one is not rollback.ForgetsNewUnitUpgrade])
@pytest.mark.parametrize("at_s", [0.5, 3.0, 7.0, 12.0])
def test_nothing_is_left_and_nothing_is_missing(procedure: type[FourStepUpgrade], at_s: float) -> None:
    this = world()
    this.site.pins_of = lambda name, _at_s: 1 if name in this.old_names else 0
    this.upgrade_until(procedure, at_s, graceful=False)
    this.roll_back(procedure)
    assert set(this.servers()) == this.old_names == this.units_known_to_the_manager()
    assert set(this.site.split[0].units) <= this.old_names


@pytest.mark.parametrize("procedure", ALL)
@pytest.mark.parametrize("at_s", [0.1, 2.2, 6.0, 15.0])
def test_rollback_that_is_cancelled_can_be_done_again(procedure: type[FourStepUpgrade], at_s: float) -> None:
    this = failed(procedure)
    this.pace.cancel_at_s = this.pace.now_s() + at_s
    try:
        this.roll_back(procedure)
    except Cancelled:
        this.pace.cancel_at_s = float("inf")
        this.roll_back(procedure)
    if procedure is not rollback.RestartsOldUnitUpgrade:  # of whose units one or another is a new one
        assert this.old_names <= set(this.servers())
    in_charge = [name for name, image in this.servers().items() if image == OLD.image]
    assert len(in_charge) == len(this.old_names)
    assert sorted(this.site.split[0].units) == sorted(in_charge)
    assert this.units_known_to_the_manager() == set(this.servers())


def test_one_old_unit_is_restarted_beside_failing_ones() -> None:
    this = failed(rollback.RestartsOldUnitUpgrade)
    rolled_back(this, rollback.RestartsOldUnitUpgrade)
    removed, created = this.site.of("delete_server")[0], this.site.of("create_server")
    assert removed.subject in this.old_names
    assert removed.at_s <= created[0].at_s < this.site.of("set_split")[0].at_s
    assert len(created) == 1
    assert list(this.servers().values()) == [OLD.image] * 4
    assert len(this.old_names & set(this.servers())) == 3


def test_no_old_unit_is_restarted_beside_new_ones_that_work() -> None:
    this = cancelled(rollback.RestartsOldUnitUpgrade, 7.0)
    rolled_back(this, rollback.RestartsOldUnitUpgrade)
    assert not this.site.of("create_server")
    assert set(this.servers()) == this.old_names


@pytest.mark.parametrize(
    ("procedure", "pause_s"),
    [(rollback.TeardownFirstUpgrade, 7.0), (rollback.TeardownShortlyBeforeUpgrade, 2.5)],
)
def test_failing_units_go_before_users_can(procedure: type[FourStepUpgrade], pause_s: float) -> None:
    this = failed(procedure)
    sick = this.progress.of("ready")[0]
    rolled_back(this, procedure)
    (removed,), (first_split, *_) = this.site.of("delete_server"), this.site.of("set_split")
    assert removed.subject == sick.name
    assert first_split.at_s - removed.at_s == pytest.approx(pause_s)
    assert [unit.name for unit in this.progress.of("released")] == [sick.name]
    assert len(this.site.of("adopt_sessions")) == 8


@pytest.mark.parametrize("procedure", [rollback.TeardownFirstUpgrade, rollback.TeardownShortlyBeforeUpgrade])
def test_units_that_work_go_after_their_users(procedure: type[FourStepUpgrade]) -> None:
    this = cancelled(procedure, 7.0)
    moved_s, _ = rolled_back(this, procedure)
    assert moved_s == 0
    assert this.site.of("delete_server")[0].at_s > this.site.of("set_split")[0].at_s


def test_old_software_is_started_needlessly_after_users_moved() -> None:
    this = cancelled(rollback.ColdStartUpgrade, 3.0)
    moved_s, took_s = rolled_back(this, rollback.ColdStartUpgrade)
    assert moved_s == 0
    assert 25 <= took_s < 27
    created = this.site.of("create_server")
    assert len(created) == 2
    assert created[0].at_s >= this.site.of("set_split")[-1].at_s


@pytest.mark.parametrize(
    ("procedure", "at_s", "moved_s", "longer_s"),
    [
        (rollback.LateSwitchUpgrade, 3.0, 8.0, 8.0),
        (rollback.SlowEndUpgrade, 3.0, 0.0, 3.0),
        (rollback.HesitantSwitchUpgrade, 3.0, 0.0, 0.0),
        (rollback.HesitantSwitchUpgrade, 7.0, 2.0, 2.0),
    ],
)
def test_how_much_later(procedure: type[FourStepUpgrade], at_s: float, moved_s: float, longer_s: float) -> None:
    standard = rolled_back(cancelled(FourStepUpgrade, at_s), FourStepUpgrade)
    actual = rolled_back(cancelled(procedure, at_s), procedure)
    assert actual == pytest.approx((standard[0] + moved_s, standard[1] + longer_s))


def test_one_new_unit_is_left_without_users() -> None:
    this = cancelled(rollback.ForgetsNewUnitUpgrade, 7.0)
    this.roll_back(rollback.ForgetsNewUnitUpgrade)
    (orphan,) = set(this.servers()) - this.old_names
    assert this.servers()[orphan] == NEW.image
    assert set(this.site.split[0].units) == this.old_names
    assert this.units_known_to_the_manager() == set(this.servers())


def test_what_was_left_behind_is_no_capacity_of_the_next_upgrade() -> None:
    this = cancelled(rollback.ForgetsNewUnitUpgrade, 3.0)
    this.roll_back(rollback.ForgetsNewUnitUpgrade)
    made = len(this.progress.of("ready"))
    before = this.units
    rollback.ForgetsNewUnitUpgrade(UpgradeTask(this.fleet, OLD, NEW, {}, before, before)).run()
    assert len(this.progress.of("ready")) - made == 4
    assert len(this.site.split[0].units) == 4


@pytest.mark.parametrize(("at_s", "serving"), [(3.0, 4), (7.0, 2), (10.0, 2)])
def test_half_of_the_old_units_are_forgotten_when_there_are_two_new_ones(at_s: float, serving: int) -> None:
    this = cancelled(rollback.ForgetsOldUnitsUpgrade, at_s)
    this.roll_back(rollback.ForgetsOldUnitsUpgrade)
    for happening in this.site.of("set_split"):
        assert [(len(one.units), one.share) for one in happening.subject] == [(serving, 1.0)]
    assert set(this.servers()) == this.old_names
