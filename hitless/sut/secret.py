"""A secret is declared by where it is, never by what it is."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, model_validator

from hitless.sut.base import ExistingFile, Section, wrong


class SecretNotFoundError(Exception):
    """A declared secret is not where the declaration says."""


class Secret(Section):
    """Where a secret is: an environment variable or a file."""

    env: str | None = Field(default=None, min_length=1, description="name of the environment variable that holds it")
    file: ExistingFile | None = Field(default=None, description="file that holds it, one line, seen from this file")

    @model_validator(mode="after")
    def _exactly_one(self) -> Secret:
        if (self.env is None) == (self.file is None):
            actual = "both" if self.env is not None else "neither"
            raise wrong("wrong value", "{env: NAME} or {file: PATH}", actual, "say in one way where the secret is")
        return self

    def read(self) -> str:
        """Return the secret itself; the caller hands it on and does not keep it.

        Raises:
            SecretNotFoundError: the variable is not set, the file cannot be read, or there is nothing in it.
        """
        value = os.environ.get(self.env, "") if self.env is not None else _first_line(self.file)
        if not value:
            where = f"environment variable {self.env}" if self.env is not None else f"file {self.file}"
            raise SecretNotFoundError(f"{where} - no secret there - Expected: a text that is not empty - set it")
        return value


def _first_line(path: Path | None) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path is not None else []
    except (OSError, UnicodeDecodeError) as error:
        raise SecretNotFoundError(f"file {path} - cannot be read - {error}") from error
    return lines[0].strip() if lines else ""
