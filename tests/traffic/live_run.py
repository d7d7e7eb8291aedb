"""Run as a program in a private namespace: records a few seconds of real packets over a veth pair,
tells what it did.

``python live_run.py FOLDER PROFILE``. The generator is a process; the suite speaks to it as to any TRex server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from hitless.history import Ending
from hitless.recording import RecordingPlan, RecordingWriter
from hitless.traffic import PlannedGroup, TrafficGenerator, survey

DEVICES = ("p0", "p1")
ALL_S, FILLER_S = 5.0, 1.0


def make_cable() -> None:
    """Connect the two ports by a veth pair that carries nothing of its own."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "link", "add", DEVICES[0], "type", "veth", "peer", "name", DEVICES[1]], check=True)
    for device in DEVICES:
        Path(f"/proc/sys/net/ipv6/conf/{device}/disable_ipv6").write_text("1")
        subprocess.run(["ip", "link", "set", device, "up"], check=True)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def plan(groups: tuple[PlannedGroup, ...]) -> RecordingPlan:
    return RecordingPlan(
        procedure="veth",
        parameters={"profile": "test"},
        versions={"1.0": "ip[8] == 64"},
        instance_mark="source_mac",
        groups=tuple(planned.group for planned in groups),
        rated_capacity_pps=10_000,
        session_timeout_s=10,
    )


def run(generator: TrafficGenerator, folder: Path, profile: Path) -> dict:
    info = generator.connect()
    groups = generator.prepare(profile)
    generator.start("main")
    identity = survey(generator.sample_packets("udp", count=40, within_s=5), [planned.group for planned in groups])
    groups = generator.prepare(profile)
    with RecordingWriter(folder, plan(groups)) as writer:
        generator.record_start(folder)
        began_s, began_cpu_s = time.monotonic(), cpu_s(generator.worker_pid)
        generator.start("main")
        generator.start("long")
        time.sleep(ALL_S)
        cpu_share = (cpu_s(generator.worker_pid) - began_cpu_s) / (time.monotonic() - began_s)
        generator.stop("long")
        generator.start("filler")
        time.sleep(FILLER_S)
        accounting = generator.record_stop()
        writer.finish(Ending.COMPLETE)
    return {"info": asdict(info), "identity": asdict(identity), "accounting": accounting, "cpu_share": cpu_share}


def main() -> None:
    folder, profile = Path(sys.argv[1]), Path(sys.argv[2])
    make_cable()
    command = [sys.executable, "-m", "lab.generator", "--port0", DEVICES[0], "--port1", DEVICES[1]]
    with subprocess.Popen([*command, "--rpc", "4501", "--pub", "4500"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert "ready" in server.stdout.readline()
            with TrafficGenerator(folder / "worker.log") as generator:
                sys.stdout.write(json.dumps(run(generator, folder, profile)) + "\n")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
