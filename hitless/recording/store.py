"""Keeps one recording for each procedure with its parameters, so that many scenarios judge the same run."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hitless.history import Ending
from hitless.recording.errors import RecordingError
from hitless.recording.manifest import MANIFEST, NOT_FINISHED, read_manifest, write_json

_KEY_DIGITS = 12


def recording_key(procedure: str, parameters: Mapping[str, Any], sut: Mapping[str, Any], profile: str) -> str:
    """Return a name for the recording that these four determine: the procedure and a digest of all of them."""
    text = json.dumps([procedure, parameters, sut, profile], sort_keys=True, separators=(",", ":"), default=str)
    return f"{procedure}-{hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]}"


class RecordingStore:
    """Runs each procedure once and hands out its folder; nothing is recorded a second time unasked.

    A folder from an earlier run of the tester is left alone: the new one gets a number behind its name.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.RLock()
        self._folders: dict[str, Path] = {}
        self._failures: dict[str, RecordingError] = {}

    def get_or_record(self, key: str, run: Callable[[Path], None]) -> Path:
        """Return the folder recorded under this key; run the procedure if nobody has asked for it before.

        Args:
            key: from ``recording_key``.
            run: records into the folder that it is given. What it raises ends the recording as stopped by the tester.

        Raises:
            RecordingError: the procedure failed before there was a recording; later calls raise the same again.
        """
        with self._lock:
            if key in self._failures:
                raise self._failures[key]
            if key not in self._folders:
                self._folders[key] = self._record(key, run)
            return self._folders[key]

    @property
    def folders(self) -> Mapping[str, Path]:
        """All recordings of this store, by key."""
        return dict(self._folders)

    def _record(self, key: str, run: Callable[[Path], None]) -> Path:
        folder = self._free_folder(key)
        folder.mkdir(parents=True)
        try:
            run(folder)
        except Exception as error:
            if not (folder / MANIFEST).exists():
                failure = RecordingError(
                    folder,
                    f"procedure failed before it could record: {type(error).__name__}: {error}",
                    "remove the cause and run again",
                )
                self._failures[key] = failure
                raise failure from error
            _note_failure(folder, error)
        if not (folder / MANIFEST).exists():
            self._failures[key] = RecordingError(
                folder, "procedure recorded nothing", "report this defect of the tester"
            )
            raise self._failures[key]
        return folder

    def _free_folder(self, key: str) -> Path:
        folder, number = self._root / key, 1
        while folder.exists():
            number += 1
            folder = self._root / f"{key}-{number}"
        return folder


def _note_failure(folder: Path, error: Exception) -> None:
    """Write into an unfinished manifest why the tester stopped."""
    manifest = read_manifest(folder)
    if manifest.ending is Ending.STOPPED_BY_TESTER and manifest.ending_reason != NOT_FINISHED:
        return
    data = manifest.as_data()
    data["ending"] = Ending.STOPPED_BY_TESTER.value
    data["ending_reason"] = f"{type(error).__name__}: {error}"
    write_json(folder / MANIFEST, data)
