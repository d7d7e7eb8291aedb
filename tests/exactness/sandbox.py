"""Carries out plans in private user, network, mount and pid namespaces; nothing of it is left afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.exactness.plans import Outcome, Plan, load_outcome, save_plans

ROOT = Path(__file__).resolve().parents[2]
PROFILE = ROOT / "traffic_profiles" / "upgrade.py"
UNSHARE = (
    *("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid"),
    *("--fork", "--kill-child", "--mount-proc"),
)
_LAST_LINES = 30


def carry_out(folder: Path, plans: Sequence[Plan], timeout_s: float = 110.0) -> list[Outcome]:
    """Run the plans one after the other on one path with one generator; return them with what came of them.

    Raises:
        AssertionError: a plan could not be carried out; the message has the last words of everyone concerned.
    """
    save_plans(folder, plans)
    run_inside("tests.exactness.drive", folder, [str(folder), str(PROFILE)], timeout_s)
    return [load_outcome(folder, plan) for plan in plans]


def run_inside(module: str, folder: Path, arguments: Sequence[str], timeout_s: float) -> str:
    """Run a module in namespaces of its own; return what it printed.

    Raises:
        AssertionError: it failed, or was not done in time.
    """
    command = [*UNSHARE, sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"{module} - not done within {timeout_s:g} s\n{last_words(folder)}") from error
    if done.returncode:
        raise AssertionError(f"{module} - exit code {done.returncode}\n{done.stderr[-3000:]}\n{last_words(folder)}")
    return done.stdout


def last_words(folder: Path) -> str:
    """Return the ends of all logs in a folder."""
    parts = []
    for log in sorted(folder.rglob("*.log")):
        lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
        parts.append("\n".join([f"--- {log.relative_to(folder)}", *lines]))
    return "\n".join(parts)
