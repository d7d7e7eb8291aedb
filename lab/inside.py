"""What init does in the new namespaces: furnish them, choose where things lie, supervise."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import isolation
from lab.devices import quiet_namespace
from lab.messages import say
from lab.parts import Parts
from lab.plan import Places, plan
from lab.signals import SignalInbox
from lab.supervisor import Supervisor, Surroundings


@dataclass(frozen=True)
class Order:
    """What the caller asked for.

    Attributes:
        parts: The implementations to start.
        logs: Folder for log files.
        state: Folder for what processes store durably; None: one that vanishes with the lab.
        outer_status: Descriptor of the outermost process's status.
        command: What to run in the lab.
    """

    parts: Parts
    logs: Path
    state: Path | None
    outer_status: int
    command: Sequence[str]


def supervise(order: Order, environment: Mapping[str, str]) -> int:
    """Run the whole lab and the command in the namespaces we are in; returns the exit code."""
    inbox = SignalInbox(order.outer_status)
    os.set_inheritable(order.outer_status, False)  # noqa: FBT003 - positional only
    isolation.set_loopback_up()
    quiet_namespace()
    for of_an_earlier_run in order.logs.glob("unit-*.log"):  # units append; all other logs begin anew by themselves
        of_an_earlier_run.unlink()
    needed = [Path.cwd(), Path(sys.prefix), order.logs, *([order.state] if order.state else [])]
    private_run = isolation.cover_run(needed)
    places = Places(state=order.state or _passing_state(order.logs, private_run=private_run))
    surroundings = Surroundings(environment=environment, logs=order.logs, say=say)
    return Supervisor(plan(order.parts, places), surroundings, inbox).run(order.command)


def _passing_state(logs: Path, *, private_run: bool) -> Path:
    """A fresh folder: on the private file system that vanishes with the lab, or beside the logs, emptied now."""
    if private_run:
        return Path(tempfile.mkdtemp(prefix="lab-", dir="/run"))
    state = logs / "state"
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir()
    return state
