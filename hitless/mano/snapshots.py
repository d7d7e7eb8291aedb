"""Documents that were read, as the history keeps them: from when to when each was seen, without secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hitless.history import Interval, Snapshot
from hitless.mano.resources import Listing, Operation, Package, VnfInstance

FOLLOWED = "followed"
"""Label of documents that were read again and again."""


def snapshot(kind: str, read: Operation | VnfInstance | Package, label: str) -> Snapshot:
    """Return what was read once; ``kind`` as in `Snapshot`. A package's subject is its descriptor's id."""
    subject = read.vnfd_id if isinstance(read, Package) else read.id
    return Snapshot(kind, subject, label, Interval(read.asked_ns, read.answered_ns), read.asked_ns, read.shown)


def operation_snapshot(read: Operation, label: str) -> Snapshot:
    """Return an operation occurrence that was read once."""
    return snapshot("operation", read, label)


def instance_snapshot(read: VnfInstance, label: str) -> Snapshot:
    """Return a VNF instance that was read once."""
    return snapshot("vnf_instance", read, label)


def package_snapshot(read: Package, label: str) -> Snapshot:
    """Return a package that was read once; its subject is the descriptor's id."""
    return snapshot("package", read, label)


def operations_snapshot(read: Listing, label: str) -> Snapshot:
    """Return a list of operation occurrences that was read once."""
    items = {"items": [dict(one) for one in read.items]}
    return Snapshot("operations", "", label, Interval(read.asked_ns, read.answered_ns), read.asked_ns, items)


@dataclass(slots=True)
class SnapshotFollower:
    """Turns documents that are read again and again into one snapshot for each that differs from the one before.

    A snapshot is emitted when another document takes its place, and the last ones by `close`; only then it is known
    how long each was seen.

    Attributes:
        emit: takes each snapshot.
        label: their label.
    """

    emit: Callable[[Snapshot], None]
    label: str = FOLLOWED
    _current: dict[tuple[str, str], Snapshot] = field(default_factory=dict)

    def saw(self, kind: str, subject: str, document: Mapping[str, Any], asked_ns: int, answered_ns: int) -> None:
        """Note that a document without secrets was read between two instants."""
        before = self._current.get((kind, subject))
        since_ns = asked_ns if before is None else before.until_ns
        first = Interval(since_ns, answered_ns)
        if before is not None and before.document == document:
            first = before.first
        elif before is not None:
            self.emit(before)
        self._current[kind, subject] = Snapshot(kind, subject, self.label, first, asked_ns, document)

    def saw_operation(self, read: Operation) -> None:
        """Note an operation occurrence."""
        self.saw("operation", read.id, read.shown, read.asked_ns, read.answered_ns)

    def saw_instance(self, read: VnfInstance) -> None:
        """Note a VNF instance."""
        self.saw("vnf_instance", read.id, read.shown, read.asked_ns, read.answered_ns)

    def close(self) -> None:
        """Emit what was current last; the follower begins anew afterwards."""
        for one in self._current.values():
            self.emit(one)
        self._current.clear()
