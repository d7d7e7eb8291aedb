"""The upgrade by halves does what it is here for: it halves the capacity and moves everybody."""

from __future__ import annotations

import pytest

from lab.vnfm.procedure import ProcedureError
from lab.vnfm.site import SiteError
from lab.vnfm.traditional import HalvesUpgrade
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.worlds import world


def test_steps() -> None:
    this = world()
    this.upgrade(HalvesUpgrade)
    assert this.progress.of("step") == ["split", "upgrade right half", "switch over", "upgrade left half", "join"]


def test_everything_is_new_at_the_end_and_nothing_else_is_left() -> None:
    this = world()
    this.upgrade(HalvesUpgrade)
    assert set(this.servers().values()) == {NEW.image}
    assert this.site.in_service() == set(this.servers()) == this.units_known_to_the_manager()
    assert [(set(one.units), one.share) for one in this.site.split] == [(set(this.servers()), 1.0)]


@pytest.mark.parametrize(("units", "left"), [(2, 1), (4, 2), (5, 2), (6, 3)])
def test_traffic_goes_to_one_half_then_to_the_other_then_to_both(units: int, left: int) -> None:
    this = world(units)
    this.upgrade(HalvesUpgrade)
    served_by = [set(happening.subject[0].units) for happening in this.site.of("set_split")]
    left_half = {unit.name for unit in this.old[:left]}
    assert served_by[0] == left_half
    assert served_by[1] <= this.new_names
    assert len(served_by[1]) == units - left
    assert served_by[2] == this.new_names


def test_capacity_is_halved_in_the_middle() -> None:
    this = world()
    this.upgrade(HalvesUpgrade)
    assert min(len(happening.in_service) for happening in this.site.happenings) == 2


def test_right_half_is_removed_before_its_replacement_exists() -> None:
    this = world()
    this.upgrade(HalvesUpgrade)
    changes = [
        (happening.what, happening.subject)
        for happening in this.site.happenings
        if happening.what in {"create_server", "delete_server"}
    ]
    assert changes == [
        ("delete_server", "unit-3"),
        ("delete_server", "unit-4"),
        ("create_server", "unit-5"),
        ("create_server", "unit-6"),
        ("delete_server", "unit-1"),
        ("delete_server", "unit-2"),
        ("create_server", "unit-7"),
        ("create_server", "unit-8"),
    ]


def test_existing_users_move_with_each_switch() -> None:
    this = world()
    this.upgrade(HalvesUpgrade)
    order = [happening.what for happening in this.site.happenings if happening.what in {"set_split", "drop_pins"}]
    assert order == ["set_split", "drop_pins", "set_split", "drop_pins", "set_split"]


def test_sessions_on_the_half_are_cut_after_a_short_time() -> None:
    this = world()
    this.site.sessions_of = lambda _name, _at_s: 1000
    this.upgrade(HalvesUpgrade, leave_timeout_s=4, half_hold_s=3)
    dropped = this.site.of("drop_pins")[0].at_s
    assert 7 <= this.site.of("delete_server")[0].at_s - dropped < 8


def test_one_unit_has_no_halves() -> None:
    this = world(old_units=1)
    with pytest.raises(ProcedureError, match="Expected: 2 units or more - Actual: 1"):
        this.upgrade(HalvesUpgrade)
    assert this.site.happenings == []


@pytest.mark.parametrize(
    ("method", "call", "step"),
    [
        ("set_split", 1, "split"),
        ("drop_pins", 1, "split"),
        ("delete_server", 1, "upgrade right half"),
        ("create_server", 2, "upgrade right half"),
        ("unit_status", 3, "upgrade right half"),
        ("set_split", 2, "switch over"),
        ("delete_server", 4, "upgrade left half"),
        ("create_server", 4, "upgrade left half"),
        ("set_split", 3, "join"),
    ],
)
def test_failure_stops_where_it_happens(method: str, call: int, step: str) -> None:
    this = world()
    this.site.fail_at(method, call)
    with pytest.raises(SiteError, match=method):
        this.upgrade(HalvesUpgrade)
    assert this.progress.of("step")[-1] == step
    assert set(this.servers()) <= this.units_known_to_the_manager()


def test_parameters_of_the_other_procedure_are_ignored() -> None:
    HalvesUpgrade.check_parameters({"canary_share": 0.1, "drain_timeout_s": 20, "half_hold_s": 1})


def test_bad_parameters() -> None:
    with pytest.raises(ValueError, match="half_hold_s"):
        HalvesUpgrade.check_parameters({"half_hold_s": -1})


@pytest.mark.parametrize("at_s", [1.0, 2.3, 4.0, 5.2])
def test_rollback_puts_as_many_old_units_back_with_everybody(at_s: float) -> None:
    this = world()
    this.upgrade_until(HalvesUpgrade, at_s, graceful=False)
    this.site.happenings.clear()
    this.roll_back(HalvesUpgrade)
    assert list(this.servers().values()) == [OLD.image] * 4
    assert this.site.in_service() == set(this.servers()) == this.units_known_to_the_manager()
    assert [(set(one.units), one.share) for one in this.site.split] == [(set(this.servers()), 1.0)]
    assert [happening.what for happening in this.site.happenings].count("drop_pins") == 1
    assert this.site.of("flush_sessions") == []


def test_rollback_makes_units_before_it_moves_users_to_them() -> None:
    this = world()
    this.site.fail_at("create_server", 4)
    with pytest.raises(SiteError):
        this.upgrade(HalvesUpgrade)
    this.site.happenings.clear()
    this.roll_back(HalvesUpgrade)
    assert len(this.site.of("set_split")[0].in_service & set(this.servers())) == 4


def test_nobody_knows_how_to_go_on() -> None:
    this = world()
    this.upgrade_until(HalvesUpgrade, 4.0)
    with pytest.raises(ProcedureError, match="roll it back instead"):
        this.resume(HalvesUpgrade)
