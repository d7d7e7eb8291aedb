"""Tools as processes that never outlive their measurement."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

_PATIENCE_S = 8.0


@contextlib.contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command for as long as the context lasts; what it says goes into the log."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield process
        finally:
            stop(process, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes], number: signal.Signals, patience_s: float = _PATIENCE_S) -> None:
    """Send a signal to a process that ``running`` started and to what it started, and wait; kill what remains."""
    if process.poll() is None:
        _signal_group(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    _signal_group(process.pid, signal.SIGKILL)  # some tools leave their children behind
    process.wait()


def _signal_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def wait_for_text(log: Path, text: str, *, timeout_s: float = 5.0) -> bool:
    """Wait until a log holds a text; tell whether it came."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if text in log.read_text(errors="replace"):
            return True
        time.sleep(0.02)
    return False


def last_words(log: Path, lines: int = 5) -> str:
    """Return the end of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
