"""Which attributes a list shows (SOL013): ``all_fields``, ``fields``, ``exclude_fields``, ``exclude_default``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from lab.vnfm.problem import bad_request

_SELECTORS: Final = ("all_fields", "fields", "exclude_fields", "exclude_default")
# SOL013 lets nothing be combined but these two: the default, and what is wanted on top of it.
_TOGETHER: Final = {"fields", "exclude_default"}


def shown(
    documents: Iterable[Mapping[str, Any]], query: Mapping[str, str], details: frozenset[str]
) -> list[dict[str, Any]]:
    """Return documents without the attributes that are not to be shown.

    Args:
        documents: all attributes.
        query: parameters of the request.
        details: top-level attributes that are left out unless asked for.

    Raises:
        ProblemError: 400, the parameters contradict each other or name nothing.
    """
    given = {name for name in _SELECTORS if name in query}
    if len(given) > 1 and given != _TOGETHER:
        raise bad_request(f"query - {', '.join(sorted(given))} - cannot be combined")
    if "all_fields" in given:
        return [dict(one) for one in documents]
    if "exclude_fields" in given:
        paths = _paths(query, "exclude_fields")
        return [_without(one, paths) for one in documents]
    wanted = {path[0] for path in _paths(query, "fields")} if "fields" in given else set()
    omitted = [[name] for name in details - wanted]
    return [_without(one, omitted) for one in documents]


def _paths(query: Mapping[str, str], name: str) -> list[list[str]]:
    paths = [path.split("/") for path in query[name].split(",")]
    if any(not step for path in paths for step in path):
        raise bad_request(f"query - {name} - Expected: attribute names with / and , between - Actual: {query[name]!r}")
    return paths


def _without(node: Any, paths: list[list[str]]) -> Any:
    """Return a document without what stands at some paths; a list stands for each of its elements."""
    if isinstance(node, list):
        return [_without(one, paths) for one in node]
    if not isinstance(node, Mapping):
        return node
    gone = {path[0] for path in paths if len(path) == 1}
    deeper = {name: [path[1:] for path in paths if path[0] == name and len(path) > 1] for name in node}
    return {name: _without(value, deeper[name]) for name, value in node.items() if name not in gone}
