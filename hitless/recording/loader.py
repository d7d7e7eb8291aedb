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
    Int64Array,
    Interval,
    OperationState,
    ProbeRecords,
    Snapshot,
    Stall,
)
from hitless.recording import manifest as files
from hitless.recording.clock import ClockMap, clock_map
from hitless.recording.decode import decode_probes
from hitless.recording.errors import RecordingError
from hitless.recording.manifest import Manifest, read_json, read_manifest
from hitless.recording.marks import instances_of, versions_of
from hitless.recording.pcap import PacketBlock, read_packets
from hitless.sessions import LayoutError

_RECORD_AGAIN = "record again, or judge another folder"
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
    instances, probes = _load_probes(folder, manifest, tolerant=tolerant)
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
        raise RecordingError(path, "file is missing", _RECORD_AGAIN)
    raw = path.read_bytes().split(b"\n")
    rest = raw.pop()
    if rest and not tolerant:
        raise RecordingError(path, "last line is cut off - Expected: a line end, Actual: none", _RECORD_AGAIN)
    parsed = []
    for number, text in enumerate(raw, start=1):
        try:
            line = json.loads(text)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise RecordingError(path, f"line {number} is damaged: {error}", _RECORD_AGAIN) from error
        if not isinstance(line, dict) or set(line) != keys:
            raise RecordingError(
                path, f"line {number} - Expected: keys {sorted(keys)}, Actual: {text[:80]!r}", _RECORD_AGAIN
            )
        parsed.append(line)
    return parsed


def _load_counters(path: Path, manifest: Manifest, *, tolerant: bool) -> CounterSeries:
    if not path.exists():
        if tolerant:
            return _no_counters(manifest)
        raise RecordingError(path, "file is missing", _RECORD_AGAIN)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise RecordingError(path, f"file is damaged: {error}", _RECORD_AGAIN) from error
    _require_shapes(path, arrays)
    series = CounterSeries(**arrays)
    if set(series.pg_ids.tolist()) != {group.pg_id for group in manifest.plan.groups}:
        raise RecordingError(
            path,
            f"groups - Expected: {sorted(group.pg_id for group in manifest.plan.groups)}, "
            f"Actual: {sorted(series.pg_ids.tolist())}",
            _RECORD_AGAIN,
        )
    return series


def _require_shapes(path: Path, arrays: Mapping[str, Any]) -> None:
    names = {field.name for field in fields(CounterSeries)}
    if set(arrays) != names:
        raise RecordingError(path, f"arrays - Expected: {sorted(names)}, Actual: {sorted(arrays)}", _RECORD_AGAIN)
    sizes: dict[str, int] = {}
    for name, axes in _COUNTER_AXES.items():
        shape = arrays[name].shape
        same = len(shape) == len(axes) and all(
            sizes.setdefault(axis, size) == size for axis, size in zip(axes, shape, strict=True)
        )
        if not same:
            raise RecordingError(
                path, f"{name} - Expected: shape {axes} with {sizes}, Actual: shape {shape}", _RECORD_AGAIN
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


def _load_probes(folder: Path, manifest: Manifest, *, tolerant: bool) -> tuple[tuple[str, ...], ProbeRecords]:
    block = _read_block(folder / files.PROBES, tolerant=tolerant)
    try:
        decoded = decode_probes(block, manifest.plan.groups)
    except LayoutError as error:
        raise RecordingError(folder / files.MANIFEST, f"groups: {error}", _RECORD_AGAIN) from error
    lost_count = _capture_lost_count(folder / files.CAPTURES, len(block), tolerant=tolerant)
    rows = decoded.rows
    probes = PacketBlock(block.data[rows], block.lengths[rows], block.times_ns[rows])
    instances, instance = instances_of(manifest.marks, probes)
    sent_ns, received_ns, error_ns = _tester_times(folder / files.CLOCK, decoded.sent_ticks, probes.times_ns)
    return instances, ProbeRecords(
        sent_ns=sent_ns,
        received_ns=received_ns,
        pg_id=decoded.pg_id,
        number=decoded.number,
        user=decoded.user,
        session=decoded.session,
        index=decoded.index,
        version=versions_of(manifest.marks, probes),
        instance=instance,
        clock_error_ns=error_ns,
        unidentified_count=decoded.unidentified_count,
        capture_lost_count=lost_count,
    )


def _read_block(path: Path, *, tolerant: bool) -> PacketBlock:
    if not path.exists():
        if tolerant:
            return PacketBlock.empty()
        raise RecordingError(path, "file is missing", _RECORD_AGAIN)
    block, end = read_packets(path)
    size = path.stat().st_size
    if end != size and not tolerant:
        raise RecordingError(
            path,
            f"last packet is cut off - Expected: {size} bytes, Actual: {end} bytes in whole packets",
            _RECORD_AGAIN,
        )
    return block


def _capture_lost_count(path: Path, stored_count: int, *, tolerant: bool) -> int:
    """Return how many packets matched a capture and are not in the file."""
    if tolerant and not path.exists():
        return 0
    data = read_json(path)
    try:
        matched = sum(int(capture["matched"]) for capture in data["captures"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(path, f"captures are damaged: {error!r}", _RECORD_AGAIN) from error
    return max(0, matched - stored_count)


def _tester_times(path: Path, sent_ticks: Int64Array, captured_ns: Int64Array) -> tuple[Int64Array, Int64Array, int]:
    """Translate send and capture times to the tester's clock, with the bound of the error."""
    if len(sent_ticks) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    data = read_json(path)
    try:
        tsc_hz = float(data["tsc_hz"])
        ticks = np.asarray([pair[1] for pair in data["tsc_pairs"]], np.int64)
        uptime = np.asarray([round(pair[1] * 1e9) for pair in data["uptime_pairs"]], np.int64)
        origin = int(ticks[0]) if len(ticks) else 0
        sending = _map(data["tsc_pairs"], _ticks_to_ns(ticks, origin, tsc_hz))
        capturing = _map(data["uptime_pairs"], uptime)
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise RecordingError(path, f"clock readings cannot be used: {error}", _RECORD_AGAIN) from error
    sent_ns = sending.to_tester_ns(_ticks_to_ns(sent_ticks, origin, tsc_hz))
    return sent_ns, capturing.to_tester_ns(captured_ns), max(sending.error_ns, capturing.error_ns)


def _map(pairs: list[list[Any]], foreign_ns: Int64Array) -> ClockMap:
    return clock_map([pair[0] for pair in pairs], foreign_ns, [pair[2] for pair in pairs])


def _ticks_to_ns(ticks: Int64Array, origin: int, tsc_hz: float) -> Int64Array:
    # Counted from the first reading: ticks since boot times 1e9 would not fit into a double's 53 bits.
    return np.rint((ticks - origin).astype(np.float64) * (1e9 / tsc_hz)).astype(np.int64)
