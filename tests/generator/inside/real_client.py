"""Runs the real client library against a generator."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.generator.inside import world


def run_client(request, folder):
    result = folder / "client.json"
    command = [sys.executable, "-m", "tests.generator.inside.client_process", str(result)]
    subprocess.run(command, input=json.dumps(request), text=True, check=True, timeout=60)
    return json.loads(result.read_text())


def main():
    with world.generator():
        world.report(run_client(json.loads(sys.argv[2]), Path(sys.argv[1]).parent))


if __name__ == "__main__":
    main()
