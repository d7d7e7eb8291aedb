"""What is to be run on the path, as plain data, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hitless.history import History
from hitless.recording import load
from tests.exactness.ruleset import Rule

RESULT, WITNESS = "truth.json", "witness.npy"
PLANS = "plans.json"


@dataclass(frozen=True, slots=True)
class ReaderStop:
    """The generator's receiving process does nothing for a while, as on a machine that is overloaded."""

    after_s: float
    for_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One recording.

    Attributes:
        name: names its folder.
        tunables: of the suite's traffic profile.
        parts: what is started of it.
        run_s: how long it is sent.
        rules: what happens to which packets.
        windows_ms: outages, (start, length); they start counting ``WINDOWS_AFTER_S`` after traffic has started.
        window_groups: which groups are out; all of them by default.
        hold_ms: how late held packets are.
        watched: whether a witness notes when each probe came onto the path.
        reader_stop: provokes loss in the tester itself.
    """

    name: str
    tunables: Sequence[str]
    parts: Sequence[str] = ("main",)
    run_s: float = 2.0
    rules: Sequence[Rule] = ()
    windows_ms: Sequence[tuple[float, float]] = ()
    window_groups: Sequence[str] = ()
    hold_ms: float = 20.0
    watched: bool = False
    reader_stop: ReaderStop | None = None


@dataclass(frozen=True, slots=True)
class TrueWindow:
    """When a group was out, on CLOCK_MONOTONIC, and how many packets that cost."""

    group: str
    on_ns: int
    off_ns: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Truth:
    """What the kernel says.

    Attributes:
        counters: packets by name of the counter.
        sessions: by rule, (user address, user port, packets) of each session that it concerned.
        windows: outages.
        accounting: what ``TrafficGenerator.record_stop`` returned.
        clock_step_ns: by how much wall clock and monotonic clock moved against each other during the run.
    """

    counters: Mapping[str, int]
    sessions: Mapping[str, Sequence[tuple[str, int, int]]]
    windows: Sequence[TrueWindow]
    accounting: Mapping[str, Any]
    clock_step_ns: int


@dataclass(frozen=True)
class Outcome:
    """A recording as the suite loads it, and the truth about it."""

    plan: Plan
    history: History
    truth: Truth
    witness: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 3), np.int64))


def save_plans(folder: Path, plans: Sequence[Plan]) -> None:
    """Write plans for the program that carries them out."""
    (folder / PLANS).write_text(json.dumps([asdict(plan) for plan in plans]))


def load_plans(folder: Path) -> list[Plan]:
    """Read what ``save_plans`` wrote."""
    return [_plan(data) for data in json.loads((folder / PLANS).read_text())]


def _plan(data: dict[str, Any]) -> Plan:
    rules = [Rule(**rule) for rule in data.pop("rules")]
    stop = data.pop("reader_stop")
    windows = [(float(start), float(length)) for start, length in data.pop("windows_ms")]
    return Plan(**data, rules=rules, windows_ms=windows, reader_stop=ReaderStop(**stop) if stop else None)


def save_truth(folder: Path, truth: Truth) -> None:
    """Write what the kernel says."""
    (folder / RESULT).write_text(json.dumps(asdict(truth)))


def load_truth(folder: Path) -> Truth:
    """Read what ``save_truth`` wrote."""
    data = json.loads((folder / RESULT).read_text())
    return Truth(
        counters=data["counters"],
        sessions={rule: [(a, p, n) for a, p, n in found] for rule, found in data["sessions"].items()},
        windows=[TrueWindow(**window) for window in data["windows"]],
        accounting=data["accounting"],
        clock_step_ns=data["clock_step_ns"],
    )


def load_outcome(folder: Path, plan: Plan) -> Outcome:
    """Load one recording as the suite does, and the truth beside it."""
    place = folder / plan.name
    witness = place / WITNESS
    seen = np.load(witness) if witness.exists() else np.zeros((0, 3), np.int64)
    return Outcome(plan, load(place), load_truth(place), seen)
