"""Writes ``suts/template.yaml`` from the model: every key, what it means, whether it is needed.

Usage: ``python -m hitless.sut.template > suts/template.yaml`` (a test sees that the two agree).
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from hitless.sut.base import INLINE, SHOWN
from hitless.sut.model import SystemUnderTest

_WIDTH = 116
_HEAD = """\
# What Hitless needs to know about a system under test. Copy this file, fill it in, then: hitless check --sut FILE
# Keys marked "needed" must be there; the others show their default, or an example behind a comment sign.
# Paths start from the folder of the file. Nothing secret stands here: passwords come from the environment or a file.
"""


def render() -> str:
    """Return the text of the template."""
    return _HEAD + "\n".join(_section(SystemUnderTest, 0, {})) + "\n"


def _section(model: type[BaseModel], depth: int, example: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of one section.

    Args:
        model: the section.
        depth: how deep it is nested.
        example: values that the section around it proposes.
    """
    for name, field in model.model_fields.items():
        if depth == 0:
            yield ""
        yield from _comment(field, depth)
        yield from _entry(name, field, depth, example)


def _entry(name: str, field: FieldInfo, depth: int, example: dict[str, Any]) -> Iterator[str]:
    indent = "  " * depth
    inner = _model_of(field)
    proposal = example.get(name, (field.examples or [None])[0])
    if inner is not None and field.json_schema_extra != INLINE:
        lines = (f"{indent}{name}:", *_section(inner, depth + 1, proposal or {}))
        yield from lines if _is_shown(field) else (f"{indent}# {line.removeprefix(indent)}" for line in lines)
    elif field.is_required():
        yield f"{indent}{name}: {_value(proposal)}"
    elif (default := field.get_default(call_default_factory=True)) is None:
        yield f"{indent}# {name}: {_value(proposal)}"
    else:
        yield f"{indent}{name}: {_value(default)}"
        if proposal and proposal != default:
            yield f"{indent}# {name}: {_value(proposal)}"


def _comment(field: FieldInfo, depth: int) -> Iterator[str]:
    indent = "  " * depth
    text = f"{field.description}{' (needed)' if field.is_required() else ''}"
    yield from textwrap.wrap(text, _WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ")


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the section that a field holds, None for a plain value."""
    kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _is_shown(field: FieldInfo) -> bool:
    """Tell whether a section stands in the template as such; others stand behind comment signs."""
    extra = field.json_schema_extra
    return field.is_required() or field.default_factory is not None or extra == SHOWN


def _value(value: Any) -> str:
    """Return a value in YAML's flow style; that of JSON, with file names as text."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, default=lambda one: Path(one).as_posix())


if __name__ == "__main__":
    sys.stdout.write(render())
