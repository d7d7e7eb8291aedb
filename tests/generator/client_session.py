"""A session with the unchanged client library where it configures ports; it runs in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.generator import sandbox


def run(folder, request_port, publisher_port):
    """What the library saw."""
    result = folder / "client.json"
    command = [sys.executable, "-m", "tests.generator.inside.service_client"]
    done = subprocess.run(
        [*command, str(request_port), str(publisher_port), str(result)],
        cwd=sandbox.ROOT,
        text=True,
        capture_output=True,
        timeout=90,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"the client ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return json.loads(result.read_text())
