"""Steps and fixtures name a procedure, pick a recording, call a judge and conclude: no logic of their own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

FORBIDDEN_MODULES = {"numpy", "requests", "time", "threading", "subprocess", "socket", "zmq", "trex", "urllib", "http"}
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def violations(source: str, name: str) -> list[str]:
    """Return what does not belong into a step or fixture module, one sentence each."""
    return list(_walk(ast.parse(source), name))


def _walk(tree: ast.AST, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        where = f"{name}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, LOOPS):
            yield f"{where}: loop"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for module in modules:
                if module.partition(".")[0] in FORBIDDEN_MODULES:
                    yield f"{where}: imports {module}"
        elif isinstance(node, ast.Compare) and any(_is_number(part) for part in (node.left, *node.comparators)):
            yield f"{where}: compares with a number (a threshold belongs into the catalogue)"


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)
