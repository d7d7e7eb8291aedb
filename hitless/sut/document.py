"""Reads YAML so that every value knows its line, keys stay as they are written, and nothing is guessed.

Scalars follow the YAML 1.2 core schema: ``1e-4`` is a number and ``no`` is a word, both unlike YAML 1.1 (PyYAML's
default). Duplicate keys and aliases are problems, not surprises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hitless.sut.problems import Problem

Location = tuple[str | int, ...]

_SIZE_LIMIT_BYTES = 262_144
_BOOLEANS = {"true": True, "false": False}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INTEGER_DIGITS_MAX = 30  # more is no quantity of ours, and Python refuses to convert very long ones


@dataclass(slots=True)
class Document:
    """A parsed file.

    Attributes:
        data: plain nested data; None when the file could not be parsed.
        lines: line (from 1) of each key or list item, by location.
        problems: what is wrong with the file as YAML.
    """

    data: Any = None
    lines: dict[Location, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line_of(self, location: Location) -> int:
        """Return the line of the location, or that of the nearest section around it."""
        for length in range(len(location), 0, -1):
            if location[:length] in self.lines:
                return self.lines[location[:length]]
        return 1


def read_document(path: Path) -> Document:
    """Read a file; whatever is wrong with it becomes a problem, nothing is raised."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        remedy = f"name an existing file, or copy {path.parent / 'template.yaml'} to {path}"
        return _broken(Problem(1, "file", "cannot be read", "a readable file", error.strerror or str(error), remedy))
    if len(content) > _SIZE_LIMIT_BYTES:
        actual = f"more than {_SIZE_LIMIT_BYTES} bytes"
        return _broken(
            Problem(1, "file", "too large", f"at most {_SIZE_LIMIT_BYTES} bytes", actual, "is this the right file?")
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return _broken(
            Problem(line, "file", "not text", "UTF-8", f"byte 0x{content[error.start]:02x}", "save it as UTF-8")
        )
    return parse_document(text)


def parse_document(text: str) -> Document:
    """Parse YAML text; whatever is wrong with it becomes a problem, nothing is raised."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        return _syntax_problem(error)
    except yaml.YAMLError as error:  # characters that YAML forbids
        return _broken(
            Problem(1, "file", "not YAML", "printable text", " ".join(str(error).split()), "remove the character")
        )
    except RecursionError:
        return _broken(Problem(1, "file", "nested too deeply", "a few levels", "hundreds", "is this the right file?"))
    if node is None:
        return _broken(
            Problem(1, "file", "empty", "sections such as vnf and mano", "nothing", "start from suts/template.yaml")
        )
    if not isinstance(node, yaml.MappingNode):
        actual = "a list" if isinstance(node, yaml.SequenceNode) else "a single value"
        remedy = "start from suts/template.yaml"
        return _broken(Problem(_line(node), "file", "wrong type", "sections, one 'key: value' a line", actual, remedy))
    document = Document()
    document.data = _Builder(document).build(node, ())
    return document


@dataclass(slots=True)
class _Builder:
    """Turns YAML nodes into plain data and notes the lines."""

    document: Document
    seen: set[int] = field(default_factory=set)

    def build(self, node: yaml.Node, location: Location) -> Any:
        if id(node) in self.seen:
            self._refuse(node, location, "alias", "the value itself", "a reference (*name)")
            return None
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(inner, (*location, index)) for index, inner in enumerate(node.value)]
        return _scalar(node)

    def _item(self, node: yaml.Node, location: Location) -> Any:
        self.document.lines[location] = _line(node)
        return self.build(node, location)

    def _mapping(self, node: yaml.MappingNode, location: Location) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse(key_node, location, "wrong key", "a word", "a list or a section")
                continue
            key = str(key_node.value)
            here = (*location, key)
            if key in data:
                first = self.document.lines[here]
                self._refuse(key_node, here, "duplicate key", "each key once", f"also in line {first}")
                continue
            self.document.lines[here] = _line(key_node)
            data[key] = self.build(value_node, here)
        return data

    def _refuse(self, node: yaml.Node, location: Location, *what: str) -> None:
        problem, expected, actual = what
        remedy = {"alias": "write it out", "duplicate key": "remove one"}.get(problem, "write 'key: value'")
        self.document.problems.append(Problem(_line(node), dotted(location), problem, expected, actual, remedy))


def dotted(location: Location) -> str:
    """Return a location as people write it: ``traffic.ports.users``."""
    return ".".join(str(part) for part in location) or "file"


def _scalar(node: yaml.Node) -> Any:
    """Return the value of a scalar by the YAML 1.2 core schema; quoted text is text."""
    text = str(node.value)
    if not isinstance(node, yaml.ScalarNode) or node.style is not None:
        return text
    if text in _NULLS:
        return None
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if _INTEGER.fullmatch(text) and len(text) <= _INTEGER_DIGITS_MAX:
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _syntax_problem(error: yaml.MarkedYAMLError) -> Document:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    column = f", column {mark.column + 1}" if mark else ""
    what = error.problem or error.context or "unreadable"
    remedy = "look at this line and the one above: indentation, a missing colon or quote"
    if "'\\t'" in what:
        what, remedy = "a tab", "indent with spaces"
    return _broken(Problem(line, "file", "not YAML", "valid YAML", f"{what}{column}", remedy))


def _broken(problem: Problem) -> Document:
    return Document(problems=[problem])


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
