"""A durable store of JSON documents with versions, in one SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from lab.vnfm.records import Record

SCHEMA_VERSION: Final = 2

_SCHEMA: Final = """
CREATE TABLE documents (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT NULL,
    UNIQUE (kind, id)
)"""

AnyRecord = TypeVar("AnyRecord", bound=Record)


class StoreError(Exception):
    """The file cannot be used as a store."""


class Store:
    """Records by kind and id; what ``put`` has returned from survives a crash of the process.

    Safe to use from several threads. Reading a record and writing it back belongs in one ``transaction``.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, creating it if need be.

        Raises:
            StoreError: it cannot be opened, is no store, or was written by another version of this program.
        """
        self._lock = threading.RLock()
        self._depth = 0
        try:
            # One connection guarded by a lock: with a handful of writes a second, more would only add ways to fail.
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise StoreError(f"store {path} - cannot be opened: {error}") from error
        try:
            self._prepare(path)
        except sqlite3.Error as error:
            self._connection.close()
            raise StoreError(f"store {path} - cannot be used: {error}") from error
        except StoreError:
            self._connection.close()
            raise

    def _prepare(self, path: Path) -> None:
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        found = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if found == SCHEMA_VERSION:
            return
        if found != 0:
            raise StoreError(
                f"store {path} - unknown schema - Expected: {SCHEMA_VERSION} Actual: {found} - use a new file"
            )
        with self.transaction():
            self._connection.execute(_SCHEMA)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Close the file; the store is unusable afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside visible and durable at once, or not at all if an exception leaves the block."""
        with self._lock:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")

    def put(self, record: Record) -> int:
        """Write a record, new or known; returns its version, which grows by one with each write."""
        with self.transaction():
            row = self._connection.execute(
                "INSERT INTO documents (kind, id, version, body) VALUES (?, ?, 1, ?)"
                " ON CONFLICT (kind, id) DO UPDATE SET version = version + 1, body = excluded.body RETURNING version",
                (record.kind, record.id, record.model_dump_json()),
            ).fetchone()
            return int(row[0])

    def get(self, kind: type[AnyRecord], record_id: str) -> AnyRecord | None:
        """Return the record, None if there is none."""
        found = self.get_versioned(kind, record_id)
        return None if found is None else found[0]

    def get_versioned(self, kind: type[AnyRecord], record_id: str) -> tuple[AnyRecord, int] | None:
        """Return the record and its version, None if there is none."""
        with self._lock:
            row = self._connection.execute(
                "SELECT body, version FROM documents WHERE kind = ? AND id = ?", (kind.kind, record_id)
            ).fetchone()
        return None if row is None else (kind.model_validate_json(row[0]), int(row[1]))

    def all(self, kind: type[AnyRecord]) -> list[AnyRecord]:
        """Return all records of a kind in the order of their creation."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT body FROM documents WHERE kind = ? ORDER BY position", (kind.kind,)
            ).fetchall()
        return [kind.model_validate_json(row[0]) for row in rows]

    def delete(self, kind: type[Record], record_id: str) -> bool:
        """Remove a record; False if there was none."""
        with self.transaction():
            cursor = self._connection.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind.kind, record_id))
            return cursor.rowcount > 0
