"""When documents that were read again and again began or ceased to show something.

A document that was read at one instant says nothing about the time since the read before it: each change lies between
the last read that did not show it was asked, and the first read that did was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitless.history import History, Interval, Snapshot

Document = Mapping[str, Any]


def views(history: History, kind: str, subject: str = "") -> tuple[Snapshot, ...]:
    """Return the documents of one kind, and of one resource if its identifier is given, in the order of reading."""
    found = (one for one in history.snapshots if one.kind == kind and subject in {"", one.subject})
    return tuple(sorted(found, key=lambda one: one.first.latest_ns))


def changed_between(earlier: Snapshot, later: Snapshot) -> Interval:
    """Return when what only the later one of two successive documents shows has come."""
    return Interval(min(earlier.until_ns, later.first.latest_ns), later.first.latest_ns)


def first_showing(
    documents: Sequence[Snapshot], shows: Callable[[Document], bool], *, not_before_ns: int
) -> tuple[int, Interval] | None:
    """Find the first document that shows something.

    Args:
        documents: successive documents of one resource.
        shows: whether a document does.
        not_before_ns: before it nothing of the kind was there; the interval starts here if the first document shows it.

    Returns:
        Its place among the documents and when it came; None if no document shows it.
    """
    for place, view in enumerate(documents):
        if shows(view.document):
            if place:
                return place, changed_between(documents[place - 1], view)
            return 0, Interval(min(not_before_ns, view.first.latest_ns), view.first.latest_ns)
    return None


def same_event(one: Interval, other: Interval) -> Interval:
    """Combine two sightings of one event: what both allow; if they exclude each other, all that either allows."""
    common = Interval(max(one.earliest_ns, other.earliest_ns), min(one.latest_ns, other.latest_ns))
    if common.earliest_ns <= common.latest_ns:
        return common
    return Interval(min(one.earliest_ns, other.earliest_ns), max(one.latest_ns, other.latest_ns))


def entries(value: Any) -> list[dict[str, Any]]:
    """Return the JSON objects of a list, whatever a foreign system has sent in its place."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def section(document: Document, name: str) -> Document:
    """Return a JSON object within another, an empty one if there is none."""
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}
