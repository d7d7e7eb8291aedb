"""Turns what pydantic found into what a user can act on."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from hitless.redaction import names_secret
from hitless.sut.document import Document, Location, dotted
from hitless.sut.model import SystemUnderTest
from hitless.sut.problems import Problem

_EXPECTED_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "a section with keys",
    "dict_type": "a section with keys",
    "tuple_type": "a list",
    "list_type": "a list",
    "path_type": "the path of a file",
}
_COMPARISONS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_RANGE_ERRORS = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"})
_SHOWN_CHARACTERS = 60


def explain(error: ErrorDetails, document: Document) -> Problem:
    """Return the problem behind one of pydantic's errors."""
    location = error["loc"][:-1] if error["loc"][-1:] == ("[key]",) else error["loc"]
    if error["type"] == "declaration":
        location = (*location, *(part for part in error["ctx"]["key"].split(".") if part))
    problem, expected, actual, remedy = _told(error, location)
    return Problem(document.line_of(location), dotted(location), problem, expected, actual, remedy)


def _told(error: ErrorDetails, location: Location) -> tuple[str, str, str, str]:
    """Return problem, expected, actual and remedy."""
    kind, value = error["type"], error["input"]
    told = ("wrong value", error["msg"], _shown(value, location), "see suts/template.yaml")
    if kind == "declaration":
        context = error["ctx"]
        told = (context["problem"], context["expected"], _cut(context["actual"]), context["remedy"])
    elif kind == "missing":
        told = ("missing", _meaning(location), "", f"add it to {_section(location)}")
    elif kind == "extra_forbidden":
        told = _unknown_key(location)
    elif kind == "literal_error":
        expected = str(error["ctx"]["expected"]).replace("'", "")
        told = ("wrong value", expected, _shown(value, location), _nearest(value, expected) or "correct it")
    elif kind in _EXPECTED_TYPES:
        told = _wrong_type(location, _EXPECTED_TYPES[kind], value)
    elif kind == "string_too_short":
        told = ("empty", _meaning(location), "nothing", "write it")
    elif kind in _RANGE_ERRORS:
        told = ("out of range", _range(location, error), _shown(value, location), "correct it")
    return told


def _unknown_key(location: Location) -> tuple[str, str, str, str]:
    known = sorted(_keys_at(location[:-1]))
    close = _nearest(location[-1], ", ".join(known)) or "remove it"
    return "unknown key", f"one of {', '.join(known)}", str(location[-1]), close


def _wrong_type(location: Location, expected: str, value: Any) -> tuple[str, str, str, str]:
    remedy = "correct it"
    if expected == "text" and isinstance(value, (int, float)):
        remedy = "put it in quotes"
    elif isinstance(value, str) and expected in {"a number", "a whole number", "true or false"}:
        remedy = "write it without quotes and without a unit"
    elif names_secret(location[-1]):
        expected, remedy = "{env: NAME} or {file: PATH}", "say where the secret is; it must not stand in this file"
    elif value is None:
        remedy = f"write its content, indented below, or see suts/template.yaml for {dotted(location)}"
    return "wrong type", expected, _shown(value, location), remedy


def _keys_at(location: Location) -> Mapping[str, Any]:
    """Return the fields that the section at a location may have."""
    model: Any = SystemUnderTest
    for part in location:
        fields = _fields(model)
        model = fields[str(part)].annotation if fields else (get_args(model) or (None,))[-1]
        if isinstance(model, UnionType):  # an optional section
            model = next((one for one in get_args(model) if _fields(one)), model)
    return _fields(model)


def _fields(model: Any) -> Mapping[str, Any]:
    return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}


def _meaning(location: Location) -> str:
    """Return what the field at a location is for."""
    field = _keys_at(location[:-1]).get(str(location[-1]))
    return (field.description if field is not None else None) or "a value"


def _range(location: Location, error: ErrorDetails) -> str:
    """Return the range that the field at a location may have."""
    field = _keys_at(location[:-1]).get(str(location[-1]))
    bounds = [
        f"{sign} {getattr(rule, name)}"
        for rule in (field.metadata if field is not None else ())
        for name, sign in _COMPARISONS.items()
        if getattr(rule, name, None) is not None
    ]
    # The values of a free section have no field; the error tells the bound that was broken.
    broken = [f"{sign} {error['ctx'][name]:g}" for name, sign in _COMPARISONS.items() if name in error.get("ctx", {})]
    return " and ".join(bounds or broken) or "a finite number"


def _section(location: Location) -> str:
    return f"section {dotted(location[:-1])}" if len(location) > 1 else "the file, at the left margin"


def _nearest(value: Any, known: str) -> str:
    """Return "did you mean x?" when one of the words is close to the value."""
    words = [word for word in known.replace(" or ", ", ").split(", ") if word]
    close = difflib.get_close_matches(str(value), words, n=1)
    return f"did you mean {close[0]}?" if close else ""


def _shown(value: Any, location: Location) -> str:
    """Return how a value is told to the user: its kind and, unless it may be a secret, its content."""
    kinds = {str: "text", bool: "", int: "number", float: "number", dict: "a section", list: "a list"}
    if value is None:
        return "nothing"
    kind = kinds.get(type(value), type(value).__name__)
    if isinstance(value, (dict, list)):
        return kind
    if any(names_secret(part) for part in location):
        return f"{kind} (not shown)"
    content = str(value).lower() if isinstance(value, bool) else str(value)
    return _cut(f"{kind} {content}".strip())


def _cut(text: str) -> str:
    text = " ".join(str(text).split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."
