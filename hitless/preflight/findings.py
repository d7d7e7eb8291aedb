"""What a check before a run found out, in one sentence with a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        name: what was looked at ("version mark 1.0").
        level: ok, a warning (a run is possible, part of it will say less), or failed (a run makes no sense).
        message: what was found; for anything but ok with what was expected.
        remedy: what to do about it; empty when there is nothing to do.
    """

    name: str
    level: Level
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        """``failed   name - message - remedy`` on one line."""
        text = " - ".join(part for part in (self.name, self.message, self.remedy) if part)
        return f"{self.level:<8} {' '.join(text.split())}"


def ok(name: str, message: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(name, Level.OK, message)


def warning(name: str, message: str, remedy: str = "") -> Finding:
    """Return a finding that does not hinder a run."""
    return Finding(name, Level.WARNING, message, remedy)


def failed(name: str, message: str, remedy: str = "") -> Finding:
    """Return a finding that hinders a run."""
    return Finding(name, Level.FAILED, message, remedy)
