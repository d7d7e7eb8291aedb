"""What all sections of a declaration share: strictness, and how a rule of our own says what is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationInfo
from pydantic_core import PydanticCustomError

FOLDER = "folder"
"""Key of the validation context: the folder that relative paths start from."""

SHOWN: dict[str, JsonValue] = {"template": "shown"}
"""Extra data of a field whose section the template shows, though it may be left out."""

INLINE: dict[str, JsonValue] = {"template": "inline"}
"""Extra data of a field whose section the template shows as one line: its example."""


class Section(BaseModel):
    """A section of the file: no unknown keys, no conversions, no later changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def wrong(problem: str, expected: str, actual: str, remedy: str, *, key: str = "") -> PydanticCustomError:
    """Make the error of a rule of our own; it becomes one `Problem`.

    ``key`` is the dotted path, within the section whose rule it is, of what is wrong; empty for the whole section.
    """
    context = {"problem": problem, "expected": expected, "actual": actual, "remedy": remedy, "key": key}
    return PydanticCustomError("declaration", "{problem}", context)


def _existing_file(value: Any, info: ValidationInfo) -> Any:
    """Turn text into a path, seen from the folder of the declaration, and see that the file is there."""
    if not isinstance(value, str):
        return value if isinstance(value, Path) else _refuse_path(value)
    folder = (info.context or {}).get(FOLDER)
    if folder is None:
        return Path(value)
    path = Path(os.path.normpath(Path(folder, value)))
    if not path.is_file():
        raise wrong("no such file", "a file, seen from the folder of this declaration", value, f"looked for {path}")
    return path


def _refuse_path(value: Any) -> Any:
    raise wrong("wrong type", "the path of a file", repr(value), "write the path as text")


def _http_url(value: str) -> str:
    """See that a text is the URL of a server, without credentials, query or fragment."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError as error:
        raise wrong("not a URL", "http://host:port", value, str(error)) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise wrong("not a URL", "http://host:port or https://host:port", value, "write scheme, host and port")
    if parts.username is not None or parts.password is not None:
        remedy = "take them out of the URL; their place is auth, in a section that has it"
        raise wrong("credentials in a URL", "http://host:port", "user or password before the host", remedy)
    if parts.query or parts.fragment:
        raise wrong("not a plain URL", "nothing after the path", value, "remove '?' or '#' and what follows")
    return value.rstrip("/")


Text = Annotated[str, Field(min_length=1)]
"""Text that says something."""
TcpPort = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
"""A time of more than nothing and at most a day."""
ExistingFile = Annotated[Path, BeforeValidator(_existing_file)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Json = dict[str, Any]
"""Free content that is handed on as it is."""
