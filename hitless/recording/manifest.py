"""The manifest of a recording and the small JSON files beside it: what they hold, and their plain data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hitless import __version__
from hitless.history import Ending, TrafficGroup
from hitless.recording.errors import RecordingError
from hitless.recording.marks import Marks, VersionMark

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
COUNTERS = "counters.npz"
PROBES = "probes.pcap"
CAPTURES = "probes.json"
CLOCK = "clock.json"
EVENTS = "events.jsonl"
OPERATIONS = "operations.jsonl"
HTTP = "http.jsonl"
SNAPSHOTS = "snapshots.jsonl"
ATTEMPTS = "attempts.jsonl"
STALLS = "stalls.jsonl"
LINES = (EVENTS, OPERATIONS, SNAPSHOTS, ATTEMPTS, HTTP, STALLS)
"""Files of JSON lines; each is there from the start."""

NOT_FINISHED = "not finished"
RECORD_AGAIN = "record again, or judge another folder"


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What is known about a recording before it starts.

    Attributes:
        procedure, parameters: what will be done; ``parameters["profile"]`` names the profile.
        versions: filter expression of each software version, source first, target second.
        instance_mark: ``source_mac``, ``ttl``, ``vlan``, ``dscp`` or ``none``.
        groups: the planned traffic.
        rated_capacity_pps: declared, all directions together.
        session_timeout_s: declared.
        sut: the declaration of the system under test without secrets.
        started_at: wall clock, for people only.
    """

    procedure: str
    parameters: Mapping[str, Any]
    versions: Mapping[str, str]
    instance_mark: str
    groups: tuple[TrafficGroup, ...]
    rated_capacity_pps: float
    session_timeout_s: float
    sut: Mapping[str, Any] = field(default_factory=dict)
    started_at: str = ""


@dataclass(frozen=True, slots=True)
class CaptureAccount:
    """What became of the packets of one capture of the generator."""

    capture_id: int
    port: int
    matched: int
    stored: int
    fetched: int


@dataclass(frozen=True, slots=True)
class ClockPairs:
    """Readings of the generator's clocks, each between asking and answer on the tester's clock.

    Attributes:
        uptime_pairs: (asked_ns, uptime_s, answered_ns); the clock of the captures' time stamps.
        tsc_pairs: (asked_ns, ticks, answered_ns); the clock of the send times in probe packets.
        tsc_hz: ticks per second.
    """

    uptime_pairs: tuple[tuple[int, float, int], ...]
    tsc_pairs: tuple[tuple[int, int, int], ...]
    tsc_hz: float


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Group(_Strict):
    pg_id: int
    name: str
    kind: Literal["probe", "load"]
    direction: Literal["up", "down"]
    rate_pps: float
    frame_bytes: int
    layout: dict[str, Any]


class _VersionMark(_Strict):
    version: str
    expression: str
    program: list[list[int]]


class _Marks(_Strict):
    versions: list[_VersionMark]
    instance: Literal["source_mac", "ttl", "vlan", "dscp", "none"]


class _Manifest(_Strict):
    schema_version: int
    tester_version: str
    started_at: str
    procedure: str
    parameters: dict[str, Any]
    ending: Literal["complete", "stopped-by-sut", "stopped-by-tester"]
    ending_reason: str
    groups: list[_Group]
    marks: _Marks
    rated_capacity_pps: float
    session_timeout_s: float
    sut: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest as read from a folder."""

    plan: RecordingPlan
    marks: Marks
    ending: Ending
    ending_reason: str
    tester_version: str = __version__

    def as_data(self) -> dict[str, Any]:
        """Return the manifest as it stands in the file."""
        plan = self.plan
        return {
            "schema_version": SCHEMA_VERSION,
            "tester_version": self.tester_version,
            "started_at": plan.started_at,
            "procedure": plan.procedure,
            "parameters": dict(plan.parameters),
            "ending": self.ending.value,
            "ending_reason": self.ending_reason,
            "groups": [_group_data(group) for group in plan.groups],
            "marks": {
                "versions": [
                    {
                        "version": mark.version,
                        "expression": mark.expression,
                        "program": [list(row) for row in mark.program],
                    }
                    for mark in self.marks.versions
                ],
                "instance": self.marks.instance,
            },
            "rated_capacity_pps": plan.rated_capacity_pps,
            "session_timeout_s": plan.session_timeout_s,
            "sut": dict(plan.sut),
        }


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a recording.

    Raises:
        RecordingError: missing, damaged, or written by another schema version.
    """
    path = folder / MANIFEST
    data = read_json(path)
    found = data.get("schema_version") if isinstance(data, dict) else None
    if found != SCHEMA_VERSION:
        raise RecordingError(
            path,
            f"schema_version is not known - Expected: {SCHEMA_VERSION}, Actual: {found}",
            "judge it with the version of the tool that recorded it",
        )
    try:
        model = _Manifest.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise RecordingError(path, f"{key}: {first['msg']} - Actual: {first['input']!r}", RECORD_AGAIN) from error
    return _from_model(path, model)


def write_json(path: Path, data: Any) -> None:
    """Write a JSON file in one piece: readers see the old content or the new one."""
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(json.dumps(data, indent=1, sort_keys=False) + "\n", encoding="utf-8")
    temporary.replace(path)


def read_json(path: Path) -> Any:
    """Read a JSON file of a recording.

    Raises:
        RecordingError: missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecordingError(path, "file is missing", RECORD_AGAIN) from error
    except NotADirectoryError as error:
        raise RecordingError(path, "not a folder", "give the folder of a recording") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RecordingError(path, f"file is damaged: {error}", RECORD_AGAIN) from error


def _group_data(group: TrafficGroup) -> dict[str, Any]:
    return {
        "pg_id": group.pg_id,
        "name": group.name,
        "kind": group.kind,
        "direction": group.direction,
        "rate_pps": group.rate_pps,
        "frame_bytes": group.frame_bytes,
        "layout": dict(group.layout),
    }


def _from_model(path: Path, model: _Manifest) -> Manifest:
    marks = []
    for mark in model.marks.versions:
        rows = tuple((row[0], row[1], row[2], row[3]) for row in mark.program if len(row) == 4)
        if len(rows) != len(mark.program):
            raise RecordingError(path, f"marks: filter program of version {mark.version} is damaged", RECORD_AGAIN)
        marks.append(VersionMark(mark.version, mark.expression, rows))
    plan = RecordingPlan(
        procedure=model.procedure,
        parameters=model.parameters,
        versions={mark.version: mark.expression for mark in marks},
        instance_mark=model.marks.instance,
        groups=tuple(TrafficGroup(**group.model_dump()) for group in model.groups),
        rated_capacity_pps=model.rated_capacity_pps,
        session_timeout_s=model.session_timeout_s,
        sut=model.sut,
        started_at=model.started_at,
    )
    return Manifest(
        plan=plan,
        marks=Marks(tuple(marks), model.marks.instance),
        ending=Ending(model.ending),
        ending_reason=model.ending_reason,
        tester_version=model.tester_version,
    )
