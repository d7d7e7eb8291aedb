"""The supervisor with fake nodes, as an ordinary process: order, exit codes, failures, requests to stop."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.supervisor import labs

pytestmark = pytest.mark.processes

SLEEPS = labs.python("import time; print('command runs', flush=True); time.sleep(3600)")


def test_nodes_serve_in_order_before_the_command_starts(fake_lab):
    lab = fake_lab([labs.node("first"), labs.node("second"), labs.node("third")], ["sh", "-c", "echo command runs"])
    assert lab.end() == 0
    lines = lab.output.splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["first", "second", "third"]
    assert all(re.search(r"ready after +\d+\.\d\d s +pid \d+ +log .*\.log$", line) for line in lines[:3])
    assert lines[3] == "command runs"


def test_a_node_that_says_it_is_not_ready_is_waited_for(fake_lab):
    lab = fake_lab([labs.node("late", "late")], ["true"])
    assert lab.end() == 0
    assert (lab.logs / "late.log").read_text().count("asked for /status") == 4


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["sh", "-c", "kill -9 $$"], 137),
    ],
)
def test_the_exit_code_is_the_commands(fake_lab, command, code):
    lab = fake_lab([labs.node("node")], command)
    assert lab.end() == code
    assert labs.left_after_a_while(lab.run_id) == {}


def test_command_and_nodes_know_run_and_name(fake_lab):
    show = labs.python(
        "import os; print('command of', os.environ['HITLESS_RUN_ID'], os.environ.get('HITLESS_NODE_NAME'))"
    )
    lab = fake_lab([labs.node("node")], show)
    assert lab.end() == 0
    assert f"command of {lab.run_id} None" in lab.output
    assert (lab.logs / "node.log").read_text().startswith(f"node node of run {lab.run_id}\n")


def test_a_node_that_never_serves_is_named_with_its_log(fake_lab):
    lab = fake_lab([labs.node("good"), labs.node("stuck", "never-serves", ready_within_s=1.5)], SLEEPS)
    assert lab.end() == 4
    message = lab.output[lab.output.index("lab: stuck") :]
    assert re.search(r"stuck - not ready 1\.[5-9] s after its start - Expected: GET http://127", message)
    assert "answers 200, ready within 1.5 s. Actual: connection refused" in message
    assert str(lab.logs / "stuck.log") in message
    assert message.rstrip().endswith("    thinking")
    assert "command runs" not in lab.output
    assert labs.left_after_a_while(lab.run_id) == {}


def test_a_node_that_dies_while_starting_is_named_at_once(fake_lab):
    lab = fake_lab([labs.node("broken", "dies-at-once", ready_within_s=3600)], SLEEPS)
    assert lab.end() == 4
    assert "broken - ended while the lab was starting" in lab.output
    assert "Actual: exit code 1" in lab.output
    assert "    my configuration is broken" in lab.output


def test_a_node_that_dies_later_is_reported_and_the_command_goes_on(fake_lab):
    code = (
        "import os, pathlib, signal, sys, time\n"
        "run = os.environ['HITLESS_RUN_ID'].encode()\n"
        "def ours(folder):\n"
        "    try:\n"
        "        words = (folder / 'environ').read_bytes().split(b'\\0')\n"
        "    except OSError:\n"
        "        return False\n"
        "    return b'HITLESS_RUN_ID=' + run in words and b'HITLESS_NODE_NAME=victim' in words\n"
        "victim = next(f for f in pathlib.Path('/proc').glob('[0-9]*') if ours(f))\n"
        "os.kill(int(victim.name), signal.SIGKILL)\n"
        "print('command goes on', flush=True)\n"
        "sys.stdin.readline()\n"
        "sys.exit(5)\n"
    )
    read_end, write_end = os.pipe()
    lab = fake_lab([labs.node("victim"), labs.node("other")], labs.python(code), stdin=read_end)
    os.close(read_end)
    lab.wait_for("victim died while the command was running: SIGKILL")
    os.write(write_end, b"\n")
    os.close(write_end)
    assert lab.end() == 5
    assert str(lab.logs / "victim.log") in lab.output
    assert "other died" not in lab.output


def test_a_success_on_what_is_left_of_a_lab_is_none(fake_lab):
    read_end, write_end = os.pipe()
    lab = fake_lab([labs.node("victim")], labs.python("import sys; sys.stdin.readline()"), stdin=read_end)
    os.close(read_end)
    lab.wait_for("victim       ready")
    labs.kill(lab.host_pids(r"node\.py")[0])
    lab.wait_for("victim died while the command was running: SIGKILL")
    os.write(write_end, b"\n")
    os.close(write_end)
    assert lab.end() == 6


def test_nodes_end_in_reverse_order_and_a_deaf_one_is_killed(fake_lab):
    lab = fake_lab([labs.node("first"), labs.node("deaf", "deaf")], ["true"])
    assert lab.end() == 0
    assert "deaf did not end within 2 s, it is killed" in lab.output
    assert labs.left_after_a_while(lab.run_id) == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_goes_to_the_command_first(fake_lab, number):
    code = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: (print('tidied up', flush=True), sys.exit(9)))\n"
        "print('command runs', flush=True)\n"
        "while True: signal.pause()\n"
    )
    lab = fake_lab([labs.node("node")], labs.python(code))
    lab.wait_for("command runs")
    os.kill(lab.process.pid, number)
    assert lab.end() == 9
    assert lab.output.count("tidied up") == 1
    assert labs.left_after_a_while(lab.run_id) == {}


def test_a_command_that_does_not_stop_is_killed_the_third_time(fake_lab):
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n"
        "print('command runs', flush=True)\n"
        "while True: signal.pause()\n"
    )
    lab = fake_lab([labs.node("node")], labs.python(code))
    lab.wait_for("command runs")
    for answers in (1, 2):
        os.kill(lab.process.pid, signal.SIGTERM)
        lab.wait_for("no\n" * answers)
    os.kill(lab.process.pid, signal.SIGTERM)
    assert lab.end() == 137
    assert "the command did not stop on SIGTERM, it is killed" in lab.output


def test_a_request_to_stop_while_starting_ends_the_start(fake_lab):
    lab = fake_lab([labs.node("good"), labs.node("stuck", "never-serves", ready_within_s=3600)], SLEEPS)
    lab.wait_for("good")
    os.kill(lab.process.pid, signal.SIGINT)
    assert lab.end() == 130
    assert "stopped by SIGINT" in lab.output
    assert labs.left_after_a_while(lab.run_id) == {}


def test_a_program_that_does_not_exist_is_a_start_that_failed(tmp_path):
    code = (
        "import os, sys, pathlib\n"
        "from lab.messages import say\n"
        "from lab.processes import ProcessSpec\n"
        "from lab.readiness import PortProbe\n"
        "from lab.signals import SignalInbox\n"
        "from lab.supervisor import Supervisor, Surroundings\n"
        "spec = ProcessSpec('absent', ('no-such-program',), PortProbe(1))\n"
        "around = Surroundings(os.environ, pathlib.Path(sys.argv[1]), say)\n"
        "sys.exit(Supervisor([spec], around, SignalInbox()).run(['true']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=labs.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 4
    assert "absent - cannot be started" in done.stderr
    assert "No such file or directory" in done.stderr
