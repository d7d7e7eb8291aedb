"""What a defect is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lab.parts import Parts


@dataclass(frozen=True)
class Defect:
    """One way in which the lab can be wrong.

    Attributes:
        name: What the command line calls it; a form that stays within the limit ends in `-within`.
        breaks: Id of the requirement that it violates, None for a form that stays within the limit.
        description: What is different.
        apply: Puts its parts in the place of the given ones.
    """

    name: str
    breaks: str | None
    description: str
    apply: Callable[[Parts], Parts]
