"""How a change of the selections is put in force."""

from __future__ import annotations

from typing import Protocol

from lab.decider.selections import NamedSelection

Selections = tuple[NamedSelection, ...]


class Hands(Protocol):
    """What a change may do to the decisions about new users; each call is one transaction. Threads may call them.

    A change that a later one has overtaken does nothing any more.
    """

    def put(self, selections: Selections) -> None:
        """These selections, and the buckets for everybody else, are in force when this returns."""

    def clear(self) -> None:
        """Nobody is decided when this returns: neither by a selection nor by a bucket."""


class Switching(Protocol):
    """A way to come from one set of selections to another."""

    def change(self, before: Selections, after: Selections, hands: Hands) -> None:
        """Replace `before` by `after`; returning acknowledges it."""


class OneTransaction:
    """Every packet sees all of the old selections or all of the new ones."""

    def change(self, before: Selections, after: Selections, hands: Hands) -> None:  # noqa: ARG002 - nothing to keep
        """Put the new ones in force, and acknowledge them then."""
        hands.put(after)
