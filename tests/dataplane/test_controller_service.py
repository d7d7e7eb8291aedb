"""The controller without a decider."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import pytest

from lab.controller.buckets import BitReversedHash, Group
from lab.controller.service import Controller, endpoints, parse_forget, parse_split
from lab.decider.selections import MAX_SELECTIONS, NamedSelection
from lab.rest import Call, Refusal


class RecordingDecider:
    def __init__(self) -> None:
        self.commits: list[tuple[str, ...]] = []
        self.forgotten: list[tuple[str, ...]] = []
        self.selections: list[tuple[NamedSelection, ...] | None] = []
        self.refusal: Refusal | None = None

    def set_buckets(
        self, buckets: Sequence[str], forget: Sequence[str] = (), selections: Sequence[NamedSelection] | None = None
    ) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.commits.append(tuple(buckets))
        self.forgotten.append(tuple(forget))
        self.selections.append(None if selections is None else tuple(selections))

    def set_selections(self, selections: Sequence[NamedSelection]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.selections.append(tuple(selections))


@pytest.fixture
def decider() -> RecordingDecider:
    return RecordingDecider()


@pytest.fixture
def controller(decider: RecordingDecider) -> Controller:
    return Controller(BitReversedHash(), decider)


def call(controller: Controller, method: str, path: str, body: Any = None) -> Any:
    (endpoint,) = [one for one in endpoints(controller) if (one.method, one.path) == (method, path)]
    return endpoint.handle(Call(body=body))


def split(*shares: tuple[Any, ...], **more: Any) -> dict[str, Any]:
    """A body, of (units, share) or (units, share, version)."""
    members = ("units", "share", "version")
    return {"shares": [dict(zip(members, share, strict=False)) for share in shares], "order": "stable", **more}


def test_split_is_computed_committed_and_told(controller: Controller, decider: RecordingDecider) -> None:
    answer = call(controller, "PUT", "/split", split((["a", "b"], 0.9), (["c"], 0.1, "2.0")))
    (buckets,) = decider.commits
    assert len(buckets) == 256
    assert buckets.count("c") == 26
    assert answer == {
        "order": "stable",
        "shares": [
            {
                "units": ["a", "b"],
                "share": 0.9,
                "version": "",
                "effective_share": 230 / 256,
                "buckets": {"a": 115, "b": 115},
            },
            {"units": ["c"], "share": 0.1, "version": "2.0", "effective_share": 26 / 256, "buckets": {"c": 26}},
        ],
    }
    assert call(controller, "GET", "/split") == answer
    assert call(controller, "GET", "/status") == {"ready": True, "split": True}


def test_before_the_first_split_there_is_none(controller: Controller) -> None:
    assert call(controller, "GET", "/split") == {"order": "stable", "shares": []}
    assert call(controller, "GET", "/status") == {"ready": True, "split": False}


def test_a_refused_split_leaves_the_old_one_in_force(controller: Controller, decider: RecordingDecider) -> None:
    before = call(controller, "PUT", "/split", split((["a"], 1.0)))
    decider.refusal = Refusal(HTTPStatus.CONFLICT, "unit c - not attached")
    with pytest.raises(Refusal, match="not attached"):
        call(controller, "PUT", "/split", split((["a"], 0.5), (["c"], 0.5)))
    assert call(controller, "GET", "/split") == before


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "'shares': list"),
        ([], "'shares': list"),
        ({"shares": 1}, "'shares': list"),
        ({"shares": ["a"]}, "'units': list"),
        ({"shares": [{"units": ["a"]}]}, "'share': int or float"),
        ({"shares": [{"units": ["a"], "share": True}]}, "'share': int or float"),
        ({"shares": [{"units": [1], "share": 1}]}, "Expected: names"),
        ({"shares": [{"units": ["a"], "share": 2}]}, "Expected: 0 to 1"),
        ({"shares": [{"units": ["a"], "share": 1, "version": 2}]}, "'version': str"),
        ({"shares": [{"units": ["a"], "share": 1}], "order": "random"}, "'stable' - Actual: 'random'"),
    ],
)
def test_bodies_of_another_form_are_refused(body: Any, reason: str) -> None:
    with pytest.raises(Refusal, match=reason) as refused:
        parse_split(Call(body=body))
    assert refused.value.status == HTTPStatus.BAD_REQUEST


def test_a_split_that_makes_no_sense_is_a_bad_request(controller: Controller, decider: RecordingDecider) -> None:
    with pytest.raises(Refusal, match="sum of shares") as refused:
        call(controller, "PUT", "/split", split((["a"], 0.5)))
    assert refused.value.status == HTTPStatus.BAD_REQUEST
    assert decider.commits == []


def test_order_may_be_left_out() -> None:
    assert parse_split(Call(body={"shares": [{"units": ["a"], "share": 1}]})) == (Group(("a",), 1.0),)


def test_units_to_forget_are_handed_through(controller: Controller, decider: RecordingDecider) -> None:
    call(controller, "PUT", "/split", split((["a"], 1.0), forget=["b", "c"]))
    call(controller, "PUT", "/split", split((["a"], 1.0)))
    assert decider.forgotten == [("b", "c"), ()]


@pytest.mark.parametrize(("forget", "reason"), [("b", "'forget': list"), ([1], "Expected: names")])
def test_units_to_forget_have_to_be_names(forget: Any, reason: str) -> None:
    with pytest.raises(Refusal, match=reason) as refused:
        parse_forget(Call(body=split((["a"], 1.0), forget=forget)))
    assert refused.value.status == HTTPStatus.BAD_REQUEST


# --- selection rules -----------------------------------------------------------------------------------------------

GROUP = {"name": "g", "users": "10.1.64.0/22", "service_port": None, "version": "2.0"}
SERVICE = {"name": "s", "users": None, "service_port": 5002, "version": "1.0"}
MIXED = split((["a", "b"], 1.0, "1.0"), (["c"], 0.0, "2.0"))
USERS = ipaddress.IPv4Network("10.1.64.0/22")


def test_rules_mean_the_units_of_their_version(controller: Controller, decider: RecordingDecider) -> None:
    call(controller, "PUT", "/split", MIXED)
    answer = call(controller, "PUT", "/rules", {"rules": [GROUP, SERVICE]})
    assert decider.selections == [
        None,
        (NamedSelection(USERS, None, ("c",)), NamedSelection(None, 5002, ("a", "b"))),
    ]
    assert answer == {"rules": [{**GROUP, "units": ["c"]}, {**SERVICE, "units": ["a", "b"]}]}
    assert call(controller, "GET", "/rules") == answer


def test_a_version_may_have_several_groups(controller: Controller, decider: RecordingDecider) -> None:
    call(controller, "PUT", "/split", split((["a"], 0.5, "2.0"), (["b"], 0.5, "2.0")))
    call(controller, "PUT", "/rules", {"rules": [GROUP]})
    assert decider.selections[-1] == (NamedSelection(USERS, None, ("a", "b")),)


@pytest.mark.parametrize("body", [None, MIXED])
def test_a_version_without_units_is_a_conflict(
    controller: Controller, decider: RecordingDecider, body: dict[str, Any] | None
) -> None:
    if body is not None:
        call(controller, "PUT", "/split", body)
    with pytest.raises(Refusal, match=r"version 3\.0 has no units") as refused:
        call(controller, "PUT", "/rules", {"rules": [{**GROUP, "version": "3.0"}]})
    assert refused.value.status == HTTPStatus.CONFLICT
    assert call(controller, "GET", "/rules") == {"rules": []}
    assert len(decider.selections) == (body is not None), "the decider was not asked"


def test_each_split_resolves_the_rules_anew_in_its_own_transaction(
    controller: Controller, decider: RecordingDecider
) -> None:
    call(controller, "PUT", "/split", MIXED)
    call(controller, "PUT", "/rules", {"rules": [GROUP]})
    call(controller, "PUT", "/split", split((["a", "b"], 0.5, "1.0"), (["c", "d"], 0.5, "2.0")))
    assert decider.selections[-1] == (NamedSelection(USERS, None, ("c", "d")),)
    call(controller, "PUT", "/split", split((["a", "b"], 1.0, "1.0"), forget=["c", "d"]))
    assert (decider.selections[-1], decider.forgotten[-1]) == ((), ("c", "d")), "nobody selects units that go"
    assert call(controller, "GET", "/rules") == {"rules": [{**GROUP, "units": []}]}
    call(controller, "PUT", "/split", MIXED)
    assert decider.selections[-1] == (NamedSelection(USERS, None, ("c",)),)


def test_without_rules_a_split_says_nothing_about_selections(controller: Controller, decider: RecordingDecider) -> None:
    call(controller, "PUT", "/split", MIXED)
    call(controller, "PUT", "/rules", {"rules": [GROUP]})
    call(controller, "PUT", "/rules", {"rules": []})
    call(controller, "PUT", "/split", MIXED)
    assert decider.selections[2:] == [(), None]


def test_refused_rules_leave_the_old_ones_in_force(controller: Controller, decider: RecordingDecider) -> None:
    call(controller, "PUT", "/split", MIXED)
    before = call(controller, "PUT", "/rules", {"rules": [GROUP]})
    decider.refusal = Refusal(HTTPStatus.BAD_GATEWAY, "decider - does not answer")
    with pytest.raises(Refusal, match="does not answer"):
        call(controller, "PUT", "/rules", {"rules": [SERVICE]})
    assert call(controller, "GET", "/rules") == before


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        (None, "'rules': list"),
        ([1], "'name': str"),
        ([{**GROUP, "name": 1}], "'name': str"),
        ([{**GROUP, "version": None}], "'version': str"),
        ([{**GROUP, "users": "10.1.64.1/22"}], "users - Expected: IPv4 prefix or null - Actual: '10.1.64.1/22'"),
        ([{**GROUP, "users": "fd00::/8"}], "users - Expected: IPv4 prefix"),
        ([{**GROUP, "users": 5}], "users - Expected: IPv4 prefix or null - Actual: 5"),
        ([{**SERVICE, "service_port": 0}], "service_port - Expected: 1 to 65535 or null - Actual: 0"),
        ([{**SERVICE, "service_port": 65536}], "service_port - Expected: 1 to 65535"),
        ([{**SERVICE, "service_port": True}], "service_port - Expected: 1 to 65535"),
        ([{**SERVICE, "service_port": "5002"}], "service_port - Expected: 1 to 65535"),
        ([GROUP, GROUP], "each once - Actual: ['g', 'g']"),
        ([{**GROUP, "name": str(n)} for n in range(MAX_SELECTIONS + 1)], "Expected: at most 16 - Actual: 17"),
    ],
)
def test_rules_of_another_form_are_bad_requests(controller: Controller, rules: Any, reason: str) -> None:
    call(controller, "PUT", "/split", MIXED)
    with pytest.raises(Refusal) as refused:
        call(controller, "PUT", "/rules", {"rules": rules})
    assert (refused.value.status, reason in refused.value.reason) == (HTTPStatus.BAD_REQUEST, True), refused.value
