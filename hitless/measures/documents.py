"""Documents that MANO showed: which there are, what differs between two of them, what a refusal has to hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hitless.history import History, Snapshot

IDENTITY = ("vnfdId", "vnfProvider", "vnfProductName", "vnfSoftwareVersion", "vnfdVersion")
"""Attributes of a VNF instance that come from its package."""

_VOLATILE = re.compile(
    r"(time|timestamp|updated_?at|modified_?at|last_?updated|monitoring_?parameters)$", re.IGNORECASE
)
"""Names of attributes that may change while nothing happens: measurements, and instants of whatever kind."""
_SHOWN_MAX = 5


def snapshots(history: History, kind: str, *, label: str | None = None, subject: str | None = None) -> list[Snapshot]:
    """Return the documents of a kind in the order in which they were read first."""
    found = [
        one
        for one in history.snapshots
        if one.kind == kind and label in {None, one.label} and subject in {None, one.subject}
    ]
    return sorted(found, key=lambda one: one.first.latest_ns)


def one_snapshot(history: History, kind: str, label: str) -> Snapshot | None:
    """Return the last document of a kind with that label, None if there is none."""
    found = snapshots(history, kind, label=label)
    return found[-1] if found else None


def readable_snapshot(history: History, kind: str, label: str) -> Snapshot | None:
    """Return the last document of a kind with that label that holds anything, None if there is none."""
    found = one_snapshot(history, kind, label)
    return found if found is not None and found.document else None


def differences(before: Any, after: Any) -> tuple[str, ...]:
    """Return the places in which two documents differ, but for what may change while nothing happens.

    The order of lists does not count: none of the lists in question has a meaning in its order.
    """
    return tuple(_differing("", _steady(before), _steady(after)))


def in_words(places: Sequence[str]) -> str:
    """Return some places as a message tells them."""
    more = f" and {len(places) - _SHOWN_MAX} more" if len(places) > _SHOWN_MAX else ""
    return ", ".join(places[:_SHOWN_MAX]) + more


def items(snapshot: Snapshot) -> dict[str, Mapping[str, Any]]:
    """Return the entries of a list by their ids."""
    entries = snapshot.document.get("items", ())
    return {str(one.get("id")): one for one in entries if isinstance(one, Mapping)}


def is_problem(body: Any) -> bool:
    """Tell whether the body of a refusal is ProblemDetails with the mandatory ``status`` and ``detail``."""
    return (
        isinstance(body, Mapping)
        and isinstance(body.get("status"), int)
        and not isinstance(body.get("status"), bool)
        and isinstance(body.get("detail"), str)
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON list; nothing for anything else."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def identifier(location: str) -> str:
    """Return the identifier at the end of a Location header, empty when it names none."""
    path = re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/]*", "", location)
    return re.split(r"[?#]", path)[0].rstrip("/").rpartition("/")[2]


def _steady(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _steady(inner) for key, inner in value.items() if not _VOLATILE.search(str(key))}
    if isinstance(value, list | tuple):
        return sorted((_steady(inner) for inner in value), key=lambda one: json.dumps(one, sort_keys=True, default=str))
    return value


def _differing(place: str, before: Any, after: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}, key=str):
            inner = f"{place}.{key}" if place else str(key)
            if key not in before or key not in after:
                yield inner
            else:
                yield from _differing(inner, before[key], after[key])
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differing(f"{place}[{index}]", one, other)
    elif before != after:
        yield place or "document"
