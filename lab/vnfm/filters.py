"""Attribute-based filters of list requests: ``filter=(eq,operationState,COMPLETED);(cont,vnfdId,4f)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from lab.vnfm.problem import bad_request

_EXPRESSION: Final = re.compile(r"\((?P<operator>[a-z]+),(?P<attribute>[^,()]+),(?P<values>[^()]+)\)")

Comparison = Callable[[str, Sequence[str]], bool]

# SOL013 gives these operators their meaning; values with spaces, commas or brackets (in quotes) are not supported here.
_OPERATORS: Final[Mapping[str, Comparison]] = MappingProxyType(
    {
        "eq": lambda actual, values: actual == values[0],
        "neq": lambda actual, values: actual != values[0],
        "in": lambda actual, values: actual in values,
        "nin": lambda actual, values: actual not in values,
        "gt": lambda actual, values: actual > values[0],
        "gte": lambda actual, values: actual >= values[0],
        "lt": lambda actual, values: actual < values[0],
        "lte": lambda actual, values: actual <= values[0],
        "cont": lambda actual, values: any(value in actual for value in values),
        "ncont": lambda actual, values: all(value not in actual for value in values),
    }
)
_SEVERAL_VALUES: Final = frozenset({"in", "nin", "cont", "ncont"})


def select(documents: Iterable[dict[str, Any]], expression: str | None) -> list[dict[str, Any]]:
    """Return the documents that a filter lets through, all of them without a filter.

    Raises:
        ProblemError: 400, the expression cannot be read.
    """
    if expression is None:
        return list(documents)
    conditions = [_condition(part) for part in expression.split(";")]
    return [document for document in documents if all(holds(document) for holds in conditions)]


def _condition(part: str) -> Callable[[Mapping[str, Any]], bool]:
    match = _EXPRESSION.fullmatch(part.strip())
    if match is None:
        raise bad_request(f"filter {part!r} - cannot be read - Expected: (operator,attribute,value)")
    operator, path, values = match["operator"], match["attribute"].split("/"), match["values"].split(",")
    if operator not in _OPERATORS:
        raise bad_request(f"filter {part!r} - unknown operator - Expected one of: {', '.join(_OPERATORS)}")
    if len(values) > 1 and operator not in _SEVERAL_VALUES:
        raise bad_request(f"filter {part!r} - operator '{operator}' takes one value - Actual: {len(values)}")
    compare = _OPERATORS[operator]
    return lambda document: any(compare(actual, values) for actual in _leaves(document, path))


def _leaves(node: Any, path: Sequence[str]) -> Iterable[str]:
    """Values at a path, as text; a list stands for each of its elements."""
    if isinstance(node, list):
        for element in node:
            yield from _leaves(element, path)
    elif path:
        if isinstance(node, Mapping) and path[0] in node:
            yield from _leaves(node[path[0]], path[1:])
    elif isinstance(node, bool):
        yield str(node).lower()
    else:
        yield str(node)
