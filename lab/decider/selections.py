"""Selection rules: which new users go to which units, whatever their buckets say."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar

from lab.rest import Call, Refusal

MAX_SELECTIONS: Final = 16
"""Selections that can be in force at a time."""

Unit = TypeVar("Unit", str, int)


@dataclass(frozen=True)
class SelectionOf(Generic[Unit]):
    """Users of a service who are dealt to some units when they come anew.

    Attributes:
        users: Addresses of the users, as a prefix; None: everybody.
        service_port: UDP port of the service, 1 to 65535; None: every service.
        units: The units, in the order in which users' buckets are dealt to them.
    """

    users: ipaddress.IPv4Network | None
    service_port: int | None
    units: tuple[Unit, ...]

    def with_units(self, units: tuple[Unit, ...]) -> SelectionOf[Unit]:
        """The same users, dealt to other units."""
        return SelectionOf(self.users, self.service_port, units)

    def as_json(self) -> dict[str, Any]:
        """As the REST interface has it."""
        users = None if self.users is None else str(self.users)
        return {"users": users, "service_port": self.service_port, "units": list(self.units)}


Selection = SelectionOf[int]
"""A selection whose units are marks, as the rules know them."""

NamedSelection = SelectionOf[str]
"""A selection whose units are names, as callers know them."""


def parse_selections(entries: list[Any]) -> tuple[NamedSelection, ...]:
    """Selections of a request's body.

    Raises:
        Refusal: 400, there are too many or one is not of the right form.
    """
    if len(entries) > MAX_SELECTIONS:
        raise Refusal(
            HTTPStatus.BAD_REQUEST, f"selections - Expected: at most {MAX_SELECTIONS} - Actual: {len(entries)}"
        )
    return tuple(_selection(entry) for entry in entries)


def _selection(entry: Any) -> NamedSelection:
    units = Call(body=entry).field("units", list)
    if not units or not all(isinstance(unit, str) for unit in units):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"selection - units - Expected: names - Actual: {units!r:.200}")
    return NamedSelection(parse_users(entry.get("users")), parse_port(entry.get("service_port")), tuple(units))


def parse_users(value: Any) -> ipaddress.IPv4Network | None:
    """A prefix of user addresses; None stays None.

    Raises:
        Refusal: 400, it is no IPv4 prefix, or has bits behind its length.
    """
    if value is None:
        return None
    try:
        return ipaddress.IPv4Network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise Refusal(
            HTTPStatus.BAD_REQUEST, f"users - Expected: IPv4 prefix or null - Actual: {value!r:.80}"
        ) from error


def parse_port(value: Any) -> int | None:
    """A UDP port; None stays None.

    Raises:
        Refusal: 400, it is none.
    """
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536):
        return value
    raise Refusal(HTTPStatus.BAD_REQUEST, f"service_port - Expected: 1 to 65535 or null - Actual: {value!r:.80}")


def among(selections: Collection[NamedSelection], units: Collection[str]) -> tuple[NamedSelection, ...]:
    """The selections with those of their units that are among `units`; one that has none of them is left out."""
    kept = (selection.with_units(tuple(u for u in selection.units if u in units)) for selection in selections)
    return tuple(selection for selection in kept if selection.units)
