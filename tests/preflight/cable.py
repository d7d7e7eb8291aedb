"""Run as a program in a private namespace: ``python -m tests.preflight.cable COMMAND...`` runs the command beside a
generator whose two ports are the ends of one cable (a veth pair); returns its exit code.
"""

from __future__ import annotations

import subprocess
import sys

from tests.traffic.live_run import DEVICES, make_cable


def main() -> int:
    make_cable()
    command = [sys.executable, "-m", "lab.generator", "--port0", DEVICES[0], "--port1", DEVICES[1]]
    with subprocess.Popen([*command, "--rpc", "4501", "--pub", "4500"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert "ready" in server.stdout.readline()
            return subprocess.run(sys.argv[1:], check=False).returncode
        finally:
            server.terminate()


if __name__ == "__main__":
    raise SystemExit(main())
