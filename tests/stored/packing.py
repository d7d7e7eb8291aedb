"""Histories small enough to be kept with the tests: times of packets in steps of 100 us, everything else as recorded.

A recording of a minute is some 20 MB, most of it captured packets. What judges read of a packet is a few small numbers
that follow from each other; their differences, compressed, take about a byte.
"""

from __future__ import annotations

import io
import json
import lzma
from dataclasses import asdict, fields
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
    ProbeRecords,
    Snapshot,
    Stall,
    TrafficGroup,
)  # fmt: skip
from hitless.sessions import INDEX_BYTE_BITS, Layout, of_group

STEP_NS = 100_000
_PLAIN = (
    "procedure", "parameters", "ending_reason", "versions", "instances", "rated_capacity_pps", "session_timeout_s",
)  # fmt: skip


def pack(history: History) -> bytes:
    """Return a history as compressed bytes."""
    arrays = {f"counters.{name}": value for name, value in _packed_counters(history.counters).items()}
    arrays |= {f"probes.{name}": value for name, value in _packed_probes(history.probes).items()}
    arrays["plain"] = np.frombuffer(json.dumps(_plain(history)).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return lzma.compress(buffer.getvalue(), preset=9)


def unpack(data: bytes) -> History:
    """Return the history that was packed; times of packets are rounded."""
    with np.load(io.BytesIO(lzma.decompress(data))) as archive:
        arrays = {name: archive[name] for name in archive.files}
    plain = json.loads(arrays.pop("plain").tobytes())
    groups = tuple(TrafficGroup(**group) for group in plain["groups"])
    counters = {name.partition(".")[2]: value for name, value in arrays.items() if name.startswith("counters.")}
    probes = {name.partition(".")[2]: value for name, value in arrays.items() if name.startswith("probes.")}
    return History(
        **{name: plain[name] for name in _PLAIN if name not in {"versions", "instances"}},
        ending=Ending(plain["ending"]),
        versions=tuple(plain["versions"]),
        instances=tuple(plain["instances"]),
        groups=groups,
        counters=_counters(counters),
        probes=_probes(probes, groups, plain["probe_counts"]),
        operations=tuple(
            OperationState(**one | {"entered": Interval(**one["entered"])}) for one in plain["operations"]
        ),
        events=tuple(Event(**one) for one in plain["events"]),
        stalls=tuple(Stall(**one) for one in plain["stalls"]),
        sut=plain["sut"],
        snapshots=tuple(Snapshot(**one | {"first": Interval(**one["first"])}) for one in plain["snapshots"]),
        attempts=tuple(Attempt(**one) for one in plain["attempts"]),
    )


def _plain(history: History) -> dict[str, Any]:
    probes = history.probes
    return {
        **{name: getattr(history, name) for name in _PLAIN},
        "ending": history.ending.value,
        "groups": [asdict(one) for one in history.groups],
        "operations": [asdict(one) for one in history.operations],
        "events": [asdict(one) for one in history.events],
        "stalls": [asdict(one) for one in history.stalls],
        "snapshots": [asdict(one) for one in history.snapshots],
        "attempts": [asdict(one) for one in history.attempts],
        "sut": dict(history.sut),
        "probe_counts": {
            name: int(getattr(probes, name)) for name in ("clock_error_ns", "unidentified_count", "capture_lost_count")
        },
    }


def _packed_counters(counters: CounterSeries) -> dict[str, np.ndarray]:
    packed = {}
    for field in fields(counters):
        value = getattr(counters, field.name)
        cumulative = value.dtype.kind == "i" and field.name not in {"pg_ids", "port_ids"}
        packed[field.name] = np.diff(value, axis=0, prepend=np.zeros_like(value[:1])) if cumulative else value
    return packed


def _counters(packed: dict[str, np.ndarray]) -> CounterSeries:
    whole = {}
    for name, value in packed.items():
        cumulative = value.dtype.kind == "i" and name not in {"pg_ids", "port_ids"}
        whole[name] = np.cumsum(value, axis=0, dtype=value.dtype) if cumulative else value
    return CounterSeries(**whole)


def _packed_probes(probes: ProbeRecords) -> dict[str, np.ndarray]:
    received = _steps(probes.received_ns)
    delay = received - _steps(probes.sent_ns)
    number = np.zeros_like(probes.number)
    for pg_id in np.unique(probes.pg_id):
        rows = probes.pg_id == pg_id
        number[rows] = np.diff(probes.number[rows], prepend=0)
    return {
        "pg_id": probes.pg_id.astype(np.int16),
        "received": np.diff(received, prepend=0),
        "delay": delay.astype(np.int32),
        "number": number.astype(np.int32),
        "version": probes.version.astype(np.int8),
        "instance": probes.instance.astype(np.int8),
    }


def _probes(packed: dict[str, np.ndarray], groups: tuple[TrafficGroup, ...], counts: dict[str, int]) -> ProbeRecords:
    pg_ids = packed["pg_id"].astype(np.int32)
    received = np.cumsum(packed["received"], dtype=np.int64)
    number, user = np.zeros(len(pg_ids), np.int64), np.zeros(len(pg_ids), np.int64)
    session, index = np.zeros(len(pg_ids), np.int64), np.zeros(len(pg_ids), np.int16)
    for group in groups:
        rows = pg_ids == group.pg_id
        if not np.any(rows):
            continue
        layout = Layout.from_data(group.layout)
        number[rows] = np.cumsum(packed["number"][rows], dtype=np.int64)
        user[rows] = of_group(group.pg_id, layout.user(number[rows]))
        session[rows] = of_group(group.pg_id, layout.session(number[rows]))
        index[rows] = layout.position(number[rows]) & ((1 << INDEX_BYTE_BITS) - 1)
    return ProbeRecords(
        sent_ns=(received - packed["delay"]) * STEP_NS,
        received_ns=received * STEP_NS,
        pg_id=pg_ids,
        number=number,
        user=user,
        session=session,
        index=index,
        version=packed["version"].astype(np.int16),
        instance=packed["instance"].astype(np.int16),
        **counts,
    )


def _steps(times_ns: np.ndarray) -> np.ndarray:
    return np.rint(times_ns / STEP_NS).astype(np.int64)
