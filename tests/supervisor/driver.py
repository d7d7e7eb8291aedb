"""Puts a lab of fake nodes up: `driver.py PLAN.json`, where the plan says nodes, folder, command and isolation.

A process of its own, because a supervisor blocks signals and reaps all children.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from lab import isolation
from lab.messages import say
from lab.processes import ProcessSpec
from lab.readiness import HttpProbe
from lab.signals import SignalInbox
from lab.supervisor import Supervisor, Surroundings

NODE = Path(__file__).with_name("node.py")


def main(arguments):
    plan = json.loads(Path(arguments[0]).read_text())
    if plan["isolated"] and len(arguments) == 1:
        status = isolation.open_own_status()
        isolation.enter([sys.executable, "-m", "tests.supervisor.driver", arguments[0], str(status)], os.environ)
    outer_status = int(arguments[1]) if len(arguments) > 1 else None
    inbox = SignalInbox(outer_status)
    if plan["isolated"]:
        assert os.getpid() == 1
        isolation.set_loopback_up()
    specs = [
        ProcessSpec(
            name=node["name"],
            argv=(sys.executable, str(NODE), str(node["port"]), *node["behaviours"]),
            ready=HttpProbe(node["port"]),
            ready_within_s=node["ready_within_s"],
        )
        for node in plan["nodes"]
    ]
    around = Surroundings(environment=os.environ, logs=Path(plan["logs"]), say=say)
    return Supervisor(specs, around, inbox).run(plan["command"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
