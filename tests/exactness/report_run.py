"""Run as a program in a private namespace: the report's script against a generator, through a path with a switch.

``python -m tests.exactness.report_run FOLDER``; writes what the script printed into the folder.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path as FilePath

from tests.exactness import kernel
from tests.exactness.drive import process
from tests.exactness.ruleset import HOLD, HOLD_OUT, NEAR, PORT0, PORT1, TABLE, Group, Path, Rule

SCRIPT = FilePath(__file__).resolve().parents[2] / "tools" / "meter_report.py"
_LIMIT_S = 60
OUTAGE_MS = 400
HELD = "new-sessions"
_GROUP = Group(HELD, "up", "10.1.64.0", 2048)
_FEW_HELD = ("--tunable", "new-pps=400")
"""So few that the detour's socket has room for all that wait while it is stopped."""


def main() -> None:
    """Bring up path and generator, have the script report on paths that hand on, drop, hold, and are not there."""
    folder = FilePath(sys.argv[1])
    kernel.make_devices()
    kernel.put_in_force(Path([_GROUP]))
    on, off = folder / "on.nft", folder / "off.nft"
    on.write_text("".join(f"add rule netdev {TABLE} {chain} drop\n" for chain in ("out_up", "out_down")))
    off.write_text("".join(f"flush chain netdev {TABLE} {chain}\n" for chain in ("out_up", "out_down")))
    switch = ["--outage-ms", str(OUTAGE_MS), "--drop-on", f"nft -f {on}", "--drop-off", f"nft -f {off}"]
    with process(["lab.generator", "--port0", PORT0, "--port1", PORT1], folder / "generator.log"):
        report(folder, "plain", ["--seconds", "2"])
        report(folder, "switched", ["--seconds", "2", *switch])
        report(folder, "broken", ["--seconds", "0.5", "--drop-on", "false", "--drop-off", "true"])
        report_held(folder)
        subprocess.run(["nft", "-f", str(on)], check=True)
        report(folder, "silent", ["--seconds", "1", *switch])
        subprocess.run(["ip", "link", "set", NEAR, "down"], check=True)
        report(folder, "down", ["--seconds", "0.5"])


def report_held(folder: FilePath) -> None:
    """Report on a path that holds some packets back for a while, and loses none."""
    kernel.put_in_force(Path([_GROUP], [Rule("held", HELD, HOLD)]))
    with process(["tests.exactness.detour", HOLD_OUT, "0"], folder / "detour.log") as detour:
        switch = ["--drop-on", f"kill -STOP {detour.pid}", "--drop-off", f"kill -CONT {detour.pid}"]
        report(folder, "held", ["--seconds", "1", "--outage-ms", str(OUTAGE_MS), *_FEW_HELD, *switch])
    kernel.put_in_force(Path([_GROUP]))


def report(folder: FilePath, name: str, more: list[str]) -> None:
    """Run the script; write exit code, output and errors."""
    command = [sys.executable, str(SCRIPT), "127.0.0.1", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    (folder / f"{name}.code").write_text(str(done.returncode))
    (folder / f"{name}.out").write_text(done.stdout)
    (folder / f"{name}.log").write_text(done.stderr)


if __name__ == "__main__":
    main()
