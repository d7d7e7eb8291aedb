"""The decider's state without a kernel."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import pytest

from lab.decider.rules import Bank, PinnedRules
from lab.decider.selections import MAX_SELECTIONS, NamedSelection, Selection
from lab.decider.service import endpoints
from lab.decider.state import Decider
from lab.decider.switching import Hands, Selections
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


GROUP = ipaddress.IPv4Network("10.1.64.0/22")


def select(*units: str, port: int | None = None) -> NamedSelection:
    return NamedSelection(GROUP, port, units)


def rules_of(bank: Bank, *marks: int, port: int | None = None) -> str:
    """The standard rules for one selection of these marks, or for none."""
    return PinnedRules().set_selections([Selection(GROUP, port, marks)] if marks else [], bank)


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


# --- users that are to move ----------------------------------------------------------------------------------------


@pytest.fixture
def pair(decider: Decider) -> Decider:
    """A decider with units a and b, and all buckets at a."""
    decider.add_unit("a", 1)
    decider.add_unit("b", 2)
    decider.set_buckets(["a"] * 256)
    return decider


def test_forgetting_is_a_new_mark_in_the_same_transaction(pair: Decider, plane: FakePlane) -> None:
    pair.set_buckets(["a", "b"] * 128, forget=["b", "b"])
    rules = PinnedRules()
    assert plane.committed[-1] == rules.renew_unit(2, 2, 258) + rules.set_buckets([1, 258] * 128)
    pair.set_buckets(["a", "b"] * 128, forget=["a", "b"])
    renewed = rules.renew_unit(1, 1, 257) + rules.renew_unit(2, 258, 514)
    assert plane.committed[-1] == renewed + rules.set_buckets([257, 514] * 128)
    assert pair.status()["units"] == {"a": 1, "b": 2}


def test_pins_to_a_former_mark_are_not_counted(pair: Decider, plane: FakePlane) -> None:
    plane.pins = {1: 7, 2: 5}
    assert pair.pins() == {"a": 7, "b": 5}
    pair.set_buckets(["a"] * 256, forget=["b"])
    assert pair.pins() == {"a": 7, "b": 0}
    plane.pins = {1: 7, 2: 5, 258: 1}
    pair.drop_pins()
    assert pair.pins() == {"a": 7, "b": 1}


def test_a_number_that_comes_again_has_a_mark_of_its_own(pair: Decider, plane: FakePlane) -> None:
    pair.remove_unit("b")
    pair.add_unit("c", 2)
    assert plane.committed[-1] == PinnedRules().add_unit(2, 258)


def test_only_attached_units_can_be_forgotten(pair: Decider, plane: FakePlane) -> None:
    count = len(plane.committed)
    body = {"buckets": ["a"] * 256, "forget": ["c"]}
    refused = refusal("PUT", "/buckets", pair, body=body)
    assert (refused.status, "not attached: c" in refused.reason) == (HTTPStatus.CONFLICT, True)
    assert refusal("PUT", "/buckets", pair, body={**body, "forget": "a"}).status == HTTPStatus.BAD_REQUEST
    assert len(plane.committed) == count


def test_a_rejected_move_keeps_marks_and_buckets(pair: Decider, plane: FakePlane) -> None:
    plane.pins = {2: 5}
    plane.rejects = True
    with pytest.raises(NftError):
        pair.set_buckets(["b"] * 256, forget=["b"])
    plane.rejects = False
    assert pair.pins() == {"a": 0, "b": 5}
    assert pair.status()["buckets"] == {"a": 256, "b": 0}


# --- selections ----------------------------------------------------------------------------------------------------


def put(decider: Decider, path: str, body: Any) -> Any:
    (endpoint,) = [one for one in endpoints(decider) if (one.method, one.path) == ("PUT", path)]
    return endpoint.handle(Call({}, body))


def test_selections_are_replaced_and_banks_take_turns(pair: Decider, plane: FakePlane) -> None:
    entry = {"users": str(GROUP), "service_port": 5002, "units": ["b", "a"]}
    put(pair, "/selections", {"selections": [entry]})
    assert plane.committed[-1] == rules_of(1, 2, 1, port=5002)
    assert pair.status()["selections"] == pair.selections() == [entry]
    pair.set_selections(())
    assert plane.committed[-1] == rules_of(0)
    pair.set_selections((select("b"),))
    assert plane.committed[-1] == rules_of(1, 2)


def test_a_rejected_change_of_selections_leaves_all_as_it_was(pair: Decider, plane: FakePlane) -> None:
    pair.set_selections((select("b"),))
    before = pair.selections()
    plane.rejects = True
    with pytest.raises(NftError):
        pair.set_selections((select("a"),))
    plane.rejects = False
    assert pair.selections() == before
    pair.set_selections((select("a"),))
    assert plane.committed[-1] == rules_of(0, 1), "the bank that the rules in force do not read"


def test_selections_and_buckets_change_together(pair: Decider, plane: FakePlane) -> None:
    pair.set_selections((select("b"),))
    entry = {"users": None, "service_port": None, "units": ["a"]}
    put(pair, "/buckets", {"buckets": ["b"] * 256, "selections": [entry]})
    rules = PinnedRules()
    everybody = rules.set_selections([Selection(None, None, (1,))], 0)
    assert plane.committed[-1] == rules.set_buckets([2] * 256) + everybody
    assert pair.selections() == [entry]


def test_buckets_alone_leave_selections_alone(pair: Decider, plane: FakePlane) -> None:
    pair.set_selections((select("b"),))
    pair.set_buckets(["b"] * 256)
    assert plane.committed[-1] == PinnedRules().set_buckets([2] * 256)


def test_selections_follow_a_unit_to_its_new_mark(pair: Decider, plane: FakePlane) -> None:
    pair.set_selections((select("b"),))
    pair.set_buckets(["a"] * 256, forget=["b"])
    rules = PinnedRules()
    assert plane.committed[-1] == rules.renew_unit(2, 2, 258) + rules.set_buckets([1] * 256) + rules_of(0, 258)


def test_selections_do_without_a_unit_that_goes(pair: Decider, plane: FakePlane) -> None:
    pair.set_selections((select("a", "b"), select("b", port=5002)))
    pair.remove_unit("b")
    assert plane.committed[-1] == rules_of(0, 1) + PinnedRules().remove_unit(2, 2, [])
    assert pair.selections() == [select("a").as_json()]
    pair.remove_unit("a")
    assert pair.selections() == []


ENTRY = {"users": None, "service_port": None, "units": ["a"]}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (None, HTTPStatus.BAD_REQUEST, "'selections': list"),
        ({"selections": [1]}, HTTPStatus.BAD_REQUEST, "'units': list"),
        ({"selections": [{**ENTRY, "units": []}]}, HTTPStatus.BAD_REQUEST, "units - Expected: names"),
        ({"selections": [{**ENTRY, "units": [1]}]}, HTTPStatus.BAD_REQUEST, "units - Expected: names"),
        ({"selections": [{**ENTRY, "users": "10.1.0.1/16"}]}, HTTPStatus.BAD_REQUEST, "Expected: IPv4 prefix"),
        ({"selections": [{**ENTRY, "service_port": 70000}]}, HTTPStatus.BAD_REQUEST, "Expected: 1 to 65535"),
        ({"selections": [ENTRY] * (MAX_SELECTIONS + 1)}, HTTPStatus.BAD_REQUEST, "at most 16 - Actual: 17"),
        ({"selections": [{**ENTRY, "units": ["a", "c"]}]}, HTTPStatus.CONFLICT, "not attached: c"),
    ],
)
def test_senseless_selections_are_refused(
    pair: Decider, plane: FakePlane, body: Any, status: HTTPStatus, reason: str
) -> None:
    count = len(plane.committed)
    refused = refusal("PUT", "/selections", pair, body=body)
    assert (refused.status, reason in refused.reason) == (status, True), refused.reason
    if body is not None:
        refused = refusal("PUT", "/buckets", pair, body={"buckets": ["a"] * 256, **body})
        assert (refused.status, reason in refused.reason) == (status, True), refused.reason
    assert len(plane.committed) == count


def test_members_may_be_left_out_of_a_selection(pair: Decider) -> None:
    put(pair, "/selections", {"selections": [{"units": ["a"]}]})
    assert pair.selections() == [ENTRY]


def test_selections_need_the_first_rules(plane: FakePlane) -> None:
    refused = refusal("PUT", "/selections", Decider(PinnedRules(), plane), body={"selections": []})
    assert refused.status == HTTPStatus.SERVICE_UNAVAILABLE


# --- other ways to change selections ---------------------------------------------------------------------------------


class Recorded:
    """Keeps the hands of each change, for the test to use."""

    def __init__(self) -> None:
        self.changes: list[tuple[Selections, Selections, Hands]] = []

    def change(self, before: Selections, after: Selections, hands: Hands) -> None:
        self.changes.append((before, after, hands))


@pytest.fixture
def switching() -> Recorded:
    return Recorded()


@pytest.fixture
def held(plane: FakePlane, switching: Recorded) -> Decider:
    """A decider with units a and b whose changes of selections wait for the test."""
    decider = Decider(PinnedRules(), plane, switching=switching)
    decider.install()
    decider.add_unit("a", 1)
    decider.add_unit("b", 2)
    decider.set_buckets(["a"] * 256)
    return decider


def test_a_change_is_told_what_was_and_what_is_wanted(held: Decider, switching: Recorded) -> None:
    held.set_selections((select("a"),))
    ((before, after, hands),) = switching.changes
    assert (before, after) == ((), (select("a"),))
    assert held.selections() == [], "nothing is in force before somebody puts it"
    hands.put(after)
    held.set_selections((select("b"),))
    assert switching.changes[1][:2] == ((select("a"),), (select("b"),))


def test_clearing_takes_buckets_and_selections_and_putting_brings_both(
    held: Decider, switching: Recorded, plane: FakePlane
) -> None:
    held.set_selections((select("b"),))
    _, after, hands = switching.changes[0]
    rules = PinnedRules()
    hands.clear()
    assert plane.committed[-1] == rules.clear_buckets() + rules_of(1)
    hands.put(after)
    assert plane.committed[-1] == rules.set_buckets([1] * 256) + rules_of(0, 2)
    hands.put(after)
    assert plane.committed[-1] == rules_of(1, 2), "the buckets are there already"


def test_a_unit_that_goes_while_all_is_cleared_is_in_no_map(
    held: Decider, switching: Recorded, plane: FakePlane
) -> None:
    held.set_selections((select("b"),))
    _, after, hands = switching.changes[0]
    hands.clear()
    held.remove_unit("a")
    assert plane.committed[-1] == PinnedRules().remove_unit(1, 1, [])
    hands.put(after)
    assert plane.committed[-1] == rules_of(0, 2), "there are no buckets that could be restored"
    held.set_buckets(["b"] * 256)
    assert held.status()["buckets"] == {"b": 256}


def test_what_was_overtaken_does_nothing(held: Decider, switching: Recorded, plane: FakePlane) -> None:
    held.set_selections((select("a"),))
    held.set_selections((select("b"),))
    (_, first, first_hands), (_, second, second_hands) = switching.changes
    second_hands.put(second)
    count = len(plane.committed)
    first_hands.put(first)
    first_hands.clear()
    assert len(plane.committed) == count
    assert held.selections() == [select("b").as_json()]


def test_buckets_with_selections_overtake_a_change_that_waits(held: Decider, switching: Recorded) -> None:
    held.set_selections((select("a"),))
    _, after, hands = switching.changes[0]
    held.set_buckets(["b"] * 256, selections=(select("b"),))
    hands.put(after)
    assert held.selections() == [select("b").as_json()]


def test_buckets_without_selections_do_not(held: Decider, switching: Recorded) -> None:
    held.set_selections((select("a"),))
    _, after, hands = switching.changes[0]
    held.set_buckets(["b"] * 256)
    hands.put(after)
    assert held.selections() == [select("a").as_json()]


def test_units_that_went_meanwhile_are_left_out(held: Decider, switching: Recorded) -> None:
    held.set_selections((select("a", "b"),))
    _, after, hands = switching.changes[0]
    held.remove_unit("b")
    hands.put(after)
    assert held.selections() == [select("a").as_json()]
