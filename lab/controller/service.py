"""The controller's state and its REST interface."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Protocol

from lab.controller.buckets import BUCKETS, BucketHash, Group, SplitError
from lab.controller.rules import Rule, parse_rules, resolve
from lab.decider.selections import NamedSelection
from lab.rest import Call, Endpoint, Refusal

ORDER: Final = "stable"
"""The only order there is: a bucket that went to a growing group stays there."""


class Steering(Protocol):
    """The decider, as far as it concerns the controller; every call returns when it works by it, or raises Refusal."""

    def set_buckets(
        self, buckets: Sequence[str], forget: Sequence[str] = (), selections: Sequence[NamedSelection] | None = None
    ) -> None:
        """Give each bucket its unit, forget the users of some units, replace selections unless None: all at once."""

    def set_selections(self, selections: Sequence[NamedSelection]) -> None:
        """Replace the selections."""


@dataclass(frozen=True)
class Split:
    """A division of new users that is in force.

    Attributes:
        groups: What was asked for.
        buckets: What came of it, the unit of each bucket.
    """

    groups: tuple[Group, ...]
    buckets: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Shares as asked for and as 256 buckets allow them."""
        return {"order": ORDER, "shares": [self._group_as_json(group) for group in self.groups]}

    def _group_as_json(self, group: Group) -> dict[str, Any]:
        per_unit = {unit: self.buckets.count(unit) for unit in group.units}
        effective = sum(per_unit.values()) / BUCKETS
        return {
            "units": list(group.units),
            "share": group.share,
            "version": group.version,
            "effective_share": effective,
            "buckets": per_unit,
        }

    def units_by_version(self) -> dict[str, tuple[str, ...]]:
        """The units of each version that was named."""
        units: dict[str, tuple[str, ...]] = {}
        for group in self.groups:
            if group.version:
                units[group.version] = units.get(group.version, ()) + group.units
        return units


class Controller:
    """Computes buckets and selections and hands them to the decider. Threads may share it."""

    def __init__(self, bucket_hash: BucketHash, decider: Steering) -> None:
        self._hash = bucket_hash
        self._decider = decider
        self._lock = threading.Lock()
        self._split: Split | None = None
        self._rules: tuple[Rule, ...] = ()

    def set_split(self, groups: Sequence[Group], forget: Sequence[str] = ()) -> Split:
        """Divide new users, with selection rules resolved to the units that there are now, in one transaction.

        Args:
            groups: Units, and their shares of the users.
            forget: Units that lose the users that they have.

        Returns:
            What is in force now.

        Raises:
            Refusal: 400 for a split that makes no sense, or what the decider answered; the old split stays in force.
        """
        with self._lock:
            try:
                buckets = self._hash.assign(groups)
            except SplitError as error:
                raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
            split = Split(tuple(groups), buckets)
            selections = resolve(self._rules, split.units_by_version()) if self._rules else None
            self._decider.set_buckets(buckets, forget, selections)
            self._split = split
            return split

    def split(self) -> Split | None:
        """The split that is in force, or None before the first."""
        return self._split

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Replace all selection rules; the decider works by them when this returns.

        Raises:
            Refusal: 409, the present split has no unit of a version; or what the decider answered.
        """
        with self._lock:
            units = {} if self._split is None else self._split.units_by_version()
            for rule in rules:
                if not units.get(rule.version):
                    raise Refusal(
                        HTTPStatus.CONFLICT,
                        f"rule {rule.name} - version {rule.version} has no units in the split - "
                        f"Actual: {', '.join(sorted(units)) or 'none'}",
                    )
            self._decider.set_selections(resolve(rules, units))
            self._rules = tuple(rules)

    def rules(self) -> dict[str, Any]:
        """All rules, each with the units that it means at present."""
        with self._lock:
            units = {} if self._split is None else self._split.units_by_version()
            return {"rules": [{**rule.as_json(), "units": list(units.get(rule.version, ()))} for rule in self._rules]}


def endpoints(controller: Controller) -> list[Endpoint]:
    """The REST interface."""

    def put(call: Call) -> Any:
        return controller.set_split(parse_split(call), parse_forget(call)).as_json()

    def get(_call: Call) -> Any:
        split = controller.split()
        return {"order": ORDER, "shares": []} if split is None else split.as_json()

    def put_rules(call: Call) -> Any:
        controller.set_rules(parse_rules(call))
        return controller.rules()

    return [
        Endpoint("PUT", "/split", put),
        Endpoint("GET", "/split", get),
        Endpoint("PUT", "/rules", put_rules),
        Endpoint("GET", "/rules", lambda _call: controller.rules()),
        Endpoint("GET", "/status", lambda _call: {"ready": True, "split": controller.split() is not None}),
    ]


def parse_split(call: Call) -> tuple[Group, ...]:
    """The groups of a request's body.

    Raises:
        Refusal: 400, the body is not of the right form.
    """
    order = call.body.get("order", ORDER) if isinstance(call.body, dict) else ORDER
    if order != ORDER:
        raise Refusal(HTTPStatus.BAD_REQUEST, f"split - order - Expected: {ORDER!r} - Actual: {order!r}")
    return tuple(_group(entry) for entry in call.field("shares", list))


def parse_forget(call: Call) -> tuple[str, ...]:
    """The units of a request's body that are to lose their users.

    Raises:
        Refusal: 400, the body is not of the right form.
    """
    given = call.field("forget", list) if isinstance(call.body, dict) and "forget" in call.body else []
    return _names("forget", given)


def _group(entry: Any) -> Group:
    part = Call(body=entry)
    units, share = part.field("units", list), part.field("share", (int, float))
    version = part.field("version", str) if "version" in entry else ""
    try:
        return Group(_names("units", units), float(share), version)
    except SplitError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error


def _names(what: str, values: list[Any]) -> tuple[str, ...]:
    if not all(isinstance(value, str) for value in values):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"split - {what} - Expected: names - Actual: {values!r:.200}")
    return tuple(values)
