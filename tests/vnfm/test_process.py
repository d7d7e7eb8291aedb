"""The VNFM as a process: it starts or says why not, ends when told, and forgets nothing when it is killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.vnfm.__main__ import main
from tests.nfvo.office import Office
from tests.nfvo.sources import VNFD_1_0
from tests.vnfm.manager import wait_for

pytestmark = pytest.mark.processes

END_WITHIN_S = 15.0
HEADERS = {"Version": "2.3.0"}


class Process:
    """A VNFM on a free port."""

    def __init__(self, folder: Path, vim: str, nfvo: str) -> None:
        self.log = folder / "log"
        command = [sys.executable, "-m", "lab.vnfm", "--listen", "127.0.0.1:0", "--vim", vim]
        files = ["--nfvo", nfvo, "--store", os.fspath(folder / "vnfm.sqlite")]
        environment = {name: value for name, value in os.environ.items() if name != "HITLESS_LOG_DIR"}
        with self.log.open("w") as stream:
            self.child = subprocess.Popen([*command, *files], stdout=stream, stderr=stream, env=environment)
        port = wait_for(lambda: re.search(r"serving on \S+:(\d+)", self.log.read_text()), "start of the process")[1]
        self.api = f"http://127.0.0.1:{port}/vnflcm/v2"
        wait_for(self.answers, "first answer")

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.api}/api_versions", timeout=1).status_code == 200
        except requests.RequestException:
            return False

    def post(self, path: str, body: Any) -> requests.Response:
        return requests.post(self.api + path, json=body, headers=HEADERS, timeout=10)

    def get(self, path: str) -> Any:
        return requests.get(self.api + path, headers=HEADERS, timeout=10).json()

    def end(self, number: signal.Signals) -> int:
        self.child.send_signal(number)
        return self.child.wait(END_WITHIN_S)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def nfvo(tmp_path: Path) -> Iterator[str]:
    office = Office(tmp_path / "packages", ["1.0"])
    yield office.base
    office.close()


@pytest.fixture
def silent_vim() -> Iterator[str]:
    """Accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_in_order(folder: Path, silent_vim: str, nfvo: str, number: signal.Signals) -> None:
    process = Process(folder, silent_vim, nfvo)
    assert process.end(number) == 0
    assert "Traceback" not in process.log.read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_operation_under_way_is_settled_at_the_next_start(
    folder: Path, silent_vim: str, nfvo: str, number: signal.Signals, code: int
) -> None:
    process = Process(folder, silent_vim, nfvo)
    instance = process.post("/vnf_instances", {"vnfdId": VNFD_1_0}).json()["id"]
    assert process.post(f"/vnf_instances/{instance}/instantiate", {"flavourId": "default"}).status_code == 202
    wait_for(lambda: process.get("/vnf_lcm_op_occs")[0]["operationState"] == "PROCESSING", "PROCESSING")
    assert process.end(number) == code
    again = Process(folder, silent_vim, nfvo)
    (operation,) = again.get("/vnf_lcm_op_occs?all_fields")
    assert operation["operationState"] == "FAILED_TEMP"
    assert "restart" in operation["error"]["detail"]
    assert [one["id"] for one in again.get("/vnf_instances")] == [instance]
    assert again.end(signal.SIGTERM) == 0


def run_in_vain(*options: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "HITLESS_LOG_DIR"}
    return subprocess.run(
        [sys.executable, "-m", "lab.vnfm", "--listen", "127.0.0.1:0", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--store", "{folder}/nowhere/vnfm.sqlite"), "cannot start"),
        (("--procedure", "lab.vnfm.upgrade"), "module:Name"),
        (("--procedure", "lab.vnfm.upgrade:NoSuch"), "NoSuch"),
        (("--procedure", "lab.vnfm.upgrade:FourStepParameters"), "is no UpgradeProcedure"),
        (("--engine", "lab.vnfm.runner:Runner"), "is no Engine"),
        (("--runner", "lab.vnfm.engine:Engine"), "is no Runner"),
        (("--journal", "lab.vnfm.journal:NoSuch"), "NoSuch"),
        (("--documents", "lab.vnfm.views:operation_document"), "is no Documents"),
        (("--listen", "127.0.0.1"), "HOST:PORT"),
    ],
)
def test_wrong_command_line(folder: Path, change: tuple[str, str], message: str) -> None:
    good = ["--store", f"{folder}/vnfm.sqlite"]
    ended = run_in_vain(*good, change[0], change[1].format(folder=folder))
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) <= 2


def test_options_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for option in ("--listen", "--vim", "--controller", "--decider", "--nfvo", "--store", "--procedure", "--journal"):
        assert option in printed
