"""The decider's state without a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import pytest

from lab.decider.rules import PinnedRules
from lab.decider.service import Decider, endpoints
from lab.nft import NftError
from lab.rest import Call, Refusal


class FakePlane:
    """Remembers what was asked of it."""

    def __init__(self) -> None:
        self.committed: list[str] = []
        self.devices: list[tuple[str, int]] = []
        self.pins: dict[int, int] = {}
        self.counts = 0
        self.rejects = False

    def commit(self, ruleset: str) -> None:
        if self.rejects:
            raise NftError("nft - ruleset rejected: no")
        self.committed.append(ruleset)

    def attach_devices(self, number: int) -> None:
        self.devices.append(("attach", number))

    def delete_devices(self, number: int) -> None:
        self.devices.append(("delete", number))

    def count_pins(self, table: str, pins: str) -> Mapping[int, int]:
        assert (table, pins) == ("decider", "pins")
        self.counts += 1
        return dict(self.pins)

    def counters(self, table: str) -> Mapping[str, int]:
        assert table == "decider"
        return {"no_unit": 3}


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def plane() -> FakePlane:
    return FakePlane()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def decider(plane: FakePlane, clock: FakeClock) -> Decider:
    decider = Decider(PinnedRules(), plane, clock_s=clock)
    decider.install()
    return decider


def refusal(method: str, path: str, decider: Decider, *, name: str = "", body: Any = None) -> Refusal:
    (endpoint,) = [one for one in endpoints(decider) if (one.method, one.path) == (method, path)]
    with pytest.raises(Refusal) as refused:
        endpoint.handle(Call({"name": name}, body))
    return refused.value


def test_first_rules_come_first(decider: Decider, plane: FakePlane) -> None:
    assert plane.committed == [PinnedRules().initial()]
    assert decider.status()["linked"]


def test_before_the_links_are_there_it_serves_but_takes_nothing(plane: FakePlane) -> None:
    decider = Decider(PinnedRules(), plane)
    status = decider.status()
    assert (status["ready"], status["linked"], status["dropped"]) == (True, False, {})
    assert refusal("PUT", "/units/{name}", decider, name="a", body={"number": 1}).status == 503
    assert refusal("DELETE", "/pins", decider).status == 503
    assert decider.pins() == {}
    assert plane.committed == []


def test_a_unit_is_attached_once(decider: Decider, plane: FakePlane) -> None:
    decider.add_unit("a", 1)
    decider.add_unit("a", 1)
    assert plane.devices == [("attach", 1)]
    assert plane.committed[1:] == [PinnedRules().add_unit(1, 1)]
    assert decider.status()["units"] == {"a": 1}


@pytest.mark.parametrize(("name", "number"), [("a", 2), ("b", 1)])
def test_names_and_numbers_are_unique(decider: Decider, name: str, number: int) -> None:
    decider.add_unit("a", 1)
    refused = refusal("PUT", "/units/{name}", decider, name=name, body={"number": number})
    assert refused.status == HTTPStatus.CONFLICT


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a b", {"number": 1}),
        ("", {"number": 1}),
        ("x" * 65, {"number": 1}),
        ("a", {"number": 0}),
        ("a", {"number": 256}),
        ("a", {"number": "1"}),
        ("a", {}),
        ("a", None),
    ],
)
def test_senseless_units_are_refused(decider: Decider, name: str, body: Any) -> None:
    assert refusal("PUT", "/units/{name}", decider, name=name, body=body).status == HTTPStatus.BAD_REQUEST


def test_buckets_become_numbers(decider: Decider, plane: FakePlane) -> None:
    decider.add_unit("a", 1)
    decider.add_unit("b", 2)
    decider.set_buckets(["a", "b"] * 128)
    assert plane.committed[-1] == PinnedRules().set_buckets([1, 2] * 128)
    assert decider.status()["buckets"] == {"a": 128, "b": 128}


def test_buckets_have_to_be_256_and_lead_to_attached_units(decider: Decider) -> None:
    decider.add_unit("a", 1)
    assert refusal("PUT", "/buckets", decider, body={"buckets": ["a"] * 255}).status == HTTPStatus.BAD_REQUEST
    refused = refusal("PUT", "/buckets", decider, body={"buckets": ["a"] * 255 + ["c"]})
    assert (refused.status, "c" in refused.reason) == (HTTPStatus.CONFLICT, True)
    assert refusal("PUT", "/buckets", decider, body={"buckets": [1] * 256}).status == HTTPStatus.CONFLICT
    assert decider.status()["unassigned_buckets"] == 256


def test_a_removed_unit_leaves_its_buckets_without_one(decider: Decider, plane: FakePlane) -> None:
    decider.add_unit("a", 1)
    decider.add_unit("b", 2)
    decider.set_buckets(["a"] * 254 + ["b"] * 2)
    decider.remove_unit("b")
    assert plane.committed[-1] == PinnedRules().remove_unit(2, 2, [254, 255])
    assert plane.devices[-1] == ("delete", 2)
    assert decider.status()["unassigned_buckets"] == 2
    assert refusal("DELETE", "/units/{name}", decider, name="b").status == HTTPStatus.NOT_FOUND


def test_a_rejected_transaction_changes_nothing(decider: Decider, plane: FakePlane) -> None:
    decider.add_unit("a", 1)
    decider.set_buckets(["a"] * 256)
    plane.rejects = True
    with pytest.raises(NftError):
        decider.add_unit("b", 2)
    with pytest.raises(NftError):
        decider.remove_unit("a")
    status = decider.status()
    assert status["units"] == {"a": 1}
    assert status["buckets"] == {"a": 256}
    assert ("delete", 1) not in plane.devices


def test_pins_are_told_by_name_and_without_strangers(decider: Decider, plane: FakePlane) -> None:
    decider.add_unit("a", 1)
    decider.add_unit("b", 2)
    plane.pins = {1: 7, 9: 4}
    assert decider.pins() == {"a": 7, "b": 0}


def test_pins_are_counted_four_times_a_second_at_most(decider: Decider, plane: FakePlane, clock: FakeClock) -> None:
    decider.add_unit("a", 1)
    plane.pins = {1: 7}
    assert decider.pins() == {"a": 7}
    plane.pins = {1: 0}
    clock.now_s += 0.24
    assert decider.pins() == {"a": 7}
    clock.now_s += 0.02
    assert decider.pins() == {"a": 0}
    assert plane.counts == 2


def test_every_change_makes_pins_be_counted_anew(decider: Decider, plane: FakePlane) -> None:
    decider.add_unit("a", 1)
    plane.pins = {1: 7}
    assert decider.pins() == {"a": 7}
    plane.pins = {}
    decider.drop_pins()
    assert plane.committed[-1] == PinnedRules().drop_pins()
    assert decider.pins() == {"a": 0}


def test_rules_without_pins_pin_nobody(plane: FakePlane) -> None:
    decider = Decider(PinnedRules(pins=None), plane)
    decider.install()
    decider.add_unit("a", 1)
    plane.pins = {1: 7}
    assert decider.pins() == {"a": 0}


def test_status_tells_how_long_the_last_transaction_took(plane: FakePlane, clock: FakeClock) -> None:
    class SlowPlane(FakePlane):
        def commit(self, ruleset: str) -> None:
            clock.now_s += 0.0125

    decider = Decider(PinnedRules(), SlowPlane(), clock_s=clock)
    decider.install()
    assert decider.status()["last_commit"] == {"what": "initial", "duration_ms": 12.5}
