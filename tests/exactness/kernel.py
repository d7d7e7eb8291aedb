"""The path's devices, and what the kernel counted: to be used inside a private network namespace."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from tests.exactness.ruleset import FAR, HOLD_IN, HOLD_OUT, NEAR, PORT0, PORT1, TABLE, Path, Window, windows_text

PAIRS = ((PORT0, NEAR), (PORT1, FAR), (HOLD_IN, HOLD_OUT))


def make_devices() -> None:
    """Make port pairs and the detour's pair; they carry nothing of their own."""
    _run("ip", "link", "set", "lo", "up")
    for one, other in PAIRS:
        _run("ip", "link", "add", one, "type", "veth", "peer", "name", other)
        for device in (one, other):
            FilePath(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").write_text("1")
            _run("ip", "link", "set", device, "up")


def put_in_force(path: Path) -> None:
    """Replace whatever rules there are; all counters start at 0."""
    _nft(f"add table netdev {TABLE}\ndelete table netdev {TABLE}\n{path.text()}")


def add_windows(path: Path, windows: Sequence[Window]) -> None:
    """Add windows of outage."""
    _nft(windows_text(path, windows))


def counters() -> dict[str, int]:
    """Return packets by name of the counter."""
    return counters_in(_listed("counters", "table", "netdev", TABLE))


def session_counters(set_name: str) -> list[tuple[str, int, int]]:
    """Return address, port and packets of each session in a set."""
    return sessions_in(_listed("set", "netdev", TABLE, set_name))


def counters_in(listing: Any) -> dict[str, int]:
    """Read nft's JSON."""
    return {
        entry["counter"]["name"]: int(entry["counter"]["packets"])
        for entry in listing["nftables"]
        if "counter" in entry
    }


def sessions_in(listing: Any) -> list[tuple[str, int, int]]:
    """Read nft's JSON of a set whose elements are address and port, each with a counter."""
    found = []
    for entry in listing["nftables"]:
        for element in entry.get("set", {}).get("elem", []):
            address, port = element["elem"]["val"]["concat"]
            found.append((str(address), int(port), int(element["elem"]["counter"]["packets"])))
    return found


def wall_minus_monotonic_ns(attempts: int = 200) -> int:
    """Return CLOCK_REALTIME minus CLOCK_MONOTONIC, of the reading that was interrupted least."""
    best = None
    for _ in range(attempts):
        before, wall, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, wall - (before + after) // 2)
    if best is None:
        raise ValueError("clocks - Expected: at least one attempt, Actual: none")
    return best[1]


def _listed(*what: str) -> Any:
    return json.loads(_run("nft", "-j", "list", *what))


def _nft(text: str) -> None:
    _run("nft", "-f", "-", text=text)


def _run(*command: str, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} - exit code {done.returncode}: {done.stderr.strip()}\n{text or ''}")
    return done.stdout
