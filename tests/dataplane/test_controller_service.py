"""The controller without a decider."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import pytest

from lab.controller.buckets import BitReversedHash, Group
from lab.controller.service import Controller, endpoints, parse_split
from lab.rest import Call, Refusal


class RecordingDecider:
    def __init__(self) -> None:
        self.commits: list[tuple[str, ...]] = []
        self.refusal: Refusal | None = None

    def set_buckets(self, buckets: Sequence[str]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.commits.append(tuple(buckets))


@pytest.fixture
def decider() -> RecordingDecider:
    return RecordingDecider()


@pytest.fixture
def controller(decider: RecordingDecider) -> Controller:
    return Controller(BitReversedHash(), decider.set_buckets)


def call(controller: Controller, method: str, path: str, body: Any = None) -> Any:
    (endpoint,) = [one for one in endpoints(controller) if (one.method, one.path) == (method, path)]
    return endpoint.handle(Call(body=body))


def split(*shares: tuple[list[str], float]) -> dict[str, Any]:
    return {"shares": [{"units": units, "share": share} for units, share in shares], "order": "stable"}


def test_split_is_computed_committed_and_told(controller: Controller, decider: RecordingDecider) -> None:
    answer = call(controller, "PUT", "/split", split((["a", "b"], 0.9), (["c"], 0.1)))
    (buckets,) = decider.commits
    assert len(buckets) == 256
    assert buckets.count("c") == 26
    assert answer == {
        "order": "stable",
        "shares": [
            {"units": ["a", "b"], "share": 0.9, "effective_share": 230 / 256, "buckets": {"a": 115, "b": 115}},
            {"units": ["c"], "share": 0.1, "effective_share": 26 / 256, "buckets": {"c": 26}},
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
