"""The NFVO as a process: it starts or says why not, ends when told, and remembers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from lab.nfvo.__main__ import main
from tests.nfvo.sources import PACKAGES, VNFD_0_9, VNFD_1_0
from tests.vnfm.manager import wait_for

pytestmark = pytest.mark.processes

END_WITHIN_S = 15.0


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "HITLESS_LOG_DIR"}


class Process:
    """An NFVO on a free port with the lab's packages."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        command = [sys.executable, "-m", "lab.nfvo", "--listen", "127.0.0.1:0", "--packages", os.fspath(PACKAGES)]
        options = ["--state", os.fspath(folder / "state"), "--disable", "0.9"]
        with self.log.open("w") as stream:
            self.child = subprocess.Popen([*command, *options], stdout=stream, stderr=stream, env=environment())
        port = wait_for(lambda: re.search(r"serving on \S+:(\d+)", self.log.read_text()), "start of the process")[1]
        self.url = f"http://127.0.0.1:{port}/vnfpkgm/v2"
        wait_for(self.answers, "first answer")

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/api_versions", timeout=1).status_code == 200
        except requests.RequestException:
            return False

    def packages(self) -> dict[str, Any]:
        listed = requests.get(f"{self.url}/vnf_packages", headers={"Version": "2.4.0"}, timeout=10).json()
        return {one["vnfdId"]: one for one in listed}

    def end(self, number: signal.Signals) -> int:
        self.child.send_signal(number)
        return self.child.wait(END_WITHIN_S)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)])
def test_packages_are_on_board_at_once_and_after_a_restart(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process = Process(tmp_path)
    first = process.packages()
    assert len(first) == 5
    assert {one["onboardingState"] for one in first.values()} == {"ONBOARDED"}
    assert [vnfd_id for vnfd_id, one in first.items() if one["operationalState"] == "DISABLED"] == [VNFD_0_9]
    answer = requests.patch(
        f"{process.url}/vnf_packages/{first[VNFD_1_0]['id']}",
        json={"operationalState": "DISABLED"},
        headers={"Version": "2.4.0"},
        timeout=10,
    )
    assert answer.status_code == 200
    assert process.end(number) == code
    assert "Traceback" not in process.log.read_text()
    again = Process(tmp_path)
    second = again.packages()
    assert {vnfd_id: one["id"] for vnfd_id, one in second.items()} == {
        vnfd_id: one["id"] for vnfd_id, one in first.items()
    }
    assert second[VNFD_1_0]["operationalState"] == "DISABLED"
    assert again.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--packages", "{folder}/nowhere"), "no packages"),
        (("--disable", "7.1"), "no packages to disable"),
        (("--state", "{folder}/file"), "packages cannot be loaded"),
        (("--listen", "127.0.0.1"), "HOST:PORT"),
    ],
)
def test_wrong_command_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    (tmp_path / "file").write_text("")
    good = ["--listen", "127.0.0.1:0", "--packages", os.fspath(PACKAGES), "--state", f"{tmp_path}/state"]
    command = [sys.executable, "-m", "lab.nfvo", *good, change[0], change[1].format(folder=tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment())
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_options_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    for option in ("--listen", "--packages", "--state", "--vnfm", "--disable"):
        assert option in printed
