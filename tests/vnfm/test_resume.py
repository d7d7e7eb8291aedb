"""Going on with the four-step upgrade from whatever is there: shares never fall, nothing is made twice."""

from __future__ import annotations

from math import ceil

import pytest

from lab.vnfm.procedure import ProcedureError, UpgradeTask
from lab.vnfm.site import SiteError
from lab.vnfm.upgrade import FourStepUpgrade
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.worlds import GRACEFUL, MODES, World, world


def assert_upgraded(this: World) -> None:
    """Only new units, as many as there were old ones, with all users."""
    assert list(this.servers().values()) == [NEW.image] * len(this.old)
    assert this.site.in_service() == set(this.servers()) == this.units_known_to_the_manager()
    assert [(set(one.units), one.share) for one in this.site.split] == [(set(this.servers()), 1.0)]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("at_s", [0.0, 0.05, 0.9, 1.2, 2.0, 4.5, 5.5, 8.0, 10.0, 12.0])
def test_cancelled_upgrade_is_completed(at_s: float, mode: str) -> None:
    this = world()
    this.upgrade_until(FourStepUpgrade, at_s, graceful=mode == GRACEFUL)
    this.resume(FourStepUpgrade)
    assert_upgraded(this)
    shares = [share for _, share, _ in this.new_share()]
    assert shares == sorted(shares)
    for _, share, in_service in this.new_share():
        assert len(in_service - this.old_names) >= ceil(share * 4 - 1e-9)
    assert min(len(happening.in_service) for happening in this.site.happenings) == 4


@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("create_server", 1),
        ("create_server", 3),
        ("set_split", 1),
        ("set_split", 3),
        ("delete_server", 2),
        ("set_split", 5),
    ],
)
def test_failed_upgrade_is_completed(method: str, call: int) -> None:
    this = world()
    this.site.fail_at(method, call)
    with pytest.raises(SiteError):
        this.upgrade(FourStepUpgrade)
    this.site.hooks.clear()
    this.resume(FourStepUpgrade)
    assert_upgraded(this)
    assert len(this.progress.of("ready")) == 4


def test_share_that_is_in_force_is_held_once_more_and_the_earlier_ones_are_not() -> None:
    this = world()
    this.upgrade_until(FourStepUpgrade, 10.0)
    assert this.new_share()[-1][1] == pytest.approx(0.66)
    this.progress.reports.append(("step", "resumed"))
    this.resume(FourStepUpgrade)
    steps = this.progress.of("step")
    assert steps[steps.index("resumed") + 1 :] == ["grow to 0.66", "grow to 1", "drain"]


def test_unit_that_never_worked_is_removed_and_made_again() -> None:
    this = world()
    this.site.broken_images.add(NEW.image)
    with pytest.raises(ProcedureError):
        this.upgrade(FourStepUpgrade)
    this.site.broken_images.clear()
    this.resume(FourStepUpgrade)
    assert_upgraded(this)
    assert this.progress.of("released")[0].name == "unit-5"


def test_unit_that_is_still_not_well_ends_the_upgrade_again() -> None:
    this = world()
    this.site.healthy_of = lambda name, _at_s: name != "unit-5"
    for attempt in (this.upgrade, this.resume):
        with pytest.raises(ProcedureError, match="does not work as it should"):
            attempt(FourStepUpgrade)
    assert this.progress.of("step") == ["prepare", "canary"] * 2


def test_timed_out_drain_goes_on_with_the_units_that_are_left() -> None:
    this = world()
    this.site.pins_of = lambda name, _at_s: 1 if name == "unit-3" else 0
    with pytest.raises(ProcedureError):
        this.upgrade(FourStepUpgrade, drain_timeout_s=5)
    this.site.pins_of = lambda _name, _at_s: 0
    this.site.happenings.clear()
    this.resume(FourStepUpgrade, drain_timeout_s=5)
    assert_upgraded(this)
    assert [happening.subject for happening in this.site.of("delete_server")] == ["unit-3"]


def test_upgrade_after_one_that_was_given_up_goes_on_with_its_units() -> None:
    this = world()
    this.upgrade_until(FourStepUpgrade, 6.0)
    made = {unit.name for unit in this.progress.of("ready")}
    FourStepUpgrade(UpgradeTask(this.fleet, OLD, NEW, {}, this.units, this.units)).run()
    assert_upgraded(this)
    assert len(made) == 2
    assert made < set(this.servers())
