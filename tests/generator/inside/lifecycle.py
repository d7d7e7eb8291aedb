"""Starting, stopping and dying; reports what is left each time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.generator.inside import world


def generator_processes():
    """Process ids by role."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "lab.generator" in words:
            found.setdefault("server", []).append(int(folder.name))
        if "lab.generator.worker" in words:
            found.setdefault(words[words.index("lab.generator.worker") + 1], []).append(int(folder.name))
    return found


def wait_for_none():
    world.wait_for(lambda: not generator_processes())
    return generator_processes()


def with_signal(number):
    process = world.start_generator()
    roles = sorted(generator_processes())
    process.send_signal(number)
    code = process.wait(10)
    return {"roles": roles, "code": code, "left": wait_for_none()}


def with_dead_child(role):
    process = world.start_generator()
    os.kill(generator_processes()[role][0], signal.SIGKILL)
    code = process.wait(10)
    return {"code": code, "left": wait_for_none()}


def refused(*arguments):
    command = [sys.executable, "-m", "lab.generator", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return {"code": done.returncode, "says": done.stderr, "left": wait_for_none()}


def port_in_use():
    process = world.start_generator()
    answer = subprocess.run(
        [sys.executable, "-m", "lab.generator", "--port0", "p0", "--port1", "p1"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    process.terminate()
    process.wait(10)
    return {"code": answer.returncode, "says": answer.stderr, "left": wait_for_none()}


def main():
    world.make_devices()
    world.report(
        {
            "terminated": with_signal(signal.SIGTERM),
            "interrupted": with_signal(signal.SIGINT),
            "killed": with_signal(signal.SIGKILL),
            "sender died": with_dead_child("sender"),
            "receiver died": with_dead_child("receiver"),
            "no device": refused("--port0", "p0", "--port1", "nope"),
            "bad address": refused("--port0", "p0", "--port1", "p1", "--next-hop0", "02:00"),
            "port in use": port_in_use(),
        }
    )


if __name__ == "__main__":
    main()
