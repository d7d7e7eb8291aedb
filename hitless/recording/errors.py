"""What can be wrong with a recording."""

from __future__ import annotations

from pathlib import Path


class RecordingError(Exception):
    """A recording cannot be read or written.

    Attributes:
        file: the file or folder with the problem.
        problem: what is wrong with it, with expected and actual values.
        remedy: what the user can do.
    """

    def __init__(self, file: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{file} - {problem} - {remedy}")
        self.file = file
        self.problem = problem
        self.remedy = remedy
