"""The units that are attached to the decider, and what its rules call them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from lab.decider.selections import NamedSelection, Selection
from lab.rest import Refusal

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUMBERS: Final = range(1, 256)
_NUMBER_BITS: Final = 8


@dataclass(frozen=True)
class AttachedUnit:
    """A unit.

    Attributes:
        number: Its number, which names its devices.
        mark: What the rules know it by.
    """

    number: int
    mark: int


@dataclass
class Units:
    """Units by name. A mark is never used twice: pins to a former one that are still there count for nothing."""

    attached: dict[str, AttachedUnit] = field(default_factory=dict)
    _used: dict[int, int] = field(default_factory=dict)

    def check(self, name: str, number: int) -> None:
        """Check whether a unit could be attached.

        Raises:
            Refusal: 400, the name or the number is not allowed; 409, one of them is taken.
        """
        if not _NAME.fullmatch(name):
            raise Refusal(HTTPStatus.BAD_REQUEST, f"unit name - Expected: {_NAME.pattern} - Actual: {name!r}")
        if number not in _NUMBERS:
            raise Refusal(HTTPStatus.BAD_REQUEST, f"unit {name} - number - Expected: 1 to 255 - Actual: {number}")
        if name in self.attached or number in self.numbers().values():
            raise Refusal(HTTPStatus.CONFLICT, f"unit {name}, number {number} - one of them is taken: {self.numbers()}")

    def require(self, what: str, names: Iterable[object]) -> None:
        """Check that all of these are attached.

        Raises:
            Refusal: 409, some are not; `what` says in the message where they were named.
        """
        unknown = sorted({str(name) for name in names} - set(self.attached))
        if unknown:
            raise Refusal(HTTPStatus.CONFLICT, f"{what} - units not attached: {', '.join(unknown)}")

    def new_mark(self, number: int) -> int:
        """A mark that was never used: the number itself, with a count above it."""
        used = self._used.get(number, 0)
        self._used[number] = used + 1
        return used << _NUMBER_BITS | number

    def renewed(self, names: Iterable[str]) -> dict[str, AttachedUnit]:
        """All units, some of them with a new mark."""
        new = {name: AttachedUnit(number, self.new_mark(number)) for name, number in self.numbers(names).items()}
        return self.attached | new

    def numbers(self, names: Iterable[str] | None = None) -> dict[str, int]:
        """Numbers by name, of all units or of some."""
        return {name: self.attached[name].number for name in (self.attached if names is None else names)}


def marked(selections: Sequence[NamedSelection], units: Mapping[str, AttachedUnit]) -> list[Selection]:
    """Selections as the rules know them."""
    return [
        Selection(each.users, each.service_port, tuple(units[name].mark for name in each.units)) for each in selections
    ]


def units_of(selections: Sequence[NamedSelection]) -> list[str]:
    """All units that are named."""
    return [unit for selection in selections for unit in selection.units]
