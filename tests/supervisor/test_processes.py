from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from lab.processes import Ended, send, tail
from tests.supervisor import labs


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(0, 0, "exit code 0"), (3 << 8, 3, "exit code 3"), (9, 137, "SIGKILL"), (15, 143, "SIGTERM")],
)
def test_how_a_child_ended(status, code, words):
    ended = Ended(pid=1, status=status)
    assert (ended.exit_code, ended.describe()) == (code, words)


def test_the_tail_is_the_last_lines_indented(tmp_path):
    log = tmp_path / "node.log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert tail(log, lines=2) == "    line 99998\n    line 99999"


def test_a_tail_of_nothing_says_so(tmp_path):
    log = tmp_path / "node.log"
    assert tail(log) == "    (no log: No such file or directory)"
    log.touch()
    assert tail(log) == "    (the log is empty)"


def test_a_log_that_is_no_text_has_a_tail(tmp_path):
    log = tmp_path / "node.log"
    log.write_bytes(b"\xff\xfe broken\n")
    assert tail(log).endswith("broken")


def test_a_signal_to_a_process_that_is_gone_is_no_error():
    child = subprocess.Popen(["true"])
    child.wait(timeout=10)
    send(child.pid, signal.SIGTERM)
    send(child.pid, signal.SIGTERM, group=True)


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=labs.ROOT, capture_output=True, text=True, check=False, timeout=30
    )


SHOW = """
import os, signal, sys
blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
print(os.getsid(0) == os.getpid(), blocked, default, sys.stdin.read(), sep="|", flush=True)
print("error", file=sys.stderr)
"""


def test_a_node_has_own_session_clean_signals_no_input_and_a_log(tmp_path):
    code = (
        "import os, pathlib, signal, sys\n"
        "from lab.processes import start_node\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGCHLD])\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "pid = start_node([sys.executable, '-c', sys.argv[1]], os.environ, pathlib.Path(sys.argv[2]))\n"
        "os.waitpid(pid, 0)\n"
    )
    log = tmp_path / "node.log"
    log.write_text("of the run before\n")
    done = run(code, SHOW, str(log))
    assert done.returncode == 0, done.stderr
    assert log.read_text().splitlines() == ["True|set()|True|", "error"]


def test_a_command_keeps_group_output_and_input():
    code = (
        "import os, signal, sys\n"
        "from lab.processes import start_command\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "pid = start_command([sys.executable, '-c', sys.argv[1]], os.environ)\n"
        "assert os.getpgid(pid) == os.getpgrp()\n"
        "os.waitpid(pid, 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, SHOW],
        cwd=labs.ROOT,
        capture_output=True,
        text=True,
        check=False,
        input="hello",
        timeout=30,
    )
    assert done.stdout == "False|set()|True|hello\n"
    assert done.stderr == "error\n"


def test_reap_collects_all_that_ended_and_only_those():
    code = (
        "import os, signal, time\n"
        "from lab.processes import reap, start_command\n"
        "assert reap() == []\n"
        "sleeper = start_command(['sleep', '60'], os.environ)\n"
        "quick = {start_command(['true'], os.environ), start_command(['false'], os.environ)}\n"
        "ended = []\n"
        "deadline = time.monotonic() + 20\n"
        "while len(ended) < 2 and time.monotonic() < deadline: ended += reap()\n"
        "assert {one.pid for one in ended} == quick\n"
        "assert sorted(one.exit_code for one in ended) == [0, 1]\n"
        "os.kill(sleeper, signal.SIGKILL)\n"
        "os.waitpid(sleeper, 0)\n"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr
