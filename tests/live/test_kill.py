"""Whatever process of a run is killed, and on Ctrl-C: no process, namespace, interface or rule is left."""

from __future__ import annotations

import os
import re
import signal
import time

import pytest

from tests.live import runs

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

KINDS = {
    "make": r"^make ",
    "outermost": r"unshare .*lab",
    "supervisor": r"lab\.supervisor|-m lab (?!.*unshare).*run",
    "decider": r"-m lab\.decider",
    "generator": r"-m lab\.generator",
    "vim": r"-m lab\.vim",
    "controller": r"-m lab\.controller",
    "vnfm": r"-m lab\.vnfm",
    "unit": r"-m lab\.vnf ",
    "suite": r"-m hitless run",
    "traffic worker": r"hitless\.traffic\.worker",
}


@pytest.fixture
def before():
    return runs.network_namespaces(), runs.interfaces(), runs.rules()


def start(reports):
    command = ["make", "-s", "conformance", f"REPORTS={reports}"]
    return runs.LiveRun.start(command)


def nothing_is_left(run, before):
    left = runs.wait_until_gone(run.run_id)
    assert left == {}, f"processes left: {left}\n{run.output}"
    namespaces, interfaces, rules = before
    assert runs.network_namespaces() <= namespaces
    assert runs.interfaces() == interfaces
    assert runs.rules() == rules


@pytest.mark.parametrize("kind", KINDS)
def test_kill_minus_nine_leaves_nothing(kind, tmp_path, before):
    run = start(tmp_path)
    try:
        run.wait_for("traffic started")
        victims = [pid for pid, line in runs.processes_of(run.run_id).items() if re.search(KINDS[kind], line)]
        if kind == "make":
            victims = [run.process.pid]
        assert victims, f"no process of kind {kind}: {runs.processes_of(run.run_id)}"
        os.kill(victims[0], signal.SIGKILL)
        code = run.wait_for_end()
        assert code != 0, run.output
        nothing_is_left(run, before)
    finally:
        run.kill_everything()


def test_ctrl_c_leaves_nothing(tmp_path, before):
    run = start(tmp_path)
    try:
        run.wait_for("traffic started")
        os.killpg(run.process.pid, signal.SIGINT)
        code = run.wait_for_end(60)
        assert code != 0
        nothing_is_left(run, before)
    finally:
        run.kill_everything()


def test_an_impatient_second_ctrl_c_leaves_nothing(tmp_path, before):
    run = start(tmp_path)
    try:
        run.wait_for("traffic started")
        os.killpg(run.process.pid, signal.SIGINT)
        time.sleep(0.3)
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.wait_for_end(60) != 0
        nothing_is_left(run, before)
    finally:
        run.kill_everything()
