"""Which attributes a list shows."""

from __future__ import annotations

from typing import Any

import pytest

from lab.nfvo.queries import shown
from lab.vnfm.problem import ProblemError

DOCUMENT: dict[str, Any] = {"id": "1", "a": {"x": 1, "y": 2}, "b": [{"x": 1, "y": 2}, {"x": 3}], "c": {"z": 0}}
DETAILS = frozenset({"a", "b"})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"id": "1", "c": {"z": 0}}),
        ({"exclude_default": ""}, {"id": "1", "c": {"z": 0}}),
        ({"all_fields": ""}, DOCUMENT),
        ({"fields": "a"}, {"id": "1", "a": {"x": 1, "y": 2}, "c": {"z": 0}}),
        ({"fields": "a", "exclude_default": ""}, {"id": "1", "a": {"x": 1, "y": 2}, "c": {"z": 0}}),
        ({"fields": "a/x,b"}, DOCUMENT),
        ({"exclude_fields": "c"}, {name: DOCUMENT[name] for name in ("id", "a", "b")}),
        ({"exclude_fields": "a/x,b/y"}, {"id": "1", "a": {"y": 2}, "b": [{"x": 1}, {"x": 3}], "c": {"z": 0}}),
        ({"exclude_fields": "no/such"}, DOCUMENT),
        ({"filter": "whatever"}, {"id": "1", "c": {"z": 0}}),
    ],
)
def test_attributes(query: dict[str, str], expected: dict[str, Any]) -> None:
    assert shown([DOCUMENT, DOCUMENT], query, DETAILS) == [expected, expected]


@pytest.mark.parametrize(
    "query",
    [
        {"all_fields": "", "fields": "a"},
        {"fields": "a", "exclude_fields": "b"},
        {"exclude_fields": "a", "exclude_default": ""},
        {"fields": ""},
        {"exclude_fields": "a,,b"},
        {"exclude_fields": "a/"},
    ],
)
def test_queries_that_make_no_sense(query: dict[str, str]) -> None:
    with pytest.raises(ProblemError) as raised:
        shown([DOCUMENT], query, DETAILS)
    assert raised.value.status == 400
