"""In private namespaces: whichever process is killed, and on Ctrl-C, nothing of the lab is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.supervisor import labs

pytestmark = pytest.mark.namespaces

RUNS = labs.python("import time; print('command runs', flush=True); time.sleep(3600)")
VICTIMS = {
    "outermost": r"^unshare --user",
    "init": r"^\S+ -m tests\.supervisor\.driver",
    "node": r"node\.py",
    "node's child": r"^sleep 3600",
    "command": r"command runs",
}


@pytest.fixture
def before():
    return labs.interfaces()


def start(fake_lab, command=RUNS):
    lab = fake_lab(
        [labs.node("plain"), labs.node("nested", "own-namespace"), labs.node("deaf", "deaf")], command, isolated=True
    )
    lab.wait_for("command runs")
    return lab


def assert_nothing_is_left(lab, namespaces, interfaces_before):
    assert namespaces, "the lab had no namespace of its own: nothing was tested"
    assert labs.left_after_a_while(lab.run_id) == {}
    assert labs.inhabitants(namespaces) == []
    assert labs.interfaces() == interfaces_before


@pytest.mark.parametrize("victim", ["outermost", "init"])
def test_killing_a_link_of_the_chain_kills_everything(fake_lab, before, victim):
    lab = start(fake_lab)
    namespaces = labs.network_namespaces(lab.run_id)
    (pid,) = lab.host_pids(VICTIMS[victim])
    labs.kill(pid)
    assert lab.end() != 0
    assert_nothing_is_left(lab, namespaces, before)


def test_killing_the_parent_kills_everything(fake_lab, before, tmp_path):
    """As when make is killed: the lab's outermost process is a child of somebody who dies."""
    lab = start(fake_lab)
    lab.process.kill()
    lab.end()
    inner = tmp_path / "lab-0" / "plan.json"
    output = tmp_path / "output.txt"
    code = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-m', 'tests.supervisor.driver', {str(inner)!r}])\n"
        "child.wait()\n"
    )
    with output.open("wb") as stream:
        parent = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=labs.ROOT,
            env={**os.environ, "HITLESS_RUN_ID": lab.run_id},
            stdout=stream,
            stderr=stream,
        )
    deadline_s = time.monotonic() + labs.PATIENCE_S
    while "command runs" not in output.read_text():
        assert time.monotonic() < deadline_s, output.read_text()
        time.sleep(0.02)
    namespaces = labs.network_namespaces(lab.run_id)
    parent.kill()
    parent.wait(timeout=labs.PATIENCE_S)
    assert_nothing_is_left(lab, namespaces, before)


def test_killing_a_node_is_reported_and_the_command_goes_on(fake_lab, before):
    lab = start(fake_lab)
    namespaces = labs.network_namespaces(lab.run_id)
    labs.kill(lab.host_pids(r"node\.py")[0])
    lab.wait_for("plain died while the command was running: SIGKILL")
    assert lab.process.poll() is None
    (command,) = lab.host_pids(VICTIMS["command"])
    labs.kill(command)
    assert lab.end() == 137
    assert_nothing_is_left(lab, namespaces, before)


def test_killing_a_nodes_child_ends_with_everything_reaped(fake_lab, before):
    lab = start(fake_lab)
    namespaces = labs.network_namespaces(lab.run_id)
    (child,) = lab.host_pids(VICTIMS["node's child"])
    labs.kill(child)
    (command,) = lab.host_pids(VICTIMS["command"])
    labs.kill(command, signal.SIGTERM)
    assert lab.end() == 143
    assert_nothing_is_left(lab, namespaces, before)


def test_orphans_are_reaped_by_init(fake_lab):
    """A command that leaves zombies to init: the last one to look finds none."""
    code = (
        "import os, pathlib, time\n"
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        if os.fork() == 0: time.sleep(0.05)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "def zombies():\n"
        "    states = [p.read_text().split(') ')[-1][0] for p in pathlib.Path('/proc').glob('[0-9]*/stat')]\n"
        "    return states.count('Z')\n"
        "deadline = time.monotonic() + 20\n"
        "time.sleep(0.2)\n"
        "while zombies() and time.monotonic() < deadline: time.sleep(0.05)\n"
        "print('zombies:', zombies(), flush=True)\n"
    )
    lab = fake_lab([labs.node("plain")], labs.python(code), isolated=True)
    assert lab.end() == 0
    assert "zombies: 0" in lab.output


@pytest.mark.parametrize("to_group", [True, False], ids=["Ctrl-C", "outermost only"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_reaches_the_command_exactly_once(fake_lab, before, number, to_group):
    code = (
        "import signal, sys, time\n"
        "count = []\n"
        f"signal.signal({int(number)}, lambda *_: count.append(1))\n"
        "print('command runs', flush=True)\n"
        "while not count: time.sleep(0.01)\n"
        "time.sleep(1.0)\n"
        "print('requests:', len(count), flush=True)\n"
        "sys.exit(6)\n"
    )
    lab = start(fake_lab, labs.python(code))
    namespaces = labs.network_namespaces(lab.run_id)
    if to_group:
        os.killpg(lab.process.pid, number)
    else:
        os.kill(lab.process.pid, number)
    assert lab.end() == 6
    assert "requests: 1\n" in lab.output
    assert_nothing_is_left(lab, namespaces, before)


def test_a_request_to_init_alone_is_passed_on(fake_lab, before):
    lab = start(fake_lab)
    namespaces = labs.network_namespaces(lab.run_id)
    (init,) = lab.host_pids(VICTIMS["init"])
    labs.kill(init, signal.SIGTERM)
    assert lab.end() == 143
    assert_nothing_is_left(lab, namespaces, before)


def test_a_start_that_fails_leaves_nothing(fake_lab, before):
    nodes = [labs.node("nested", "own-namespace"), labs.node("broken", "dies-at-once")]
    lab = fake_lab(nodes, RUNS, isolated=True)
    assert lab.end() == 4
    assert labs.left_after_a_while(lab.run_id) == {}
    assert labs.interfaces() == before
