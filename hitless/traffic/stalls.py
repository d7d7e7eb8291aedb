"""The worker's own stalls: it asked to be woken at some instant and got to run later."""

from __future__ import annotations

import json
from pathlib import Path

STALL_NS = 20_000_000
"""Waking later than this counts as a stall: below it, sampling and sending go on undisturbed."""


class StallLog:
    """Appends stalls to ``stalls.jsonl``; other processes of the tester may append to the same file."""

    def __init__(self, path: Path, process: str = "traffic-worker", shortest_ns: int = STALL_NS) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._process = process
        self._shortest_ns = shortest_ns
        self.count = 0

    def woke(self, wanted_ns: int, woke_ns: int) -> None:
        """Note a wake-up that was asked for at ``wanted_ns``."""
        if woke_ns - wanted_ns <= self._shortest_ns:
            return
        stall = {"process": self._process, "started_ns": wanted_ns, "ended_ns": woke_ns}
        # One write per line, and flushed: lines of several writers do not mix.
        self._file.write(json.dumps(stall) + "\n")
        self._file.flush()
        self.count += 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()
