"""The controller's state and its REST interface."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from lab.controller.buckets import BUCKETS, BucketHash, Group, SplitError
from lab.rest import Call, Endpoint, Refusal

ORDER: Final = "stable"
"""The only order there is: a bucket that went to a growing group stays there."""

SetBuckets = Callable[[Sequence[str]], None]


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
        return {"units": list(group.units), "share": group.share, "effective_share": effective, "buckets": per_unit}


class Controller:
    """Computes buckets and hands them to the decider. Threads may share it."""

    def __init__(self, bucket_hash: BucketHash, set_buckets: SetBuckets) -> None:
        """`set_buckets` returns when the decider works by them, or raises Refusal."""
        self._hash = bucket_hash
        self._set_buckets = set_buckets
        self._lock = threading.Lock()
        self._split: Split | None = None

    def set_split(self, groups: Sequence[Group]) -> Split:
        """Divide new users; returns what is in force now.

        Raises:
            Refusal: 400 for a split that makes no sense, or what the decider answered; the old split stays in force.
        """
        with self._lock:
            try:
                buckets = self._hash.assign(groups)
            except SplitError as error:
                raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
            self._set_buckets(buckets)
            self._split = Split(tuple(groups), buckets)
            return self._split

    def split(self) -> Split | None:
        """The split that is in force, or None before the first."""
        return self._split


def endpoints(controller: Controller) -> list[Endpoint]:
    """The REST interface."""

    def put(call: Call) -> Any:
        return controller.set_split(parse_split(call)).as_json()

    def get(_call: Call) -> Any:
        split = controller.split()
        return {"order": ORDER, "shares": []} if split is None else split.as_json()

    return [
        Endpoint("PUT", "/split", put),
        Endpoint("GET", "/split", get),
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


def _group(entry: Any) -> Group:
    part = Call(body=entry)
    units, share = part.field("units", list), part.field("share", (int, float))
    if not all(isinstance(unit, str) for unit in units):
        raise Refusal(HTTPStatus.BAD_REQUEST, f"split - units - Expected: names - Actual: {units!r:.200}")
    try:
        return Group(tuple(units), float(share))
    except SplitError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, str(error)) from error
