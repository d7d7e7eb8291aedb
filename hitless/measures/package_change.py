"""Where the documents of a completed change of package disagree with each other, or with the destination package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hitless.history import OperationState, Snapshot
from hitless.measures import documents

MODIFICATIONS = "modificationsTriggeredByVnfPkgChange"


@dataclass(frozen=True, slots=True)
class PackageChange:
    """A completed change of package and what MANO showed of it.

    Attributes:
        expected: attributes that come from the package, as far as the destination's are known.
        source_vnfd_id: descriptor before the change, empty when it is not known.
        operation: the last document of the operation in COMPLETED.
        note: the notification of COMPLETED.
        before: the VNF instance before the change.
        after: documents of the VNF instance that were asked for after COMPLETED had been seen.
    """

    expected: Mapping[str, Any]
    source_vnfd_id: str
    operation: Snapshot | None
    note: OperationState | None
    before: Snapshot | None
    after: tuple[Snapshot, ...]


def instance_mismatches(change: PackageChange) -> Iterator[str]:
    """Yield what VNF instance documents say that differs from the destination.

    A unit from before that is still there and said to be of the source is truly told; that it should be gone is another
    matter.
    """
    remaining = None if change.before is None else _vnfc_ids(change.before)
    for shown in change.after:
        yield from _identity_mismatches(shown.document, change.expected, f"({shown.label})")
        info = documents.mapping(shown.document.get("instantiatedVnfInfo"))
        for vnfc in documents.objects(info.get("vnfcResourceInfo")):
            vnfd_id = vnfc.get("vnfdId")
            if vnfd_id == change.source_vnfd_id and (remaining is None or str(vnfc.get("id")) in remaining):
                continue
            if vnfd_id is not None and vnfd_id != change.expected.get("vnfdId", vnfd_id):
                yield f"vnfdId {vnfd_id} of VNFC {vnfc.get('id')} ({shown.label})"


def _identity_mismatches(document: Mapping[str, Any], expected: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, value in expected.items():
        actual = document.get(name)
        if actual != value:
            yield f"{name} {'missing' if actual is None else actual} in place of {value} {where}".rstrip()


def operation_mismatches(change: PackageChange) -> Iterator[str]:
    """Yield what the operation occurrence says that differs from the destination or contradicts itself."""
    if change.operation is None:
        return
    document = change.operation.document
    if document.get("error") is not None:
        yield "error, although it is COMPLETED"
    modified = document.get(MODIFICATIONS)
    if modified is not None and document.get("changedInfo") is not None:
        yield f"both changedInfo and {MODIFICATIONS}"
    if not isinstance(modified, Mapping) or not modified:
        yield f"{MODIFICATIONS} missing"
    else:
        yield from _modification_mismatches(change, modified)
    yield from _affected_mismatches(change, documents.mapping(document.get("resourceChanges")))


def _modification_mismatches(change: PackageChange, modified: Mapping[str, Any]) -> Iterator[str]:
    """An attribute that is there tells the new value; one that has changed has to be there."""
    before = change.before.document if change.before is not None else {}
    changed = {name for name, value in change.expected.items() if name in before and before[name] != value}
    wanted = {
        name: value
        for name, value in change.expected.items()
        if name == "vnfdId" or name in changed or modified.get(name) is not None
    }
    yield from _identity_mismatches(modified, wanted, f"in {MODIFICATIONS}")


def _affected_mismatches(change: PackageChange, changes: Mapping[str, Any]) -> Iterator[str]:
    affected = documents.objects(changes.get("affectedVnfcs"))
    if not affected and _vnfcs_changed(change):
        yield "affectedVnfcs missing, although VNFCs have changed"
    target = change.expected.get("vnfdId")
    for one in affected:
        vnfd_id, kind = one.get("vnfdId"), one.get("changeType")
        # What was added is of the destination, what was removed of the source; anything else may be of either.
        sides: dict[str, set[Any]] = {"ADDED": {target}, "REMOVED": {change.source_vnfd_id}}
        right = sides.get(str(kind), {target, change.source_vnfd_id})
        if vnfd_id is None:
            yield f"vnfdId missing in affectedVnfcs {one.get('id')}"
        elif vnfd_id not in right and target and change.source_vnfd_id:
            yield f"vnfdId {vnfd_id} in affectedVnfcs {one.get('id')} ({kind})"


def _vnfcs_changed(change: PackageChange) -> bool:
    if change.before is None or not change.after:
        return False
    return _vnfc_ids(change.before) != _vnfc_ids(change.after[-1])


def _vnfc_ids(shown: Snapshot) -> set[str]:
    info = documents.mapping(shown.document.get("instantiatedVnfInfo"))
    return {str(one.get("id")) for one in documents.objects(info.get("vnfcResourceInfo"))}


def note_mismatches(change: PackageChange) -> Iterator[str]:
    """Yield what the notification of COMPLETED says that differs from the operation occurrence."""
    if change.note is None or change.operation is None or "body" not in change.note.detail:
        return
    body, document = documents.mapping(change.note.detail.get("body")), change.operation.document
    if body.get("error") is not None:
        yield "error, although it is COMPLETED"
    same = {name: document[name] for name in ("vnfInstanceId", "operation", "operationState") if name in document}
    yield from _identity_mismatches(body, same, "")
    if body.get("verbosity") == "SHORT":
        return
    modified = documents.mapping(document.get(MODIFICATIONS))
    told = {name: modified[name] for name in documents.IDENTITY if modified.get(name) is not None}
    yield from _identity_mismatches(documents.mapping(body.get(MODIFICATIONS)), told, f"in {MODIFICATIONS}")
    recorded, notified = _affected(documents.mapping(document.get("resourceChanges"))), _affected(body)
    if recorded != notified:
        yield f"affectedVnfcs {len(notified)} in place of {len(recorded)}, or others"


def _affected(holder: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """Return the affected VNFCs by what tells them apart."""
    names = ("id", "vduId", "vnfdId", "changeType")
    return {tuple(str(one.get(name)) for name in names) for one in documents.objects(holder.get("affectedVnfcs"))}
