"""Runs a scenario in private user, network, mount and pid namespaces; nothing of it is left afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data" / "trex"
_UNSHARE = [
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
]


def run(scenario, tmp_path, *arguments, timeout_s=90):
    """What `tests.generator.inside.<scenario>` reports (its function `main` writes JSON to a file)."""
    report = tmp_path / "report.json"
    command = [*_UNSHARE, sys.executable, "-m", f"tests.generator.inside.{scenario}", str(report), *map(str, arguments)]
    with (tmp_path / "log.txt").open("w") as log:
        done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, timeout=timeout_s, check=False)
    if done.returncode or not report.exists():
        last = "\n".join((tmp_path / "log.txt").read_text().splitlines()[-40:])
        raise AssertionError(f"scenario {scenario} ended with {done.returncode}:\n{last}")
    return json.loads(report.read_text())
