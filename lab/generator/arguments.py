"""Typed access to the fields of a request, with the error texts of TRex."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from lab.generator.jsonrpc import RpcError, bad_field, bad_parameters, execute_error

Fields = Mapping[str, Any]
_LARGEST_BYTE = 0xFF


def _required(fields: Fields, name: str) -> Any:
    value = fields.get(name)
    if value is None:
        raise bad_parameters(f"field '{name}' value is null")
    return value


def _wrong_type(fields: Fields, name: str, expected: str) -> RpcError:
    kinds = {bool: "boolean", int: "int", float: "double", str: "string", list: "array", dict: "object"}
    found = type(fields.get(name))
    return bad_field(fields, name, f"is '{kinds.get(found, found.__name__)}', expecting '{expected}'")


def integer(fields: Fields, name: str, default: int | None = None) -> int:
    """A whole number; TRex takes 3.0 for 3."""
    value = fields.get(name, default)
    if value is None:
        value = _required(fields, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(fields, name, "int")
    if isinstance(value, float) and not value.is_integer():
        raise _wrong_type(fields, name, "int")
    return int(value)


def unsigned(fields: Fields, name: str) -> int:
    """A whole number that is not negative."""
    value = integer(fields, name)
    if value < 0:
        raise bad_field(fields, name, "has negative value.")
    return value


def number(fields: Fields, name: str) -> float:
    """Any number."""
    value = _required(fields, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise _wrong_type(fields, name, "double")
    return float(value)


def unsigned_number(fields: Fields, name: str) -> float:
    """A number that is not negative."""
    value = number(fields, name)
    if value < 0:
        raise bad_field(fields, name, "has negative value.")
    return value


def text(fields: Fields, name: str, default: str | None = None) -> str:
    """A string."""
    value = fields.get(name, default)
    if value is None:
        value = _required(fields, name)
    if not isinstance(value, str):
        raise _wrong_type(fields, name, "string")
    return value


def boolean(fields: Fields, name: str, *, default: bool | None = None) -> bool:
    """True or false."""
    value = fields.get(name, default)
    if value is None:
        value = _required(fields, name)
    if not isinstance(value, bool):
        raise _wrong_type(fields, name, "boolean")
    return value


def mapping(fields: Fields, name: str) -> Fields:
    """An object."""
    value = _required(fields, name)
    if not isinstance(value, dict):
        raise _wrong_type(fields, name, "object")
    return value


def array(fields: Fields, name: str) -> list[Any]:
    """A list."""
    value = _required(fields, name)
    if not isinstance(value, list):
        raise _wrong_type(fields, name, "array")
    return value


def choice(fields: Fields, name: str, choices: Iterable[str]) -> str:
    """One of some words."""
    value = text(fields, name)
    allowed = list(choices)
    if value not in allowed:
        listed = " ,".join(f"'{word}'" for word in allowed)
        raise bad_parameters(f"field '{name}' can only be one of [{listed}]")
    return value


def port_id(fields: Fields, count: int) -> int:
    """The number of an existing port."""
    value = _required(fields, "port_id")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _wrong_type(fields, "port_id", "byte")
    if value > _LARGEST_BYTE:
        raise bad_field(fields, "port_id", "has size bigger than uint8.")
    if value >= count:
        # TRex prints the numbers, the last one first, as characters of that code.
        numbers = " ".join(chr(known) for known in reversed(range(count)))
        raise execute_error(f"invalid port id - should be: {numbers}")
    return value
