"""Helpers of the tests with a worker."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hitless.history import CounterSeries


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s, "did not happen"
        time.sleep(0.01)


def counters_of(folder: Path) -> CounterSeries:
    with np.load(folder / "counters.npz", allow_pickle=False) as arrays:
        return CounterSeries(**arrays)
