"""The packages that the NFVO knows: in memory, and in a folder that survives a restart."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import ValidationError

from lab.nfvo.records import PackageRecord
from lab.sol.archive import Archive, ArchiveError, open_archive

_RECORD: Final = "record.json"
_CONTENT: Final = "content.csar"


class InventoryError(Exception):
    """The folder cannot be used."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A package at one moment.

    Attributes:
        archive: its verified content; None unless it is ONBOARDED.
    """

    record: PackageRecord
    archive: Archive | None = None


class Inventory:
    """All packages, in the order of their creation. Threads may share it; every change is stored when it returns."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, or make it.

        Raises:
            InventoryError: the folder, or something in it, cannot be used.
        """
        self._folder = folder
        self._lock = threading.RLock()
        self._entries: dict[str, Entry] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            loaded = [self._loaded(path) for path in folder.glob(f"*/{_RECORD}")]
        except (OSError, ValidationError) as error:
            raise InventoryError(f"{folder} - packages cannot be loaded: {error}") from error
        for entry in sorted(loaded, key=lambda one: one.record.number):
            self._entries[entry.record.id] = entry

    @staticmethod
    def _loaded(path: Path) -> Entry:
        record = PackageRecord.model_validate_json(path.read_text(encoding="utf-8"))
        if record.onboarding_state != "ONBOARDED":
            return Entry(record)
        try:
            archive = open_archive((path.parent / _CONTENT).read_bytes())
        except ArchiveError as error:
            raise InventoryError(f"{path.parent} - changed since it was brought on board: {error}") from error
        return Entry(record, archive)

    def __enter__(self) -> Self:
        """Keep others out, to look and change in one."""
        self._lock.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def all(self) -> list[Entry]:
        """Return all packages."""
        with self._lock:
            return list(self._entries.values())

    def get(self, package_id: str) -> Entry | None:
        """Return a package."""
        with self._lock:
            return self._entries.get(package_id)

    def by_vnfd(self, vnfd_id: str) -> Entry | None:
        """Return the package on board with a descriptor."""
        with self._lock:
            for entry in self._entries.values():
                if entry.archive is not None and entry.archive.descriptor.vnfd_id == vnfd_id:
                    return entry
        return None

    def put(self, record: PackageRecord, archive: Archive | None = None) -> None:
        """Store a package; the archive of one that is ONBOARDED is kept unless another is given."""
        with self._lock:
            known = self._entries.get(record.id)
            if archive is None and known is not None and record.onboarding_state == "ONBOARDED":
                archive = known.archive
            home = self._folder / record.id
            home.mkdir(exist_ok=True)
            if archive is not None:
                _replace(home / _CONTENT, archive.content)
            _replace(home / _RECORD, record.model_dump_json().encode())
            self._entries[record.id] = Entry(record, archive)

    def delete(self, package_id: str) -> None:
        """Forget a package and its content."""
        with self._lock:
            self._entries.pop(package_id, None)
            shutil.rmtree(self._folder / package_id, ignore_errors=True)


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that there is the old content or the new one, whatever happens meanwhile."""
    scratch = path.with_name(path.name + ".new")
    scratch.write_bytes(content)
    scratch.replace(path)
