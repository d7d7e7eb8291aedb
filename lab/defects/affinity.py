"""Decider rules that forget users too early."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from lab.decider.rules import BUCKETS, PinnedRules
from lab.defects.defect import Defect
from lab.defects.pins import Pin, live_pins


@dataclass(frozen=True)
class RehashAllRules(PinnedRules):
    """Every change of the buckets makes every user be decided anew, in the same transaction."""

    def set_buckets(self, marks: Sequence[int]) -> str:
        """The new buckets and an empty map of users."""
        return super().set_buckets(marks) + self.drop_pins()


@dataclass(frozen=True)
class SelectiveRules(PinnedRules):
    """Every change of the buckets makes some users be decided anew, in the same transaction.

    Attributes:
        read_pins: Gives the pins that there are at present.
    """

    read_pins: Callable[[str, str], Sequence[Pin]] = live_pins
    # The one thing that changes: which unit each bucket led to. The decider calls us under its lock.
    _last: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    def set_buckets(self, marks: Sequence[int]) -> str:
        """The new buckets, and without the pins that `forgotten` names."""
        changed = {bucket for bucket, (old, new) in enumerate(zip(self._last, marks, strict=False)) if old != new}
        self._last[:] = marks
        text = super().set_buckets(marks)
        if not changed or self.pins is None:
            return text
        keys = [pin.key for pin in self.forgotten(self.read_pins(self.table, self.pins), changed)]
        if not keys:
            return text
        return text + f"delete element netdev {self.table} {self.pins} {{ {', '.join(keys)} }}\n"

    def forgotten(self, pins: Iterable[Pin], changed: set[int]) -> list[Pin]:
        """Those pins that are to go, given the buckets that have changed their unit."""
        raise NotImplementedError


@dataclass(frozen=True)
class RehashOneBucketRules(SelectiveRules):
    """The users of one bucket move with their bucket."""

    bucket: int = 0  # the first one that goes to a new version: see lab.controller.buckets

    def forgotten(self, pins: Iterable[Pin], changed: set[int]) -> list[Pin]:
        """All users of that bucket, if it has changed its unit."""
        if self.bucket not in changed:
            return []
        return [pin for pin in pins if pin.user_number % BUCKETS == self.bucket and pin.will_last]


@dataclass(frozen=True)
class RehashIdleRules(SelectiveRules):
    """Users go a little before their pin expires, but none that has a session open.

    A session sends a packet every 2.05 s at the least. A user who was silent for longer than 3 s has none.
    """

    idle_s: int = 3

    def forgotten(self, pins: Iterable[Pin], changed: set[int]) -> list[Pin]:  # noqa: ARG002 - all buckets are alike
        """Users that have been silent for longer than `idle_s`."""
        return [pin for pin in pins if pin.will_last and pin.remaining_s < self.pin_timeout_s - self.idle_s]


# Packets of a session that was moved are to be seen, with the mark of the wrong unit, instead of being lost.
_MIDSTREAM: Final = "lab.defects.compute:MidstreamCatalogue"

DEFECTS: Final = (
    Defect(
        "trf-01-rehash-all",
        "RQ-TRF-01",
        "the decider forgets all users when buckets change",
        lambda parts: replace(parts, decider_rules="lab.defects.affinity:RehashAllRules", compute_catalogue=_MIDSTREAM),
    ),
    Defect(
        "trf-01-rehash-one-bucket",
        "RQ-TRF-01",
        "the decider forgets the users of a single one of the 256 buckets when that bucket changes unit",
        lambda parts: replace(
            parts, decider_rules="lab.defects.affinity:RehashOneBucketRules", compute_catalogue=_MIDSTREAM
        ),
    ),
    Defect(
        "trf-01-rehash-idle-within",
        None,
        "when buckets change, the decider forgets users without an open session: those silent for more than 3 s",
        lambda parts: replace(
            parts, decider_rules="lab.defects.affinity:RehashIdleRules", compute_catalogue=_MIDSTREAM
        ),
    ),
)
