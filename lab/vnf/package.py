"""VNF packages as a unit sees them: the software and what it is called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

DESCRIPTOR: Final = "software.yaml"
"""The file in a package directory that says what the software is."""

SESSION_KEY_PARTS: Final = {"user": 4, "userPort": 2, "servicePort": 2}
"""What a session key may consist of, and the bytes that each part has in a packet."""


class PackageError(ValueError):
    """A package that cannot be used; the message names the file and what is wrong."""


@dataclass(frozen=True)
class Software:
    """The software of one package.

    Attributes:
        version: Software version.
        dscp: DSCP that it gives to the packets it lets through, 0 to 63.
        functions: What it does.
        session_key: What it knows a session by.
        template: Its nftables ruleset with ${...} for what is a unit's own.
        files: What it consists of: the paths of this file and of the ruleset.
    """

    version: str
    dscp: int
    functions: tuple[str, ...]
    session_key: tuple[str, ...]
    template: str
    files: tuple[Path, ...] = ()


def load_software(package: Path) -> Software:
    """The software in a package directory.

    Raises:
        PackageError: a file is missing or does not say what it has to.
    """
    descriptor = package / DESCRIPTOR
    document = _document(descriptor)
    dscp = _member(descriptor, document, "mark.dscp", int)
    if not 0 <= dscp <= 63:
        raise PackageError(f"{descriptor} - mark.dscp - Expected: 0 to 63 - Actual: {dscp}")
    key = _member(descriptor, document, "sessionKey", list)
    if not key or any(part not in SESSION_KEY_PARTS for part in key):
        raise PackageError(f"{descriptor} - sessionKey - Expected: some of {list(SESSION_KEY_PARTS)} - Actual: {key}")
    ruleset = package / _member(descriptor, document, "ruleset", str)
    return Software(
        version=_member(descriptor, document, "version", str),
        dscp=dscp,
        functions=tuple(_member(descriptor, document, "functions", list)),
        session_key=tuple(key),
        template=_read(ruleset),
        files=(descriptor, ruleset),
    )


def _document(path: Path) -> Any:
    try:
        return yaml.safe_load(_read(path))
    except yaml.YAMLError as error:
        raise PackageError(f"{path} - not YAML: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PackageError(f"{path} - cannot be read: {error.strerror}") from error


def _member(path: Path, document: Any, name: str, kind: type) -> Any:
    value = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if not isinstance(value, kind):
        raise PackageError(f"{path} - {name} - Expected: {kind.__name__} - Actual: {value!r:.100}")
    return value
