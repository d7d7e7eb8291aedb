"""Where a field stands in the text of a request; looked for only when there is something wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()
Path = tuple[str | int, ...]


class Text:
    """A request as it was received."""

    def __init__(self, body: bytes, content: Any) -> None:
        """Keeps both.

        Args:
            body: JSON, in an encoding that Python finds out.
            content: What `json.loads` has made of it.
        """
        self._body, self._content = body, content

    def offset_of(self, parent: Mapping[str, Any], name: str) -> int | None:
        """Bytes (of UTF-8) before the value of a field.

        Args:
            parent: The object that holds the field: the very one in the content, not one like it.
            name: The field.

        Returns:
            The offset, None if there is no such object or field.
        """
        path = next((path for path, value in _objects(self._content) if value is parent), None)
        if path is None or name not in parent:
            return None
        text = self._body.decode(json.detect_encoding(self._body), "surrogatepass")
        at = _after_space(text, 0)
        for step in (*path, name):
            at = dict(_members(text, at))[step]
        return len(text[:at].encode(errors="surrogatepass"))


def _objects(content: Any) -> Iterator[tuple[Path, Any]]:
    waiting: list[tuple[Path, Any]] = [((), content)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            yield path, value
            waiting += [((*path, name), inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [((*path, number), inner) for number, inner in enumerate(value)]


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _members(text: str, at: int) -> Iterator[tuple[str | int, int]]:
    """Names, or numbers, of the members of the object or array that begins at a place, and where their values begin."""
    named, number = text[at] == "{", 0
    at = _after_space(text, at + 1)
    while text[at] not in "}]":
        name: str | int = number
        if named:
            name, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        yield name, at
        _, at = _DECODER.raw_decode(text, at)
        at = _after_space(text, at)
        if text[at] == ",":
            at, number = _after_space(text, at + 1), number + 1
