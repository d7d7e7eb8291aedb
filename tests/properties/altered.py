"""Recordings that were altered in ways that must not make a verdict better, or must not change it at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.catalogue import load_catalogue
from hitless.history import UNMARKED, History, Interval
from hitless.judging import judge_history
from hitless.measures import counting
from hitless.verdict import Verdict
from tests.stored import test_stored
from tests.stored.packing import unpack

STORED = Path(test_stored.__file__).parent
RECORDINGS = tuple(sorted(path.name.removesuffix(".history.xz") for path in STORED.glob("*.history.xz")))
"""Of every seeded defect, and of such as stay just within the limits."""


@lru_cache(maxsize=1)
def catalogue() -> Any:
    return load_catalogue()


@lru_cache(maxsize=8)
def recording(name: str) -> History:
    """Return a stored recording."""
    return unpack((STORED / f"{name}.history.xz").read_bytes())


def requirement_of(name: str) -> str:
    """Return the requirement that a defect is about."""
    return "RQ-" + "-".join(name.split("-")[:2]).upper()


@lru_cache(maxsize=128)
def verdict_of(name: str) -> Verdict:
    """Return what the judge says of the recording as it is."""
    return judged(name, recording(name))


def judged(name: str, history: History) -> Verdict:
    """Return what the judge of the defect's requirement says."""
    return judge_history(history, requirement_of(name), catalogue())


# --- the same thing, told otherwise ---------------------------------------------------------------------------------


def shifted(history: History, by_ns: int) -> History:
    """Move the epoch of the tester's clock."""
    counters, probes = history.counters, history.probes
    return replace(
        history,
        counters=replace(counters, asked_ns=counters.asked_ns + by_ns, answered_ns=counters.answered_ns + by_ns),
        probes=replace(probes, sent_ns=probes.sent_ns + by_ns, received_ns=probes.received_ns + by_ns),
        events=tuple(
            replace(one, at_ns=one.at_ns + by_ns, detail=_shifted(one.detail, by_ns)) for one in history.events
        ),
        stalls=tuple(
            replace(one, started_ns=one.started_ns + by_ns, ended_ns=one.ended_ns + by_ns) for one in history.stalls
        ),
        operations=tuple(
            replace(one, entered=_later(one.entered, by_ns), detail=_shifted(one.detail, by_ns))
            for one in history.operations
        ),
        snapshots=tuple(
            replace(one, first=_later(one.first, by_ns), until_ns=one.until_ns + by_ns) for one in history.snapshots
        ),
        attempts=tuple(
            replace(one, asked_ns=one.asked_ns + by_ns, answered_ns=one.answered_ns + by_ns) for one in history.attempts
        ),
    )


def _later(interval: Interval, by_ns: int) -> Interval:
    return Interval(interval.earliest_ns + by_ns, interval.latest_ns + by_ns)


def _shifted(detail: Mapping[str, Any], by_ns: int) -> dict[str, Any]:
    return {name: value + by_ns if _is_instant(name, value) else value for name, value in detail.items()}


def _is_instant(name: str, value: Any) -> bool:
    return name.endswith("_ns") and isinstance(value, int) and not isinstance(value, bool)


def interleaved(history: History, order: Sequence[int]) -> History:
    """List what does not depend on each other in another order: other resources, operations, groups, stalls."""

    def mixed(items: Sequence[Any], keys: Sequence[Any]) -> tuple[Any, ...]:
        lanes = {key: [item for item, of in zip(items, keys, strict=True) if of == key] for key in dict.fromkeys(keys)}
        names = sorted(lanes, key=lambda key: order[list(lanes).index(key) % len(order)])
        return tuple(item for name in names for item in lanes[name])

    columns = np.asarray([order[place % len(order)] for place in range(len(history.counters.pg_ids))])
    columns = np.argsort(columns, kind="stable")
    counters = history.counters
    return replace(
        history,
        events=mixed(history.events, [one.name for one in history.events]),
        snapshots=mixed(history.snapshots, [(one.kind, one.subject) for one in history.snapshots]),
        operations=mixed(history.operations, [(one.operation_id, one.source) for one in history.operations]),
        groups=mixed(history.groups, [one.pg_id for one in history.groups]),
        stalls=mixed(history.stalls, list(range(len(history.stalls)))),
        counters=replace(
            counters, pg_ids=counters.pg_ids[columns], tx=counters.tx[:, columns], rx=counters.rx[:, columns]
        ),
    )


# --- more loss ------------------------------------------------------------------------------------------------------


def with_lost_probes(history: History, rows: NDArray[np.int64]) -> History:
    """Have some of the probes that came back be lost, as capture and counters show it."""
    probes, rx = history.probes, history.counters.rx.copy()
    at_ns = counting.instants_ns(history.counters)
    for column, pg_id in enumerate(history.counters.pg_ids.tolist()):
        back_ns = np.sort(probes.received_ns[rows[probes.pg_id[rows] == pg_id]])
        rx[:, column] -= np.searchsorted(back_ns, at_ns, side="right")
    gone = replace(history, counters=replace(history.counters, rx=np.maximum(rx, 0)))
    return without_probes(gone, rows)


def with_lost_load(history: History, column: int, row: int, count: int) -> History:
    """Have some packets of a group be lost before a sample."""
    counters = history.counters
    rx = counters.rx.copy()
    column %= rx.shape[1]
    lost = min(count, int(rx[row:, column].min(initial=count)))
    rx[row:, column] -= lost
    return replace(history, counters=replace(counters, rx=rx))


# --- less evidence --------------------------------------------------------------------------------------------------


def without_probes(history: History, rows: NDArray[np.int64]) -> History:
    """Have the capture miss some probes, which the counters know of."""
    probes = history.probes
    kept = np.ones(len(probes.number), np.bool_)
    kept[rows] = False
    columns = {one.name: getattr(probes, one.name) for one in fields(probes)}
    left: dict[str, Any] = {name: value[kept] for name, value in columns.items() if isinstance(value, np.ndarray)}
    return replace(history, probes=replace(probes, **left))


def without_marks(history: History, name: str, rows: NDArray[np.int64]) -> History:
    """Take ``version`` or ``instance`` marks off some probes."""
    marks = getattr(history.probes, name).copy()
    marks[rows] = UNMARKED
    return replace(history, probes=replace(history.probes, **{name: marks}))


def without_samples(history: History, kept: NDArray[np.bool_]) -> History:
    """Have counters be sampled less often, or not to the end."""
    counters = history.counters
    columns = {one.name: getattr(counters, one.name) for one in fields(counters)}
    apart = {"pg_ids", "port_ids"}
    return replace(
        history, counters=replace(counters, **{name: one[kept] for name, one in columns.items() if name not in apart})
    )


def with_reset(history: History, row: int) -> History:
    """Have somebody set the counters to 0 before a sample."""
    counters = history.counters
    tx, rx = counters.tx.copy(), counters.rx.copy()
    tx[row:] -= counters.tx[row - 1]
    rx[row:] -= counters.rx[row - 1]
    return replace(history, counters=replace(counters, tx=tx, rx=rx))
