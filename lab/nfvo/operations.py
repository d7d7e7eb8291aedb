"""What can be done with packages, and when."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from lab.nfvo.inventory import Entry, Inventory
from lab.nfvo.records import OperationalState, PackageRecord
from lab.nfvo.usage import Usage
from lab.sol.archive import Archive, ArchiveError, open_archive
from lab.vnfm.problem import conflict, not_found, problem_details

_TAKES_CONTENT: Final = ("CREATED", "ERROR")
_UNDER_WAY: Final = ("UPLOADING", "PROCESSING")

_log = logging.getLogger(__name__)


class Operations:
    """Changes packages; raises ``ProblemError`` for whatever the consumer has to be told."""

    def __init__(self, inventory: Inventory, usage: Usage) -> None:
        """Take over an inventory; what a previous process was processing has failed."""
        self._inventory = inventory
        self._usage = usage
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="onboarding")
        for entry in inventory.all():
            if entry.record.onboarding_state in _UNDER_WAY:
                self._fail(
                    entry.record, "on-boarding - interrupted by a restart of the NFVO - upload the content again"
                )

    def close(self) -> None:
        """Wait for what is being processed."""
        self._worker.shutdown()

    def in_use(self) -> frozenset[str]:
        """Return the descriptors that are in use."""
        return self._usage.vnfd_ids()

    def all(self) -> list[Entry]:
        """Return all packages."""
        return self._inventory.all()

    def package(self, package_id: str) -> Entry:
        """Return a package, or raise 404."""
        entry = self._inventory.get(package_id)
        if entry is None:
            raise not_found(f"VNF package {package_id} - not found")
        return entry

    def onboarded(self, vnfd_id: str) -> Entry:
        """Return the package on board with a descriptor, or raise 404."""
        entry = self._inventory.by_vnfd(vnfd_id)
        if entry is None:
            raise not_found(f"VNF package with vnfdId {vnfd_id} - none on board")
        return entry

    def create(self, user_defined_data: Mapping[str, Any]) -> PackageRecord:
        """Create the resource of a package without content."""
        with self._inventory:
            number = 1 + max((entry.record.number for entry in self._inventory.all()), default=0)
            record = PackageRecord(id=str(uuid4()), number=number, user_defined_data=dict(user_defined_data))
            self._inventory.put(record)
        return record

    def upload(self, package_id: str, content: bytes) -> None:
        """Take the content of a package; it is processed afterwards."""
        record = self._begin(package_id)
        self._worker.submit(self._process, record, content)

    def upload_and_wait(self, package_id: str, content: bytes) -> Entry:
        """Take the content of a package and process it; returns what became of it."""
        self._process(self._begin(package_id), content)
        return self.package(package_id)

    def set_state(self, package_id: str, wanted: OperationalState) -> None:
        """Enable or disable a package."""
        with self._inventory:
            record = self._onboarded(package_id).record
            if record.operational_state == wanted:
                raise conflict(f"VNF package {package_id} - is {wanted} already")
            self._inventory.put(record.model_copy(update={"operational_state": wanted}))
        _log.info("package %s - %s", package_id, wanted)

    def annotate(self, package_id: str, changes: Mapping[str, Any]) -> None:
        """Change what consumers keep with a package; None removes a key (JSON merge patch, for flat documents)."""
        with self._inventory:
            record = self.package(package_id).record
            merged = record.user_defined_data | dict(changes)
            kept = {name: value for name, value in merged.items() if value is not None}
            self._inventory.put(record.model_copy(update={"user_defined_data": kept}))

    def delete(self, package_id: str) -> None:
        """Delete a package that nobody needs."""
        in_use = self.in_use()
        with self._inventory:
            entry = self.package(package_id)
            if entry.record.operational_state == "ENABLED":
                raise conflict(f"VNF package {package_id} - Expected: DISABLED Actual: ENABLED - disable it first")
            if entry.record.onboarding_state in _UNDER_WAY:
                raise conflict(f"VNF package {package_id} - is being brought on board")
            if entry.archive is not None and entry.archive.descriptor.vnfd_id in in_use:
                raise conflict(f"VNF package {package_id} - Expected: NOT_IN_USE Actual: IN_USE")
            self._inventory.delete(package_id)
        _log.info("package %s - deleted", package_id)

    def archive(self, entry: Entry) -> Archive:
        """Return the content of a package, or raise 409 if it is not on board."""
        if entry.archive is None:
            raise conflict(
                f"VNF package {entry.record.id} - Expected: ONBOARDED Actual: {entry.record.onboarding_state}"
            )
        return entry.archive

    def _onboarded(self, package_id: str) -> Entry:
        entry = self.package(package_id)
        self.archive(entry)
        return entry

    def _begin(self, package_id: str) -> PackageRecord:
        with self._inventory:
            record = self.package(package_id).record
            if record.onboarding_state not in _TAKES_CONTENT:
                raise conflict(
                    f"VNF package {package_id} - takes no content - Expected: {' or '.join(_TAKES_CONTENT)} "
                    f"Actual: {record.onboarding_state}"
                )
            record = record.model_copy(update={"onboarding_state": "UPLOADING", "failure": None})
            self._inventory.put(record)
            return record

    def _process(self, record: PackageRecord, content: bytes) -> None:
        """Verify the content and bring the package on board; whatever happens, it does not stay in PROCESSING."""
        record = record.model_copy(update={"onboarding_state": "PROCESSING"})
        self._inventory.put(record)
        try:
            archive = open_archive(content)
            self._bring_on_board(record, archive)
        except ArchiveError as error:
            self._fail(record, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a package does to us, its state tells it
            _log.exception("package %s - processing crashed", record.id)
            self._fail(record, f"{type(error).__name__}: {error} - see the NFVO's log")
        else:
            descriptor = archive.descriptor
            _log.info("package %s - %s %s on board", record.id, descriptor.product, descriptor.software_version)

    def _bring_on_board(self, record: PackageRecord, archive: Archive) -> None:
        with self._inventory:
            if self._inventory.by_vnfd(archive.descriptor.vnfd_id) is not None:
                raise ArchiveError(f"vnfdId {archive.descriptor.vnfd_id} - is that of a package on board")
            done = record.model_copy(update={"onboarding_state": "ONBOARDED", "operational_state": "ENABLED"})
            self._inventory.put(done, archive)

    def _fail(self, record: PackageRecord, detail: str) -> None:
        _log.warning("package %s - on-boarding failed: %s", record.id, detail)
        failure = problem_details(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
        self._inventory.put(record.model_copy(update={"onboarding_state": "ERROR", "failure": failure}))
