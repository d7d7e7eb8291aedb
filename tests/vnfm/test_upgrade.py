"""The four-step upgrade: capacity before users, nobody moved, nothing taken away before it is idle."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from lab.vnfm.procedure import ProcedureError
from lab.vnfm.site import SiteError
from lab.vnfm.upgrade import FourStepParameters, FourStepUpgrade
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.worlds import World, world

STEPS = ["prepare", "canary", "grow to 0.33", "grow to 0.66", "grow to 1", "drain"]


def test_steps_are_reported_in_order() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    assert this.progress.of("step") == STEPS


def test_everything_is_new_at_the_end_and_nothing_else_is_left() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    assert set(this.servers().values()) == {NEW.image}
    assert len(this.servers()) == 4
    assert this.site.in_service() == set(this.servers()) == this.units_known_to_the_manager()
    assert [(set(one.units), one.share) for one in this.site.split] == [(set(this.servers()), 1.0)]


@pytest.mark.parametrize("old_units", [1, 2, 3, 4, 7, 10])
def test_capacity_comes_before_the_share_that_needs_it(old_units: int) -> None:
    this = world(old_units)
    this.upgrade(FourStepUpgrade)
    for _, share, in_service in this.new_share():
        assert len(in_service - this.old_names) >= ceil(share * old_units - 1e-9)


@pytest.mark.parametrize("old_units", [1, 2, 3, 4, 7, 10])
def test_units_in_service_never_fall_below_their_number_before(old_units: int) -> None:
    this = world(old_units)
    this.upgrade(FourStepUpgrade)
    assert min(len(happening.in_service) for happening in this.site.happenings) == old_units


def test_shares_grow_and_add_up_to_one() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    assert [share for _, share, _ in this.new_share()] == pytest.approx([0.1, 0.33, 0.66, 1.0, 1.0])
    for happening in this.site.of("set_split"):
        assert sum(one.share for one in happening.subject) == pytest.approx(1.0)


def test_first_new_capacity_is_limited_and_gets_nothing_before_it_is_ready() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    first_split = this.site.happenings.index(this.site.of("set_split")[0])
    before = this.site.happenings[:first_split]
    assert [happening.what for happening in before] == ["create_server"]
    assert before[-1].in_service == this.old_names
    # The fake site refuses to send users to a unit that is not ready; 0.8 s is what it needs, and 0.5 s more pass.
    assert this.site.of("set_split")[0].at_s - before[0].at_s == pytest.approx(1.3)


def test_users_come_a_while_after_each_unit_is_reported_ready() -> None:
    this = world()
    ready_s: list[float] = []
    this.progress.on_ready = lambda _unit: ready_s.append(this.pace.now_s())
    this.upgrade(FourStepUpgrade, settle_s=2)
    assert len(ready_s) == 4
    for at_s, _, _ in this.new_share():
        assert all(at_s - each >= 2 - 1e-9 for each in ready_s if each <= at_s)


def test_old_side_is_complete_until_everybody_new_goes_to_the_new_side() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    all_new_at_s = next(at_s for at_s, share, _ in this.new_share() if share == 1.0)
    assert all(happening.at_s >= all_new_at_s + 2.0 for happening in this.site.of("delete_server"))


def test_pins_are_never_dropped() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    assert this.site.of("drop_pins") == []


def test_holds_last_as_long_as_asked() -> None:
    this = world()
    this.upgrade(FourStepUpgrade, canary_hold_s=7, step_hold_s=5)
    canary, first, second, third, _ = (at_s for at_s, _, _ in this.new_share())
    assert first - canary >= 7
    assert second - first >= 5
    assert third - second >= 5
    assert this.site.of("delete_server")[0].at_s - third >= 5


def test_own_shares() -> None:
    this = world()
    this.upgrade(FourStepUpgrade, canary_share=0.25, shares=[0.5, 1.0])
    assert [share for _, share, _ in this.new_share()] == pytest.approx([0.25, 0.5, 1.0, 1.0])
    assert this.progress.of("step") == ["prepare", "canary", "grow to 0.5", "grow to 1", "drain"]


def test_units_get_the_destination_packages_image_and_flavour() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    made = this.progress.of("ready")
    assert {(unit.vnfd_id, unit.vdu_id, unit.flavour) for unit in made} == {
        (NEW.vnfd_id, NEW.vdu_id, NEW.compute_flavour)
    }
    assert all(unit.number is not None and unit.management_url for unit in made)
    assert len({unit.id for unit in made}) == 4


def test_canary_without_a_share_holds_both_versions_in_service() -> None:
    this = world()
    this.upgrade(FourStepUpgrade, canary_share=0, canary_hold_s=9)
    held, first, *_ = this.site.of("set_split")
    assert [(len(one.units), one.share, one.version) for one in held.subject] == [(4, 1.0, "1.0"), (1, 0.0, "2.0")]
    assert first.at_s - held.at_s >= 9


def test_splits_name_the_versions() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    versions = [tuple(one.version for one in happening.subject) for happening in this.site.of("set_split")]
    assert versions == [("1.0", "2.0")] * 4 + [("2.0",)]


@pytest.mark.parametrize(
    ("sick", "from_s", "step"),
    [("unit-5", 2.5, "canary"), ("unit-6", 0.0, "grow to 0.33"), ("unit-8", 0.0, "grow to 1")],
)
def test_new_unit_that_is_not_well_ends_the_upgrade(sick: str, from_s: float, step: str) -> None:
    this = world()
    this.site.healthy_of = lambda name, at_s: name != sick or at_s < from_s
    with pytest.raises(ProcedureError, match=f"unit {sick} - does not work as it should"):
        this.upgrade(FourStepUpgrade)
    assert this.progress.of("step")[-1] == step
    assert this.pace.now_s() - this.site.of("set_split")[-1].at_s <= 1.0 + from_s
    assert_consistent(this)


def test_old_units_and_silent_ones_are_not_watched() -> None:
    this = world()
    this.site.healthy_of = lambda name, _at_s: name not in this.old_names
    this.upgrade(FourStepUpgrade)
    this = world()
    this.site.sessions_of = lambda name, at_s: None if name == "unit-5" and 2.3 < at_s < 4 else 0
    this.upgrade(FourStepUpgrade)


def busy_until(moments: dict[str, float]) -> Callable[[str, float], int]:
    return lambda name, at_s: 5 if at_s < moments.get(name, 0) else 0


@pytest.mark.parametrize("kind", ["pins_of", "sessions_of"])
def test_each_old_unit_goes_as_soon_as_it_is_idle(kind: str) -> None:
    this = world()
    moments = {"unit-1": 30.0, "unit-2": 40.0, "unit-3": 25.0, "unit-4": 0.0}
    setattr(this.site, kind, busy_until(moments))
    this.upgrade(FourStepUpgrade)
    removed = {happening.subject: happening.at_s for happening in this.site.of("delete_server")}
    for name, idle_s in moments.items():
        assert idle_s <= removed[name] <= max(idle_s, removed["unit-4"]) + 0.5


def test_unit_with_sessions_but_no_pins_stays_and_so_does_the_reverse() -> None:
    this = world(old_units=2)
    this.site.pins_of = busy_until({"unit-1": 1e9})
    this.site.sessions_of = busy_until({"unit-2": 1e9})
    with pytest.raises(
        ProcedureError, match="unit-1, unit-2 - still have users or sessions - Expected: idle within 5 s"
    ):
        this.upgrade(FourStepUpgrade, drain_timeout_s=5)
    assert this.old_names <= set(this.servers())


def test_drain_timeout_keeps_busy_units_and_takes_idle_ones() -> None:
    this = world()
    this.site.pins_of = busy_until({"unit-3": 1e9})
    started_s = this.pace.now_s()
    with pytest.raises(ProcedureError, match="units unit-3 - still"):
        this.upgrade(FourStepUpgrade, drain_timeout_s=20)
    assert this.old_names & set(this.servers()) == {"unit-3"}
    assert this.units_known_to_the_manager() == set(this.servers())
    assert 20 < this.pace.now_s() - started_s < 45


def test_silent_unit_is_not_taken_for_idle() -> None:
    this = world(old_units=2)
    this.site.sessions_of = lambda name, _at_s: None if name == "unit-1" else 0
    with pytest.raises(ProcedureError, match="units unit-1 - still"):
        this.upgrade(FourStepUpgrade, drain_timeout_s=5)


def test_unit_that_the_vim_calls_dead_is_taken_away() -> None:
    this = world(old_units=2)
    this.site.sessions_of = lambda name, _at_s: None if name == "unit-1" else 0
    this.site.servers[this.old[0].server_id].image = "broken"
    this.site.broken_images.add("broken")
    this.upgrade(FourStepUpgrade)
    assert "unit-1" not in this.servers()


FAILURES: list[tuple[str, int, str]] = [
    ("create_server", 1, "prepare"),
    ("server", 1, "prepare"),
    ("unit_status", 1, "prepare"),
    ("set_split", 1, "canary"),
    ("create_server", 2, "grow to 0.33"),
    ("set_split", 2, "grow to 0.33"),
    ("create_server", 3, "grow to 0.66"),
    ("server", 25, "grow to 0.66"),
    ("set_split", 3, "grow to 0.66"),
    ("create_server", 4, "grow to 1"),
    ("set_split", 4, "grow to 1"),
    ("pins", 1, "drain"),
    ("delete_server", 1, "drain"),
    ("delete_server", 2, "drain"),
    ("delete_server", 4, "drain"),
    ("set_split", 5, "drain"),
]


@pytest.mark.parametrize(("method", "call", "step"), FAILURES)
def test_failure_of_the_world_stops_where_it_happens(method: str, call: int, step: str) -> None:
    this = world()
    this.site.fail_at(method, call)
    with pytest.raises(SiteError, match=method):
        this.upgrade(FourStepUpgrade)
    assert this.progress.of("step")[-1] == step
    assert_consistent(this)


@pytest.mark.parametrize("error", [RuntimeError("bug"), KeyError("bug")])
def test_bug_is_not_swallowed(error: Exception) -> None:
    this = world()
    this.site.fail_at("set_split", 2, error)
    with pytest.raises(type(error), match="bug"):
        this.upgrade(FourStepUpgrade)
    assert_consistent(this)


def assert_consistent(this: World) -> None:
    """Everything that exists is known to the manager, and users are sent only to units in service."""
    assert set(this.servers()) <= this.units_known_to_the_manager()
    reachable = {name for one in this.site.split if one.share > 0 for name in one.units}
    assert reachable <= this.site.in_service()
    assert len(this.site.in_service()) >= 4


def test_image_that_the_vim_cannot_start() -> None:
    this = world()
    this.site.broken_images.add(NEW.image)
    with pytest.raises(ProcedureError, match="the VIM could not create it: image is broken"):
        this.upgrade(FourStepUpgrade)
    assert this.site.of("set_split") == []
    assert_consistent(this)


def test_unit_that_never_becomes_ready() -> None:
    this = world()
    this.site.start_s = 1e9
    with pytest.raises(ProcedureError, match="unit-5 - not ready - Expected: within 12 s"):
        this.upgrade(FourStepUpgrade, ready_timeout_s=12)
    assert this.site.of("set_split") == []
    assert [unit.name for unit in this.progress.of("allocated")] == ["unit-5"]
    assert this.progress.of("ready") == []


class SmallerFlavour(FourStepUpgrade):
    """A variant as the seeded defects make them: overrides one step's part and nothing else."""

    def add_new_units(self, count: int) -> Any:
        return self.fleet.add(NEW, count, flavour="gateway.small", ready_timeout_s=1)


def test_parts_of_a_step_can_be_replaced() -> None:
    this = world()
    this.upgrade(SmallerFlavour)
    assert {server.flavour for server in this.site.servers.values()} == {"gateway.small"}
    assert set(this.servers().values()) == {NEW.image} != {OLD.image}


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"canary_share": 0.05},
        {"canary_share": 0, "canary_hold_s": 300},
        {"shares": [1.0]},
        {"shares": [0.2, 0.4, 0.6, 0.8, 1]},
        {"canary_hold_s": 0, "step_hold_s": 0, "drain_timeout_s": 0, "settle_s": 0},
    ],
)
def test_good_parameters(parameters: dict[str, Any]) -> None:
    FourStepUpgrade.check_parameters(parameters)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"canary_share": -0.1}, "canary_share"),
        ({"canary_share": 0, "shares": [0, 1]}, "growing"),
        ({"settle_s": -1}, "settle_s"),
        ({"canary_share": 1.5}, "canary_share"),
        ({"canary_share": "much"}, "canary_share"),
        ({"shares": []}, "ending in 1.0"),
        ({"shares": [0.5]}, "ending in 1.0"),
        ({"shares": [0.5, 0.5, 1.0]}, "growing"),
        ({"shares": [0.05, 1.0]}, "growing"),
        ({"shares": 1.0}, "shares"),
        ({"step_hold_s": -1}, "step_hold_s"),
        ({"drain_timeout_s": float("nan")}, "drain_timeout_s"),
        ({"drain_timeout_s": 3601}, "drain_timeout_s"),
        ({"canari_share": 0.1}, "canari_share"),
    ],
)
def test_bad_parameters(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FourStepUpgrade.check_parameters(parameters)


def test_defaults() -> None:
    defaults = FourStepParameters()
    assert (defaults.canary_share, defaults.canary_hold_s, defaults.shares) == (0.1, 3.0, (0.33, 0.66, 1.0))
    assert (defaults.step_hold_s, defaults.drain_timeout_s, defaults.settle_s) == (2.0, 60.0, 0.5)
