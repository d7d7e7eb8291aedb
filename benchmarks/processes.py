"""Tools as processes that never outlive their measurement."""

from __future__ import annotations

import contextlib
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
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        try:
            yield process
        finally:
            stop(process, signal.SIGTERM)


def stop(process: subprocess.Popen[bytes], number: signal.Signals, patience_s: float = _PATIENCE_S) -> None:
    """Send a signal and wait; kill what does not heed it."""
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
