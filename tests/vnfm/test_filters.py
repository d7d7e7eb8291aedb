"""Attribute-based filters."""

from __future__ import annotations

from typing import Any

import pytest

from lab.vnfm.filters import select
from lab.vnfm.problem import ProblemError

DOCUMENTS: list[dict[str, Any]] = [
    {"id": "a", "state": "DONE", "level": 3, "open": True, "info": {"units": [{"name": "x"}, {"name": "y"}]}},
    {"id": "b", "state": "RUNNING", "level": 5, "open": False, "info": {"units": [{"name": "z"}]}},
    {"id": "c", "state": "RUNNING", "info": {}},
]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (None, "abc"),
        ("(eq,state,RUNNING)", "bc"),
        ("(eq,state,running)", ""),
        ("(neq,state,RUNNING)", "a"),
        ("(in,id,a,c)", "ac"),
        ("(nin,id,a,c)", "b"),
        ("(cont,state,UNN,XYZ)", "bc"),
        ("(ncont,state,UNN)", "a"),
        ("(gt,level,3)", "b"),
        ("(gte,level,3)", "ab"),
        ("(lt,level,5)", "a"),
        ("(lte,level,5)", "ab"),
        ("(eq,open,true)", "a"),
        ("(eq,info/units/name,y)", "a"),
        ("(eq,info/units/name,z)", "b"),
        ("(eq,colour,red)", ""),
        ("(eq,state,RUNNING);(eq,id,c)", "c"),
        ("(eq,state,RUNNING);(eq,id,a)", ""),
        ("(eq,state,RUNNING); (eq,id,c)", "c"),
    ],
)
def test_selection(expression: str | None, expected: str) -> None:
    assert [document["id"] for document in select(DOCUMENTS, expression)] == list(expected)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "state",
        "eq,state,DONE",
        "(eq,state)",
        "(eq,state,)",
        "(eq)",
        "(like,state,D)",
        "(eq,state,A,B)",
        "(eq,a,b)(eq,c,d)",
    ],
)
def test_unreadable(expression: str) -> None:
    with pytest.raises(ProblemError, match="filter") as caught:
        select(DOCUMENTS, expression)
    assert caught.value.status == 400
