"""Counters of the generator: one sample is one round trip, all samples together are ``counters.npz``."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.traffic.rpc import Rpc


@dataclass(frozen=True, slots=True)
class Sample:
    """Cumulative counters at one instant, which lies between ``asked_ns`` and ``answered_ns``.

    Attributes:
        tx, rx: packets per group, in the order of the groups.
        ierrors, oerrors: packets that the tester itself lost, per port, in the order of the ports.
        cpu_percent: load of the generator's sending cores, NaN where it does not say.
    """

    asked_ns: int
    answered_ns: int
    tx: tuple[int, ...]
    rx: tuple[int, ...]
    ierrors: tuple[int, ...]
    oerrors: tuple[int, ...]
    cpu_percent: float

    def same_packets(self, other: Sample) -> bool:
        """Say whether no packet was sent or received between the two."""
        return self.tx == other.tx and self.rx == other.rx

    @property
    def all_back(self) -> bool:
        """Every packet sent was received."""
        return self.tx == self.rx


@dataclass(frozen=True, slots=True)
class CountedGroup:
    """A group as the sampler needs it: packets go out of ``tx_port`` and count as received on ``rx_port`` only."""

    pg_id: int
    name: str
    tx_port: int
    rx_port: int


class Sampler:
    """Takes samples of all groups and ports, in one round trip each."""

    def __init__(
        self,
        rpc: Rpc,
        groups: Sequence[CountedGroup],
        ports: Sequence[int],
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.groups = tuple(groups)
        self.ports = tuple(ports)
        self._rpc = rpc
        self._clock_ns = clock_ns

    def take(self) -> Sample:
        """Ask the generator.

        Raises:
            TrafficError: it does not answer, or not with counters.
        """
        calls: list[tuple[str, dict[str, Any]]] = [("get_pgid_stats", {"pgids": [g.pg_id for g in self.groups]})]
        calls += [("get_port_stats", {"port_id": port}) for port in self.ports]
        calls.append(("get_global_stats", {}))
        asked_ns = self._clock_ns()
        flows, *ports, overall = self._rpc.batch(calls)
        answered_ns = self._clock_ns()
        per_group = flows.get("flow_stats") or {}
        return Sample(
            asked_ns=asked_ns,
            answered_ns=answered_ns,
            tx=tuple(_count(per_group, g.pg_id, "tp", g.tx_port) for g in self.groups),
            rx=tuple(_count(per_group, g.pg_id, "rp", g.rx_port) for g in self.groups),
            ierrors=tuple(int(stats.get("ierrors", 0)) for stats in ports),
            oerrors=tuple(int(stats.get("oerrors", 0)) for stats in ports),
            cpu_percent=float(overall.get("m_cpu_util", math.nan)),
        )


def _count(per_group: Mapping[str, Any], pg_id: int, field: str, port: int) -> int:
    """Return a counter; a group that the server does not list yet has sent and received nothing."""
    return int(per_group.get(str(pg_id), {}).get(field, {}).get(str(port), 0))


class CounterLog:
    """All samples of one recording; the tester's own losses count from its first sample."""

    def __init__(self, pg_ids: Sequence[int], port_ids: Sequence[int]) -> None:
        self._pg_ids = tuple(pg_ids)
        self._port_ids = tuple(port_ids)
        self._samples: list[Sample] = []

    def __len__(self) -> int:
        return len(self._samples)

    def append(self, sample: Sample) -> None:
        """Add a sample, which must be later than those before it."""
        self._samples.append(sample)

    @property
    def first(self) -> Sample | None:
        """The first sample."""
        return self._samples[0] if self._samples else None

    @property
    def last(self) -> Sample | None:
        """The latest sample."""
        return self._samples[-1] if self._samples else None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the samples as arrays, named as the fields of ``history.CounterSeries``."""
        rows, groups, ports = len(self._samples), len(self._pg_ids), len(self._port_ids)

        def table(name: str, columns: int) -> NDArray[np.int64]:
            return np.array([getattr(s, name) for s in self._samples], dtype=np.int64).reshape(rows, columns)

        ierrors, oerrors = table("ierrors", ports), table("oerrors", ports)
        return {
            "asked_ns": np.array([s.asked_ns for s in self._samples], dtype=np.int64),
            "answered_ns": np.array([s.answered_ns for s in self._samples], dtype=np.int64),
            "pg_ids": np.array(self._pg_ids, dtype=np.int32),
            "tx": table("tx", groups),
            "rx": table("rx", groups),
            "port_ids": np.array(self._port_ids, dtype=np.int32),
            "ierrors": ierrors - ierrors[:1],
            "oerrors": oerrors - oerrors[:1],
            "generator_cpu_percent": np.array([s.cpu_percent for s in self._samples], dtype=np.float64),
        }

    def save(self, path: Path) -> None:
        """Write the file whole or not at all: a reader never sees half of it."""
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            np.savez(file, **self.arrays())  # type: ignore[arg-type]
        draft.replace(path)
