"""Runs a scenario in private namespaces, as an ordinary user could, and brings back what it observed.

A scenario only does and observes; what its figures have to be is asserted by the test that called for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_REPOSITORY = Path(__file__).resolve().parents[2]
_UNSHARE = (
    *("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--ipc"),
    *("--fork", "--kill-child", "--mount-proc"),
)


class ScenarioError(AssertionError):
    """The scenario did not come to its end; the message has its last words and the logs' ends."""


def observe(scenario: str, logs: Path, *, timeout_s: float = 90) -> Any:
    """What `scenario` ("module:function" below tests.dataplane) observed. Nothing of it is left when this returns."""
    command = [*_UNSHARE, sys.executable, "-m", "tests.dataplane.inside", scenario]
    environment = {**os.environ, "HITLESS_LOG_DIR": str(logs), "HITLESS_RUN_ID": f"test-{os.getpid()}"}
    try:
        result = subprocess.run(
            command, cwd=_REPOSITORY, env=environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ScenarioError(f"{scenario} - not done within {timeout_s:g} s\n{_tails(logs)}") from error
    if result.returncode != 0:
        raise ScenarioError(f"{scenario} - exit code {result.returncode}\n{result.stderr[-4000:]}\n{_tails(logs)}")
    return json.loads(result.stdout)


def _tails(logs: Path) -> str:
    return "\n".join(f"--- {path.name}\n{path.read_text()[-800:]}" for path in sorted(logs.glob("*.log")))
