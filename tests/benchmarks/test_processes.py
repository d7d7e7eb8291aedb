from __future__ import annotations

import signal
import subprocess
import time

import pytest

from benchmarks.processes import last_words, running, stop, wait_for_text

pytestmark = pytest.mark.processes


def alive(pid):
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout[
        :1
    ] not in {"", "Z"}


def wait_until_gone(pid, timeout_s=5.0):
    until = time.monotonic() + timeout_s
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(pid)


def test_nothing_outlives_its_measurement_not_even_children(tmp_path):
    log = tmp_path / "log"
    with running(["sh", "-c", "sleep 60 & echo child $!; wait"], log) as process:
        assert wait_for_text(log, "child")
        child = int(log.read_text().split()[1])
        assert alive(child)
    assert process.returncode is not None
    assert wait_until_gone(child)


def test_what_does_not_heed_is_killed(tmp_path):
    log = tmp_path / "log"
    with running(["sh", "-c", "trap '' TERM INT; echo ready; while :; do sleep 0.05; done"], log) as process:
        assert wait_for_text(log, "ready")
        stop(process, signal.SIGINT, patience_s=0.2)
        assert process.returncode == -signal.SIGKILL


def test_a_tool_may_say_something_when_it_is_interrupted(tmp_path):
    log = tmp_path / "log"
    script = "trap 'echo 5 packets captured; exit 0' INT; echo ready; while :; do sleep 0.02; done"
    with running(["sh", "-c", script], log) as process:
        assert wait_for_text(log, "ready")
        stop(process, signal.SIGINT)
    assert "5 packets captured" in last_words(log)


def test_a_text_that_never_comes_is_not_waited_for_without_end(tmp_path):
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthree\n")
    assert not wait_for_text(log, "four", timeout_s=0.05)
    assert last_words(log, 2) == "two\nthree"


def test_a_command_that_has_ended_can_be_stopped_again(tmp_path):
    with running(["true"], tmp_path / "log") as process:
        process.wait()
        stop(process, signal.SIGTERM)
    assert process.returncode == 0
