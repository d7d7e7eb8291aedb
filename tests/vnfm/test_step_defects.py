"""Defects of the four steps: each breaks what it is there for in the fake world, and nothing else that shows there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from lab.controller.buckets import BitReversedHash, Group
from lab.defects import admission, drain, shares
from lab.defects.background import in_background
from lab.vnfm.procedure import Interrupted, ProcedureError, UpgradeTask
from lab.vnfm.upgrade import FourStepUpgrade
from tests.vnfm.fakes import NEW, OLD
from tests.vnfm.manager import Manager, wait_for
from tests.vnfm.worlds import World, world

ALL = [
    admission.RemoveFirst,
    admission.TwoCanaries,
    admission.EarlyAdmission,
    admission.PromptAdmission,
    shares.BigBang,
    shares.DoubleShare,
    shares.SlightlyLargerShare,
    shares.ShareBeforeCapacity,
    shares.ShareFalls,
    shares.FullCanary,
    drain.OldestFirst,
    drain.SilentUnitsFirst,
    drain.CompletedEarly,
    drain.Orphan,
    drain.LateCleanup,
    drain.Dip,
    drain.TwoLarge,
]


def join_background() -> None:
    """Wait until nothing goes on that was started in the background."""
    for thread in threading.enumerate():
        if thread.name == "background":
            thread.join(10)


def upgraded(procedure: type[FourStepUpgrade], **parameters: Any) -> World:
    """A world after the whole upgrade, background work included."""
    this = world()
    this.upgrade(procedure, **parameters)
    join_background()
    return this


def given_shares(this: World) -> list[float]:
    return [share for _, share, _ in this.new_share()]


@pytest.mark.parametrize("procedure", ALL)
def test_upgrade_ends_with_the_new_version_alone_in_service(procedure: type[FourStepUpgrade]) -> None:
    this = upgraded(procedure)
    (split,) = this.site.split
    images = this.servers()
    assert split.share == 1.0
    assert {images[name] for name in split.units} == {NEW.image}
    left = set(images) - set(split.units)
    assert left == ({"unit-4"} if procedure is drain.Orphan else set())
    assert this.units_known_to_the_manager() == set(images)


@pytest.mark.parametrize("procedure", ALL)
@pytest.mark.parametrize("at_s", [0.3, 2.0, 4.0, 6.0, 9.0, 11.5])
def test_upgrade_that_is_cancelled_can_be_rolled_back_as_ever(procedure: type[FourStepUpgrade], at_s: float) -> None:
    this = world()
    this.site.pins_of = lambda name, _at_s: 1 if name in this.old_names and name != "unit-4" else 0
    this.upgrade_until(procedure, at_s, graceful=False)
    this.roll_back(procedure)
    assert list(this.servers().values()) == [OLD.image] * 4
    assert [(set(one.units), one.share) for one in this.site.split] == [(set(this.servers()), 1.0)]


UNHARMED = [one for one in ALL if one not in {admission.RemoveFirst, drain.Dip, drain.TwoLarge}]


@pytest.mark.parametrize("procedure", UNHARMED)
def test_capacity_is_never_below_that_of_before(procedure: type[FourStepUpgrade]) -> None:
    this = upgraded(procedure)
    assert min(len(happening.in_service) for happening in this.site.happenings) == 4


@pytest.mark.parametrize("procedure", [one for one in ALL if one is not drain.OldestFirst])
def test_nobody_is_moved(procedure: type[FourStepUpgrade]) -> None:
    this = upgraded(procedure)
    assert this.site.of("forget") == this.site.of("drop_pins") == []


@pytest.mark.parametrize(
    "procedure", [one for one in ALL if one not in {shares.ShareFalls, admission.RemoveFirst, drain.Dip}]
)
def test_share_never_falls(procedure: type[FourStepUpgrade]) -> None:
    given = given_shares(upgraded(procedure))
    assert given == sorted(given)


def test_spare_is_removed_before_the_first_new_unit_is_made() -> None:
    this = upgraded(admission.RemoveFirst)
    changes = [one for one in this.site.happenings if one.what in {"create_server", "delete_server"}]
    assert [(one.what, one.subject) for one in changes[:2]] == [
        ("delete_server", "unit-4"),
        ("create_server", "unit-5"),
    ]
    assert min(len(happening.in_service) for happening in this.site.happenings) == 3
    assert len(this.servers()) == 4


def test_only_one_spare_is_removed_though_the_upgrade_is_resumed() -> None:
    this = world()
    this.upgrade_until(admission.RemoveFirst, 0.3, graceful=False)
    this.resume(admission.RemoveFirst)
    assert min(len(happening.in_service) for happening in this.site.happenings) == 3


@pytest.mark.parametrize(("units", "served"), [(1, 1), (3, 3), (4, 3), (5, 4)])
def test_nobody_is_sent_to_a_spare(units: int, served: int) -> None:
    group = Group(tuple(f"u{number}" for number in range(units)), 1.0)
    assert set(admission.SparingHash().assign([group])) == set(group.units[:served])
    both = [Group(("a", "b", "c", "d"), 0.5), Group(("e", "f"), 0.5)]
    thin = [Group(("a", "b", "c"), 0.5), Group(("e", "f"), 0.5)]
    assert admission.SparingHash().assign(both) == BitReversedHash().assign(thin)


def test_two_units_in_the_first_step() -> None:
    this = upgraded(admission.TwoCanaries)
    assert len(this.site.of("set_split")[0].in_service - this.old_names) == 2
    assert len(this.progress.of("ready")) == 4


def test_users_come_before_the_first_unit_is_reported_ready_and_to_the_others_after_that() -> None:
    this = world()
    ready_s: list[float] = []
    this.progress.on_ready = lambda _unit: ready_s.append(this.pace.now_s())
    this.upgrade(admission.EarlyAdmission)
    admitted, *_ = this.new_share()
    assert admitted[1] == 0.1
    assert ready_s[0] - admitted[0] == pytest.approx(1.5)
    for at_s, share, in_service in this.new_share():
        assert len(in_service - this.old_names) >= ceil(share * 4 - 1e-9)
        assert all(at_s - each >= 0.5 - 1e-9 for each in ready_s if each <= at_s)


def test_users_come_a_quarter_of_a_second_after_readiness() -> None:
    this = world()
    ready_s: list[float] = []
    this.progress.on_ready = lambda _unit: ready_s.append(this.pace.now_s())
    this.upgrade(admission.PromptAdmission)
    assert this.new_share()[0][0] - ready_s[0] == pytest.approx(0.25)


def test_next_to_nothing_and_then_everybody() -> None:
    this = upgraded(shares.BigBang)
    given = given_shares(this)
    assert given[:-1] == [2 / 256] * 3 + [1.0]
    assert len(this.new_share()[0][2] - this.old_names) == 1
    assert len(this.new_share()[3][2] - this.old_names) == 4
    assert given_shares(upgraded(shares.BigBang, canary_share=0))[0] == 0


@pytest.mark.parametrize(("procedure", "first"), [(shares.DoubleShare, 0.16), (shares.SlightlyLargerShare, 0.11)])
def test_first_share_is_another_and_the_others_are_not(procedure: type[FourStepUpgrade], first: float) -> None:
    assert given_shares(upgraded(procedure)) == pytest.approx([first, 0.33, 0.66, 1.0, 1.0])


def test_users_before_capacity() -> None:
    this = upgraded(shares.ShareBeforeCapacity)
    on_new = [(share, len(in_service - this.old_names)) for _, share, in_service in this.new_share()]
    assert on_new[:3] == [(0.1, 1), (0.33, 1), (0.33, 2)]
    assert given_shares(this)[3:] == [0.66, 1.0, 1.0]


def test_share_falls_once_and_rises_again() -> None:
    this = upgraded(shares.ShareFalls)
    assert given_shares(this) == pytest.approx([0.1, 0.33, 0.66, 0.33, 1.0, 1.0])
    moments = [at_s for at_s, _, _ in this.new_share()]
    assert moments[4] - moments[3] >= 2.0


def test_first_growth_fills_the_canarys_unit() -> None:
    this = upgraded(shares.FullCanary)
    on_new = [(share, len(in_service - this.old_names)) for _, share, in_service in this.new_share()]
    assert on_new[:3] == [(0.1, 1), (0.25, 1), (0.66, 3)]


def busy(names: set[str], until_s: float) -> Callable[[str, float], int]:
    return lambda name, at_s: 1 if name in names and at_s < until_s else 0


def test_oldest_unit_goes_with_its_users() -> None:
    this = world()
    this.site.pins_of = busy(set(this.old_names), 60.0)
    this.upgrade(drain.OldestFirst)
    removed = this.site.of("delete_server")
    assert removed[0].subject == "unit-1"
    assert removed[0].at_s < 30
    assert all(happening.at_s >= 60 for happening in removed[1:])
    (forgotten,) = this.site.of("forget")
    assert forgotten.subject == ("unit-1",)
    adopters = [happening.subject for happening in this.site.of("adopt_sessions")]
    assert adopters == [(unit.name, ("unit-1",)) for unit in this.progress.of("ready")] * 2
    assert [happening.subject for happening in this.site.of("flush_sessions")] == ["unit-1"] * 2


def test_silent_unit_goes_after_three_seconds_though_it_has_users() -> None:
    this = world()
    this.site.pins_of = busy(set(this.old_names), 1e9)
    this.site.sessions_of = lambda _name, _at_s: 9
    quiet_s = {"unit-1": 20.0, "unit-2": 30.0, "unit-3": 25.0, "unit-4": 20.0}
    this.site.received_of = lambda name, at_s: int(min(at_s, quiet_s.get(name, 0)) * 100)
    this.upgrade(drain.SilentUnitsFirst)
    removed = {happening.subject: happening.at_s for happening in this.site.of("delete_server")}
    for name, at_s in quiet_s.items():
        assert at_s + 3 < removed[name] <= at_s + 3.8


def test_unit_that_receives_something_every_two_seconds_stays() -> None:
    this = world()
    this.site.received_of = lambda name, at_s: int(at_s / 2.05) if name == "unit-2" else 7
    with pytest.raises(ProcedureError, match="units unit-2 - still"):
        this.upgrade(drain.SilentUnitsFirst, drain_timeout_s=15)


def test_silence_of_the_management_is_no_silence_of_users() -> None:
    this = world()
    this.site.sessions_of = lambda name, _at_s: None if name == "unit-2" else 0
    with pytest.raises(ProcedureError, match="units unit-2 - still"):
        this.upgrade(drain.SilentUnitsFirst, drain_timeout_s=15)


def test_completed_while_old_units_are_busy() -> None:
    this = world()
    ended = threading.Event()
    this.site.pins_of = lambda name, _at_s: 0 if ended.is_set() or name not in this.old_names else 1
    this.site.hooks["pins"] = lambda _argument: ended.wait(10)
    this.upgrade(drain.CompletedEarly)
    assert this.old_names <= set(this.servers())
    ended.set()
    join_background()
    assert this.old_names.isdisjoint(this.servers())


def test_completed_as_soon_as_nearly_everybody_new_goes_to_new_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain, "in_background", lambda _work: None)
    this = world()
    this.upgrade(drain.CompletedEarly)
    last_split = this.site.of("set_split")[-1]
    assert (given_shares(this)[-1], last_split.at_s) == (255 / 256, this.pace.now_s())


def test_next_upgrade_waits_for_what_goes_on() -> None:
    this = world()
    this.upgrade(FourStepUpgrade)
    (late,) = this.fleet.add(OLD, 1, flavour=OLD.compute_flavour, ready_timeout_s=10)
    gone_s = this.pace.now_s() + 4
    this.site.hooks["pins"] = lambda _argument: (
        this.pace.now_s() < gone_s or this.site.servers.pop(late.server_id, None)
    )
    before = (*this.progress.of("ready")[:4], late)
    back = UpgradeTask(this.fleet, NEW, OLD, {}, before, before)
    drain.CompletedEarly(back).run()
    join_background()
    assert list(this.servers().values()) == [OLD.image] * 4
    assert late.name not in this.servers()


def test_orphan_stays_only_if_it_is_idle() -> None:
    this = world()
    this.site.pins_of = busy({"unit-4"}, 1e9)
    with pytest.raises(ProcedureError, match="units unit-4 - still"):
        this.upgrade(drain.Orphan, drain_timeout_s=5)


@pytest.mark.parametrize("procedure", [drain.CompletedEarly, drain.LateCleanup])
def test_operation_is_complete_before_the_last_unit_goes(
    procedure: type[FourStepUpgrade], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    later: list[Callable[[], None]] = []
    monkeypatch.setattr(drain, "in_background", later.append)
    manager = Manager(tmp_path / "vnfm.sqlite", procedure=procedure)
    try:
        instance = manager.instantiated()
        done = manager.upgraded(instance)
        assert done["operationState"] == "COMPLETED"
        listed = manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]
        assert len(listed) == (8 if procedure is drain.CompletedEarly else 5)
        for work in later:
            work()
        listed = manager.get(instance)["instantiatedVnfInfo"]["vnfcResourceInfo"]
        assert len(listed) == len(manager.site.servers) == 4
        document = wait_for(lambda: manager.get(done["_links"]["self"]["href"]), "operation")
        assert document["operationState"] == "COMPLETED"
    finally:
        manager.close()


def test_three_units_serve_everybody_while_the_last_old_one_goes() -> None:
    this = upgraded(drain.Dip)
    last_removed = this.site.of("delete_server")[-1]
    assert len(last_removed.in_service) == 3
    assert this.site.happenings.index(last_removed) < this.site.happenings.index(this.site.of("create_server")[-1])
    assert len(this.servers()) == 4


def test_two_large_units_and_back_to_as_much_as_before() -> None:
    this = upgraded(drain.TwoLarge)
    made = this.progress.of("ready")
    assert [(unit.vdu_id, unit.flavour, unit.vnfd_id) for unit in made] == [
        ("gateway-large", "gateway.large", NEW.vnfd_id)
    ] * 2
    for _, share, in_service in this.new_share():
        assert 2 * len(in_service - this.old_names) >= ceil(share * 4 - 1e-9)
    assert min(_standard_units(this, happening.in_service) for happening in this.site.happenings) == 4
    drain.TwoLarge(UpgradeTask(this.fleet, NEW, OLD, {}, this.units, this.units)).run()
    assert len(this.servers()) == 2


def _standard_units(this: World, names: frozenset[str]) -> int:
    large = {unit.name for unit in this.progress.of("ready") if unit.flavour == "gateway.large"}
    return sum(2 if name in large else 1 for name in names)


@pytest.mark.parametrize("error", [RuntimeError("bug"), Interrupted()])
def test_errors_in_the_background_go_to_the_log(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def work() -> None:
        raise error

    caplog.set_level("INFO")
    in_background(work).join(10)
    assert "background work" in caplog.text
