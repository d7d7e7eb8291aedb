"""Reads a recording folder and decodes it into the history that judges read."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from hitless.history import (
    Attempt,
    CounterSeries,
    Ending,
    Event,
    History,
    Interval,
    OperationState,
    Snapshot,
    Stall,
)
from hitless.recording import manifest as files
from hitless.recording.errors import RecordingError
from hitless.recording.manifest import RECORD_AGAIN, Manifest, read_manifest
from hitless.recording.probes import load_probes

_COUNTER_AXES: Mapping[str, tuple[str, ...]] = {
    "asked_ns": ("samples",),
    "answered_ns": ("samples",),
    "pg_ids": ("groups",),
    "tx": ("samples", "groups"),
    "rx": ("samples", "groups"),
    "port_ids": ("ports",),
    "ierrors": ("samples", "ports"),
    "oerrors": ("samples", "ports"),
    "generator_cpu_percent": ("samples",),
}


def load(folder: Path) -> History:
    """Load a recording.

    A recording that the tester did not finish may lack files and end in the middle of a line; any other must be whole.

    Raises:
        RecordingError: not a recording, damaged, incomplete, or of another schema version.
    """
    manifest = read_manifest(folder)
    tolerant = manifest.ending is Ending.STOPPED_BY_TESTER
    plan = manifest.plan
    instances, probes = load_probes(folder, manifest, tolerant=tolerant)
    return History(
        procedure=plan.procedure,
        parameters=plan.parameters,
        ending=manifest.ending,
        ending_reason=manifest.ending_reason,
        versions=tuple(plan.versions),
        instances=instances,
        groups=plan.groups,
        rated_capacity_pps=plan.rated_capacity_pps,
        session_timeout_s=plan.session_timeout_s,
        counters=_load_counters(folder / files.COUNTERS, manifest, tolerant=tolerant),
        probes=probes,
        operations=tuple(_operation(line) for line in _lines(folder / files.OPERATIONS, _OPERATION_KEYS, tolerant)),
        events=tuple(Event(**line) for line in _lines(folder / files.EVENTS, _EVENT_KEYS, tolerant)),
        stalls=tuple(Stall(**line) for line in _lines(folder / files.STALLS, _STALL_KEYS, tolerant)),
        sut=plan.sut,
        snapshots=tuple(_snapshot(line) for line in _lines(folder / files.SNAPSHOTS, _SNAPSHOT_KEYS, tolerant)),
        attempts=tuple(Attempt(**line) for line in _lines(folder / files.ATTEMPTS, _ATTEMPT_KEYS, tolerant)),
    )


_OPERATION_KEYS = frozenset({"operation_id", "operation", "state", "earliest_ns", "latest_ns", "source", "detail"})
_EVENT_KEYS = frozenset({"at_ns", "name", "detail"})
_STALL_KEYS = frozenset({"process", "started_ns", "ended_ns"})
_SNAPSHOT_KEYS = frozenset({"kind", "subject", "label", "earliest_ns", "latest_ns", "until_ns", "document"})
_ATTEMPT_KEYS = frozenset(field.name for field in fields(Attempt))


def _snapshot(line: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        kind=line["kind"],
        subject=line["subject"],
        label=line["label"],
        first=Interval(line["earliest_ns"], line["latest_ns"]),
        until_ns=line["until_ns"],
        document=line["document"],
    )


def _operation(line: Mapping[str, Any]) -> OperationState:
    return OperationState(
        operation_id=line["operation_id"],
        operation=line["operation"],
        state=line["state"],
        entered=Interval(line["earliest_ns"], line["latest_ns"]),
        source=line["source"],
        detail=line["detail"],
    )


def _lines(path: Path, keys: frozenset[str], tolerant: bool) -> list[dict[str, Any]]:  # noqa: FBT001 - private
    """Read a file of JSON lines; a cut last line is left out when the run was cut."""
    if not path.exists():
        if tolerant:
            return []
        raise RecordingError(path, "file is missing", RECORD_AGAIN)
    raw = path.read_bytes().split(b"\n")
    rest = raw.pop()
    if rest and not tolerant:
        raise RecordingError(path, "last line is cut off - Expected: a line end, Actual: none", RECORD_AGAIN)
    parsed = []
    for number, text in enumerate(raw, start=1):
        try:
            line = json.loads(text)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise RecordingError(path, f"line {number} is damaged: {error}", RECORD_AGAIN) from error
        if not isinstance(line, dict) or set(line) != keys:
            raise RecordingError(
                path, f"line {number} - Expected: keys {sorted(keys)}, Actual: {text[:80]!r}", RECORD_AGAIN
            )
        parsed.append(line)
    return parsed


def _load_counters(path: Path, manifest: Manifest, *, tolerant: bool) -> CounterSeries:
    if not path.exists():
        if tolerant:
            return _no_counters(manifest)
        raise RecordingError(path, "file is missing", RECORD_AGAIN)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise RecordingError(path, f"file is damaged: {error}", RECORD_AGAIN) from error
    _require_shapes(path, arrays)
    series = CounterSeries(**arrays)
    if set(series.pg_ids.tolist()) != {group.pg_id for group in manifest.plan.groups}:
        raise RecordingError(
            path,
            f"groups - Expected: {sorted(group.pg_id for group in manifest.plan.groups)}, "
            f"Actual: {sorted(series.pg_ids.tolist())}",
            RECORD_AGAIN,
        )
    return series


def _require_shapes(path: Path, arrays: Mapping[str, Any]) -> None:
    names = {field.name for field in fields(CounterSeries)}
    if set(arrays) != names:
        raise RecordingError(path, f"arrays - Expected: {sorted(names)}, Actual: {sorted(arrays)}", RECORD_AGAIN)
    sizes: dict[str, int] = {}
    for name, axes in _COUNTER_AXES.items():
        shape = arrays[name].shape
        same = len(shape) == len(axes) and all(
            sizes.setdefault(axis, size) == size for axis, size in zip(axes, shape, strict=True)
        )
        if not same:
            raise RecordingError(
                path, f"{name} - Expected: shape {axes} with {sizes}, Actual: shape {shape}", RECORD_AGAIN
            )


def _no_counters(manifest: Manifest) -> CounterSeries:
    groups = len(manifest.plan.groups)
    nothing = np.zeros(0, np.int64)
    return CounterSeries(
        asked_ns=nothing,
        answered_ns=nothing,
        pg_ids=np.asarray([group.pg_id for group in manifest.plan.groups], np.int32),
        tx=np.zeros((0, groups), np.int64),
        rx=np.zeros((0, groups), np.int64),
        port_ids=np.zeros(0, np.int32),
        ierrors=np.zeros((0, 0), np.int64),
        oerrors=np.zeros((0, 0), np.int64),
        generator_cpu_percent=np.zeros(0, np.float64),
    )
