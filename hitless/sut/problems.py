"""What can be wrong in a declaration, told in one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in a file.

    Attributes:
        line: where, from 1.
        key: what, as a dotted path ("traffic.ports.users").
        problem: in a word or two ("unknown key").
        expected, actual: what should stand there and what does; empty when there is nothing to say.
        remedy: what to do about it.
    """

    line: int
    key: str
    problem: str
    expected: str
    actual: str
    remedy: str

    def __str__(self) -> str:
        """``key - problem - Expected: x Actual: y - remedy``."""
        comparison = f"Expected: {self.expected} Actual: {self.actual}" if self.actual else f"Expected: {self.expected}"
        return " - ".join(part for part in (self.key, self.problem, comparison, self.remedy) if part)


class DeclarationError(Exception):
    """The declaration cannot be used; its text has one line per problem.

    Attributes:
        source: name of the file, as the user gave it.
        problems: all of them, by line.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(f"{source}:{problem.line}: {problem}" for problem in self.problems))
