"""Whatever process of a run is killed, and on Ctrl-C: no process, namespace, interface or rule is left.

The runs go on side by side, three at a time: their verdicts do not matter here, and labs must not meet anyway.
"""

from __future__ import annotations

import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.live import runs

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

PYTHON = r"^\S*python\S* -m "
KINDS = {
    "make": r"^make ",
    "outermost": r"^unshare ",
    "supervisor": PYTHON + r"lab run .*--inside",
    "decider": PYTHON + r"lab\.decider ",
    "generator": PYTHON + r"lab\.generator ",
    "sender": PYTHON + r"lab\.generator\.worker sender",
    "receiver": PYTHON + r"lab\.generator\.worker receiver",
    "vim": PYTHON + r"lab\.vim ",
    "controller": PYTHON + r"lab\.controller ",
    "vnfm": PYTHON + r"lab\.vnfm ",
    "nfvo": PYTHON + r"lab\.nfvo ",
    "redis": r"redis-server",
    "unit": PYTHON + r"lab\.vnf ",
    "suite": PYTHON + r"hitless run ",
    "traffic worker": PYTHON + r"hitless\.traffic\.worker",
}
SIDE_BY_SIDE = 3
ONE_PROCEDURE = "--no-html --no-repeat --only RQ-CAP-01"
"""What outlives the deed goes on to the end of a run: one procedure is enough of that."""


@dataclass
class Aftermath:
    code: int
    left: dict[int, str]
    namespaces: set[str]
    output: str


def kill(kind):
    def deed(run):
        victims = [pid for pid, line in runs.processes_of(run.run_id).items() if re.search(KINDS[kind], line)]
        if kind == "make":  # it has no run id: the run begins below it
            victims = [run.process.pid]
        assert victims, f"no process of kind {kind}: {runs.processes_of(run.run_id)}"
        os.kill(victims[0], signal.SIGKILL)

    return deed


def ctrl_c(run):
    os.killpg(run.process.pid, signal.SIGINT)


def impatient_ctrl_c(run):
    ctrl_c(run)
    time.sleep(0.3)
    ctrl_c(run)


DEEDS = {**{f"kill -9 {kind}": kill(kind) for kind in KINDS}, "Ctrl-C": ctrl_c, "Ctrl-C twice": impatient_ctrl_c}


def aftermath_of(deed, reports):
    reports.mkdir()
    run = runs.LiveRun.start(["make", "-s", "conformance", f"REPORTS={reports}", f"RUN_OPTIONS={ONE_PROCEDURE}"])
    try:
        run.wait_for("traffic started")
        ours = runs.network_namespaces([os.getpid()])
        namespaces = runs.network_namespaces(runs.processes_of(run.run_id)) - ours
        deed(run)
        code = run.wait_for_end(240)
        return Aftermath(code, runs.wait_until_gone(run.run_id), namespaces, run.output)
    finally:
        run.kill_everything()


@pytest.fixture(scope="module")
def aftermaths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kill")
    before = runs.interfaces(), runs.rules()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        futures = {
            name: pool.submit(aftermath_of, deed, folder / str(number))
            for number, (name, deed) in enumerate(DEEDS.items())
        }
    # Only now: the kernel gives the number of a namespace that is gone to the next one.
    return {name: future.result() for name, future in futures.items()}, before, runs.network_namespaces()


@pytest.mark.parametrize("name", DEEDS)
def test_no_process_is_left(name, aftermaths):
    aftermath = aftermaths[0][name]
    assert aftermath.left == {}, aftermath.output


@pytest.mark.parametrize("name", DEEDS)
def test_a_disturbed_run_is_no_success(name, aftermaths):
    aftermath = aftermaths[0][name]
    assert aftermath.code != 0, aftermath.output


@pytest.mark.parametrize("name", DEEDS)
def test_no_namespace_is_left(name, aftermaths):
    aftermath = aftermaths[0][name]
    assert len(aftermath.namespaces) >= 6  # the main one, the decider's, four units'
    assert aftermath.namespaces & aftermaths[2] == set()


def test_no_interface_or_rule_is_left(aftermaths):
    interfaces, rules = aftermaths[1]
    assert runs.interfaces() == interfaces
    assert runs.rules() == rules
