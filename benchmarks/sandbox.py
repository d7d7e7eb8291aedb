"""Runs a part of the benchmark in private user, network, mount and process namespaces; nothing of it is left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_UNSHARE = (
    *("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid"),
    *("--fork", "--kill-child", "--mount-proc"),
)


class SandboxError(RuntimeError):
    """A part of the benchmark did not come to its end."""


def command(part: str, arguments: Sequence[str]) -> list[str]:
    """Return the command that runs a part in namespaces of its own."""
    return [*_UNSHARE, sys.executable, "-m", f"benchmarks.{part}", *arguments]


def run(part: str, arguments: Sequence[str], *, timeout_s: float) -> Any:
    """Return what a part ("python -m benchmarks.PART") prints as JSON.

    Raises:
        SandboxError: it failed or took too long; its last words are in the message.
    """
    words = command(part, arguments)
    try:
        done = subprocess.run(words, cwd=_ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"benchmark {part} - not done - Expected: within {timeout_s:g} s") from error
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-20:])
        raise SandboxError(f"benchmark {part} - exit code - Expected: 0, Actual: {done.returncode}\n{last}")
    return json.loads(done.stdout)
